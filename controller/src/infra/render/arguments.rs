//! The command line of a data plane.

use std::time::Duration;

use crate::api::{IpFamily, ProxyLogLevel, Shutdown};
use crate::infra::defaults;
use crate::infra::plan::{ADMIN_PORT, LOW_PORTS_AT, Plan, shifts_low_ports};
use crate::infra::settings::Settings;

/// Where the controller's authority is mounted.
pub(super) const CA_FOLDER: &str = "/var/run/sluice/ca";

/// Where the only token of the pod is mounted.
pub(super) const TOKEN_FOLDER: &str = "/var/run/secrets/sluice";

/// All arguments, the command first.
pub(super) fn all(plan: &Plan, settings: &Settings) -> Vec<String> {
    let Shutdown { min_drain_duration, drain_timeout, health_check_failure_delay: _ } = shutdown(plan);
    let mut all = vec![
        "proxy".to_owned(),
        format!("--controller={}", settings.controller_address),
        format!("--controller-ca={CA_FOLDER}/ca.crt"),
        format!("--token={TOKEN_FOLDER}/token"),
        format!("--gateway={}", plan.gateway),
        format!("--bind={}", any_address(plan).trim_matches(['[', ']'])),
        format!("--admin={}:{ADMIN_PORT}", any_address(plan)),
        "--refuse-loopback".to_owned(),
        format!("--log-level={}", log_level(plan)),
        format!("--shutdown-delay={}", text(min_drain_duration.unwrap_or(defaults::MIN_DRAIN_DURATION))),
        format!("--drain-timeout={}", text(drain_timeout.unwrap_or(defaults::DRAIN_TIMEOUT))),
    ];
    if shifts_low_ports(&plan.proxy) {
        all.push(format!("--low-ports-at={LOW_PORTS_AT}"));
    }
    if let Some(workers) = plan.proxy.concurrency.filter(|workers| *workers > 0) {
        all.push(format!("--workers={workers}"));
    }
    all
}

/// Longer than what the process needs to end by itself, so that Kubernetes never cuts a stream that may go on.
pub(super) fn termination_grace_period(plan: &Plan) -> Duration {
    let Shutdown { min_drain_duration, drain_timeout, health_check_failure_delay: _ } = shutdown(plan);
    let delay = min_drain_duration.unwrap_or(defaults::MIN_DRAIN_DURATION);
    delay + drain_timeout.unwrap_or(defaults::DRAIN_TIMEOUT) + defaults::GRACE
}

fn shutdown(plan: &Plan) -> Shutdown {
    plan.proxy.shutdown.clone().unwrap_or_default()
}

fn any_address(plan: &Plan) -> &'static str {
    match plan.proxy.ip_family {
        None | Some(IpFamily::IPv4) => "0.0.0.0",
        Some(IpFamily::IPv6 | IpFamily::DualStack) => "[::]",
    }
}

/// Envoy Gateway's default is `warn`.
fn log_level(plan: &Plan) -> &'static str {
    let levels = plan.proxy.logging.as_ref().map(|logging| &logging.level);
    match levels.and_then(|levels| levels.get("default")).unwrap_or(&ProxyLogLevel::Warn) {
        ProxyLogLevel::Trace => "trace",
        ProxyLogLevel::Debug => "debug",
        ProxyLogLevel::Info => "info",
        ProxyLogLevel::Warn => "warn",
        ProxyLogLevel::Error | ProxyLogLevel::Critical => "error",
        ProxyLogLevel::Off => "off",
    }
}

/// As `sluice` reads durations.
fn text(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => format!("{}s", duration.as_secs()),
        millis => format!("{}s{millis}ms", duration.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::api::EnvoyProxySpec;
    use crate::args::{Args, Command, ProxyArgs};
    use crate::objects::key::Key;

    fn parsed(proxy: serde_json::Value) -> ProxyArgs {
        let proxy: EnvoyProxySpec = serde_json::from_value(proxy).unwrap();
        let plan = Plan {
            gateway: Key::new("ai", "gateway"),
            uid: String::new(),
            class: String::new(),
            ports: Vec::new(),
            addresses: Vec::new(),
            labels: [].into(),
            annotations: [].into(),
            proxy,
        };
        let line = ["sluice".to_owned()].into_iter().chain(all(&plan, &Settings::rehearsal()));
        match Args::try_parse_from(line).unwrap().command {
            Command::Proxy(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_program_takes_its_arguments() {
        let args = parsed(serde_json::json!({}));
        assert_eq!((args.gateway.as_str(), args.low_ports_at, args.workers), ("ai/gateway", Some(LOW_PORTS_AT), None));
        let args = parsed(serde_json::json!({
            "concurrency": 4,
            "ipFamily": "IPv6",
            "shutdown": {"drainTimeout": "1m", "minDrainDuration": "1s500ms"},
            "logging": {"level": {"default": "critical"}},
            "provider": {"type": "Kubernetes", "kubernetes": {"useListenerPortAsContainerPort": true}},
        }));
        assert!(args.bind.is_ipv6() && args.admin.is_ipv6() && args.low_ports_at.is_none());
        assert_eq!(args.workers.map(std::num::NonZeroUsize::get), Some(4));
        assert_eq!([args.shutdown_delay, args.drain_timeout], [1500, 60_000].map(Duration::from_millis));
    }
}
