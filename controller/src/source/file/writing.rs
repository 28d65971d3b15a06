//! Which files somebody is writing to.

use std::collections::BTreeSet;
use std::path::PathBuf;

use notify::EventKind;
use notify::event::{AccessKind, AccessMode, ModifyKind};

/// Files whose content changed and that were not closed since.
///
/// A program that opens a file anew empties it first; who reads in between would see a file without objects.
#[derive(Debug, Default)]
pub(super) struct Writing(BTreeSet<PathBuf>);

impl Writing {
    pub(super) fn note(&mut self, event: &notify::Event) {
        match event.kind {
            EventKind::Modify(ModifyKind::Data(_)) => self.0.extend(event.paths.iter().cloned()),
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(_))
            | EventKind::Remove(_) => self.0.retain(|path| !event.paths.contains(path)),
            _ => {}
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use notify::Event;
    use notify::event::DataChange;

    use super::*;

    #[test]
    fn closing_ends_it() {
        let event = |kind| Event::new(kind).add_path("a".into());
        let mut writing = Writing::default();
        writing.note(&event(EventKind::Modify(ModifyKind::Data(DataChange::Any))));
        assert!(!writing.is_over());
        writing.note(&event(EventKind::Access(AccessKind::Close(AccessMode::Write))));
        assert!(writing.is_over());
    }
}
