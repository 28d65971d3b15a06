//! Diagnostics and their sum, written out for people or machines.

use std::io::{self, Write};

use crate::diagnostic::{Diagnostic, Level};

/// Who reads the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A person in front of a terminal: colours.
    Terminal,
    /// A person who reads a file, or a pipe.
    Plain,
    /// A program: one JSON object on each line.
    Machine,
}

impl Reader {
    /// A person, unless JSON is asked for; colours only on a terminal (and not where `NO_COLOR` is set).
    pub fn of(json: bool, is_terminal: bool) -> Self {
        match (json, is_terminal && std::env::var_os("NO_COLOR").is_none()) {
            (true, _) => Self::Machine,
            (false, true) => Self::Terminal,
            (false, false) => Self::Plain,
        }
    }
}

/// Writes diagnostics.
///
/// # Errors
/// `out` cannot be written to.
pub fn write(out: &mut dyn Write, reader: Reader, diagnostics: &[Diagnostic]) -> io::Result<()> {
    diagnostics.iter().try_for_each(|diagnostic| match reader {
        Reader::Terminal => writeln!(out, "{}", painted(diagnostic)),
        Reader::Plain => writeln!(out, "{diagnostic}"),
        Reader::Machine => writeln!(out, "{}", serde_json::to_string(diagnostic)?),
    })
}

/// `7 objects, 1 error, 0 warnings`.
pub fn sum(objects: usize, diagnostics: &[Diagnostic]) -> String {
    let of = |level| diagnostics.iter().filter(|d| d.level == level).count();
    let counted = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let (errors, warnings) = (of(Level::Error), of(Level::Warning));
    format!("{}, {}, {}", counted(objects, "object"), counted(errors, "error"), counted(warnings, "warning"))
}

/// With the word for its level in colour.
fn painted(diagnostic: &Diagnostic) -> String {
    let colour = match diagnostic.level {
        Level::Error => "31",
        Level::Warning => "33",
        Level::Note => "36",
    };
    let word = format!("{}: ", diagnostic.level.word());
    let paint = format!("\x1b[1;{colour}m{}\x1b[0m: ", diagnostic.level.word());
    diagnostic.to_string().replacen(&word, &paint, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Place;

    fn diagnostics() -> [Diagnostic; 2] {
        let place = || Place { file: "a.yaml".into(), line: 1, column: 2 };
        [Diagnostic::at(place(), Level::Error, "bad", "mend"), Diagnostic::at(place(), Level::Note, "so", "")]
    }

    fn written(reader: Reader) -> String {
        let mut out = Vec::new();
        write(&mut out, reader, &diagnostics()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_reader_has_a_form() {
        assert_eq!(written(Reader::Plain), "a.yaml:1:2: error: bad\n  help: mend\na.yaml:1:2: note: so\n");
        assert!(written(Reader::Terminal).starts_with("a.yaml:1:2: \x1b[1;31merror\x1b[0m: bad\n"));
        let first = r#"{"file":"a.yaml","line":1,"column":2,"level":"error","message":"bad","remedy":"mend"}"#;
        assert_eq!(written(Reader::Machine).lines().next(), Some(first));
    }

    #[test]
    fn the_sum_counts() {
        assert_eq!(sum(2, &diagnostics()), "2 objects, 1 error, 0 warnings");
        assert_eq!(sum(1, &[]), "1 object, 0 errors, 0 warnings");
    }
}
