//! How many instructions the things take that Sluice does most, held against the counts that are committed.
//!
//! A count does not depend on how busy or how fast a machine is, so CI can hold it: more than 5 % over the committed
//! count fails. Each bench runs once, in a process of its own under valgrind; what it needs is made before it counts.
//!
//! `benches/instructions/run [--save]` brings valgrind and gungraun's runner, and runs this.

// A measurement that cannot be made ends at once, and its result goes to standard output.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod harness;
mod request;
mod route;
mod translate;
mod usage;
mod wire;
mod world;

use std::process::{Command, ExitCode, Stdio};

use serde_json::{Value, json};
use sluice_instructions::{Compared, Compiler, Counts, TOLERANCE, Verdict, compare};

/// The program's own. Another one, the C library's, would make the counts those of a C library, and of what the heap went
/// through before.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../results/instructions.json");
const RENEW: &str = "benches/instructions/run --save";

/// Lines of JSON, all cores, and neither the caches, which nobody asks for here, nor another layout of memory:
/// valgrind's own is the same each time, and containers do not permit to change it.
const COUNT: [&str; 4] =
    ["--output-format=json", "--parallel=auto", "--callgrind-args=--cache-sim=no", "--allow-aslr=yes"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => hold(),
        ["--save"] => save(),
        // Arguments of gungraun, from itself or from somebody who looks into a bench.
        _ => {
            harness::run();
            ExitCode::SUCCESS
        }
    }
}

fn hold() -> ExitCode {
    let (committed, counted, compiler) = (committed(), counted(), compiler());
    let by = match committed["compiler"] == compiler {
        true => Compiler::Same,
        false => Compiler::Other,
    };
    let committed = serde_json::from_value(committed["instructions"].clone()).expect("counts by name");
    let compared = compare(&committed, &counted);
    println!("| bench | committed | counted | |\n|---|---|---|---|");
    compared.iter().for_each(|compared| println!("{compared}"));
    if by == Compiler::Other {
        println!(
            "\nThe committed counts are another compiler's, not of {compiler}: differences are told and not held."
        );
    }
    judge(&compared, by)
}

/// Says what is wrong.
fn judge(compared: &[Compared<'_>], by: Compiler) -> ExitCode {
    let (mut told, mut failed) = (Vec::new(), Vec::new());
    for compared in compared {
        match compared.verdict(by) {
            Verdict::Held => {}
            Verdict::Told(what) => told.push(what),
            Verdict::Failed(what) => failed.push(what),
        }
    }
    if !told.is_empty() {
        println!("\nMore than {TOLERANCE} % away; renew what is committed ({RENEW}):\n{}", told.join("\n"));
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\nFAILED, {TOLERANCE} % more are allowed:\n{}\nIf it is meant: {RENEW}", failed.join("\n"));
    ExitCode::FAILURE
}

fn save() -> ExitCode {
    let saved = json!({ "compiler": compiler(), "instructions": counted() });
    std::fs::write(COMMITTED, format!("{saved:#}\n")).expect("the folder of results");
    ExitCode::SUCCESS
}

fn committed() -> Value {
    let text = std::fs::read_to_string(COMMITTED).expect("counts that are committed");
    serde_json::from_str(&text).expect("JSON")
}

/// Runs all benches.
fn counted() -> Counts {
    let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
    let output = command.arg("--bench").args(COUNT).stderr(Stdio::inherit()).output().expect("this program again");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}; benches/instructions/run brings what they need\n{said}", output.status);
    said.lines().map(|line| count(&serde_json::from_str(line).expect("a line of JSON for each bench"))).collect()
}

/// Name and instructions of one bench, from gungraun's summary of it.
fn count(summary: &Value) -> (String, u64) {
    let text = |field: &str| summary[field].as_str().expect("a part of the name");
    let name = [text("group"), text("function_name"), text("id")].join("::");
    let instructions = summary.pointer("/profiles/0/data/total/metrics/Ir/values/new").and_then(Value::as_u64);
    (name, instructions.expect("a count of instructions"))
}

/// Version and target: what counts depend on beside the code.
fn compiler() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc");
    let said = String::from_utf8_lossy(&output.stdout);
    let value = |field: &str| said.lines().find_map(|line| line.strip_prefix(field)).expect("a field of rustc -vV");
    format!("rustc {} for {}", value("release: "), value("host: "))
}
