//! The first bytes of something that may be long and comes in pieces.

/// Keeps up to `LIMIT` bytes, and knows when there were more.
#[derive(Debug, Default)]
pub(super) struct Kept<const LIMIT: usize>(Vec<u8>);

impl<const LIMIT: usize> Kept<LIMIT> {
    /// Adds a piece, as far as it fits.
    pub(super) fn push(&mut self, piece: &[u8]) {
        // One byte over the limit tells that there were more.
        let room = (LIMIT + 1).saturating_sub(self.0.len());
        self.0.extend_from_slice(piece.get(..room).unwrap_or(piece));
    }

    /// All that was pushed; `None` when it was more than the limit.
    pub(super) fn whole(&self) -> Option<&[u8]> {
        (self.0.len() <= LIMIT).then_some(&self.0)
    }

    /// All that was pushed, with a last piece; `None` when it is more than the limit. What comes in one piece is not copied.
    pub(super) fn with<'a>(&'a mut self, last: &'a [u8]) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return (last.len() <= LIMIT).then_some(last);
        }
        self.push(last);
        self.whole()
    }

    /// Forgets it, for the next one.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_limit_is_not_whole() {
        let mut kept = Kept::<3>::default();
        for (piece, expected) in
            [("ab", Some("ab")), ("", Some("ab")), ("c", Some("abc")), ("d", None), ("efghij", None)]
        {
            kept.push(piece.as_bytes());
            assert_eq!(kept.whole(), expected.map(str::as_bytes));
        }
        assert_eq!(kept.0.len(), 4);
        kept.clear();
        assert_eq!(kept.whole(), Some(&b""[..]));
        assert_eq!(kept.with(b"abc"), Some(&b"abc"[..]));
        assert_eq!((kept.0.len(), kept.with(b"abcd")), (0, None));
        kept.push(b"a");
        assert_eq!(kept.with(b"bc"), Some(&b"abc"[..]));
    }
}
