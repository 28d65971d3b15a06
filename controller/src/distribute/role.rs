//! Which of several controllers replicas follow.

use std::net::SocketAddr;

/// What this controller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It holds the lease.
    Leader,
    /// Another one does. While nobody is known to, it serves as a leader would.
    Follower {
        /// Where the leader serves streams.
        leader: Option<SocketAddr>,
    },
}

impl Role {
    /// Where replicas should go instead.
    pub fn elsewhere(self) -> Option<SocketAddr> {
        match self {
            Self::Leader => None,
            Self::Follower { leader } => leader,
        }
    }
}
