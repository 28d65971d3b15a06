//! What the bench prints: the result, and progress beside it.

/// The result.
#[allow(clippy::print_stdout)]
pub(crate) fn print(text: &str) {
    println!("{text}");
}

/// Progress.
#[allow(clippy::print_stderr)]
pub(crate) fn say(what: &str) {
    eprintln!("{what}");
}
