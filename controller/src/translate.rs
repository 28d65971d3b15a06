//! From what was said to what it means: [`translate()`], and nothing else.
//!
//! Pure and total: the same objects give the same result, whatever their order, and no object is so broken that there
//! is none. What is wrong is data: it fails closed in the snapshot, and is told in a status and a finding.

mod ancestor;
mod attach;
mod backend;
mod backend_tls;
mod backend_tls_policy;
mod caution;
mod class;
mod cluster;
mod defect;
mod envoy_proxy;
mod fault;
mod filter;
mod gateway;
mod grant;
mod hostnames;
mod http_route;
mod infrastructure;
mod listener;
mod matches;
mod precedence;
mod report;
mod selector;
mod settings;
mod snapshot;
mod timeouts;
mod trust;
mod upstream;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use sluice_gateway::snapshot::Snapshot;

use crate::finding::Finding;
use crate::infra::manifest::Desired;
use crate::objects::Objects;
use crate::objects::key::Key;
use crate::status::Statuses;
use world::World;

pub use settings::{CONTROLLER_NAME, IMPLICIT_CLASS, Infrastructure, Settings};

/// What objects mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Translation {
    /// What each Gateway serves. A Gateway that has a status and no snapshot is refused as a whole: a data plane that
    /// runs for it keeps what it has. One without either is gone.
    pub snapshots: BTreeMap<Key, Snapshot>,
    /// What each object is told.
    pub statuses: Statuses,
    /// What is to become of the objects that run each Gateway; in standalone mode there are none.
    pub infrastructure: BTreeMap<Key, Desired>,
    /// What users should know, in order, each once.
    pub findings: Vec<Finding>,
}

/// Translates all objects.
pub fn translate(objects: &Objects, settings: &Settings) -> Translation {
    let classes = class::judge(objects, settings);
    let mut gateways = gateway::judge(objects, &classes);
    let proxies = infrastructure::judge(objects, settings, &classes, &mut gateways.ours);
    let backends = backend::judge(objects, &settings.infrastructure);
    let tls_policies = backend_tls_policy::judge(objects);
    let upstreams = upstream::judge(objects, &backends, &tls_policies);
    let extensions = filter::judge_extensions(objects);
    let routes = http_route::translate(&World { objects, upstreams: &upstreams, extensions: &extensions });
    let attachments = attach::attach(objects, &gateways, &routes);

    let snapshots = snapshot::assemble(&gateways.ours, &routes, &attachments.all);
    let statuses = Statuses {
        controller_name: settings.controller_name.clone(),
        gateway_classes: classes.statuses(objects),
        gateways: report::gateways(&gateways.ours, &routes, &attachments.all),
        http_routes: report::http_routes(&routes, &attachments.all),
        backends: report::backends(&backends),
        backend_tls_policies: ancestor::of_tls_policies(&tls_policies, &upstreams, &routes, &attachments.all),
        envoy_proxies: proxies.statuses,
    };
    let faults = (classes.faults())
        .chain(gateways.faults())
        .chain(backends.values().flat_map(|backend| &backend.faults))
        .chain(tls_policies.all().iter().flat_map(|policy| &policy.faults))
        .chain(upstreams.faults())
        .chain(routes.iter().flat_map(http_route::JudgedRoute::faults))
        .chain(attachments.faults());
    let hints = [proxies.faults, ancestor::uncovered(&tls_policies, &upstreams)].concat();
    let findings = faults.chain(&hints).map(|fault| (*fault.finding).clone()).collect::<BTreeSet<_>>();
    let foreign = gateways.foreign.into_iter().map(|key| (key, Desired::Nothing));
    let ours = gateways.ours.into_iter().map(|(key, gateway)| (key, gateway.infrastructure));
    let infrastructure = foreign.chain(ours).collect();
    Translation { snapshots, statuses, infrastructure, findings: findings.into_iter().collect() }
}
