//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "sluice", version, about, propagate_version = true, max_term_width = 100)]
/// An Envoy-compatible AI gateway: Gateway API and Envoy Gateway objects in, HTTP out.
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print what is wrong with objects in YAML files, with places and remedies.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Print objects with their statuses, and what they mean for the data plane; Secrets are redacted.
    #[command(after_help = TRANSLATE_EXAMPLES)]
    Translate(TranslateArgs),
}

/// `sluice check`.
#[derive(Debug, ClapArgs)]
pub struct CheckArgs {
    /// YAML files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Print one JSON object for each finding.
    #[arg(long)]
    pub json: bool,
}

/// `sluice translate`.
#[derive(Debug, ClapArgs)]
pub struct TranslateArgs {
    /// YAML files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Form of the output.
    #[arg(short, long, value_enum, default_value_t = Form::Yaml, value_name = "FORM")]
    pub output: Form,
    /// Print findings as JSON, one object on each line of standard error.
    #[arg(long)]
    pub json: bool,
}

/// A form of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)] // clap would show the docs, which say nothing.
pub enum Form {
    Yaml,
    Json,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  sluice check walkthrough/
  sluice check gateway.yaml routes/ --json | jq .message

Exit codes: 0 nothing is wrong (there may be warnings), 1 errors are found, 2 a path cannot be read.";

const TRANSLATE_EXAMPLES: &str = "\
Examples:
  sluice translate walkthrough/
  sluice translate walkthrough/ -o json | jq .snapshots

Exit codes: as of `sluice check`.";
