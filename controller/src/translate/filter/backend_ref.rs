//! Filters of one `backendRef`: edits for that backend alone.

use sluice_gateway::filter::RequestEdit;
use sluice_gateway::filter::rewrite::UrlRewrite;

use crate::api::{HTTPRouteFilterRef, HTTPURLRewrite};
use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};
use crate::translate::filter::extension::Extension;
use crate::translate::filter::{headers, rewrite};
use crate::translate::world::World;

/// The edits, or the first filter that cannot be had here; the backend's share of requests then gets a 500.
pub(crate) fn translate(
    world: &World<'_>,
    namespace: &str,
    filters: &[HTTPRouteFilterRef],
    place: &Place,
) -> Result<Vec<RequestEdit>, Fault> {
    let mut edits = Vec::new();
    for (index, filter) in filters.iter().enumerate() {
        let made = one(world, namespace, filter, &place.index(index));
        edits.push(made.map_err(|fault| fault.fails(ConditionType::ResolvedRefs, Reason::InvalidBackendFilters))?);
    }
    // As among a rule's filters: the credential first.
    edits.sort_by_key(|edit| !matches!(edit, RequestEdit::Credential(_)));
    Ok(edits)
}

fn one(world: &World<'_>, namespace: &str, filter: &HTTPRouteFilterRef, place: &Place) -> Result<RequestEdit, Fault> {
    let HTTPRouteFilterRef { kind, request_header_modifier, url_rewrite, extension_ref, .. } = filter;
    match (kind.as_str(), request_header_modifier, url_rewrite, extension_ref) {
        ("RequestHeaderModifier", Some(given), _, _) => {
            headers::for_request(given, &place.at("requestHeaderModifier")).map(RequestEdit::Headers)
        }
        ("URLRewrite", _, Some(given), _) => host_rewrite(given, &place.at("urlRewrite")).map(RequestEdit::Rewrite),
        ("ExtensionRef", _, _, Some(given)) => {
            let place = place.at("extensionRef");
            match world.extensions.follow(namespace, given, &place)? {
                Extension { credential: Some(injection), answer: None, .. } => Ok(RequestEdit::Credential(injection)),
                _ => Err(place.at("name").error(
                    "only the credentialInjection of an HTTPRouteFilter is supported on a backendRef",
                    "refer to the filter from the rule",
                )),
            }
        }
        (other, ..) => {
            let message = format!("filters of type {other} are not supported on a backendRef");
            Err(place.at("type").error(message, "put the filter on the rule, or remove it"))
        }
    }
}

/// As in Envoy Gateway, a single backend has its host rewritten and not its path.
fn host_rewrite(given: &HTTPURLRewrite, place: &Place) -> Result<UrlRewrite, Fault> {
    if given.path.is_some() {
        let remedy = "rewrite the path on the rule";
        return Err(place.at("path").error("a path cannot be rewritten on a backendRef", remedy));
    }
    rewrite::translate(given, None, place)
}
