//! Everything known of one finished request, and its one line of JSON.
//!
//! Field names are those of Envoy's access log as JSON (Istio's spelling, `text` names of the command operators), the
//! `gen_ai.*` ones OpenTelemetry's. A field that is not known is left out. Whatever the client chose is cut to
//! [`LONGEST`] bytes and escaped: no line end, no quote and no control character of a terminal gets through.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use http::Version;

use super::fields::Fields;
use super::flag::ResponseFlag;
use super::mask::masked;
use super::timestamp::timestamp;
use crate::ai::{Exchange, Operation};

/// Longest text of a client that is logged, in bytes.
pub const LONGEST: usize = 2048;

/// One finished request.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// When its head had been read.
    pub start_time: SystemTime,
    /// The method.
    pub method: &'a str,
    /// Path and query as the client sent them; values of query parameters that look like secrets are masked.
    pub path: &'a [u8],
    /// The client's protocol.
    pub protocol: Version,
    /// The status that the client got; 0 when it got none.
    pub response_code: u16,
    /// Why the answer is not the upstream's own, whole one.
    pub response_flags: ResponseFlag,
    /// The same in words without spaces, such as `via_upstream` or `route_not_found`. Never from the client.
    pub response_code_details: &'a str,
    /// What went wrong with the connection to the upstream. Never holds a secret.
    pub upstream_transport_failure_reason: Option<&'a str>,
    /// Bytes of the request's body that came in.
    pub bytes_received: u64,
    /// Bytes of the answer's body that went out.
    pub bytes_sent: u64,
    /// From the head to the last byte of the answer; logged in milliseconds.
    pub duration: Duration,
    /// From the head to the first byte from the upstream; logged in milliseconds.
    pub upstream_service_time: Option<Duration>,
    /// The client's `X-Forwarded-For`.
    pub x_forwarded_for: Option<&'a [u8]>,
    /// The client's `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// The request's `X-Request-Id`, as it went upstream.
    pub request_id: Option<&'a [u8]>,
    /// `Host` or `:authority`, as the client sent it; a user name and password before `@`, which do not belong there,
    /// are masked.
    pub authority: Option<&'a [u8]>,
    /// The address of the last attempt.
    pub upstream_host: Option<SocketAddr>,
    /// The name of the last attempt's cluster (`Cluster::name`).
    pub upstream_cluster: Option<&'a str>,
    /// The TLS version towards the upstream, such as `TLSv1.3`; `None` without TLS.
    pub upstream_tls: Option<&'a str>,
    /// The protocol that was negotiated with the upstream, such as `h2`.
    pub upstream_alpn: Option<&'a str>,
    /// Attempts at an upstream; 0 when there was none.
    pub attempts: u32,
    /// The name of the rule (`RouteRule::name`).
    pub route_name: Option<&'a str>,
    /// Namespace and name of the Gateway.
    pub gateway: &'a str,
    /// The name of its listener.
    pub listener: Option<&'a str>,
    /// The client's address.
    pub downstream_remote_address: Option<SocketAddr>,
    /// What was read of an exchange with a model.
    pub exchange: Option<&'a Exchange>,
}

impl Record<'_> {
    /// Adds its line, with the line end.
    pub fn write_line(&self, line: &mut Vec<u8>) {
        let mut fields = Fields::new(line);
        self.write_answer(&mut fields);
        self.write_request(&mut fields);
        self.write_places(&mut fields);
        if let Some(exchange) = self.exchange {
            write_exchange(exchange, &mut fields);
        }
        fields.end();
    }

    fn write_answer(&self, fields: &mut Fields<'_>) {
        fields.plain("start_time", timestamp(self.start_time).as_bytes());
        sent("method", Some(self.method.as_bytes()), fields);
        if self.path.contains(&b'?') {
            fields.text("path", &masked(&shortened(self.path)));
        } else {
            sent("path", Some(self.path), fields);
        }
        fields.plain("protocol", protocol(self.protocol).as_bytes());
        fields.number("response_code", self.response_code.into());
        fields.plain("response_flags", self.response_flags.as_str().as_bytes());
        fields.text("response_code_details", self.response_code_details);
        fields.maybe_text("upstream_transport_failure_reason", self.upstream_transport_failure_reason);
        fields.number("bytes_received", self.bytes_received);
        fields.number("bytes_sent", self.bytes_sent);
        fields.number("duration", milliseconds(self.duration));
        fields.maybe_number("upstream_service_time", self.upstream_service_time.map(milliseconds));
    }

    fn write_request(&self, fields: &mut Fields<'_>) {
        sent("x_forwarded_for", self.x_forwarded_for, fields);
        sent("user_agent", self.user_agent, fields);
        sent("request_id", self.request_id, fields);
        match self.authority {
            Some(bytes) if bytes.contains(&b'@') => fields.text("authority", &authority(bytes)),
            bytes => sent("authority", bytes, fields),
        }
    }

    fn write_places(&self, fields: &mut Fields<'_>) {
        fields.maybe_address("upstream_host", self.upstream_host);
        fields.maybe_text("upstream_cluster", self.upstream_cluster);
        fields.maybe_text("upstream_tls", self.upstream_tls);
        fields.maybe_text("upstream_alpn", self.upstream_alpn);
        fields.number("attempts", self.attempts.into());
        fields.maybe_text("route_name", self.route_name);
        fields.text("gateway", self.gateway);
        fields.maybe_text("listener", self.listener);
        fields.maybe_address("downstream_remote_address", self.downstream_remote_address);
    }
}

/// An exchange under OpenTelemetry's names; times in seconds.
fn write_exchange(exchange: &Exchange, fields: &mut Fields<'_>) {
    fields.maybe_text("gen_ai.operation.name", exchange.operation.map(Operation::as_str));
    fields.maybe_text("gen_ai.request.model", exchange.request_model.as_deref());
    fields.maybe_text("gen_ai.response.model", exchange.response_model.as_deref());
    fields.boolean("gen_ai.request.stream", exchange.streamed);
    fields.maybe_number("gen_ai.usage.input_tokens", exchange.input_tokens);
    fields.maybe_number("gen_ai.usage.output_tokens", exchange.output_tokens);
    fields.maybe_number("gen_ai.usage.cache_read.input_tokens", exchange.cached_tokens);
    fields.maybe_number("gen_ai.usage.reasoning.output_tokens", exchange.reasoning_tokens);
    fields.maybe_seconds("gen_ai.server.time_to_first_token", exchange.time_to_first_token);
    fields.maybe_seconds("gen_ai.server.time_per_output_token", exchange.time_per_output_token);
    // Our own; the convention has no word for it.
    fields.text("gen_ai.response.ending", exchange.ending.as_str());
}

/// What a client has sent, which mostly is plain and not long.
fn sent(name: &'static str, bytes: Option<&[u8]>, fields: &mut Fields<'_>) {
    let Some(bytes) = bytes else { return };
    if bytes.len() > LONGEST || !fields.takes(name, bytes) {
        fields.text(name, &shortened(bytes));
    }
}

fn authority(bytes: &[u8]) -> Cow<'_, str> {
    let text = shortened(bytes);
    match text.rsplit_once('@') {
        Some((_, host)) => format!("***@{host}").into(),
        None => text,
    }
}

fn shortened(bytes: &[u8]) -> Cow<'_, str> {
    match bytes.get(..LONGEST) {
        Some(start) if start.len() < bytes.len() => format!("{}…", String::from_utf8_lossy(start)).into(),
        _ => String::from_utf8_lossy(bytes),
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
impl<'a> Record<'a> {
    /// A record for tests.
    pub(super) fn sample(path: &'a [u8]) -> Self {
        Self {
            start_time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_422_820_007),
            method: "POST",
            path,
            protocol: Version::HTTP_11,
            response_code: 200,
            response_flags: ResponseFlag::None,
            response_code_details: "via_upstream",
            upstream_transport_failure_reason: None,
            bytes_received: 7365,
            bytes_sent: 552,
            duration: Duration::from_micros(1_234_567),
            upstream_service_time: Some(Duration::from_millis(1200)),
            x_forwarded_for: None,
            user_agent: Some(b"AsyncOpenAI/Python 3.54.0"),
            request_id: Some(b"6ec2c6cb"),
            authority: Some(b"10.0.0.1:8080"),
            upstream_host: Some(([203, 0, 113, 7], 443).into()),
            upstream_cluster: Some("backend/ai/qwen"),
            upstream_tls: Some("TLSv1.3"),
            upstream_alpn: Some("h2"),
            attempts: 1,
            route_name: Some("httproute/ai/qwen/rule/0"),
            gateway: "ai/model-gateway",
            listener: Some("http"),
            downstream_remote_address: Some(([127, 0, 0, 1], 40000).into()),
            exchange: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::is_obeyed;
    use super::*;
    use crate::ai::Ending;

    fn text(record: &Record<'_>) -> String {
        let mut line = Vec::new();
        record.write_line(&mut line);
        String::from_utf8(line).unwrap()
    }

    fn parsed(record: &Record<'_>) -> serde_json::Value {
        serde_json::from_str(&text(record)).unwrap()
    }

    #[test]
    fn a_line_has_envoys_names() {
        let expected = concat!(
            r#"{"start_time":"2026-11-23T08:33:40.007Z","method":"POST","path":"/v1/chat/completions","#,
            r#""protocol":"HTTP/1.1","response_code":200,"response_flags":"-","response_code_details":"via_upstream","#,
            r#""bytes_received":7365,"bytes_sent":552,"duration":1234,"upstream_service_time":1200,"#,
            r#""user_agent":"AsyncOpenAI/Python 3.54.0","request_id":"6ec2c6cb","authority":"10.0.0.1:8080","#,
            r#""upstream_host":"203.0.113.7:443","upstream_cluster":"backend/ai/qwen","upstream_tls":"TLSv1.3","#,
            r#""upstream_alpn":"h2","attempts":1,"route_name":"httproute/ai/qwen/rule/0","#,
            r#""gateway":"ai/model-gateway","listener":"http","downstream_remote_address":"127.0.0.1:40000"}"#,
            "\n"
        );
        assert_eq!(text(&Record::sample(b"/v1/chat/completions")), expected);
    }

    #[test]
    fn an_exchange_adds_opentelemetrys_names() {
        let exchange = Exchange {
            operation: Some(Operation::Chat),
            request_model: Some("qwen\n-plus".to_owned()),
            response_model: Some("qwen-plus".to_owned()),
            streamed: true,
            input_tokens: Some(759),
            output_tokens: Some(5),
            cached_tokens: Some(0),
            reasoning_tokens: None,
            time_to_first_token: Some(Duration::from_millis(250)),
            time_per_output_token: None,
            ending: Ending::Done,
        };
        let line = text(&Record { exchange: Some(&exchange), ..Record::sample(b"/") });
        let expected = concat!(
            r#""gen_ai.operation.name":"chat","gen_ai.request.model":"qwen\n-plus","#,
            r#""gen_ai.response.model":"qwen-plus","gen_ai.request.stream":true,"gen_ai.usage.input_tokens":759,"#,
            r#""gen_ai.usage.output_tokens":5,"gen_ai.usage.cache_read.input_tokens":0,"#,
            r#""gen_ai.server.time_to_first_token":0.25,"gen_ai.response.ending":"done"}"#,
            "\n"
        );
        assert!(line.ends_with(expected), "{line}");
    }

    #[test]
    fn nothing_a_client_sends_leaves_its_field() {
        let nasty = "\"}\n{\"response_code\":500,\u{1b}[2J\u{9b}31m\u{7f}\r\0\\\u{2028}\u{202e}\u{feff}ü";
        let mut raw = nasty.as_bytes().to_vec();
        raw.extend(b"\xff\xfe");
        let record = Record {
            method: nasty,
            user_agent: Some(&raw),
            x_forwarded_for: Some(&raw),
            request_id: Some(&raw),
            authority: Some(&raw),
            ..Record::sample(&raw)
        };
        let line = text(&record);
        let (body, end) = line.split_at(line.len() - 1);
        assert_eq!(end, "\n");
        assert!(!body.chars().any(is_obeyed), "{body:?}");
        let value = parsed(&record);
        assert_eq!((&value["response_code"], &value["method"]), (&200.into(), &nasty.into()));
        for field in ["path", "user_agent", "x_forwarded_for", "request_id", "authority"] {
            assert_eq!(value[field], format!("{nasty}\u{fffd}\u{fffd}"), "{field}");
        }
    }

    #[test]
    fn secrets_and_length_are_kept_out() {
        assert_eq!(parsed(&Record::sample(b"/v1?key=marker&a=1"))["path"], "/v1?key=***&a=1");
        let record = Record { authority: Some(b"user:marker@host"), ..Record::sample(b"/") };
        assert_eq!(parsed(&record)["authority"], "***@host");
        let long = [b"/v1?key=".as_slice(), &b"marker".repeat(1000)].concat();
        assert_eq!(parsed(&Record::sample(&long))["path"], "/v1?key=***");
        let long = "ü".repeat(LONGEST);
        let line = parsed(&Record { user_agent: Some(long.as_bytes()), ..Record::sample(b"/") });
        assert_eq!(line["user_agent"], format!("{}…", "ü".repeat(LONGEST / 2)));
    }
}
