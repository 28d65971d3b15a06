//! The lease that one of several controllers holds: the holder alone writes statuses and infrastructure.

mod holder;
mod term;

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client, Error};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

pub use holder::Holder;
use term::{Step, Term};

/// Name of the lease, in the controller's namespace.
pub const NAME: &str = "sluice-controller";

/// How long others wait after the last renewal that they saw.
const DURATION: Duration = Duration::from_secs(15);

/// A holder that could not renew for this long has stopped, well before others may begin.
const HELD: Duration = Duration::from_secs(10);

/// Pause between two looks at the lease, and between renewals.
const PAUSE: Duration = Duration::from_secs(2);

/// Who holds the lease, as far as this controller knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leadership {
    /// Until when this controller may write, if it may.
    pub until: Option<Instant>,
    /// Whoever holds the lease, this controller or another.
    pub holder: Option<Holder>,
}

impl Leadership {
    /// Whether this controller may write now.
    pub fn is_ours(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }

    /// For a controller that is the only one: it may write always.
    pub fn alone(holder: Holder) -> Self {
        // Further away than any process runs; `Instant` has no end of time.
        let for_ever = Instant::now() + Duration::from_secs(100 * 365 * 24 * 3600);
        Self { until: Some(for_ever), holder: Some(holder) }
    }
}

/// This controller's part in the election.
pub struct Election {
    leadership: watch::Receiver<Leadership>,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Election {
    /// Takes part.
    pub fn start(client: Client, namespace: &str, me: Holder) -> Self {
        let (tell, leadership) = watch::channel(Leadership::default());
        let (stop, stopped) = watch::channel(false);
        let leases = Api::namespaced(client, namespace);
        let candidate = Candidate { leases, me, term: Term::default(), tell };
        Self { leadership, stop, task: Some(tokio::spawn(candidate.run(stopped))) }
    }

    /// Takes no part: this controller is the only one.
    pub fn alone(me: Holder) -> Self {
        let (tell, leadership) = watch::channel(Leadership::alone(me));
        // The channel stays open for as long as the sender is kept.
        let (stop, mut stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            drop(stopped.wait_for(|stop| *stop).await);
            drop(tell);
        });
        Self { leadership, stop, task: Some(task) }
    }

    /// Who holds the lease.
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.leadership.clone()
    }

    /// Stops, and gives the lease back if this controller holds it, so that another need not wait for its end.
    pub async fn release(mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take() {
            drop(timeout(PAUSE, task).await);
        }
    }
}

/// One controller that takes part.
struct Candidate {
    leases: Api<Lease>,
    me: Holder,
    term: Term,
    tell: watch::Sender<Leadership>,
}

impl Candidate {
    async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            // A round that hangs must not outlast the right to write; that right ends by the clock in any case.
            match timeout(HELD / 2, self.round()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the lease cannot be read or written"),
                Err(_) => tracing::warn!("the API server does not answer about the lease"),
            }
            self.publish();
            tokio::select! {
                () = sleep(PAUSE) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        self.tell.send_modify(|leadership| leadership.until = None);
        if let Err(error) = self.give_back().await {
            tracing::warn!(%error, "the lease is not given back: it runs out");
        }
    }

    async fn round(&mut self) -> Result<(), Error> {
        let found = self.leases.get_opt(NAME).await?;
        let now = Instant::now();
        let text = self.me.to_string();
        match self.term.step(found.as_ref().map(term::Record::of).as_ref(), &text, now) {
            Step::Wait => Ok(()),
            Step::Create => {
                let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
                let spec = Some(spec(text, LeaseSpec::default(), true));
                let written = self.leases.create(&PostParams::default(), &Lease { metadata, spec }).await;
                self.written(written, now)
            }
            Step::Take | Step::Renew => {
                let mut lease = found.unwrap_or_default();
                let is_taken = self.term.held_until.is_none();
                lease.spec = Some(spec(text, lease.spec.unwrap_or_default(), is_taken));
                let written = self.leases.replace(NAME, &PostParams::default(), &lease).await;
                self.written(written, now)
            }
        }
    }

    /// The right to write counts from before the request: others count from when they see it.
    fn written(&mut self, written: Result<Lease, Error>, asked: Instant) -> Result<(), Error> {
        match written {
            Ok(lease) => {
                self.term.held(&term::Record::of(&lease), asked, HELD);
                Ok(())
            }
            // Another was faster: the next look shows who.
            Err(Error::Api(status)) if status.code == 409 => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn publish(&self) {
        let until = self.term.held_until.filter(|until| Instant::now() < *until);
        let holder = self.term.holder().map(Holder::parse);
        self.tell.send_if_modified(|leadership| {
            if leadership.until.is_some() != until.is_some() {
                tracing::info!(leader = until.is_some(), holder = self.term.holder(), "leadership");
            }
            let next = Leadership { until, holder };
            let differs = *leadership != next;
            *leadership = next;
            differs
        });
    }

    async fn give_back(&mut self) -> Result<(), Error> {
        if self.term.held_until.is_none() {
            return Ok(());
        }
        let Some(mut lease) = self.leases.get_opt(NAME).await? else { return Ok(()) };
        let mine = self.me.to_string();
        if lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_ref()) != Some(&mine) {
            return Ok(());
        }
        let before = lease.spec.take().unwrap_or_default();
        lease.spec = Some(LeaseSpec { holder_identity: None, lease_duration_seconds: Some(1), ..before });
        self.leases.replace(NAME, &PostParams::default(), &lease).await.map(drop)
    }
}

fn spec(holder: String, before: LeaseSpec, is_taken: bool) -> LeaseSpec {
    let now = MicroTime(Timestamp::now());
    let transitions = before.lease_transitions.unwrap_or_default() + i32::from(is_taken);
    LeaseSpec {
        holder_identity: Some(holder),
        lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
        acquire_time: if is_taken { Some(now.clone()) } else { before.acquire_time },
        renew_time: Some(now),
        lease_transitions: Some(transitions),
        ..LeaseSpec::default()
    }
}
