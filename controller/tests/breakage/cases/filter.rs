//! Filters of a rule, HTTPRouteFilters, and the Secrets behind them.

use serde_json::{Value, json};
use sluice_controller::objects::Kind::{HTTPRoute, HTTPRouteFilter, Secret};

use crate::case::{Case, case};

const ROUTE: &str = "HTTPRoute ai/victim";
const FILTER: &str = "HTTPRouteFilter ai/victim";
const KEY: &str = "ai/victim";
const STATUS: &str = "status HTTPRoute ai/victim";
const RULE: &str = "rule ai/shared http httproute/ai/victim/rule/0";
/// It counts the routes attached to each listener: one whose every rule is refused is not among them.
const COUNT: &str = "status Gateway ai/shared";

pub(crate) fn all() -> Vec<Case> {
    [of_a_rule(), unresolved(), credentials()].into_iter().flatten().collect()
}

/// The fourth filter of the rule.
fn filter(name: &'static str, value: Value) -> Case {
    case(name).set(HTTPRoute, KEY, "/spec/rules/0/filters/-", value)
}

/// The first filter of the rule, which rewrites.
fn rewrite(name: &'static str, value: Value) -> Case {
    case(name).set(HTTPRoute, KEY, "/spec/rules/0/filters/0/urlRewrite", value)
}

fn headers(name: &'static str, value: Value) -> Case {
    case(name).set(HTTPRoute, KEY, "/spec/rules/0/filters/1/requestHeaderModifier", value)
}

/// The whole rule answers 500.
fn refused(case: Case, reason: &'static str) -> Case {
    case.reason(ROUTE, reason).differs(&[STATUS, RULE, COUNT])
}

fn of_a_rule() -> Vec<Case> {
    let at = "spec.rules[0].filters[3]";
    let redirect = |redirect: Value| json!({"type": "RequestRedirect", "requestRedirect": redirect});
    let cases =
        [
            filter("a filter without what it says", json!({"type": "ResponseHeaderModifier"})).told(
                ROUTE,
                at,
                "responseHeaderModifier is missing",
            ),
            filter("two rewrites", json!({"type": "URLRewrite", "urlRewrite": {"hostname": "a.example.com"}})).told(
                ROUTE,
                "spec.rules[0].filters[3].type",
                "only one filter of this type",
            ),
            rewrite("a hostname for many", json!({"hostname": "*.example.com"})).told(
                ROUTE,
                "spec.rules[0].filters[0].urlRewrite.hostname",
                "is no hostname",
            ),
            rewrite("a path with a query", json!({"path": {"type": "ReplaceFullPath", "replaceFullPath": "/a?b"}}))
                .told(ROUTE, "spec.rules[0].filters[0].urlRewrite.path.replaceFullPath", "is no path"),
            rewrite("a path modifier that there is not", json!({"path": {"type": "Replace"}})).told(
                ROUTE,
                "spec.rules[0].filters[0].urlRewrite.path",
                "path modifier Replace",
            ),
            case("a prefix to replace and none to match")
                .set(HTTPRoute, KEY, "/spec/rules/0/matches/0/path/type", json!("Exact"))
                .told(
                    ROUTE,
                    "spec.rules[0].filters[0].urlRewrite.path.replacePrefixMatch",
                    "a prefix can be replaced only",
                ),
            headers("the Host header", json!({"set": [{"name": "Host", "value": "a.example.com"}]})).told(
                ROUTE,
                "spec.rules[0].filters[1].requestHeaderModifier",
                "Host header",
            ),
            headers("a header of framing", json!({"remove": ["Content-Length"]})).told(
                ROUTE,
                "spec.rules[0].filters[1].requestHeaderModifier.remove[0]",
                "cannot be modified",
            ),
            headers("a value of two lines", json!({"add": [{"name": "x", "value": "a\r\nb: c"}]})).told(
                ROUTE,
                "spec.rules[0].filters[1].requestHeaderModifier.add[0].value",
                "no header can carry",
            ),
        ];
    let mut cases: Vec<_> = cases.into_iter().map(|case| refused(case, "UnsupportedValue")).collect();
    cases.push(refused(
        filter("a rewrite and a redirect", redirect(json!({"hostname": "a.example.com"}))).told(
            ROUTE,
            "spec.rules[0].filters[3].type",
            "both rewrite and redirect",
        ),
        "UnsupportedValue",
    ));
    let alone = |name, value: Value| case(name).set(HTTPRoute, KEY, "/spec/rules/0/filters", json!([redirect(value)]));
    let at = "spec.rules[0].filters[0].requestRedirect.";
    let status = alone("a redirect that is none", json!({"statusCode": 200}));
    cases.push(refused(status.told(ROUTE, format!("{at}statusCode").leak(), "status 200"), "UnsupportedValue"));
    let scheme = alone("a redirect to a scheme of others", json!({"scheme": "ftp"}));
    cases.push(refused(scheme.told(ROUTE, format!("{at}scheme").leak(), "scheme"), "UnsupportedValue"));
    cases
}

/// The references do not resolve; the rule answers 500, and the route is accepted all the same.
fn unresolved() -> Vec<Case> {
    let at = "spec.rules[0].filters[2].extensionRef";
    let extension = |name, value: Value| case(name).set(HTTPRoute, KEY, "/spec/rules/0/filters/2/extensionRef", value);
    let cases =
        [
            filter("a filter that is not supported", json!({"type": "RequestMirror", "requestMirror": {}})).told(
                ROUTE,
                "spec.rules[0].filters[3].type",
                "type RequestMirror",
            ),
            extension("an extension of another kind", json!({"group": "", "kind": "ConfigMap", "name": "victim"}))
                .told(ROUTE, format!("{at}.kind").leak(), "kind ConfigMap"),
            case("no such HTTPRouteFilter").delete(HTTPRouteFilter, KEY).told(
                ROUTE,
                format!("{at}.name").leak(),
                "HTTPRouteFilter ai/victim does not exist",
            ),
        ];
    let mut cases: Vec<_> =
        cases.into_iter().map(|case| case.reason(ROUTE, "UnsupportedValue").differs(&[STATUS, RULE])).collect();
    let unknown = filter("a filter of a type that there is not", json!({"type": "Teleport"}));
    let unknown = unknown.told(ROUTE, "spec.rules[0].filters[3].type", "type Teleport");
    cases.push(refused(unknown, "UnsupportedValue"));
    let malformed = case("an HTTPRouteFilter that cannot be read")
        .set(HTTPRouteFilter, KEY, "/spec/credentialInjection/overwrite", json!("yes"))
        .told(FILTER, "spec.credentialInjection.overwrite", "is a text");
    cases.push(malformed.reason(ROUTE, "UnsupportedValue").differs(&[STATUS, RULE]));
    cases
}

/// The route's rule is refused for the filter's sake.
fn credentials() -> Vec<Case> {
    let name = "spec.credentialInjection.credential.valueRef.name";
    let reference = |case_name, value: Value| {
        case(case_name).set(HTTPRouteFilter, KEY, "/spec/credentialInjection/credential/valueRef", value)
    };
    let data = |case_name, value: Value| case(case_name).set(Secret, KEY, "/data", value);
    let cases = [
        case("no such Secret").delete(Secret, KEY).told(FILTER, name, "secret ai/victim does not exist"),
        data("a Secret without the key", json!({"token": "QQ=="})).told(FILTER, name, "has no key credential"),
        data("a Secret with nothing in it", json!({"credential": ""})).told(FILTER, name, "key credential of secret"),
        data("a Secret of two lines", json!({"credential": "QQpC"})).told(FILTER, name, "key credential of secret"),
        data("a Secret that is no base64", json!({"credential": "Bearer key!"})).told(
            "Secret ai/victim",
            "data.credential",
            "no base64",
        ),
        reference("a Secret of another namespace", json!({"name": "victim", "namespace": "models"})).told(
            FILTER,
            "spec.credentialInjection.credential.valueRef.namespace",
            "no ReferenceGrant",
        ),
        reference("a credential of another kind", json!({"kind": "ConfigMap", "name": "victim"})).told(
            FILTER,
            "spec.credentialInjection.credential.valueRef.kind",
            "kind ConfigMap",
        ),
        case("a credential in the Host header")
            .set(HTTPRouteFilter, KEY, "/spec/credentialInjection/header", json!("Host"))
            .told(FILTER, "spec.credentialInjection.header", "cannot be the Host header"),
        case("a part of an HTTPRouteFilter that is not supported")
            .set(HTTPRouteFilter, KEY, "/spec/urlRewrite", json!({"hostname": {"type": "Backend"}}))
            .told(FILTER, "spec.urlRewrite", "not supported"),
    ];
    cases.into_iter().map(|case| refused(case, "UnsupportedValue")).collect()
}
