//! What has been read of a request's body, for another attempt.

use bytes::{Bytes, BytesMut};

/// Most bytes that are kept.
const MOST: usize = 64 * 1024;

/// The body so far.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Nobody asked for it.
    Nothing,
    All(BytesMut),
    /// It was more than is kept.
    Outgrown,
}

impl Kept {
    /// Keeps what is read from now on.
    pub(super) fn begin(&mut self) {
        if *self == Self::Nothing {
            *self = Self::All(BytesMut::new());
        }
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        match self {
            Self::All(all) if all.len() + bytes.len() <= MOST => all.extend_from_slice(bytes),
            Self::All(_) => *self = Self::Outgrown,
            Self::Nothing | Self::Outgrown => {}
        }
    }

    /// All of it, if that is something.
    pub(super) fn bytes(&self) -> Option<Bytes> {
        match self {
            Self::All(all) if !all.is_empty() => Some(Bytes::copy_from_slice(all)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_all_or_nothing() {
        let mut kept = Kept::Nothing;
        kept.add(b"before");
        kept.begin();
        assert_eq!(kept.bytes(), None);
        kept.add(b"ab");
        kept.begin();
        kept.add(b"c");
        assert_eq!(kept.bytes().as_deref(), Some(&b"abc"[..]));
        kept.add(&vec![0; MOST]);
        assert_eq!((kept.bytes(), &kept), (None, &Kept::Outgrown));
    }
}
