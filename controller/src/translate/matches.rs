//! `HTTPRoute.spec.rules[].matches`.

use std::collections::BTreeSet;

use http::Method;
use http::header::HeaderName;
use sluice_gateway::matcher::RequestMatch;
use sluice_gateway::matcher::path::PathMatch;
use sluice_gateway::matcher::value::{HeaderMatch, Pattern, QueryMatch, ValueMatch};

use crate::api::{self, HTTPRouteMatch, NamedMatch};
use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};

/// The matches that can be understood, and what is wrong with the others. None given means everything.
pub(crate) fn translate(matches: &[HTTPRouteMatch], place: &Place) -> (Vec<RequestMatch>, Vec<Fault>) {
    if matches.is_empty() {
        return (vec![RequestMatch::any()], Vec::new());
    }
    let mut understood = Vec::new();
    let mut faults = Vec::new();
    for (index, given) in matches.iter().enumerate() {
        match one(given, &place.index(index)) {
            Ok(request_match) => understood.push(request_match),
            Err(fault) => faults.push(fault.fails(ConditionType::Accepted, Reason::UnsupportedValue)),
        }
    }
    (understood, faults)
}

/// The prefix that `ReplacePrefixMatch` replaces: there is one if the rule has exactly one match and that is a
/// `PathPrefix` (the CEL rule on `HTTPRouteRule`).
pub(crate) fn sole_prefix(matches: &[HTTPRouteMatch]) -> Option<&str> {
    match matches {
        [] => Some("/"),
        [only] => match &only.path {
            None => Some("/"),
            Some(path) => (path.kind == "PathPrefix").then_some(path.value.as_str()),
        },
        _ => None,
    }
}

fn one(given: &HTTPRouteMatch, place: &Place) -> Result<RequestMatch, Fault> {
    let HTTPRouteMatch { path: path_match, headers, query_params, method: method_name } = given;
    let queries = distinct(query_params, |m| m.name.clone()).map(|(i, m)| query(m, &place.at("queryParams").index(i)));
    let headers =
        distinct(headers, |m| m.name.to_ascii_lowercase()).map(|(i, m)| header(m, &place.at("headers").index(i)));
    Ok(RequestMatch {
        path: path_match.as_ref().map_or_else(|| Ok(PathMatch::prefix("/")), |p| path(p, &place.at("path")))?,
        method: method_name.as_ref().map(|name| method(name, &place.at("method"))).transpose()?,
        headers: headers.collect::<Result<_, _>>()?,
        queries: queries.collect::<Result<_, _>>()?,
    })
}

/// Of several conditions on one name, the first counts (`HTTPHeaderMatch.name`, `HTTPQueryParamMatch.name`).
fn distinct<'a>(
    matches: &'a [NamedMatch],
    name: impl Fn(&NamedMatch) -> String + 'a,
) -> impl Iterator<Item = (usize, &'a NamedMatch)> {
    let mut seen = BTreeSet::new();
    matches.iter().enumerate().filter(move |(_, m)| seen.insert(name(m)))
}

fn path(given: &api::PathMatch, place: &Place) -> Result<PathMatch, Fault> {
    match given.kind.as_str() {
        "Exact" => Ok(PathMatch::Exact(given.value.clone())),
        "PathPrefix" => Ok(PathMatch::prefix(&given.value)),
        "RegularExpression" => Ok(PathMatch::Regex(pattern(&given.value, &place.at("value"))?)),
        other => Err(unknown_kind(other, place)),
    }
}

fn method(name: &str, place: &Place) -> Result<Method, Fault> {
    name.parse().map_err(|_| place.error(format!("{name:?} is no method"), "write one such as GET or POST"))
}

fn header(given: &NamedMatch, place: &Place) -> Result<HeaderMatch, Fault> {
    let name = HeaderName::try_from(&given.name)
        .map_err(|_| place.at("name").error(format!("{:?} is no header name", given.name), "correct it"))?;
    Ok(HeaderMatch { name, value: value(given, place)? })
}

fn query(given: &NamedMatch, place: &Place) -> Result<QueryMatch, Fault> {
    Ok(QueryMatch { name: given.name.clone(), value: value(given, place)? })
}

fn value(given: &NamedMatch, place: &Place) -> Result<ValueMatch, Fault> {
    match given.kind.as_str() {
        "Exact" => Ok(ValueMatch::Exact(given.value.clone())),
        "RegularExpression" => Ok(ValueMatch::Regex(pattern(&given.value, &place.at("value"))?)),
        other => Err(unknown_kind(other, place)),
    }
}

fn pattern(text: &str, place: &Place) -> Result<Pattern, Fault> {
    Pattern::new(text).map_err(|error| {
        // The parser draws the expression over several lines; its last line says what is wrong.
        let drawn = error.to_string();
        let reason = drawn.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        place.error(format!("{text:?} is no regular expression: {reason}"), "write one of RE2 syntax")
    })
}

fn unknown_kind(kind: &str, place: &Place) -> Fault {
    place.at("type").error(format!("matches of type {kind} are not supported"), "use a type of the specification")
}
