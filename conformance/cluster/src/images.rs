//! Which programs the images of a bed are.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::args::RunArgs;
use crate::node::image::{Image, ImageMap};

/// The user of Sluice's own image (deploy/Dockerfile).
const SLUICE_USER: u32 = 65532;
/// Where that image has its program.
const SLUICE_PATH: &str = "/usr/local/bin/sluice";

/// What the command line says, then what its files say, then the program under test (`sluice`, where there is one), the
/// bed's own `bed/echo`, and an image that does nothing.
///
/// # Errors
/// A file cannot be read, or is no list of images.
pub(crate) fn images(args: &RunArgs, sluice: Option<PathBuf>) -> io::Result<ImageMap> {
    let mut map = ImageMap::default();
    for (pattern, program) in &args.images {
        map = map.with(pattern, Image::of(program));
    }
    for file in &args.image_files {
        let fail = |error: &dyn std::fmt::Display| io::Error::other(format!("{}: {error}", file.display()));
        let text = fs::read_to_string(file).map_err(|error| fail(&error))?;
        map = map.and(serde_yaml::from_str(&text).map_err(|error| fail(&error))?);
    }
    if let Some(program) = sluice {
        let (at, user, trust) = (Some(SLUICE_PATH.into()), Some(SLUICE_USER), args.trust.clone());
        let image = Image { at, user, trust, ..Image::of(program) };
        for pattern in ["sluice", "sluice:*", "sluice@*", "*/sluice", "*/sluice:*", "*/sluice@*"] {
            map = map.with(pattern, image.clone());
        }
    }
    let echo = Image { entrypoint: vec!["echo".to_owned()], ..Image::of(std::env::current_exe()?) };
    let map = map.with("bed/echo:*", echo);
    Ok(map.with("pause", Image::pause()).with("*/pause:*", Image::pause()).with("pause:*", Image::pause()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Command};

    fn program(words: &[&str], image: &str) -> Option<PathBuf> {
        let args = Args::try_parse_from(["bed", "run", "--bin=/b"].iter().chain(words)).unwrap();
        let Command::Run(args) = args.command else { panic!("not run") };
        let map = images(&args, Some("/target/sluice".into())).unwrap();
        map.find(image).map(|image| image.program.clone())
    }

    #[test]
    fn the_command_line_comes_first_and_the_program_under_test_last() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "- {pattern: 'a:*', program: /file/a}\n- {pattern: 'b:*', program: /file/b}\n").unwrap();
        let words = ["--image=a:*=/line/a", "--images", file.path().to_str().unwrap()];
        assert_eq!(program(&words, "a:1"), Some("/line/a".into()));
        assert_eq!(program(&words, "b:1"), Some("/file/b".into()));
        assert_eq!(program(&[], "ghcr.io/x/sluice:dev"), Some("/target/sluice".into()));
        assert_eq!(program(&["--image=*/sluice:*=/other"], "x/sluice:1"), Some("/other".into()));
        assert_eq!(program(&[], "registry.k8s.io/pause:3.10"), Some("/bin/sh".into()));
        assert_eq!(program(&[], "nginx:1"), None);
    }
}
