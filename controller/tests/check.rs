//! `sluice check` on broken input: each message names the file, the line, the field and a remedy.
//!
//! `check/<case>.in.yaml` begins with one sentence saying what is wrong; `<case>.out.snap` is what is printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check")
}

fn sluice(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    command.args(args).current_dir(folder()).env_remove("SLUICE_TEST_NO_SUCH_VARIABLE").output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn cases() -> Vec<String> {
    let names = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut cases: Vec<_> = names.filter(|name| name.ends_with(".in.yaml")).collect();
    cases.sort();
    cases
}

#[test]
fn each_mistake_is_told_with_its_place_and_remedy() {
    assert!(cases().len() >= 15);
    for case in cases() {
        let output = sluice(&["check", &case]);
        let sentence = std::fs::read_to_string(folder().join(&case)).unwrap().lines().next().unwrap().to_owned();
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(folder());
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_description(sentence.strip_prefix("# ").expect("a first line `# …`"));
        let name = format!("{}.out", case.trim_end_matches(".in.yaml"));
        settings.bind(|| insta::assert_snapshot!(name, stdout(&output)));
        let is_wrong = stdout(&output).contains(": error: ");
        assert_eq!(output.status.code(), Some(i32::from(is_wrong)), "{case}");
    }
}

#[test]
fn machines_are_told_the_same() {
    for case in cases().iter().filter(|case| *case != "others.in.yaml") {
        let output = sluice(&["check", "--json", case]);
        let told: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(!told.is_empty(), "{case}");
        for finding in told {
            assert_eq!(finding["file"], **case, "{finding}");
            assert!(finding["line"].as_u64() > Some(1) && finding["column"].as_u64() >= Some(1), "{finding}");
            assert!(["message", "remedy"].iter().all(|field| finding[field].as_str().is_some()), "{finding}");
            let is_yaml = !finding["message"].as_str().unwrap().starts_with("the file is no YAML");
            assert_eq!(finding["field"].is_string(), is_yaml, "{finding}");
        }
    }
}

#[test]
fn exit_codes_tell_apart_findings_and_failures() {
    let code = |args: &[&str]| sluice(args).status.code();
    let good = "../../../deploy/standalone/walkthrough/2b-backend.yaml";
    assert_eq!(code(&["check", good]), Some(0));
    assert_eq!(code(&["translate", good]), Some(0));
    assert_eq!(code(&["check", "no-such-file.yaml"]), Some(2));
    assert_eq!(code(&["translate", "no-such-file.yaml"]), Some(2));
    assert_eq!(code(&["run", "no-such-file.yaml", "--admin", "127.0.0.1:0"]), Some(2));
    assert_eq!(code(&["check"]), Some(2));
    assert_eq!(code(&["--version"]), Some(0));
    assert_eq!(code(&["run", "--help"]), Some(0));
}

/// The marker stands where a Secret's value, a header's and a field's of another type would be quoted.
#[test]
fn no_value_of_a_secret_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let secret =
        |name: &str, fields: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\n{fields}\n");
    let good = secret("good", "stringData: {credential: Bearer s3cr3t-marker}");
    let texts = [
        secret("data", "data: {credential: s3cr3t-marker}"),
        secret("kinds", "stringData: {credential: [s3cr3t-marker]}"),
        secret("root", "stringData: s3cr3t-marker"),
        secret("type", "type: [s3cr3t-marker]"),
        secret("variable", "stringData: {credential: 's3cr3t-marker ${'}"),
        secret("tag", "stringData: {credential: !!int s3cr3t-marker}"),
        secret("twice", "stringData: {credential: s3cr3t-marker, credential: s3cr3t-marker}"),
        secret("open", "stringData: {credential: 's3cr3t-marker}"),
        "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: Backend\nmetadata: {name: a}\nspec: {fallback: s3cr3t-marker}\n"
            .to_owned(),
    ];
    for (i, text) in texts.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{i}.yaml")), text).unwrap();
    }
    std::fs::write(folder.path().join("good.yaml"), good).unwrap();
    let path = folder.path().to_str().unwrap();
    for args in
        [&["check", path][..], &["check", path, "--json"], &["translate", path], &["translate", path, "-o", "json"]]
    {
        let output = sluice(args);
        let all = format!("{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
        let errors = all.matches(": error: ").count() + all.matches(r#""level":"error""#).count();
        assert_eq!(errors, texts.len(), "{all}");
        assert!(!all.contains("s3cr3t-marker"), "{all}");
    }
    let shown = stdout(&sluice(&["translate", path]));
    assert!(shown.contains("credential: <redacted>"), "{shown}");
}
