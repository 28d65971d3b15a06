//! The upstreams that routes refer to: each judged once, however many routes share it.

mod own_tls;
mod problem;
mod reference;
mod service;
mod slices;

use std::collections::BTreeMap;
use std::sync::Arc;

use sluice_gateway::cluster::{Cluster, UpstreamTls};

use crate::objects::{Kind, Objects};
use crate::status::condition::Reason;
use crate::translate::backend::JudgedBackends;
use crate::translate::backend_tls_policy::{InForce, TlsPolicies};
use crate::translate::fault::Fault;
use slices::Slices;

pub(crate) use problem::Problem;
pub(crate) use reference::Reference;

/// All upstreams that routes refer to, also where they are not permitted to.
pub(crate) struct Upstreams<'a>(BTreeMap<Reference<'a>, Upstream>);

/// An upstream with its verdict.
pub(crate) struct Upstream {
    /// What it means, or why its share of requests gets a 500.
    pub(crate) cluster: Result<Arc<Cluster>, Problem>,
    /// The policies that are for it, in force or not, as indices of [`TlsPolicies::all`].
    pub(crate) policies: Vec<usize>,
    /// What is wrong with the objects behind it.
    faults: Vec<Fault>,
}

/// What upstreams are made of.
struct Sources<'a> {
    objects: &'a Objects,
    backends: &'a JudgedBackends,
    tls_policies: &'a TlsPolicies<'a>,
    slices: Slices<'a>,
}

/// Judges all upstreams that are referred to.
pub(crate) fn judge<'a>(
    objects: &'a Objects,
    backends: &'a JudgedBackends,
    tls_policies: &'a TlsPolicies<'a>,
) -> Upstreams<'a> {
    let sources = Sources { objects, backends, tls_policies, slices: Slices::of(objects) };
    let mut upstreams = BTreeMap::new();
    for (route, object) in &objects.http_routes {
        let references = object.spec.rules.iter().flat_map(|rule| &rule.backend_refs);
        for reference in references.filter_map(|given| Reference::of(given, &route.namespace)) {
            upstreams.entry(reference).or_insert_with(|| judge_one(&sources, reference));
        }
    }
    Upstreams(upstreams)
}

impl<'a> Upstreams<'a> {
    /// One of them.
    pub(crate) fn get<'s>(&'s self, reference: &Reference<'s>) -> Option<&'s Upstream> {
        self.0.get(reference)
    }

    /// All references to one object, whatever port they name, with what they mean.
    pub(crate) fn of(&self, kind: Kind, namespace: &'a str, name: &'a str) -> impl Iterator<Item = &Upstream> {
        let first = Reference { kind, namespace, name, port: None };
        self.0.range(first..=Reference { port: Some(u16::MAX), ..first }).map(|(_, upstream)| upstream)
    }

    /// What is wrong with the objects behind all of them.
    pub(crate) fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.0.values().flat_map(|upstream| &upstream.faults)
    }
}

fn judge_one(sources: &Sources<'_>, reference: Reference<'_>) -> Upstream {
    let section = match reference.kind {
        Kind::Service => service::port(sources.objects, &reference).map(|port| port.name.clone()),
        _ => reference.port.map(|port| port.to_string()),
    };
    let target = reference.target(section.as_deref());
    let in_force = sources.tls_policies.find(target);
    let mut faults = Vec::new();
    let cluster = match reference.kind {
        Kind::Service => of_service(sources, reference, in_force, &mut faults),
        _ => of_backend(sources, reference, in_force, &mut faults),
    };
    Upstream { cluster: cluster.map(Arc::new), policies: sources.tls_policies.covering(target), faults }
}

/// A cluster for each port: its number is part of the name, since connections are kept by name.
fn of_service(
    sources: &Sources<'_>,
    reference: Reference<'_>,
    in_force: Option<InForce<'_>>,
    faults: &mut Vec<Fault>,
) -> Result<Cluster, Problem> {
    let service::Site { endpoints, protocol } = service::site(sources.objects, &sources.slices, &reference, faults)?;
    let port = reference.port.unwrap_or_default();
    let name = format!("service/{}/{}/port/{port}", reference.namespace, reference.name);
    let tls = in_force.map(|in_force| policy_tls(in_force, reference)).transpose()?;
    Ok(Cluster { name, endpoints, tls, protocol })
}

/// The TLS is the policy's, else the Backend's own, else none. A policy for one port makes a cluster of its own.
fn of_backend(
    sources: &Sources<'_>,
    reference: Reference<'_>,
    in_force: Option<InForce<'_>>,
    faults: &mut Vec<Fault>,
) -> Result<Cluster, Problem> {
    let key = reference.key();
    let Some(backend) = sources.backends.get(&key) else {
        let message = format!("Backend {key} does not exist");
        return Err(Problem::new("name", Reason::BackendNotFound, message, "create it, or correct the name"));
    };
    if let Some(why) = backend.refused() {
        let message = format!("Backend {key} is not accepted: {}", why.message());
        return Err(Problem::new("name", Reason::InvalidBackendRef, message, "mend the Backend"));
    }
    let mut name = format!("backend/{key}");
    let tls = match (in_force, &backend.tls) {
        (Some(in_force), _) => {
            if let Some(section) = in_force.section {
                name = format!("{name}/port/{section}");
            }
            Some(policy_tls(in_force, reference)?)
        }
        (None, Some(tls)) => Some(own_tls::translate(sources.objects, &key, (backend, tls), faults)?),
        (None, None) => None,
    };
    Ok(Cluster { name, endpoints: backend.endpoints.clone(), tls, protocol: backend.protocol })
}

fn policy_tls(in_force: InForce<'_>, reference: Reference<'_>) -> Result<UpstreamTls, Problem> {
    in_force.policy.tls.clone().ok_or_else(|| {
        let (policy, kind, key) = (in_force.policy.key, reference.kind.name(), reference.key());
        let message = format!("BackendTLSPolicy {policy} of {kind} {key} is not valid");
        let remedy = "mend the policy; until then nothing is sent";
        Problem::new("name", Reason::InvalidBackendTLS, message, remedy)
    })
}
