//! The ways in which an API server, or the way to it, fails.

use std::time::Duration;

/// One way. What is not named in it goes on as usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Versions are too old: running watches end with an `ERROR` of code 410, new ones are answered so, by turns as an
    /// event and as a status. Lists are in order.
    Gone,
    /// Connections are reset, the running ones at once, new ones when they ask for something.
    Reset,
    /// Lists take so long.
    SlowLists(Duration),
    /// 429 to everything, with so many seconds in `Retry-After`. Running watches go on.
    TooManyRequests(u32),
    /// 500 to everything. Running watches go on.
    InternalError,
    /// Lists are answered as they were when they were recorded: the first time, or since
    /// [`super::FaultProxy::record_anew`].
    StaleLists,
    /// Lists of a resource, such as `httproutes`, end after so many items, and say that they are whole.
    ShortLists {
        /// The resource in the path.
        resource: &'static str,
        /// How many items are left.
        keep: usize,
    },
    /// Everything is taken and nothing answered; running watches fall silent. When it ends, what was pending is closed.
    Hang,
    /// Running watches fall silent, and tell all of it when this ends.
    Silence,
    /// Lists are cut in the middle, running watches end within an event. All of it is well-formed HTTP.
    Garbage,
}
