//! The Service: where clients reach a Gateway.

use serde_json::{Value, json};

use super::frame;
use crate::api::{ExternalTrafficPolicy, IpFamily, KubernetesProvider, KubernetesServiceType, ServiceSettings};
use crate::infra::manifest::{Manifest, ManifestKind};
use crate::infra::naming;
use crate::infra::patch;
use crate::infra::plan::Plan;
use crate::infra::problem::Problem;

pub(super) fn render(plan: &Plan, provider: &KubernetesProvider) -> Result<Manifest, Problem> {
    let settings = provider.envoy_service.clone().unwrap_or_default();
    let mut manifest = frame::object(plan, ManifestKind::Service, settings.name.as_ref());
    let metadata = &mut manifest.body["metadata"];
    metadata["labels"] = json!(frame::labels(plan, &settings.labels));
    frame::set_annotations(metadata, plan, &settings.annotations);
    manifest.body["spec"] = spec(plan, &settings).map_err(|problem| problem.within("envoyService"))?;
    let patched = patch::apply(&mut manifest, settings.patch.as_ref());
    patched.map(|()| manifest).map_err(|problem| problem.within("envoyService"))
}

fn spec(plan: &Plan, settings: &ServiceSettings) -> Result<Value, Problem> {
    let kind = settings.kind;
    let mut spec = json!({
        "type": kind_name(kind),
        "ports": plan.ports.iter().map(|port| json!({
            "name": format!("http-{}", port.listener),
            "protocol": "TCP",
            "port": port.listener,
            "targetPort": port.container,
        })).collect::<Vec<_>>(),
        "selector": naming::selector(&plan.gateway),
    });
    balancer(settings, &mut spec)?;
    if kind != KubernetesServiceType::ClusterIP {
        let policy = settings.external_traffic_policy.unwrap_or_default();
        spec["externalTrafficPolicy"] = json!(match policy {
            ExternalTrafficPolicy::Local => "Local",
            ExternalTrafficPolicy::Cluster => "Cluster",
        });
    }
    addresses(plan, kind, &mut spec);
    families(plan, &mut spec);
    Ok(spec)
}

fn kind_name(kind: KubernetesServiceType) -> &'static str {
    match kind {
        KubernetesServiceType::ClusterIP => "ClusterIP",
        KubernetesServiceType::LoadBalancer => "LoadBalancer",
        KubernetesServiceType::NodePort => "NodePort",
    }
}

/// What only a Service of type `LoadBalancer` has; the CRD refuses it for others.
fn balancer(settings: &ServiceSettings, spec: &mut Value) -> Result<(), Problem> {
    let fields = [
        ("loadBalancerClass", settings.load_balancer_class.as_ref().map(|class| json!(class))),
        ("allocateLoadBalancerNodePorts", settings.allocate_load_balancer_node_ports.map(|given| json!(given))),
        ("loadBalancerIP", settings.load_balancer_ip.as_ref().map(|ip| json!(ip))),
        ("loadBalancerSourceRanges", settings.load_balancer_source_ranges.as_ref().map(|ranges| json!(ranges))),
    ];
    for (name, value) in fields.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        if settings.kind != KubernetesServiceType::LoadBalancer {
            let message = format!("is for Services of type LoadBalancer, not {}", kind_name(settings.kind));
            return Err(Problem::new(name, message, "leave it out, or set type: LoadBalancer"));
        }
        spec[name] = value;
    }
    Ok(())
}

/// A Service has one cluster address for each family, of which Envoy Gateway asks for the first; others stand outside.
fn addresses(plan: &Plan, kind: KubernetesServiceType, spec: &mut Value) {
    match (kind, plan.addresses.first()) {
        (_, None) => {}
        (KubernetesServiceType::ClusterIP, Some(first)) => {
            spec["clusterIP"] = json!(first.to_string());
            spec["clusterIPs"] = json!([first.to_string()]);
        }
        (_, Some(_)) => {
            let all: Vec<_> = plan.addresses.iter().map(ToString::to_string).collect();
            spec["externalIPs"] = json!(all);
        }
    }
}

/// The cluster's first family alone is Kubernetes' own choice.
fn families(plan: &Plan, spec: &mut Value) {
    match plan.proxy.ip_family {
        None | Some(IpFamily::IPv4) => {}
        Some(IpFamily::IPv6) => {
            spec["ipFamilies"] = json!(["IPv6"]);
            spec["ipFamilyPolicy"] = json!("SingleStack");
        }
        Some(IpFamily::DualStack) => {
            spec["ipFamilies"] = json!(["IPv4", "IPv6"]);
            spec["ipFamilyPolicy"] = json!("RequireDualStack");
        }
    }
}
