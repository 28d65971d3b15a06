//! Which program stands for which container image.

use std::path::PathBuf;

use serde::Deserialize;

/// Patterns of image references, the first that matches wins. `*` in a pattern stands for any characters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct ImageMap(Vec<Entry>);

#[derive(Debug, Clone, Deserialize)]
struct Entry {
    pattern: String,
    #[serde(flatten)]
    image: Image,
}

/// What an image is made of here.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// The program of the image's ENTRYPOINT, a path on this machine.
    pub program: PathBuf,
    /// The rest of the ENTRYPOINT.
    #[serde(default)]
    pub entrypoint: Vec<String>,
    /// The image's CMD: used when the container gives neither `command` nor `args`.
    #[serde(default)]
    pub cmd: Vec<String>,
    /// Where the image has the program, when its containers call it by `command`. None: where this machine has it.
    #[serde(default)]
    pub at: Option<PathBuf>,
    /// The image's trust store (a PEM bundle), seen as `/etc/ssl/certs/ca-certificates.crt`. None: this machine's.
    #[serde(default)]
    pub trust: Option<PathBuf>,
    /// The image's USER.
    #[serde(default)]
    pub user: Option<u32>,
}

impl Image {
    /// An image of `program` alone.
    pub fn of(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), entrypoint: Vec::new(), cmd: Vec::new(), at: None, trust: None, user: None }
    }

    /// An image that does nothing until it is told to end.
    pub fn pause() -> Self {
        let script = "trap 'exit 0' TERM; sleep infinity & wait";
        Self { entrypoint: vec!["-c".to_owned(), script.to_owned()], ..Self::of("/bin/sh") }
    }

    /// What a container of this image runs: `command` replaces ENTRYPOINT and CMD, `args` replaces CMD.
    pub fn argv(&self, command: &[String], args: &[String]) -> Vec<String> {
        if let [_, ..] = command {
            return [command, args].concat();
        }
        let program = self.at.as_ref().unwrap_or(&self.program).display().to_string();
        let rest = if args.is_empty() { &self.cmd } else { args };
        [&[program], self.entrypoint.as_slice(), rest].concat()
    }
}

impl ImageMap {
    /// Adds a pattern behind those that are there.
    #[must_use]
    pub fn with(mut self, pattern: impl Into<String>, image: Image) -> Self {
        self.0.push(Entry { pattern: pattern.into(), image });
        self
    }

    /// Adds the patterns of another map behind those that are there.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The image that `reference` names.
    pub fn find(&self, reference: &str) -> Option<&Image> {
        self.0.iter().find(|entry| matches(&entry.pattern, reference)).map(|entry| &entry.image)
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(head) else { return false };
    rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| matches(tail, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let map = ImageMap::default().with(pattern, Image::pause());
        assert!(yes.iter().all(|reference| map.find(reference).is_some()), "{pattern} matches {yes:?}");
        assert!(no.iter().all(|reference| map.find(reference).is_none()), "{pattern} does not match {no:?}");
    }

    #[test]
    fn patterns() {
        check("pause", &["pause"], &["pause:3", "xpause"]);
        check("*/echo-basic:*", &["registry.k8s.io/gateway-api/echo-basic:v1", "a/echo-basic:"], &["echo-basic:v1"]);
        check("sluice:*", &["sluice:dev"], &["a/sluice:dev", "sluice"]);
        check("*", &["", "anything"], &[]);
    }

    #[test]
    fn command_and_args_replace_what_they_do_in_an_image() {
        let image = Image { cmd: vec!["run".into()], entrypoint: vec!["-v".into()], ..Image::of("/bin/p") };
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(image.argv(&[], &[]), words(&["/bin/p", "-v", "run"]));
        assert_eq!(image.argv(&[], &words(&["a"])), words(&["/bin/p", "-v", "a"]));
        assert_eq!(image.argv(&words(&["c"]), &[]), words(&["c"]));
        assert_eq!(image.argv(&words(&["c"]), &words(&["a"])), words(&["c", "a"]));
        let moved = Image { at: Some("/usr/bin/q".into()), ..image };
        assert_eq!(moved.argv(&[], &words(&["a"])), words(&["/usr/bin/q", "-v", "a"]));
    }

    #[test]
    fn a_map_is_read_from_yaml() {
        let yaml = "- {pattern: 'a:*', program: /bin/a}\n- {pattern: '*', program: /bin/b, cmd: [x], trust: /t.pem}\n";
        let map: ImageMap = serde_yaml::from_str(yaml).unwrap();
        assert_eq!(map.find("a:1").unwrap().program, PathBuf::from("/bin/a"));
        assert_eq!(map.find("z").unwrap().trust, Some(PathBuf::from("/t.pem")));
    }
}
