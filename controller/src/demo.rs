//! `sluice demo`: the walk-through on one machine, with a stand-in for the provider where no key is given.
//!
//! The objects are the document's own, unchanged. That the provider's name leads to loopback, and that its private
//! authority is trusted, is a matter of this process alone.

mod account;
mod authority;
mod client;
mod lines;
mod provider;
mod scene;
mod screen;
mod stage;
mod trouble;

use std::io::{self, Write};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use crate::args::DemoArgs;
use crate::logging::{self, LogLevel};
use crate::outcome::Outcome;
use crate::signals::Signals;
use account::Account;
use screen::Screen;
use stage::Stage;
use trouble::{REPORT, Trouble};

/// A line of the access log follows the last byte of its answer at once.
const LOG_DELAY: Duration = Duration::from_secs(5);

/// Runs the demo until it is interrupted, or once.
///
/// # Errors
/// The answer cannot be written.
pub fn demo(args: DemoArgs) -> io::Result<Outcome> {
    logging::init(LogLevel::Warn);
    let runtime = tokio::runtime::Runtime::new()?;
    match runtime.block_on(play(args)) {
        Ok(()) => Ok(Outcome::Well),
        Err(Ending::Unwritable(error)) => Err(error),
        Err(Ending::Trouble(trouble)) => {
            writeln!(io::stderr(), "error: {trouble}")?;
            Ok(Outcome::Failed)
        }
    }
}

/// Why the demo ended before its end.
enum Ending {
    Trouble(Trouble),
    Unwritable(io::Error),
}

impl From<Trouble> for Ending {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<io::Error> for Ending {
    fn from(error: io::Error) -> Self {
        Self::Unwritable(error)
    }
}

async fn play(args: DemoArgs) -> Result<(), Ending> {
    let mut screen = Screen::new(args.json);
    let key = std::env::var(scene::KEY_VARIABLE).ok().filter(|key| !key.is_empty());
    let mut stage = Stage::set(key, args.port).await?;
    screen.question(&stage.provider_name(), stage.gateway, &args.question)?;
    let account = perform(&mut stage, &mut screen, &args.question).await;
    if account.is_ok() && !args.once {
        screen.invitation(stage.server.admin_address(), stage.gateway, stage.bound())?;
        serve(&mut stage.log, &mut screen).await?;
    }
    stage.server.drain().await;
    account
}

/// The one request, and what became of it.
async fn perform(stage: &mut Stage, screen: &mut Screen, question: &str) -> Result<(), Ending> {
    let mut written = Ok(());
    let reply = client::ask(stage.gateway, question, |token| {
        if written.is_ok() {
            written = screen.token(token);
        }
    });
    let reply = reply.await;
    let line = timeout(LOG_DELAY, stage.log.recv()).await.ok().flatten();
    let reply = match reply {
        Ok(reply) => reply,
        Err(trouble) => {
            screen.line(&line.unwrap_or_default())?;
            return Err(trouble.into());
        }
    };
    written?;
    let no_line = || Trouble::new("the access log says nothing of the request", REPORT);
    let line: Value = line.and_then(|line| serde_json::from_str(&line).ok()).ok_or_else(no_line)?;
    let account = Account::of(stage.gateway, &line, &stage.scene, stage.seen());
    Ok(screen.account(question, &reply, &account)?)
}

/// Serves until it is interrupted, and shows the access log meanwhile.
async fn serve(log: &mut UnboundedReceiver<String>, screen: &mut Screen) -> io::Result<()> {
    let mut signals = Signals::new()?;
    loop {
        tokio::select! {
            Some(line) = log.recv() => screen.line(&line)?,
            () = signals.next() => return Ok(()),
        }
    }
}
