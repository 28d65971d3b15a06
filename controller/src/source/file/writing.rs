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
    /// Takes an event in; `concerns` says whether it is about a file that is read at all. Others may be open for ever.
    pub(super) fn note(&mut self, event: &notify::Event, concerns: bool) {
        match event.kind {
            EventKind::Modify(ModifyKind::Data(_)) if concerns => self.0.extend(event.paths.iter().cloned()),
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
        writing.note(&event(EventKind::Modify(ModifyKind::Data(DataChange::Any))), true);
        assert!(!writing.is_over());
        writing.note(&event(EventKind::Access(AccessKind::Close(AccessMode::Write))), false);
        assert!(writing.is_over());
    }

    #[test]
    fn files_that_nobody_reads_do_not_count() {
        let mut writing = Writing::default();
        writing.note(&Event::new(EventKind::Modify(ModifyKind::Data(DataChange::Any))).add_path("log".into()), false);
        assert!(writing.is_over());
    }
}
