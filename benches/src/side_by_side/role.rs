//! The parts that the bench plays when it has started itself again.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;
use serde_json::json;
use tokio::net::TcpListener;

use super::floor;
use super::load;
use super::mock::Mock;
use super::thread::single_threaded;
use super::work::Work;

/// One part, with what it has to know.
#[derive(Debug, PartialEq)]
pub enum Role {
    /// `mock --ca FILE`: answers until its standard input ends. It writes its authority's certificate to the file, and
    /// then prints its [`Addresses`](super::mock::Addresses).
    Mock {
        /// Where the certificate goes.
        ca: PathBuf,
    },
    /// `load WORK`: works, and prints what it has to say.
    Load(Box<Work>),
    /// `floor TARGET`: forwards bytes until its standard input ends. It prints where it is `listening`.
    Floor {
        /// Where they go.
        target: SocketAddr,
    },
}

impl Role {
    /// The role that the arguments name; `None` if they name none.
    pub fn of(arguments: &[String]) -> Result<Option<Self>, String> {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        Ok(Some(match arguments[..] {
            ["mock", "--ca", file] => Self::Mock { ca: file.into() },
            ["load", work] => Self::Load(serde_json::from_str(work).map_err(|error| format!("the work: {error}"))?),
            ["floor", target] => Self::Floor { target: target.parse().map_err(|_| format!("no address: {target}"))? },
            [name @ ("mock" | "load" | "floor"), ..] => return Err(format!("{name}: other arguments are expected")),
            _ => return Ok(None),
        }))
    }

    /// Plays it to its end.
    pub fn play(self) -> io::Result<()> {
        allow_files()?;
        single_threaded(async {
            match self {
                Self::Mock { ca } => mock(ca).await,
                Self::Load(work) => load::run(*work, |said| say(&said)).await,
                Self::Floor { target } => floor(target).await,
            }
        })?
    }
}

async fn mock(ca: PathBuf) -> io::Result<()> {
    let mock = Mock::bind().await?;
    std::fs::write(ca, mock.ca_pem())?;
    say(&mock.addresses()?)?;
    until_input_ends(mock.serve()).await
}

async fn floor(target: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    say(&json!({ "listening": listener.local_addr()? }))?;
    until_input_ends(floor::forward(listener, target)).await
}

/// So that nothing outlives a bench that was killed.
async fn until_input_ends(serving: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    let ended = tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new()));
    tokio::select! {
        served = serving => served,
        ended = ended => ended?.map(drop),
    }
}

fn say(line: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(line)?)?;
    out.flush()
}

/// A thousand connections on both sides are more files than many a shell allows.
pub(crate) fn allow_files() -> io::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &[&str]) -> Result<Option<Role>, String> {
        Role::of(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_name_a_role_or_none() {
        assert_eq!(of(&["mock", "--ca", "ca.pem"]), Ok(Some(Role::Mock { ca: "ca.pem".into() })));
        assert_eq!(of(&["floor", "127.0.0.1:80"]), Ok(Some(Role::Floor { target: ([127, 0, 0, 1], 80).into() })));
        assert_eq!(of(&["--quick", "--bench"]), Ok(None));
        assert_eq!(of(&[]), Ok(None));
    }

    #[test]
    fn a_role_without_what_it_needs_is_an_error() {
        for arguments in [&["mock"][..], &["floor", "there"], &["load", "{}"], &["load"]] {
            assert!(of(arguments).is_err(), "{arguments:?}");
        }
    }
}
