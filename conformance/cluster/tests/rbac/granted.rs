//! What the roles grant, and what was used of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;
use sluice_cluster::audit::{Call, Request};
use sluice_cluster::command::get;
use sluice_cluster::installation::{NAMESPACE, USER};

/// One call that a role allows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Grant {
    call: Call,
    /// The one object that it is for; none where it is for all.
    object: Option<(String, String)>,
}

/// What was found of the controller's doings.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Granted, and never used.
    pub(crate) unused: BTreeSet<String>,
    /// Used, and granted by none of the roles: somebody else grants it.
    pub(crate) strange: BTreeSet<String>,
    /// Refused.
    pub(crate) forbidden: Vec<String>,
}

/// All that the controller's roles grant, as the API server has them.
pub(crate) async fn grants() -> BTreeSet<Grant> {
    let name = format!("sluice-controller-{NAMESPACE}");
    let everywhere = get(&["clusterrole", &name]).await.unwrap();
    let here = get(&["-n", NAMESPACE, "role", "sluice-controller"]).await.unwrap();
    [everywhere, here].iter().flat_map(|role| role["rules"].as_array().unwrap()).flat_map(of_rule).collect()
}

/// Compares grants with requests.
pub(crate) fn compare(grants: &BTreeSet<Grant>, requests: &[Request]) -> Found {
    let own = requests.iter().filter(|request| request.user.username == USER);
    let (mut used, mut found) = (BTreeSet::new(), Found::default());
    for request in own {
        if request.code() == 403 {
            found.forbidden.push(format!("{} {}", request.verb, request.uri));
        }
        for call in calls(request) {
            match grants.iter().find(|grant| grant.allows(&call, request)) {
                Some(grant) => drop(used.insert(grant)),
                None => drop(found.strange.insert(format!("{call:?} of {}", request.uri))),
            }
        }
    }
    found.unused = grants.iter().filter(|grant| !used.contains(grant)).map(ToString::to_string).collect();
    found
}

/// A server-side apply of an object that is not there makes it: the API server asks for `create` too, and logs `patch`.
fn calls(request: &Request) -> Vec<Call> {
    let Some(call) = request.call() else { return Vec::new() };
    match (call.verb.as_str(), request.code()) {
        ("patch", 201) => vec![call.clone(), Call { verb: "create".to_owned(), ..call }],
        _ => vec![call],
    }
}

impl Grant {
    fn allows(&self, call: &Call, request: &Request) -> bool {
        let is_for = |(namespace, name): &(String, String)| {
            request.object_ref.as_ref().is_some_and(|object| &object.namespace == namespace && &object.name == name)
        };
        &self.call == call && self.object.as_ref().is_none_or(is_for)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { group, resource, verb } = &self.call;
        write!(f, "{verb} {resource}.{group}")?;
        self.object.as_ref().map_or(Ok(()), |(namespace, name)| write!(f, " {namespace}/{name}"))
    }
}

fn of_rule(rule: &Value) -> Vec<Grant> {
    let words = |field: &str| -> Vec<String> {
        rule[field].as_array().into_iter().flatten().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let names = words("resourceNames");
    let objects: Vec<Option<(String, String)>> = match names.is_empty() {
        true => vec![None],
        false => names.into_iter().map(|name| Some((NAMESPACE.to_owned(), name))).collect(),
    };
    let mut grants = Vec::new();
    for (group, resource) in
        words("apiGroups").iter().flat_map(|group| words("resources").into_iter().map(move |r| (group, r)))
    {
        for verb in words("verbs") {
            let call = Call { group: group.clone(), resource: resource.clone(), verb };
            grants.extend(objects.iter().map(|object| Grant { call: call.clone(), object: object.clone() }));
        }
    }
    assert!(
        grants
            .iter()
            .all(|grant| ![&grant.call.group, &grant.call.resource, &grant.call.verb].contains(&&"*".to_owned()))
    );
    grants
}

/// For a message: how often each call was made.
pub(crate) fn tally(requests: &[Request]) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for call in requests.iter().filter(|request| request.user.username == USER).flat_map(calls) {
        *tally.entry(format!("{} {}.{}", call.verb, call.resource, call.group)).or_default() += 1;
    }
    tally
}
