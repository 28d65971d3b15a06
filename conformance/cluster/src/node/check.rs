//! One question of a probe or a hook: an HTTP request, a connection, a command.

use std::net::Ipv4Addr;
use std::time::Duration;

use http_body_util::Empty;
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::{ContainerPort, ExecAction, HTTPGetAction, LifecycleHandler, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tokio::net::TcpStream;

use crate::node::process::first_process;
use crate::node::tool;

/// Where a question is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    /// The pod.
    pub(crate) address: Ipv4Addr,
    /// The process that made the container, for questions that are commands.
    pub(crate) outer: Option<u32>,
}

/// Whether the answer to `probe` is yes. Of gRPC and HTTPS only the connection is asked for: what listens is taken for
/// healthy.
pub(crate) async fn healthy(probe: &Probe, target: Target, ports: &[ContainerPort]) -> bool {
    if let Some(get) = &probe.http_get {
        return http(get, target, ports).await;
    }
    if let Some(tcp) = &probe.tcp_socket {
        return connection(tcp.host.as_ref(), number(&tcp.port, ports), target).await;
    }
    if let Some(grpc) = &probe.grpc {
        return connection(None, u16::try_from(grpc.port).ok(), target).await;
    }
    match &probe.exec {
        Some(exec) => command(exec, target).await,
        None => false,
    }
}

/// Does what a `preStop` or `postStart` hook says; its outcome changes nothing.
pub(crate) async fn hook(handler: &LifecycleHandler, target: Target, ports: &[ContainerPort]) {
    if let Some(pause) = &handler.sleep {
        tokio::time::sleep(Duration::from_secs(pause.seconds.unsigned_abs())).await;
    } else if let Some(get) = &handler.http_get {
        http(get, target, ports).await;
    } else if let Some(exec) = &handler.exec {
        command(exec, target).await;
    }
}

async fn connection(host: Option<&String>, port: Option<u16>, target: Target) -> bool {
    let Some(port) = port else { return false };
    let host = host.cloned().unwrap_or_else(|| target.address.to_string());
    TcpStream::connect((host, port)).await.is_ok()
}

/// A status from 200 to 399 is a yes.
async fn http(get: &HTTPGetAction, target: Target, ports: &[ContainerPort]) -> bool {
    if get.scheme.as_deref() == Some("HTTPS") {
        return connection(get.host.as_ref(), number(&get.port, ports), target).await;
    }
    let host = get.host.clone().unwrap_or_else(|| target.address.to_string());
    let Some(port) = number(&get.port, ports) else { return false };
    let Ok(stream) = TcpStream::connect((host.as_str(), port)).await else { return false };
    let Ok((mut sender, connection)) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await else {
        return false;
    };
    let path = get.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("/");
    let mut request = Request::get(path).header("user-agent", "kube-probe/1.36").header("connection", "close");
    let own = get.http_headers.iter().flatten();
    if !own.clone().any(|header| header.name.eq_ignore_ascii_case("host")) {
        request = request.header("host", format!("{host}:{port}"));
    }
    for header in own {
        request = request.header(&header.name, &header.value);
    }
    let Ok(request) = request.body(Empty::<Bytes>::new()) else { return false };
    // The connection may end in the moment that brings the answer: its end says nothing.
    let drive = async {
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = sender.send_request(request) => {
            answer.is_ok_and(|answer| (200..400).contains(&answer.status().as_u16()))
        }
        () = drive => false,
    }
}

/// An exit code of 0 is a yes. The command runs in the container's namespaces.
async fn command(exec: &ExecAction, target: Target) -> bool {
    let process = target.outer.and_then(first_process);
    let (Some(process), Some(words)) = (process, &exec.command) else { return false };
    let mut nsenter = tool::command("nsenter");
    nsenter.args(["--target", &process.to_string(), "--mount", "--net", "--pid", "--uts", "--ipc", "--"]).args(words);
    nsenter.status().await.is_ok_and(|status| status.success())
}

fn number(port: &IntOrString, ports: &[ContainerPort]) -> Option<u16> {
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => match ports.iter().find(|port| port.name.as_ref() == Some(name)) {
            Some(port) => port.container_port,
            None => name.parse().ok()?,
        },
    };
    u16::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_have_numbers_or_names() {
        let ports = [ContainerPort { name: Some("web".into()), container_port: 8080, ..ContainerPort::default() }];
        let found = [IntOrString::Int(80), IntOrString::String("web".into()), IntOrString::String("x".into())]
            .map(|port| number(&port, &ports));
        assert_eq!(found, [Some(80), Some(8080), None]);
    }
}
