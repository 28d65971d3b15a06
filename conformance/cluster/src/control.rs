//! Orders to a running bed, by a socket in its folder: one JSON object each way per connection.

use std::io;
use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::UnboundedSender;

use crate::component::Component;
use crate::control_plane::ControlPlane;
use crate::signal::Signal;

/// What can be done to a part of the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Start it; done when it is ready.
    Start,
    /// Ask it to end, as a rollout does; done when it has.
    Stop,
    /// End it without a word, as a lost machine does.
    Kill,
    /// Let it hang: connections stay, nothing answers.
    Pause,
    /// The end of a pause.
    Resume,
    /// Say whether it runs, as which process, in how much memory.
    Status,
}

/// An order.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Order {
    /// For a part of the control plane.
    Component(Component, Action),
    /// For the command that runs in the bed.
    Signal(Signal),
}

type Answer = Result<String, String>;

/// Takes orders from now on. Signals go on to whoever runs the command.
pub(crate) fn serve(socket: &Path, plane: Arc<ControlPlane>, signals: UnboundedSender<Signal>) -> io::Result<()> {
    let listener = UnixListener::bind(socket)?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (plane, signals) = (Arc::clone(&plane), signals.clone());
            // One that gives up its connection no longer wants the answer.
            tokio::spawn(async move { drop(answer(stream, &plane, &signals).await) });
        }
    });
    Ok(())
}

async fn answer(stream: UnixStream, plane: &ControlPlane, signals: &UnboundedSender<Signal>) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).await?;
    let answer: Answer = match serde_json::from_str(&line) {
        Ok(Order::Component(component, action)) => {
            obey(plane, component, action).await.map_err(|error| error.to_string())
        }
        Ok(Order::Signal(signal)) => signals.send(signal).map(|()| String::new()).map_err(|error| error.to_string()),
        Err(error) => Err(format!("no such order: {error}")),
    };
    writer.write_all(serde_json::to_string(&answer)?.as_bytes()).await
}

async fn obey(plane: &ControlPlane, component: Component, action: Action) -> io::Result<String> {
    let name = component.program();
    match action {
        Action::Start => plane.start(component).await.map(|()| format!("{name} is ready")),
        Action::Stop => plane.stop(component).await.map(|()| format!("{name} is stopped")),
        Action::Kill => plane.kill(component).await.map(|()| format!("{name} is killed")),
        Action::Pause => plane.signal(component, Signal::Pause).await.map(|()| format!("{name} is paused")),
        Action::Resume => plane.signal(component, Signal::Resume).await.map(|()| format!("{name} goes on")),
        Action::Status => Ok(plane.status(component).await),
    }
}

/// Gives an order; returns what the bed says when it has been carried out.
pub(crate) async fn ask(socket: &Path, order: Order) -> io::Result<String> {
    let stream = UnixStream::connect(socket).await;
    let stream =
        stream.map_err(|error| io::Error::other(format!("no bed answers at {}: {error}", socket.display())))?;
    let (reader, mut writer) = stream.into_split();
    writer.write_all(format!("{}\n", serde_json::to_string(&order)?).as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).await?;
    serde_json::from_str::<Answer>(&line)?.map_err(io::Error::other)
}
