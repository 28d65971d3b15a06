//! The walls inside a crate: reads its sources and says which module names what it should not.
//!
//! It reads text, not syntax: comments and tests (a file's end, or a file of that name) are left out, `use` trees are
//! spelt out, and `super` is resolved. That is enough for code that is formatted by rustfmt.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The modules of a crate, or some of them.
pub struct Sources {
    /// All modules by path, such as `translate::filter`; the crate's roots have the empty path.
    modules: BTreeMap<String, Module>,
    /// Those that are looked at.
    chosen: BTreeSet<String>,
}

#[derive(Default)]
struct Module {
    /// Its code, and its `use` trees spelt out, one a line.
    text: String,
    /// Names of the modules it declares.
    children: BTreeSet<String>,
}

impl Sources {
    /// Reads all of a `src` folder.
    pub fn read(src: &Path) -> Self {
        let mut modules = BTreeMap::new();
        read_folder(src, "", &mut modules);
        let chosen = modules.keys().cloned().collect();
        Self { modules, chosen }
    }

    /// Only these modules, and all below them.
    #[must_use]
    pub fn within(mut self, floors: &[&str]) -> Self {
        self.chosen.retain(|path| floors.iter().any(|floor| is_within(path, floor)));
        assert!(floors.iter().all(|floor| self.modules.contains_key(*floor)), "no such module among {floors:?}");
        self
    }

    /// Without this module.
    #[must_use]
    pub fn except(mut self, path: &str) -> Self {
        assert!(self.chosen.remove(path), "no such module: {path}");
        self
    }

    /// The modules that name a word or a path.
    pub fn naming(&self, word: &str) -> Vec<&str> {
        self.look().filter(|(_, module)| contains_word(&module.text, word)).map(|(path, _)| path).collect()
    }

    /// Holds the rule that none of these words or paths is named.
    pub fn name_none_of(&self, words: &[&str], reason: &str) {
        let found =
            words.iter().flat_map(|word| self.naming(word).into_iter().map(move |path| format!("{path}: {word}")));
        hold(found.collect(), reason);
    }

    /// Holds the rule that of this crate only these modules, and what is below them, is imported.
    pub fn import_only_of_this_crate(&self, floors: &[&str], reason: &str) {
        let foreign = |target: &&str| !floors.iter().any(|floor| is_within(target, floor));
        let found = self.look().flat_map(|(path, module)| {
            let imports = imports(&module.text).into_iter();
            imports
                .filter(move |target| foreign(&target.as_str()))
                .map(move |target| format!("{path}: crate::{target}"))
        });
        hold(found.collect(), reason);
    }

    /// Holds the rule that a module imports nothing that stands in one of its ancestors itself.
    pub fn import_no_parent(&self, reason: &str) {
        let found = self.look().flat_map(|(path, module)| {
            let imports = imports(&module.text).into_iter();
            imports.filter(|target| self.is_upward(path, target)).map(move |target| format!("{path}: crate::{target}"))
        });
        hold(found.collect(), reason);
    }

    fn look(&self) -> impl Iterator<Item = (&str, &Module)> {
        self.modules
            .iter()
            .filter(|(path, _)| self.chosen.contains(*path))
            .map(|(path, module)| (path.as_str(), module))
    }

    /// True when `target` is an item of the innermost module it names, and that is an ancestor of `path`.
    fn is_upward(&self, path: &str, target: &str) -> bool {
        ancestors(path).any(|ancestor| {
            let below = if ancestor.is_empty() { Some(target) } else { target.strip_prefix(&format!("{ancestor}::")) };
            below.is_some_and(|item| {
                let first = item.split("::").next().unwrap_or_default();
                !self.modules[ancestor].children.contains(first)
            })
        })
    }
}

fn read_folder(folder: &Path, path: &str, modules: &mut BTreeMap<String, Module>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let root = path.is_empty() && (stem == "lib" || stem == "main");
        let name = if root { String::new() } else { join(path, &stem) };
        if stem == "tests" {
            continue;
        }
        if file.is_dir() {
            read_folder(&file, &name, modules);
        } else if file.extension().is_some_and(|extension| extension == "rs") {
            let read = module(&name, &std::fs::read_to_string(&file).unwrap());
            let known = modules.entry(name).or_default();
            known.text.push_str(&read.text);
            known.children.extend(read.children);
        }
    }
}

fn module(path: &str, source: &str) -> Module {
    let source = source.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code: String = source.lines().map(without_comment).flat_map(|line| [line, "\n"]).collect();
    let declared = code.lines().filter_map(|line| {
        let (before, name) = line.split_once("mod ")?;
        let is_declaration = before.trim().is_empty() || before.trim_start().starts_with("pub");
        is_declaration.then(|| name.trim_end_matches(';').to_owned())
    });
    let children = declared.collect();
    let trees = use_trees(&code);
    let uses: Vec<String> = trees.into_iter().flat_map(|tree| spelt_out(path, tree)).collect();
    let code = code.replace("super::", &format!("crate::{}", join(parent(path), "")));
    Module { text: format!("{code}\n{}\n", uses.join("\n")), children }
}

fn without_comment(line: &str) -> &str {
    let comment = if line.trim_start().starts_with("//") { Some(0) } else { line.find(" // ") };
    comment.map_or(line, |start| &line[..start])
}

/// What stands between each `use` that begins a line and its semicolon.
fn use_trees(code: &str) -> Vec<&str> {
    let mut trees = Vec::new();
    let mut start = 0;
    for line in code.split_inclusive('\n') {
        let declaration = line
            .trim_start()
            .split_once("use ")
            .filter(|(before, _)| before.is_empty() || (before.starts_with("pub") && !before.trim_end().contains(' ')));
        if let Some((_, tree)) = declaration {
            let at = start + line.len() - tree.len();
            trees.extend(code[at..].split_once(';').map(|(tree, _)| tree));
        }
        start += line.len();
    }
    trees
}

/// `super::{a, b::c}` in module `x::y` is `crate::x::a` and `crate::x::b::c`.
fn spelt_out(path: &str, tree: &str) -> Vec<String> {
    let tree: String = tree.split_whitespace().collect::<Vec<_>>().join(" ");
    let resolve = |leaf: String| match leaf.split_once("::") {
        Some(("super", rest)) => format!("crate::{}", join(parent(path), rest)),
        Some(("self", rest)) => format!("crate::{}", join(path, rest)),
        _ => leaf,
    };
    leaves("", tree.trim()).into_iter().map(resolve).collect()
}

fn leaves(prefix: &str, tree: &str) -> Vec<String> {
    match tree.split_once('{') {
        Some((before, inside)) if !before.contains(',') => {
            let prefix = format!("{prefix}{}", before.trim());
            let inside = inside.strip_suffix('}').unwrap_or(inside);
            split_at_commas(inside).into_iter().flat_map(|tree| leaves(&prefix, tree)).collect()
        }
        _ => vec![format!("{prefix}{}", tree.split(" as ").next().unwrap_or(tree).trim())],
    }
}

fn split_at_commas(trees: &str) -> Vec<&str> {
    let mut depth = 0;
    let at_top = |c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    };
    trees.split(at_top).map(str::trim).filter(|tree| !tree.is_empty()).collect()
}

/// All paths into this crate that a text names, without `crate::`.
fn imports(text: &str) -> BTreeSet<String> {
    let ends = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':' | '*'));
    let paths = text.split("crate::").skip(1).map(|rest| rest.split(ends).next().unwrap_or_default());
    // A `use` tree of several names has been spelt out; its beginning alone says nothing.
    paths.filter(|path| !path.is_empty() && !path.ends_with("::")).map(str::to_owned).collect()
}

fn parent(path: &str) -> &str {
    ancestors(path).next().unwrap_or_default()
}

/// The ancestors of a module, nearest first, down to the root.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let mut next = (!path.is_empty()).then_some(path);
    std::iter::from_fn(move || {
        let parent = next?.rsplit_once("::").map_or("", |(parent, _)| parent);
        next = (!parent.is_empty()).then_some(parent);
        Some(parent)
    })
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}::{name}") }
}

fn is_within(path: &str, floor: &str) -> bool {
    path.strip_prefix(floor).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn contains_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

fn hold(broken: Vec<String>, reason: &str) {
    assert!(broken.is_empty(), "a wall is broken: {reason}.\n  {}", broken.join("\n  "));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(files: &[(&str, &str)]) -> Sources {
        let modules: BTreeMap<_, _> =
            files.iter().map(|(path, text)| ((*path).to_owned(), module(path, text))).collect();
        Sources { chosen: modules.keys().cloned().collect(), modules }
    }

    #[test]
    fn use_trees_are_spelt_out() {
        let spelt = spelt_out("x::y", "super::{a::{b as c, d}, e}");
        assert_eq!(spelt, ["crate::x::a::b", "crate::x::a::d", "crate::x::e"]);
        assert_eq!(spelt_out("x", "std::fs"), ["std::fs"]);
    }

    #[test]
    fn words_are_found_in_code_only() {
        let sources = sources(&[("a", "//! std::fs\nuse std::{\n    fs, io};\n// tokio\nfn f() {}\n")]);
        assert_eq!(sources.naming("std::fs"), ["a"]);
        assert!(sources.naming("tokio").is_empty());
        assert!(sources.naming("std::f").is_empty());
    }

    #[test]
    fn arrows_upwards_are_seen() {
        let upward = |text: &str| {
            let sources = sources(&[("", "mod a;\n"), ("a", "mod b;\nmod c;\n"), ("a::b", text), ("a::c", "")]);
            imports(&sources.modules["a::b"].text).iter().any(|target| sources.is_upward("a::b", target))
        };
        assert!(upward("use super::Item;\n"));
        assert!(upward("use crate::a::{Item, c::D};\n"));
        assert!(upward("fn f() -> crate::a::Item {}\n"));
        assert!(upward("fn f() -> super::Item {}\n"));
        assert!(!upward("use super::c::D;\nuse crate::a::c;\n"));
        assert!(!upward("fn f() {}\n#[cfg(test)]\nmod tests {\n    use super::*;\n}\n"));
    }

    #[test]
    #[should_panic(expected = "a wall is broken: it would leak.\n  a: tokio")]
    fn a_broken_wall_says_where_and_why() {
        sources(&[("a", "use tokio::net;\n")]).name_none_of(&["tokio"], "it would leak");
    }
}
