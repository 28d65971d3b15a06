//! The figures that are compared.

use super::outcome::Outcome;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    FirstTokenP50,
    FirstTokenP99,
    BetweenTokensP50,
    BetweenTokensP99,
    AnswerP50,
    AnswerP99,
    RequestsPerSecond,
    TokensPerSecond,
}

impl Figure {
    /// In the order of the table.
    pub(crate) const ALL: [Self; 8] = [
        Self::FirstTokenP50,
        Self::FirstTokenP99,
        Self::BetweenTokensP50,
        Self::BetweenTokensP99,
        Self::AnswerP50,
        Self::AnswerP99,
        Self::RequestsPerSecond,
        Self::TokensPerSecond,
    ];

    /// As the table says it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::FirstTokenP50 => "time to first token, p50 ms",
            Self::FirstTokenP99 => "time to first token, p99 ms",
            Self::BetweenTokensP50 => "inter-token latency, p50 ms",
            Self::BetweenTokensP99 => "inter-token latency, p99 ms",
            Self::AnswerP50 => "whole answer, p50 ms",
            Self::AnswerP99 => "whole answer, p99 ms",
            Self::RequestsPerSecond => "requests a second",
            Self::TokensPerSecond => "output tokens a second",
        }
    }

    /// Its value in a run.
    pub(crate) fn of(self, outcome: &Outcome) -> f64 {
        match self {
            Self::FirstTokenP50 => outcome.first_token.p50,
            Self::FirstTokenP99 => outcome.first_token.p99,
            Self::BetweenTokensP50 => outcome.between_tokens.p50,
            Self::BetweenTokensP99 => outcome.between_tokens.p99,
            Self::AnswerP50 => outcome.answer.p50,
            Self::AnswerP99 => outcome.answer.p99,
            Self::RequestsPerSecond => outcome.requests_per_second,
            Self::TokensPerSecond => outcome.tokens_per_second,
        }
    }
}
