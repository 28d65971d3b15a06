//! What the demo shows: text for people, coloured on a terminal, or one line of JSON for programs.

use std::io::{self, IsTerminal, Stdout, Write};
use std::net::SocketAddr;

use serde_json::json;
use sluice_gateway::server::Bound;

use super::account::Account;
use super::client::{MODEL, PATH, PLACEHOLDER, Reply};
use crate::sink::ready::announce;

/// Standard output, and how to write to it.
pub(super) struct Screen {
    out: Stdout,
    style: Style,
}

/// A form of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Colour,
    Plain,
    Json,
}

impl Screen {
    pub(super) fn new(is_json: bool) -> Self {
        let out = io::stdout();
        let style = match is_json {
            true => Style::Json,
            // https://no-color.org
            false if out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) => Style::Colour,
            false => Style::Plain,
        };
        Self { out, style }
    }

    /// Who will be asked, and what.
    pub(super) fn question(&mut self, provider: &str, gateway: SocketAddr, question: &str) -> io::Result<()> {
        self.title("Sluice demo")?;
        self.text(&format!(
            "  the walk-through's objects are served at http://{gateway}; the provider is {provider}\n"
        ))?;
        self.title(&format!("\n> {question}"))
    }

    /// A piece of the answer, at once; without what a terminal would obey.
    pub(super) fn token(&mut self, text: &str) -> io::Result<()> {
        self.text(&text.replace(|c: char| c.is_control() && c != '\n', ""))
    }

    /// What the gateway did.
    pub(super) fn account(&mut self, question: &str, reply: &Reply, account: &Account) -> io::Result<()> {
        if self.style == Style::Json {
            let (answer, time) = (&reply.text, reply.first_token.map(|first| first.as_secs_f64() * 1000.0));
            let seconds = reply.whole.as_secs_f64();
            let client = json!({ "time_to_first_token_ms": time, "seconds": seconds });
            let line = json!({
                "event": "demo", "question": question, "answer": answer, "client": client, "account": account
            });
            return writeln!(self.out, "{line}");
        }
        self.text("\n\n")?;
        self.title("What the gateway did")?;
        self.text(&account.to_string())
    }

    /// How to go on.
    pub(super) fn invitation(&mut self, admin: SocketAddr, gateway: SocketAddr, bound: &[Bound]) -> io::Result<()> {
        if self.style == Style::Json {
            return announce(admin, bound);
        }
        self.title("\nYour turn (Ctrl-C ends it; each request prints its line of the access log)")?;
        self.text(&format!(
            "
  curl -N http://{gateway}{PATH} -H 'Authorization: {PLACEHOLDER}' -H 'Content-Type: application/json' \\
    -d '{{\"model\":\"{MODEL}\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"Hello!\"}}]}}'

  from openai import OpenAI
  client = OpenAI(base_url=\"http://{gateway}/v1\", api_key=\"placeholder\")
  print(client.chat.completions.create(model=\"{MODEL}\", messages=[{{\"role\": \"user\", \"content\": \"Hello!\"}}]))

  metrics: http://{admin}/metrics   what is served: http://{admin}/config_dump   your own objects: sluice run FOLDER

"
        ))
    }

    /// A line of the access log.
    pub(super) fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")
    }

    fn title(&mut self, text: &str) -> io::Result<()> {
        match self.style {
            Style::Colour => writeln!(self.out, "\u{1b}[1m{text}\u{1b}[0m"),
            Style::Plain => writeln!(self.out, "{text}"),
            Style::Json => Ok(()),
        }
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        if self.style != Style::Json {
            write!(self.out, "{text}")?;
            self.out.flush()?;
        }
        Ok(())
    }
}
