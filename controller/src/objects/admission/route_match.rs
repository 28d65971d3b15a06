//! `HTTPRoute.spec.rules[].matches[]`.

use super::field::Field;
use super::names;
use super::violations::Violations;
use crate::api::{HTTPRouteMatch, NamedMatch, PathMatch};

const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
const MOST_CONDITIONS: usize = 16;
const LONGEST_PATH: usize = 1024;
const LONGEST_QUERY_VALUE: usize = 1024;

pub(super) fn review(found: &HTTPRouteMatch, at: &Field, out: &mut Violations) {
    let HTTPRouteMatch { path, headers, query_params, method } = found;
    path.iter().for_each(|path| review_path(path, &at.at("path"), out));
    method.iter().for_each(|method| out.one_of(&at.at("method"), method, &METHODS));
    review_named(headers, at, "headers", out);
    review_named(query_params, at, "queryParams", out);
    for (i, header) in headers.iter().enumerate() {
        out.check(&at.item("headers", i).at("value"), names::header_value(&header.value));
    }
    for (i, query) in query_params.iter().enumerate() {
        if query.value.is_empty() || query.value.len() > LONGEST_QUERY_VALUE {
            let remedy = "write a value of 1 to 1024 characters";
            out.refuse(&at.item("queryParams", i).at("value"), "is empty or too long", remedy);
        }
    }
}

fn review_named(conditions: &[NamedMatch], at: &Field, list: &str, out: &mut Violations) {
    out.at_most(&at.at(list), conditions.len(), MOST_CONDITIONS);
    for (i, condition) in conditions.iter().enumerate() {
        let at = at.item(list, i);
        out.one_of(&at.at("type"), &condition.kind, &["Exact", "RegularExpression"]);
        out.check(&at.at("name"), names::header(&condition.name));
    }
    out.unique(conditions.iter().enumerate().map(|(i, c)| (at.item(list, i).at("name"), &c.name)), "the name");
}

fn review_path(path: &PathMatch, at: &Field, out: &mut Violations) {
    let PathMatch { kind, value } = path;
    out.one_of(&at.at("type"), kind, &["Exact", "PathPrefix", "RegularExpression"]);
    let at = at.at("value");
    if value.len() > LONGEST_PATH {
        out.refuse(&at, "is longer than 1024 characters", "shorten it");
    }
    if kind == "RegularExpression" {
        return;
    }
    if let Some((message, remedy)) = broken(value) {
        out.refuse(&at, format!("{value:?} {message}"), remedy);
    }
}

/// Paths are compared after they are made canonical, so that one that is not would never match.
fn broken(path: &str) -> Option<(&'static str, &'static str)> {
    let lower = path.to_ascii_lowercase();
    if !path.starts_with('/') {
        return Some(("does not begin with '/'", "put a '/' in front"));
    }
    if path.contains("//") {
        return Some(("contains '//'", "write one '/'"));
    }
    if path.split('/').any(|part| part == "." || part == "..") {
        return Some(("contains a '.' or '..' as a part", "write the path that it leads to"));
    }
    if lower.contains("%2f") {
        return Some(("contains an encoded '/'", "write '/'"));
    }
    if path.contains('#') {
        return Some(("contains '#'", "leave the fragment out; it never reaches a server"));
    }
    if path.contains('?') {
        return Some(("contains '?'", "leave the query out, and use `queryParams`"));
    }
    let strange = !has_path_characters(path);
    strange.then_some(("has characters that no path has", "percent-encode them"))
}

fn has_path_characters(path: &str) -> bool {
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after) {
            (b'%', [a, b, after @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => after,
            (b'%', _) => return false,
            (c, after) if c.is_ascii_alphanumeric() || b"-/._~!$&'()*+,;=:@".contains(c) => after,
            _ => return false,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_canonical() {
        for good in ["/", "/v1", "/a/b.c/~x", "/%41", "/a/..b"] {
            assert_eq!(broken(good), None, "{good}");
        }
        for bad in ["", "v1", "/a//b", "/a/./b", "/a/..", "/%2Fa", "/a#b", "/a?b", "/a b", "/é", "/%4"] {
            assert!(broken(bad).is_some(), "{bad}");
        }
    }
}
