//! Whether what a replica holds, and the world lacks, is gone for certain.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::world::World;
use crate::distribute::confirm::{Confirm, Lost};
use crate::objects::Kind;
use crate::objects::key::{Key, ObjectRef};
use crate::source::kubernetes::Ask;

/// Asks the API server about what the world does not know. A controller that has just started may have been given lists
/// that are too short.
pub(super) struct Lasting {
    ask: Ask,
    world: Arc<Mutex<World>>,
}

impl Lasting {
    pub(super) fn new(ask: Ask, world: Arc<Mutex<World>>) -> Self {
        Self { ask, world }
    }

    fn knows(&self, kind: Kind, key: &Key) -> bool {
        self.world.lock().unwrap_or_else(PoisonError::into_inner).contains(kind, key)
    }

    /// It is part of the world, and merely needed no more; or the API server has none.
    async fn is_settled(&self, object: &ObjectRef) -> bool {
        let Some(kind) = Kind::ALL.iter().copied().find(|kind| kind.name() == object.kind) else { return true };
        if self.knows(kind, &object.key) {
            return true;
        }
        self.ask.is_gone(kind, &object.key).await.unwrap_or_else(|error| {
            tracing::warn!(%object, %error, "the API server cannot be asked whether an object is gone");
            false
        })
    }

    /// A Service has slices that the world knows, which say that it has no endpoints; or the API server has none.
    async fn has_settled_endpoints(&self, object: &ObjectRef) -> bool {
        if object.kind != Kind::Service.name() {
            return self.is_settled(object).await;
        }
        let known = self.world.lock().unwrap_or_else(PoisonError::into_inner).has_slices(&object.key);
        known || self.ask.has_no_slices(&object.key).await.unwrap_or(false)
    }
}

#[async_trait]
impl Confirm for Lasting {
    async fn is_real(&self, _: &Key, lost: &Lost) -> bool {
        let Lost { objects, without_endpoints } = lost;
        for object in objects {
            if !self.is_settled(object).await {
                return false;
            }
        }
        for object in without_endpoints {
            if !self.has_settled_endpoints(object).await {
                return false;
            }
        }
        true
    }
}
