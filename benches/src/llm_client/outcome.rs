//! What the client says of a run: the parts of its report that are compared.

use std::io;

use serde::{Deserialize, Serialize};

/// A run, in the client's own figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// From a request to its first token, in milliseconds.
    pub(crate) first_token: Spread,
    /// From one token to the next, each of them, in milliseconds.
    pub(crate) between_tokens: Spread,
    /// From a request to the end of its answer, in milliseconds.
    pub(crate) answer: Spread,
    pub(crate) requests_per_second: f64,
    pub(crate) tokens_per_second: f64,
    /// Requests that were answered.
    pub(crate) answered: u64,
    /// Requests that were not.
    pub(crate) failed: u64,
    /// The kinds of failures.
    pub(crate) failures: Vec<String>,
    /// Tokens of the shortest and of the longest answer.
    pub(crate) tokens: (u64, u64),
    /// It was stopped before its end.
    pub(crate) was_cancelled: bool,
}

/// Of many values.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// The report as it is written. A figure of which there is no value is left out.
#[derive(Deserialize)]
struct Export {
    time_to_first_token: Option<Spread>,
    // `inter_token_latency` is a mean of each answer, in which one token that is late does not show. In an event of the
    // provider is one token, so that chunks are tokens.
    inter_chunk_latency: Option<Spread>,
    request_latency: Option<Spread>,
    request_throughput: Option<Single>,
    output_token_throughput: Option<Single>,
    request_count: Option<Single>,
    error_request_count: Option<Single>,
    output_sequence_length: Option<Extremes>,
    error_summary: Vec<Failure>,
    was_cancelled: bool,
}

#[derive(Deserialize)]
struct Single {
    avg: f64,
}

#[derive(Deserialize)]
struct Extremes {
    min: f64,
    max: f64,
}

#[derive(Deserialize)]
struct Failure {
    error_details: Details,
    count: u64,
}

#[derive(Deserialize)]
struct Details {
    code: Option<u16>,
    #[serde(rename = "type")]
    kind: Option<String>,
    message: String,
}

impl Outcome {
    /// Reads the report.
    pub(crate) fn read(report: &[u8]) -> io::Result<Self> {
        let export: Export =
            serde_json::from_slice(report).map_err(|error| io::Error::other(format!("its report: {error}")))?;
        Ok(export.into())
    }

    /// What is wrong with a run of so many requests with answers of so many tokens, if anything is.
    pub(crate) fn fault(&self, requests: u64, tokens: u64) -> Option<String> {
        let (shortest, longest) = self.tokens;
        if self.failed > 0 {
            Some(format!("{} requests failed: {}", self.failed, self.failures.join("; ")))
        } else if self.was_cancelled || self.answered != requests {
            Some(format!("{} requests of {requests} were answered", self.answered))
        } else if (shortest, longest) != (tokens, tokens) {
            Some(format!("answers of {shortest} to {longest} tokens, and not of {tokens}"))
        } else {
            None
        }
    }
}

impl From<Export> for Outcome {
    fn from(export: Export) -> Self {
        let Export { time_to_first_token, inter_chunk_latency, request_latency, output_sequence_length, .. } = export;
        let single = |value: Option<Single>| value.map_or(0.0, |value| value.avg);
        // Counts, which are whole and fit.
        let count = |value: Option<Single>| single(value) as u64;
        Self {
            first_token: time_to_first_token.unwrap_or_default(),
            between_tokens: inter_chunk_latency.unwrap_or_default(),
            answer: request_latency.unwrap_or_default(),
            requests_per_second: single(export.request_throughput),
            tokens_per_second: single(export.output_token_throughput),
            answered: count(export.request_count),
            failed: count(export.error_request_count),
            failures: export.error_summary.into_iter().map(Failure::told).collect(),
            tokens: output_sequence_length.map_or((0, 0), |length| (length.min as u64, length.max as u64)),
            was_cancelled: export.was_cancelled,
        }
    }
}

impl Failure {
    fn told(self) -> String {
        let Self { error_details: Details { code, kind, message }, count } = self;
        let code = code.map(|code| format!("{code} ")).unwrap_or_default();
        let message: String = message.trim().chars().take(200).collect();
        format!("{count} × {code}{}: {message}", kind.as_deref().unwrap_or("unknown"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Of AIPerf 0.13.0, in part: figures of which nothing is read are left out.
    pub(crate) const WHOLE: &[u8] = include_bytes!("testdata/whole.json");
    /// The same of a provider that refuses some requests and breaks off in some answers.
    const FAILED: &[u8] = include_bytes!("testdata/failed.json");

    #[test]
    fn a_whole_run_is_read_and_has_no_fault() {
        let outcome = Outcome::read(WHOLE).unwrap();
        assert_eq!(outcome.first_token, Spread { p50: 21.872597, p99: 27.974006 });
        assert_eq!(outcome.between_tokens, Spread { p50: 20.835496, p99: 27.170933 });
        assert_eq!((outcome.answered, outcome.failed, outcome.tokens), (40, 0, (50, 50)));
        assert!((outcome.requests_per_second - 6.58).abs() < 0.01 && (outcome.tokens_per_second - 328.97).abs() < 0.01);
        assert_eq!(outcome.fault(40, 50), None);
    }

    #[test]
    fn failed_requests_are_a_fault_with_their_reasons() {
        let fault = Outcome::read(FAILED).unwrap().fault(40, 50).unwrap();
        assert!(
            fault.starts_with("7 requests failed: 4 × 503 Service Unavailable: no; 3 × ClientPayloadError: "),
            "{fault}"
        );
    }

    #[test]
    fn requests_and_tokens_that_are_missing_are_a_fault() {
        let outcome = Outcome::read(WHOLE).unwrap();
        assert_eq!(outcome.fault(41, 50).unwrap(), "40 requests of 41 were answered");
        assert_eq!(outcome.fault(40, 51).unwrap(), "answers of 50 to 50 tokens, and not of 51");
        assert!(Outcome { was_cancelled: true, ..outcome }.fault(40, 50).is_some());
    }

    #[test]
    fn a_report_of_another_form_is_an_error() {
        for report in [&b""[..], b"{}", br#"{"error_summary":[],"was_cancelled":1}"#] {
            assert!(Outcome::read(report).unwrap_err().to_string().starts_with("its report: "));
        }
    }
}
