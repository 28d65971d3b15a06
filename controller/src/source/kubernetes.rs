//! Objects from an API server: one watch for each kind, folded into one inbox.
//!
//! A kind whose definition is not installed is looked for again and again, and counts as read meanwhile. What is read
//! is parsed once, where it arrives; an object that cannot be taken as it is written fails closed and is told so (see
//! `intake`). An object that a later list lacks is gone only when the API server says so when asked for it by name:
//! lists can be stale or cut short, and a deletion that did not happen takes a route out of service.

mod ask;
mod confirm;
mod definitions;
mod discovery;
mod inbox;
mod intake;
mod known;
mod path;
mod seen;
mod watch;

use std::sync::Arc;

use kube::Client;
use tokio::task::JoinSet;

use crate::objects::Kind;

pub use ask::Ask;
pub use inbox::{Batch, Change, Inbox};
pub use intake::Reading;
pub use seen::{Seen, api};

/// Follows every kind until it is dropped.
pub struct KubernetesSource {
    inbox: Arc<Inbox>,
    _watches: JoinSet<()>,
}

impl KubernetesSource {
    /// Starts all watches.
    pub fn start(client: &Client) -> Self {
        let inbox = Arc::new(Inbox::default());
        let mut watches = JoinSet::new();
        let definitions = tokio::sync::watch::Sender::default();
        for kind in Kind::ALL {
            watches.spawn(watch::follow(*kind, client.clone(), Arc::clone(&inbox), definitions.subscribe()));
        }
        watches.spawn(definitions::look(client.clone(), definitions));
        Self { inbox, _watches: watches }
    }

    /// For asking about single objects.
    pub fn ask(&self, client: Client) -> Ask {
        Ask::new(client, Arc::clone(&self.inbox))
    }

    /// What has changed and is not taken yet.
    pub fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }
}
