//! Asking again before a replica is told that something is gone.
//!
//! A controller that has just started may have been given a list that is too short, and has no memory to tell. The
//! replica has: it says what it holds.

use async_trait::async_trait;

use crate::objects::Kind;
use crate::objects::key::{Key, ObjectRef};

/// What a replica holds, and the world that is about to be published lacks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lost {
    /// Routes, backends and Secrets that the snapshot no longer needs or has.
    pub objects: Vec<ObjectRef>,
    /// Backends that have no endpoint left.
    pub without_endpoints: Vec<ObjectRef>,
}

/// Knows whether a loss is real.
#[async_trait]
pub trait Confirm: Send + Sync {
    /// True when each of these objects is either part of the world that was published (and merely needed no more) or
    /// gone for certain; `false` holds the whole update back until the next publish, or until it is asked again.
    async fn is_real(&self, gateway: &Key, lost: &Lost) -> bool;
}

/// Takes every loss for real.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unconfirmed;

#[async_trait]
impl Confirm for Unconfirmed {
    async fn is_real(&self, _: &Key, _: &Lost) -> bool {
        true
    }
}

impl Lost {
    /// True when nothing is lost.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.without_endpoints.is_empty()
    }
}

/// The object that a resource came from, by what stands behind the prefix of the resource's name:
/// `httproute/ai/qwen`, `backend/ai/qwen/port/443`. `None` where it came from none.
pub(super) fn object(name: &str) -> Option<ObjectRef> {
    let mut parts = name.split('/');
    let (kind, namespace, object) = (parts.next()?, parts.next()?, parts.next()?);
    let kind = Kind::ALL.iter().find(|known| known.name().eq_ignore_ascii_case(kind))?;
    Some(ObjectRef { kind: kind.name(), key: Key::new(namespace, object) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_resources() {
        let found = |name: &str| object(name).map(|object| object.to_string());
        assert_eq!(found("httproute/ai/qwen").as_deref(), Some("HTTPRoute ai/qwen"));
        assert_eq!(found("backend/ai/qwen/port/443").as_deref(), Some("Backend ai/qwen"));
        assert_eq!(found("secret/ai/key").as_deref(), Some("Secret ai/key"));
        assert_eq!(found("other/ai/key"), None);
        assert_eq!(found(""), None);
    }
}
