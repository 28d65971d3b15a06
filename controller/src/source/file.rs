//! Objects from YAML files: read as a whole, each time anew.
//!
//! What `kubectl apply` and an API server do with files happens here, too: lists are unrolled, namespaces and defaults
//! filled in, and an object that breaks a rule is refused, while the version that was accepted before goes on serving.

mod admit;
mod discover;
mod environment;
mod footprint;
mod identity;
mod intake;
mod item;
mod manifest;
mod position;
mod watch;
mod world;
mod writing;
mod yaml;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use environment::Environment;
pub use manifest::Manifest;
pub use watch::Watch;
pub use world::World;
pub use yaml::text;

use crate::diagnostic::{Diagnostic, Level, Place};
use crate::objects::key::ObjectRef;
use discover::Found;
use intake::Intake;
use item::Item;

/// Files and folders, and what was good in them when they were read last.
pub struct FileSource {
    paths: Vec<PathBuf>,
    environment: Environment,
    files: BTreeMap<PathBuf, Vec<Item>>,
    accepted: BTreeMap<ObjectRef, Manifest>,
}

impl FileSource {
    /// Files and folders to read, and the variables for the Secrets among them.
    pub fn new(paths: Vec<PathBuf>, environment: Environment) -> Self {
        Self { paths, environment, files: BTreeMap::new(), accepted: BTreeMap::new() }
    }

    /// Reads everything. What cannot be read now keeps what it said before.
    pub fn read(&mut self) -> World {
        let Found { files, failed, .. } = discover::discover(&self.paths);
        let mut intake = Intake::new(&self.environment, &self.accepted);
        let mut read = BTreeMap::new();
        let is_incomplete = !failed.is_empty();
        for (path, kind) in failed {
            let last = self.files.remove(&path).filter(|_| kind != io::ErrorKind::NotFound);
            intake.tell(unreadable(&path, kind));
            read.extend(last.map(|items| (path, items)));
        }
        for path in files {
            let items = load(&path).unwrap_or_else(|diagnostic| {
                intake.tell(*diagnostic);
                self.files.remove(&path).unwrap_or_default()
            });
            read.insert(path, items);
        }
        read.values().flatten().cloned().for_each(|item| intake.take(item));
        let world = World { is_incomplete, ..intake.finish() };
        self.files = read;
        self.accepted = world.manifests.clone();
        world
    }
}

fn load(path: &Path) -> Result<Vec<Item>, Box<Diagnostic>> {
    let bytes = fs::read(path).map_err(|error| Box::new(unreadable(path, error.kind())))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        let place = Place { file: path.to_owned(), line, column: 1 };
        Box::new(Diagnostic::at(place, Level::Error, "the file is no UTF-8 text", "save it as UTF-8"))
    })?;
    item::items(path, &text).map_err(|error| {
        let place = Place { file: path.to_owned(), line: error.line, column: error.column };
        let message = format!("the file is no YAML: {}", error.message);
        Box::new(Diagnostic::at(place, Level::Error, message, error.remedy))
    })
}

fn unreadable(path: &Path, kind: io::ErrorKind) -> Diagnostic {
    let place = Place { file: path.to_owned(), line: 1, column: 1 };
    let remedy = match kind {
        io::ErrorKind::NotFound => "make it, or take it out of the command line",
        io::ErrorKind::PermissionDenied => "let the user that runs Sluice read it",
        _ => "see what the path is",
    };
    Diagnostic::at(place, Level::Error, format!("cannot be read: {kind}"), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(tempfile::TempDir, FileSource);

    impl Folder {
        fn new(variables: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let environment = Environment::from_iter(variables.iter().copied());
            let source = FileSource::new(vec![folder.path().to_owned()], environment);
            Self(folder, source)
        }

        fn write(&self, file: &str, text: &str) {
            fs::write(self.0.path().join(file), text).unwrap();
        }

        fn read(&mut self) -> (World, Vec<String>) {
            let world = self.1.read();
            let root = format!("{}/", self.0.path().display());
            let told = world.diagnostics.iter().map(|d| d.to_string().replace(&root, "")).collect();
            (world, told)
        }
    }

    fn backend(name: &str, port: &str) -> String {
        let head = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: Backend";
        format!(
            "{head}\nmetadata: {{name: {name}}}\nspec: {{endpoints: [{{fqdn: {{hostname: a.b, port: {port}}}}}]}}\n"
        )
    }

    fn secret(value: &str) -> String {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: key}}\nstringData:\n  credential: {value}\n")
    }

    fn port(world: &World, name: &str) -> Option<u16> {
        let backend = world.objects.backends.get(&crate::objects::key::Key::new("default", name))?;
        backend.spec.endpoints[0].fqdn.as_ref().map(|fqdn| fqdn.port)
    }

    #[test]
    fn a_file_that_is_no_yaml_keeps_what_it_said() {
        let mut folder = Folder::new(&[]);
        folder.write("a.yaml", &backend("a", "1"));
        folder.write("b.yaml", &backend("b", "1"));
        folder.read();
        folder.write("a.yaml", "spec: [");
        folder.write("b.yaml", &backend("b", "2"));
        let (world, told) = folder.read();
        assert_eq!((port(&world, "a"), port(&world, "b")), (Some(1), Some(2)));
        assert!(told[0].starts_with("a.yaml:2:1: error: the file is no YAML: "), "{told:?}");
        folder.write("a.yaml", &backend("a", "3"));
        assert_eq!(port(&folder.read().0, "a"), Some(3));
    }

    #[test]
    fn a_refused_object_keeps_its_version_before() {
        let mut folder = Folder::new(&[]);
        folder.write("a.yaml", &backend("a", "many"));
        assert_eq!(port(&folder.read().0, "a"), None);
        folder.write("a.yaml", &backend("a", "1"));
        folder.read();
        folder.write("a.yaml", &backend("a", "many"));
        let (world, told) = folder.read();
        assert_eq!(port(&world, "a"), Some(1));
        assert!(told[0].contains("spec.endpoints[0].fqdn.port: is a text"), "{told:?}");
        assert!(told[0].contains("stays in force"), "{told:?}");
        fs::remove_file(folder.0.path().join("a.yaml")).unwrap();
        assert_eq!(port(&folder.read().0, "a"), None);
    }

    #[test]
    fn the_first_of_two_is_in_force() {
        let mut folder = Folder::new(&[]);
        folder.write("a.yaml", &backend("a", "1"));
        folder.write("b.yaml", &format!("---\n{}", backend("a", "2")));
        let (world, told) = folder.read();
        assert_eq!(port(&world, "a"), Some(1));
        assert_eq!(told.len(), 1);
        assert!(
            told[0].starts_with("b.yaml:4:18: error: Backend default/a: metadata.name: is already at "),
            "{told:?}"
        );
    }

    #[test]
    fn variables_are_for_secrets_only() {
        let mut folder = Folder::new(&[("KEY", "sk-1")]);
        folder.write("a.yaml", &secret("Bearer ${KEY}"));
        folder.write("b.yaml", &backend("${KEY}", "1"));
        let (world, told) = folder.read();
        let secret = world.objects.secrets.values().next().unwrap();
        assert_eq!(secret.spec.data["credential"].reveal(), b"Bearer sk-1");
        assert!(!format!("{world:?}{told:?}").contains("sk-1"));
    }

    #[test]
    fn a_secret_without_its_variable_is_left_out() {
        let mut folder = Folder::new(&[]);
        folder.write("a.yaml", &secret("Bearer ${KEY}"));
        let (world, told) = folder.read();
        assert!(world.objects.secrets.is_empty());
        let expected = "a.yaml:5:15: error: Secret default/key: stringData.credential: the environment variable KEY is \
                        not set\n  help: export KEY before the start, or give a default: ${KEY:-…}";
        assert_eq!(told, [expected]);
    }

    #[test]
    fn kinds_of_others_are_told_once() {
        let mut folder = Folder::new(&[]);
        folder.write("a.yaml", "apiVersion: apps/v1\nkind: Deployment\n---\napiVersion: apps/v1\nkind: Deployment\n");
        let expected =
            "a.yaml:2:7: note: Deployment of `apps/v1` is not a kind that Sluice reads; 2 objects are skipped";
        assert_eq!(folder.read().1, [expected]);
    }

    #[test]
    fn a_path_that_is_not_there_is_told() {
        let world = FileSource::new(vec!["no/such.yaml".into()], Environment::default()).read();
        assert!(world.diagnostics[0].to_string().starts_with("no/such.yaml:1:1: error: cannot be read: "));
    }
}
