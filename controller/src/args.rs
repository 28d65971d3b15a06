//! The command line.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use http::Uri;
use ipnet::IpNet;
use sluice_gateway::upstream::ConnectTo;

use crate::duration;
use crate::logging::LogLevel;
use crate::translate::CONTROLLER_NAME;

/// The image of data planes: this program, of this version.
const IMAGE: &str = concat!("sluice:", env!("CARGO_PKG_VERSION"));

/// What the first help says last.
const EXAMPLES: &str = "Examples:
  sluice demo                      # see it work; needs no account
  sluice check walkthrough/        # what is wrong, where, and what would mend it
  sluice run walkthrough/          # serve; SIGTERM drains
  sluice translate walkthrough/    # objects with statuses, and what they mean
  sluice proxy --help              # the data plane of one Gateway in Kubernetes

`sluice COMMAND --help` says more.";

/// An Envoy-compatible AI gateway: Gateway API and Envoy Gateway objects in, proxied HTTP out.
#[derive(Debug, Parser)]
#[command(name = "sluice", version, propagate_version = true, max_term_width = 100, after_help = EXAMPLES)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve what objects in YAML files say; files are watched, and an edit is in force at once.
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArgs),
    /// Print what is wrong with objects in YAML files, with places and remedies.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Print objects with their statuses, and what they mean for the data plane; Secrets are redacted.
    #[command(after_help = TRANSLATE_EXAMPLES)]
    Translate(TranslateArgs),
    /// Serve one Gateway as its controller says; needs no access to Kubernetes.
    #[command(after_help = PROXY_EXAMPLES)]
    Proxy(ProxyArgs),
    /// Show Sluice at work: the walk-through's objects, a provider, one streamed answer, and what the gateway did.
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(DemoArgs),
    /// Serve what objects of a Kubernetes cluster say: a data plane for each Gateway, statuses for all objects.
    #[command(after_help = CONTROLLER_EXAMPLES)]
    Controller(ControllerArgs),
}

/// `sluice run`.
#[derive(Debug, Clone, ClapArgs)]
pub struct RunArgs {
    /// YAML files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Where listeners bind, unless their Gateway has `spec.addresses`. Whoever reaches a listener spends your key.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// Serve a listener's port on another local port, 0 for any free one; may be repeated.
    #[arg(long = "port", value_name = "PORT=LOCAL")]
    pub ports: Vec<PortMapping>,
    /// Where readiness, metrics, statuses and the configuration are shown; port 0 for any free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:19000")]
    pub admin: SocketAddr,
    /// Send connections for HOST:PORT to HOST2:PORT2, as curl does; SNI, verified name and Host stay; may be repeated.
    #[arg(long, value_name = "HOST:PORT:HOST2:PORT2")]
    pub connect_to: Vec<ConnectTo>,
    /// Threads that serve requests; all cores by default.
    #[arg(long, value_name = "N")]
    pub workers: Option<NonZeroUsize>,
    /// How long running requests may go on after SIGTERM, such as 90s or 1h30m.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
    pub drain_timeout: Duration,
    /// How much Sluice logs of itself, to standard error; libraries stay at `warn`.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = LogLevel::Info)]
    pub log_level: LogLevel,
}

/// A listener's port, and the local port that it is served on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // They say what they are.
pub struct PortMapping {
    pub listener: u16,
    pub local: u16,
}

/// `sluice check`.
#[derive(Debug, ClapArgs)]
pub struct CheckArgs {
    /// YAML files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Print one JSON object for each finding.
    #[arg(long)]
    pub json: bool,
}

/// `sluice translate`.
#[derive(Debug, ClapArgs)]
pub struct TranslateArgs {
    /// YAML files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Form of the output.
    #[arg(short, long, value_enum, default_value_t = Form::Yaml, value_name = "FORM")]
    pub output: Form,
    /// Print findings as JSON, one object on each line of standard error.
    #[arg(long)]
    pub json: bool,
}

/// `sluice proxy`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ProxyArgs {
    /// Where the controller serves streams; its certificate must be for this host.
    #[arg(long, value_name = "URL", value_parser = parse_controller)]
    pub controller: Uri,
    /// PEM file with the certificate that the controller's is checked by; read anew for each connection.
    #[arg(long, value_name = "PATH")]
    pub controller_ca: PathBuf,
    /// File with the token that says who this is; read anew for each connection.
    #[arg(long, value_name = "PATH")]
    pub token: PathBuf,
    /// The Gateway that is served.
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = parse_gateway)]
    pub gateway: String,
    /// Name of this replica, unique within the Gateway; a random one by default.
    #[arg(long, value_name = "NAME", env = "HOSTNAME")]
    pub replica: Option<String>,
    /// Where listeners bind. A pod is reached at its own address; whoever reaches a listener spends your key.
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0")]
    pub bind: IpAddr,
    /// Serve a listener's port on another local port, 0 for any free one; may be repeated.
    #[arg(long = "port", value_name = "PORT=LOCAL")]
    pub ports: Vec<PortMapping>,
    /// Serve ports below 1024 this much higher, such as 80 on 10080 with 10000: no privilege is needed then.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1023..=64_512))]
    pub low_ports_at: Option<u16>,
    /// Where liveness, readiness, metrics and the configuration are shown; port 0 for any free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "0.0.0.0:19001")]
    pub admin: SocketAddr,
    /// Send connections for HOST:PORT to HOST2:PORT2, as curl does; SNI, verified name and Host stay; may be repeated.
    #[arg(long, value_name = "HOST:PORT:HOST2:PORT2")]
    pub connect_to: Vec<ConnectTo>,
    /// Connect to no backend at a loopback address: in a pod that is the pod itself.
    #[arg(long)]
    pub refuse_loopback: bool,
    /// Threads that serve requests; all cores by default.
    #[arg(long, value_name = "N")]
    pub workers: Option<NonZeroUsize>,
    /// How long to go on as before after SIGTERM, no longer ready, so that nobody sends new connections.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration)]
    pub shutdown_delay: Duration,
    /// How long running requests may go on after that, such as 90s or 1h30m.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
    pub drain_timeout: Duration,
    /// How much Sluice logs of itself, to standard error; libraries stay at `warn`.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = LogLevel::Info)]
    pub log_level: LogLevel,
}

/// `sluice demo`.
#[derive(Debug, ClapArgs)]
pub struct DemoArgs {
    /// What to ask.
    #[arg(default_value = "What is Sluice?")]
    pub question: String,
    /// Port of the gateway on 127.0.0.1; 0 is any free one.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// End after the answer.
    #[arg(long)]
    pub once: bool,
    /// Print JSON, one object on each line.
    #[arg(long)]
    pub json: bool,
}

/// `sluice controller`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ControllerArgs {
    /// How the API server is reached; else as a pod is told, else as kubectl does.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Classes with this `spec.controllerName` are ours. No two programs may have the same name.
    #[arg(long, value_name = "NAME", default_value = CONTROLLER_NAME)]
    pub controller_name: String,
    /// Namespace of the lease and of the controller's own objects; else the pod's, else the context's.
    #[arg(long, value_name = "NAME", env = "POD_NAMESPACE")]
    pub namespace: Option<String>,
    /// Where data planes run: in pods of their own, or in this process.
    #[arg(long, value_enum, value_name = "WHERE", default_value_t = Infrastructure::Kubernetes)]
    pub infrastructure: Infrastructure,
    /// With `host`: each Gateway gets an address of this range, unless it has `spec.addresses`.
    #[arg(long, value_name = "CIDR", default_value = "127.10.0.0/16")]
    pub host_addresses: IpNet,
    /// With `kubernetes`: where data planes fetch what they serve.
    #[arg(long, value_name = "ADDR:PORT", default_value = "0.0.0.0:18000")]
    pub listen: SocketAddr,
    /// With `kubernetes`: the image of data planes, unless their EnvoyProxy names one.
    #[arg(long, value_name = "IMAGE", default_value = IMAGE)]
    pub image: String,
    /// With `kubernetes`: when nodes fetch that image; else as Kubernetes decides.
    #[arg(long, value_enum, value_name = "WHEN")]
    pub image_pull_policy: Option<PullPolicy>,
    /// With `kubernetes`: a Secret of each Gateway's namespace to fetch it with, unless the EnvoyProxy names others;
    /// may be repeated.
    #[arg(long, value_name = "NAME")]
    pub image_pull_secret: Vec<String>,
    /// Where readiness, metrics, statuses and the configuration are shown; port 0 for any free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:19000")]
    pub admin: SocketAddr,
    /// Write only while holding the lease `sluice-controller`; without it there must be one controller only.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    pub leader_election: bool,
    /// Name in the lease, of this process alone; else host name and process id.
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    pub pod_name: Option<String>,
    /// Address in the lease, at which data planes reach this process.
    #[arg(long, value_name = "ADDR", env = "POD_IP")]
    pub pod_address: Option<IpAddr>,
    /// How long running requests may go on after SIGTERM, with `host`.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
    pub drain_timeout: Duration,
    /// How much Sluice logs of itself, to standard error; libraries stay at `warn`.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = LogLevel::Info)]
    pub log_level: LogLevel,
}

/// Where data planes run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Infrastructure {
    /// A Deployment and a Service for each Gateway.
    Kubernetes,
    /// In this process, for one machine.
    Host,
}

/// When a node fetches an image, in Kubernetes' words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
#[allow(missing_docs)] // They are Kubernetes'.
pub enum PullPolicy {
    Always,
    IfNotPresent,
    Never,
}

impl fmt::Display for PullPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        })
    }
}

/// A form of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)] // clap would show the docs, which say nothing.
pub enum Form {
    Yaml,
    Json,
}

impl FromStr for PortMapping {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (listener, local) = text.split_once('=').ok_or("write it as PORT=LOCAL, such as 8080=18080")?;
        let number = |port: &str| port.parse().map_err(|_| "a port is a number from 0 to 65535");
        match (number(listener)?, number(local)?) {
            (0, _) => Err("no listener has port 0"),
            (listener, local) => Ok(Self { listener, local }),
        }
    }
}

fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    duration::parse(text).ok_or("write whole numbers with h, m, s or ms, such as 90s or 1h30m")
}

fn parse_controller(text: &str) -> Result<Uri, &'static str> {
    let uri = text.parse::<Uri>().map_err(|_| "write it as https://HOST:PORT")?;
    let is_whole = uri.scheme_str() == Some("https") && uri.port().is_some() && uri.path() == "/";
    is_whole.then_some(uri).ok_or("write it as https://HOST:PORT")
}

fn parse_gateway(text: &str) -> Result<String, &'static str> {
    let is_key = |(namespace, name): (&str, &str)| !namespace.is_empty() && !name.is_empty() && !name.contains('/');
    text.split_once('/').is_some_and(is_key).then(|| text.to_owned()).ok_or("write it as NAMESPACE/NAME")
}

const RUN_EXAMPLES: &str = "\
Examples:
  PROVIDER_API_KEY=sk-… sluice run walkthrough/
  sluice run gateway.yaml routes/ --port 8080=0 --admin 127.0.0.1:0
  sluice run walkthrough/ --connect-to dashscope-intl.aliyuncs.com:443:127.0.0.1:8443

Secrets take ${NAME} and ${NAME:-default} in stringData from the environment.
When ready, one JSON line is written to standard output; the access log follows there, everything
else goes to standard error.
SIGTERM or SIGINT drains and ends with 0; a second one ends at once.";

const CHECK_EXAMPLES: &str = "\
Examples:
  sluice check walkthrough/
  sluice check gateway.yaml routes/ --json | jq .message

Exit codes: 0 nothing is wrong (there may be warnings), 1 errors are found, 2 a path cannot be read.";

const TRANSLATE_EXAMPLES: &str = "\
Examples:
  sluice translate walkthrough/
  sluice translate walkthrough/ -o json | jq .snapshots

Exit codes: as of `sluice check`.";

const PROXY_EXAMPLES: &str = "\
Example, as the controller writes it into the Deployment of a Gateway:
  sluice proxy --controller https://sluice-controller.sluice-system.svc:18000 \\
    --controller-ca /var/run/sluice/ca/ca.crt --token /var/run/secrets/sluice/token \\
    --gateway ai/model-gateway --port 80=10080 --admin 0.0.0.0:19001

/ready says yes once the first configuration is in force, and goes on saying so when the controller
is away: the last good configuration is served until there is a better one.
SIGTERM or SIGINT drains and ends with 0; a second one ends at once.";

const DEMO_EXAMPLES: &str = "\
Without PROVIDER_API_KEY the provider is a stand-in inside this program, behind TLS with an
authority of its own. With it the question goes to DashScope itself.

Examples:
  sluice demo
  sluice demo --once --port 0 --json | jq .account
  PROVIDER_API_KEY=sk-... sluice demo 'Why is the sky blue?'

Exit codes: 0 the answer came, 2 it did not.";

const CONTROLLER_EXAMPLES: &str = "\
Examples:
  sluice controller --kubeconfig ~/.kube/config --infrastructure host
  sluice controller --namespace sluice-system --image registry.example.com/sluice:1.0
  sluice controller --controller-name gateway.envoyproxy.io/gatewayclass-controller

With `--infrastructure host` a class and a Gateway are all it takes:
  curl \"http://$(kubectl get gateway NAME -o jsonpath='{.status.addresses[0].value}')/\"
When all objects are read and in force, one JSON line is written to standard output.
SIGTERM or SIGINT gives the lease back and ends with 0; a second one ends at once.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn run(args: &[&str]) -> Result<RunArgs, String> {
        let args = ["sluice", "run", "x"].iter().chain(args);
        match Args::try_parse_from(args).map_err(|error| error.to_string())?.command {
            Command::Run(args) => Ok(args),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_defaults_keep_to_this_machine() {
        let args = run(&[]).unwrap();
        assert!(args.bind.is_loopback() && args.admin.ip().is_loopback());
        assert_eq!(args.drain_timeout, Duration::from_secs(600));
    }

    #[test]
    fn flags_may_be_repeated() {
        let args = run(&["--port", "8080=18080", "--port", "80=0", "--connect-to", "a:1:b:2"]).unwrap();
        let ports: Vec<_> = args.ports.iter().map(|p| (p.listener, p.local)).collect();
        assert_eq!((ports, args.connect_to.len()), (vec![(8080, 18080), (80, 0)], 1));
    }

    #[test]
    fn a_replica_is_told_whom_to_follow() {
        let proxy = |controller: &str, gateway: &str| {
            let fixed = ["sluice", "proxy", "--controller-ca", "ca.crt", "--token", "token"];
            let args = [&fixed[..], &["--controller", controller, "--gateway", gateway]].concat();
            Args::try_parse_from(args).map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(proxy("https://controller.sluice.svc:18000", "ai/gateway"), Ok(()));
        for controller in ["controller:18000", "http://controller:18000", "https://controller", "https://c:1/x"] {
            assert!(proxy(controller, "ai/gateway").unwrap_err().contains("write it as https://HOST:PORT"));
        }
        for gateway in ["gateway", "/gateway", "ai/", "a/b/c"] {
            assert!(proxy("https://c:1", gateway).unwrap_err().contains("write it as NAMESPACE/NAME"), "{gateway}");
        }
    }

    #[test]
    fn mistakes_are_told_with_their_remedy() {
        let check = |args: &[&str], part: &str| assert!(run(args).unwrap_err().contains(part), "{args:?}");
        check(&["--port", "8080"], "write it as PORT=LOCAL");
        check(&["--port", "0=1"], "no listener has port 0");
        check(&["--port", "99999=1"], "a port is a number");
        check(&["--drain-timeout", "10"], "such as 90s or 1h30m");
        check(&["--workers", "0"], "--workers");
        check(&["--connect-to", "a"], "is not HOST:PORT:HOST2:PORT2");
    }
}
