//! The load generator: asks, checks each answer to its last byte, and measures.

mod client;
mod events;
mod link;
mod schedule;
mod script;
mod tally;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{JoinSet, spawn_local};
use tokio::time::timeout;

use super::alarm::Alarm;
use super::clock::{Moment, processor_time};
use super::work::{Kind, Said, Work};
use client::{Client, Run};
use schedule::Schedule;
use script::{Heads, Message, StreamOf};
use tally::Tally;

/// Connections that are opened together: fewer than the queue of any listener holds.
const STEP: usize = 32;

/// For a step to get its first answers.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the connections stay after the end, for whoever looks at the memory that they take.
const LINGER: Duration = Duration::from_millis(200);

/// Does the work and says what is to be said, on a runtime of one thread. It is an error if the connections cannot be
/// opened; what goes wrong later is part of the measurement.
pub async fn run(work: Work, mut say: impl FnMut(Said) -> io::Result<()>) -> io::Result<()> {
    let run = Rc::new(Run {
        target: work.target,
        heads: Heads::of(&work),
        request: Message::request(&work),
        alarm: Alarm::start()?,
        tally: RefCell::new(Tally::of(&work)?),
    });
    let clients = open(&run, work.connections).await?;
    let start = Moment::now();
    let schedule = set_to_work(clients, &work, start);
    run.alarm.until(start + Duration::from_millis(work.warm_up_ms)).await;
    let (begin, used) = (Moment::now(), processor_time());
    run.tally.borrow_mut().begin();
    say(Said::Begins)?;
    run.alarm.until(begin + Duration::from_millis(work.measure_ms)).await;
    let end = Moment::now();
    let mut measured = run.tally.borrow_mut().end(end, schedule.as_deref());
    measured.seconds = end.since(begin).as_secs_f64();
    measured.own_cpu_seconds = (processor_time() - used).as_secs_f64();
    say(Said::Ended(measured))?;
    run.alarm.until(end + LINGER).await;
    Ok(())
}

/// Opens all connections, step by step. Each has had an answer, so none of them waits in a queue any more.
async fn open(run: &Rc<Run>, connections: usize) -> io::Result<Vec<Client>> {
    let mut clients = Vec::with_capacity(connections);
    while clients.len() < connections {
        let mut opening = JoinSet::new();
        for index in clients.len()..connections.min(clients.len() + STEP) {
            opening.spawn_local(Client::open(Rc::clone(run), index));
        }
        let opened = timeout(PATIENCE, opening.join_all()).await;
        let opened = opened.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no answer on a new connection"))?;
        for client in opened {
            clients.push(client?);
        }
    }
    Ok(clients)
}

/// Lets each client begin, and returns their schedule if they have one.
fn set_to_work(clients: Vec<Client>, work: &Work, start: Moment) -> Option<Rc<Schedule>> {
    match work.kind {
        Kind::Requests { per_second: None, .. } => {
            clients.into_iter().for_each(|client| drop(spawn_local(client.ask_again_and_again())));
            None
        }
        Kind::Requests { per_second: Some(per_second), .. } => {
            let schedule = Rc::new(Schedule::new(start, per_second));
            for client in clients {
                spawn_local(client.ask_on_schedule(Rc::clone(&schedule)));
            }
            Some(schedule)
        }
        Kind::Streams { events, pause_ms } => {
            let (all, pause) = (clients.len(), Duration::from_millis(pause_ms));
            let stream = Rc::new(StreamOf::new(work, events, pause));
            for (index, client) in clients.into_iter().enumerate() {
                let begin = start + pause.mul_f64(index as f64 / all as f64);
                let first = StreamOf::new(work, 1 + events.saturating_sub(1) * index / all, pause);
                spawn_local(client.follow_streams(begin, first, Rc::clone(&stream)));
            }
            None
        }
        Kind::Idle => {
            clients.into_iter().for_each(|client| drop(spawn_local(client.rest())));
            None
        }
    }
}
