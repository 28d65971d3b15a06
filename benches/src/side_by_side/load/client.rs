//! One connection after the other, and what is asked on it.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use std::{future, io};

use super::events::Events;
use super::link::Link;
use super::schedule::Schedule;
use super::script::{Heads, Message, StreamOf};
use super::tally::{Fault, Tally};
use crate::side_by_side::alarm::Alarm;
use crate::side_by_side::clock::Moment;

/// After a fault: who answers wrongly can do so much faster than rightly.
const BREATH: Duration = Duration::from_millis(10);

/// What all clients share.
pub(super) struct Run {
    pub(super) target: SocketAddr,
    pub(super) heads: Heads,
    pub(super) request: Message,
    pub(super) alarm: Rc<Alarm>,
    pub(super) tally: RefCell<Tally>,
}

/// It opens another connection when it has lost its own.
pub(super) struct Client {
    index: usize,
    run: Rc<Run>,
    link: Option<Link>,
}

impl Client {
    /// A client that has asked once.
    pub(super) async fn open(run: Rc<Run>, index: usize) -> io::Result<Self> {
        let link = Some(Link::open(run.target).await?);
        let mut client = Self { index, run, link };
        client.ask(Moment::now()).await;
        Ok(client)
    }

    /// Asks as soon as it has the answer.
    pub(super) async fn ask_again_and_again(mut self) {
        loop {
            self.ask(Moment::now()).await;
        }
    }

    /// Asks when it is due, or as soon after as it can.
    pub(super) async fn ask_on_schedule(mut self, schedule: Rc<Schedule>) {
        loop {
            let due = schedule.take();
            self.wait(due).await;
            self.ask(due).await;
        }
    }

    /// Follows one stream after the other.
    pub(super) async fn follow_streams(mut self, begin: Moment, first: StreamOf, others: Rc<StreamOf>) {
        self.wait(begin).await;
        let mut next = &first;
        loop {
            let followed = self.follow(next).await;
            self.settle(followed).await;
            next = &others;
        }
    }

    /// Does nothing while its connection is open, and asks once on each other that it needs.
    pub(super) async fn rest(mut self) {
        loop {
            if let Some(link) = &self.link {
                link.closed().await;
                self.link = None;
            }
            self.ask(Moment::now()).await;
        }
    }

    /// Waits for a moment, with a connection that is open.
    async fn wait(&mut self, due: Moment) {
        let mut until = self.run.alarm.until(due);
        loop {
            if self.link.is_none() {
                // Who cannot be reached now is asked again when it is due.
                self.link = Link::open(self.run.target).await.ok();
            }
            let closed = async {
                match &self.link {
                    Some(link) => link.closed().await,
                    None => future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = &mut until => return,
                () = closed => self.link = None,
            }
        }
    }

    /// Asks once; the latency counts from when it was due.
    async fn ask(&mut self, due: Moment) {
        self.run.tally.borrow_mut().waits(self.index, due);
        let answered = self.exchange(due).await;
        self.settle(answered).await;
    }

    async fn settle(&mut self, outcome: Result<(), Fault>) {
        self.run.tally.borrow_mut().rests(self.index);
        if let Err(fault) = outcome {
            self.link = None;
            self.run.tally.borrow_mut().fault(fault);
            self.run.alarm.until(Moment::now() + BREATH).await;
        }
    }

    async fn exchange(&mut self, due: Moment) -> Result<(), Fault> {
        let Self { run, link, .. } = self;
        let Run { target, heads, request, tally, .. } = &**run;
        let open = connected(link, *target).await?;
        let sent = Moment::now();
        open.send(heads.next(), &request.tail).await?;
        let (head, begun) = open.head(request).await?;
        let done = open.completion(head.body, begun).await?;
        let mut tally = tally.borrow_mut();
        tally.first_byte(begun.since(sent));
        tally.answer(done.since(due));
        if head.closes {
            *link = None;
        }
        Ok(())
    }

    async fn follow(&mut self, stream: &StreamOf) -> Result<(), Fault> {
        let Self { run, link, index } = self;
        let Run { target, heads, tally, .. } = &**run;
        let sent = Moment::now();
        tally.borrow_mut().waits(*index, sent);
        let open = connected(link, *target).await?;
        open.send(heads.next(), &stream.message.tail).await?;
        let (head, begun) = open.head(&stream.message).await?;
        tally.borrow_mut().first_byte(begun.since(sent));
        let mut events = Events::default();
        let each = |data: &[u8], arrived: Moment| {
            let mut tally = tally.borrow_mut();
            tally.waits(*index, arrived);
            events.add(data, &mut |at| tally.answer(arrived.since(at)))
        };
        open.body(head.body, begun, each).await?;
        if head.closes {
            *link = None;
        }
        events.end(stream.events)
    }
}

async fn connected(link: &mut Option<Link>, target: SocketAddr) -> io::Result<&mut Link> {
    match link {
        Some(open) => Ok(open),
        none => Ok(none.insert(Link::open(target).await?)),
    }
}
