//! Asking the API server about single objects that no list has shown.

use std::sync::Arc;

use kube::api::ListParams;
use kube::{Client, Error};

use super::discovery;
use super::inbox::{Change, Inbox};
use super::intake;
use super::seen::{Seen, api};
use crate::objects::Kind;
use crate::objects::key::Key;

/// The label that says whose an EndpointSlice is.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Asks, and lets the inbox have what a watch has missed.
pub struct Ask {
    client: Client,
    inbox: Arc<Inbox>,
}

impl Ask {
    pub(super) fn new(client: Client, inbox: Arc<Inbox>) -> Self {
        Self { client, inbox }
    }

    /// Whether the API server says that there is no such object. One that is there after all goes into the inbox.
    ///
    /// # Errors
    /// It does not answer, which says nothing of the object.
    pub async fn is_gone(&self, kind: Kind, key: &Key) -> Result<bool, Error> {
        let Some(resource) = discovery::find(&self.client, kind).await? else { return Ok(true) };
        let Some(object) = api(&self.client, &resource, &key.namespace).get_opt(&key.name).await? else {
            return Ok(true);
        };
        let seen = Seen::of(&object, &resource);
        let reading = intake::read(kind, key, object, seen);
        self.inbox.put(kind, key.clone(), Change::Is(Box::new(reading)));
        Ok(false)
    }

    /// Whether the API server has no EndpointSlice of a Service. Those that are there go into the inbox.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn has_no_slices(&self, service: &Key) -> Result<bool, Error> {
        let kind = Kind::EndpointSlice;
        let Some(resource) = discovery::find(&self.client, kind).await? else { return Ok(true) };
        let params = ListParams::default().labels(&format!("{SERVICE_NAME}={}", service.name));
        let list = api(&self.client, &resource, &service.namespace).list(&params).await?;
        let is_empty = list.items.is_empty();
        for object in list.items {
            let key = Key::new(service.namespace.as_str(), object.metadata.name.clone().unwrap_or_default());
            let seen = Seen::of(&object, &resource);
            let reading = intake::read(kind, &key, object, seen);
            self.inbox.put(kind, key, Change::Is(Box::new(reading)));
        }
        Ok(is_empty)
    }
}
