//! `sluice translate`: objects with their statuses, and what they mean for the data plane.

use std::io::{self, IsTerminal, Write};

use serde_json::{Value, json};

use crate::args::{Form, TranslateArgs};
use crate::outcome::Outcome;
use crate::report::{self, Reader};
use crate::source::file::{self, Environment, FileSource, World};
use crate::status::Statuses;
use crate::translate::{Settings, translate};

/// Prints the translation to standard output and its findings to standard error. Ports are not bound here, so that
/// statuses say of `Programmed` that it is not known.
///
/// # Errors
/// An output cannot be written to.
pub fn show(args: TranslateArgs) -> io::Result<Outcome> {
    let world = FileSource::new(args.paths, Environment::of_process()).read();
    let translation = translate(&world.objects, &Settings::default());
    let snapshots: Vec<_> = translation.snapshots.values().collect();
    let value = json!({ "objects": objects(&world, &translation.statuses), "snapshots": snapshots });
    write(args.output, &value)?;
    let diagnostics = world.diagnose(translation.findings);
    let mut err = io::stderr().lock();
    let reader = Reader::of(args.json, err.is_terminal());
    report::write(&mut err, reader, &diagnostics)?;
    Ok(world.outcome(&diagnostics))
}

fn write(form: Form, value: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match form {
        Form::Yaml => out.write_all(file::text(value)?.as_bytes()),
        Form::Json => writeln!(out, "{value:#}"),
    }
}

/// Each object as Kubernetes would show it; values of Secrets redacted.
fn objects(world: &World, statuses: &Statuses) -> Vec<Value> {
    let shown = world.manifests.iter().map(|(object, manifest)| {
        let mut value = manifest.shown();
        if let (Some(fields), Some(status)) = (value.as_object_mut(), statuses.of(object)) {
            fields.insert("status".to_owned(), status);
        }
        value
    });
    shown.collect()
}
