//! Filters of a rule and of a backendRef: which there are, and what they make together.

mod backend_ref;
mod credential;
mod direct_response;
mod extension;
mod headers;
mod redirect;
mod rewrite;

use sluice_gateway::filter::{RequestEdit, ResponseEdit};
use sluice_gateway::route::Action;

use crate::api::HTTPRouteFilterRef;
use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};
use crate::translate::world::World;
use extension::Extension;

pub(crate) use backend_ref::translate as translate_backend_ref;
pub(crate) use extension::{Extensions, judge as judge_extensions};

/// What the filters of a rule make together.
#[derive(Default)]
pub(crate) struct RuleFilters {
    pub(crate) edits: Vec<RequestEdit>,
    pub(crate) response_edits: Vec<ResponseEdit>,
    /// What is done instead of forwarding.
    pub(crate) answer: Option<Action>,
}

/// What one filter makes.
enum Piece {
    Edit(RequestEdit),
    ResponseEdit(ResponseEdit),
    Redirect(Action),
    Extension(Extension),
}

/// Translates the filters of a rule in a namespace; `prefix` is what `ReplacePrefixMatch` replaces.
pub(crate) fn translate(
    world: &World<'_>,
    (namespace, place): (&str, &Place),
    prefix: Option<&str>,
    filters: &[HTTPRouteFilterRef],
) -> (RuleFilters, Vec<Fault>) {
    let mut pieces = Vec::new();
    let mut faults = Vec::from_iter(incompatible(filters, place));
    for (index, filter) in filters.iter().enumerate() {
        match one(world, (namespace, &place.index(index)), prefix, filter) {
            Ok(piece) => pieces.push(piece),
            Err(fault) => faults.push(fault),
        }
    }
    (assemble(pieces), faults)
}

/// Credentials come first: in Envoy the injector stands before the router, which makes the route's own edits.
fn assemble(pieces: Vec<Piece>) -> RuleFilters {
    let mut made = RuleFilters::default();
    let mut credentials = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Edit(edit) => made.edits.push(edit),
            Piece::ResponseEdit(edit) => made.response_edits.push(edit),
            Piece::Redirect(action) => made.answer = Some(action),
            Piece::Extension(Extension { credential, answer, response_headers }) => {
                credentials.extend(credential.map(RequestEdit::Credential));
                made.response_edits.extend(response_headers.map(ResponseEdit::Headers));
                made.answer = answer.map(Action::Answer).or(made.answer);
            }
        }
    }
    made.edits.splice(0..0, credentials);
    made
}

fn one(
    world: &World<'_>,
    (namespace, place): (&str, &Place),
    prefix: Option<&str>,
    filter: &HTTPRouteFilterRef,
) -> Result<Piece, Fault> {
    match filter.kind.as_str() {
        "RequestHeaderModifier" => {
            let given = configured(filter.request_header_modifier.as_ref(), place, "requestHeaderModifier")?;
            headers::for_request(given, &place.at("requestHeaderModifier")).map(RequestEdit::Headers).map(Piece::Edit)
        }
        "ResponseHeaderModifier" => {
            let given = configured(filter.response_header_modifier.as_ref(), place, "responseHeaderModifier")?;
            let made = headers::for_response(given, &place.at("responseHeaderModifier"))?;
            Ok(Piece::ResponseEdit(ResponseEdit::Headers(made)))
        }
        "URLRewrite" => {
            let given = configured(filter.url_rewrite.as_ref(), place, "urlRewrite")?;
            rewrite::translate(given, prefix, &place.at("urlRewrite")).map(RequestEdit::Rewrite).map(Piece::Edit)
        }
        "RequestRedirect" => {
            let given = configured(filter.request_redirect.as_ref(), place, "requestRedirect")?;
            redirect::translate(given, prefix, &place.at("requestRedirect")).map(Action::Redirect).map(Piece::Redirect)
        }
        "ExtensionRef" => {
            let given = configured(filter.extension_ref.as_ref(), place, "extensionRef")?;
            world.extensions.follow(namespace, given, &place.at("extensionRef")).map(Piece::Extension)
        }
        other => Err(unsupported(other, place)),
    }
}

fn configured<'a, T>(given: Option<&'a T>, place: &Place, field: &str) -> Result<&'a T, Fault> {
    given.ok_or_else(|| {
        place
            .error(format!("{field} is missing"), format!("write {field} beside the type"))
            .fails(ConditionType::Accepted, Reason::UnsupportedValue)
    })
}

fn unsupported(kind: &str, place: &Place) -> Fault {
    place
        .at("type")
        .error(
            format!("filters of type {kind} are not supported"),
            "remove the filter; until then the rule answers 500",
        )
        .fails(ConditionType::ResolvedRefs, Reason::UnsupportedValue)
}

/// A rule may rewrite once or redirect once, and not both.
fn incompatible(filters: &[HTTPRouteFilterRef], place: &Place) -> Option<Fault> {
    let mut rewrites = filters.iter().enumerate().filter(|(_, f)| f.kind == "URLRewrite").map(|(index, _)| index);
    let mut redirects = filters.iter().enumerate().filter(|(_, f)| f.kind == "RequestRedirect").map(|(index, _)| index);
    let (first_rewrite, second_rewrite) = (rewrites.next(), rewrites.next());
    let (first_redirect, second_redirect) = (redirects.next(), redirects.next());
    let (index, message, reason) = match (first_rewrite, first_redirect) {
        (Some(rewrite), Some(redirect)) => {
            (rewrite.max(redirect), "a rule cannot both rewrite and redirect", Reason::IncompatibleFilters)
        }
        _ => {
            let second = second_rewrite.or(second_redirect)?;
            (second, "a rule can have only one filter of this type", Reason::UnsupportedValue)
        }
    };
    let fault = place.index(index).at("type").error(message, "keep one of the two filters");
    Some(fault.fails(ConditionType::Accepted, reason))
}
