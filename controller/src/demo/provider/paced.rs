//! A body that takes its time, as a model does.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Between two pieces: about the pace of a fast model.
const PACE: Duration = Duration::from_millis(30);

/// Pieces, and the beat to which they come; all at once without one.
pub(super) struct Paced {
    pieces: std::vec::IntoIter<Bytes>,
    beat: Option<Interval>,
}

impl Paced {
    pub(super) fn at_once(whole: Bytes) -> Self {
        Self { pieces: vec![whole].into_iter(), beat: None }
    }

    pub(super) fn over_time(pieces: Vec<Bytes>) -> Self {
        let mut beat = interval(PACE);
        // A reader that is slow does not get a burst afterwards.
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { pieces: pieces.into_iter(), beat: Some(beat) }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Self { pieces, beat } = &mut *self;
        if let Some(beat) = beat.as_mut().filter(|_| pieces.len() > 0) {
            ready!(beat.poll_tick(context));
        }
        Poll::Ready(pieces.next().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.beat, self.pieces.as_slice()) {
            (None, pieces) => SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum()),
            // A stream does not know its length beforehand.
            (Some(_), _) => SizeHint::default(),
        }
    }
}
