//! Values that are few where they are kept, and of which the first are wanted the most.

use std::iter;
use std::sync::OnceLock;

/// A list that only grows, read without a lock. The first value is in line with what holds the list.
#[derive(Debug)]
pub(super) struct Few<T>(OnceLock<(T, Box<Self>)>);

impl<T> Few<T> {
    /// None yet.
    pub(super) fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The value that fits, made when it is the first time.
    pub(super) fn at(&self, fits: impl Fn(&T) -> bool, make: impl Fn() -> T) -> &T {
        let mut here = self;
        loop {
            let (value, more) = here.0.get_or_init(|| (make(), Box::new(Self::new())));
            if fits(value) {
                return value;
            }
            here = more;
        }
    }

    /// All values, the first to come first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        iter::successors(self.0.get(), |(_, more)| more.0.get()).map(|(value, _)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_made_once() {
        let few = Few::new();
        for value in [1, 2, 1, 3, 2] {
            assert_eq!(*few.at(|one| *one == value, || value), value);
        }
        assert_eq!(few.iter().copied().collect::<Vec<_>>(), [1, 2, 3]);
    }
}
