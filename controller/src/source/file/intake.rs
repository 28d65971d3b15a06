//! Items in, a world out: each object is identified, admitted and kept, or there is a diagnostic that says why not.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::admit::admit;
use super::environment::Environment;
use super::identity::{Identity, identify};
use super::item::{Item, Origin};
use super::manifest::Manifest;
use super::world::World;
use crate::diagnostic::{Diagnostic, Level, Place};
use crate::objects::Kind;
use crate::objects::admission::Violation;
use crate::objects::key::ObjectRef;

/// A world that is being made.
pub(super) struct Intake<'a> {
    environment: &'a Environment,
    /// What was accepted when the files were read last.
    before: &'a BTreeMap<ObjectRef, Manifest>,
    /// Kinds of others: where the first object is, and how many there are.
    skipped: BTreeMap<(String, String), (Place, usize)>,
    world: World,
}

impl<'a> Intake<'a> {
    pub(super) fn new(environment: &'a Environment, before: &'a BTreeMap<ObjectRef, Manifest>) -> Self {
        Self { environment, before, skipped: BTreeMap::new(), world: World::default() }
    }

    pub(super) fn tell(&mut self, diagnostic: Diagnostic) {
        self.world.diagnostics.push(diagnostic);
    }

    pub(super) fn take(&mut self, item: Item) {
        let Item { mut value, origin } = item;
        match identify(&mut value) {
            Identity::Ours(kind, object) => match self.claim(&object, &origin) {
                Ok(()) => {
                    let admitted = admit(kind, &object, value, self.environment);
                    self.keep(&object, admitted);
                }
                Err(duplicate) => self.tell(diagnostic(Some(&object), &origin, duplicate)),
            },
            Identity::Foreign(version, kind) => {
                let skipped = self.skipped.entry((version, kind)).or_insert_with(|| (origin.place("kind"), 0));
                skipped.1 += 1;
            }
            Identity::Unknown(violation) => self.tell(diagnostic(None, &origin, violation)),
        }
    }

    pub(super) fn finish(mut self) -> World {
        for ((version, kind), (place, count)) in std::mem::take(&mut self.skipped) {
            self.tell(notice(&version, &kind, place, count));
        }
        self.world.diagnostics.sort();
        self.world
    }

    /// The first object of a name has it, even if it is refused afterwards.
    fn claim(&mut self, object: &ObjectRef, origin: &Origin) -> Result<(), Violation> {
        match self.world.origins.entry(object.clone()) {
            Entry::Vacant(free) => {
                free.insert(origin.clone());
                Ok(())
            }
            Entry::Occupied(first) => {
                let message =
                    format!("is already at {}, which is the one in force", first.get().place("metadata.name"));
                Err(Violation::new("metadata.name", message, "delete one of the two, or rename it"))
            }
        }
    }

    /// Keeps what was admitted; of what was not, the version before, as an API server would.
    fn keep(&mut self, object: &ObjectRef, admitted: Result<Manifest, Vec<Violation>>) {
        let manifest = admitted.map_or_else(
            |violations| {
                violations.into_iter().for_each(|violation| self.refuse(object, violation));
                self.before.get(object).cloned()
            },
            Some,
        );
        let Some(manifest) = manifest else { return };
        // It was parsed when it was admitted, so that this cannot fail; if it did, it would be left out.
        if self.world.objects.insert(manifest.kind(), manifest.value()).is_ok() {
            self.world.manifests.insert(object.clone(), manifest);
        }
    }

    fn refuse(&mut self, object: &ObjectRef, mut violation: Violation) {
        if self.before.contains_key(object) {
            violation.message.push_str(" (the version accepted before stays in force)");
        }
        if let Some(origin) = self.world.origins.get(object) {
            let diagnostic = diagnostic(Some(object), origin, violation);
            self.tell(diagnostic);
        }
    }
}

fn diagnostic(object: Option<&ObjectRef>, origin: &Origin, violation: Violation) -> Diagnostic {
    let Violation { field, message, remedy } = violation;
    let place = Some(origin.place(&field));
    Diagnostic { place, level: Level::Error, object: object.cloned(), field, message, remedy }
}

/// A kind that is not ours. Louder where the author may have expected us to read it: a kind of our groups, or a kind of
/// ours in a group that is misspelt.
fn notice(version: &str, kind: &str, place: Place, count: usize) -> Diagnostic {
    let group = version.rsplit_once('/').map_or("", |(group, _)| group);
    let objects = if count == 1 { "1 object is".to_owned() } else { format!("{count} objects are") };
    let message = format!("{kind} of `{version}` is not a kind that Sluice reads; {objects} skipped");
    if let Some(ours) = Kind::ALL.iter().find(|k| k.name() == kind) {
        let remedy = format!("if Sluice should read it, its group is `{}`", ours.group());
        return Diagnostic::at(place, Level::Warning, message, remedy);
    }
    match Kind::ALL.iter().any(|k| !group.is_empty() && k.group() == group) {
        true => Diagnostic::at(place, Level::Warning, message, "do not count on what it asks for"),
        false => Diagnostic::at(place, Level::Note, message, ""),
    }
}
