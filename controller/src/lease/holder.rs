//! Who holds the lease: a name that is one process's own, and where that process is reached.

use std::fmt;
use std::net::SocketAddr;

/// A controller, as the lease names it: `NAME_ADDRESS:PORT`, or `NAME` where it is not known where it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Name of its pod, or another that no other controller has.
    pub name: String,
    /// Where replicas reach its stream.
    pub address: Option<SocketAddr>,
}

impl Holder {
    /// Reads what a lease says. Any text is a name.
    pub fn parse(identity: &str) -> Self {
        let with_address = identity.rsplit_once('_').and_then(|(name, address)| Some((name, address.parse().ok()?)));
        match with_address {
            Some((name, address)) => Self { name: name.to_owned(), address: Some(address) },
            None => Self { name: identity.to_owned(), address: None },
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(f, "{}_{address}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for identity in ["sluice-7f-x_10.0.0.7:18000", "a_b_[fd00::1]:18000", "someone", "odd_one", ""] {
            assert_eq!(Holder::parse(identity).to_string(), identity);
        }
        assert_eq!(Holder::parse("a_b_[fd00::1]:18000").name, "a_b");
        assert_eq!(Holder::parse("pod_10.0.0.7:18000").address, Some(([10, 0, 0, 7], 18000).into()));
        assert_eq!(Holder::parse("odd_one").address, None);
    }
}
