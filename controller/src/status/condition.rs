//! Conditions and reasons: the only place where their words are written.

use std::fmt;

/// A closed list of words that are spelt as they are named.
macro_rules! words {
    ($(#[$attribute:meta])* $name:ident { $($word:ident),* $(,)? }) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        // Each word is defined by the specification named above; a sentence here would only repeat it.
        #[allow(missing_docs)]
        pub enum $name { $($word),* }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$word),*];

            /// The word as statuses carry it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$word => stringify!($word)),* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// Types of condition (Gateway API v1.6.1 `GatewayConditionType`, `ListenerConditionType`, `RouteConditionType`,
    /// `PolicyConditionType`; `BackendsAvailable` and `Warning` are Envoy Gateway's). The order is the order in which an
    /// object's conditions are told.
    ConditionType { Accepted, Programmed, ResolvedRefs, BackendsAvailable, Conflicted, PartiallyInvalid, Warning }
}

words! {
    /// Whether a condition holds (Kubernetes `ConditionStatus`).
    ConditionStatus { True, False, Unknown }
}

words! {
    /// Reasons of conditions (Gateway API v1.6.1; the ones with `Backend`, `Address`, `Endpoints` and `Port` in routes are
    /// Envoy Gateway's).
    Reason {
        // what is well
        Accepted, Programmed, ResolvedRefs, NoConflicts,
        // Gateway, GatewayClass, EnvoyProxy
        AddressNotAssigned, AddressNotUsable, InvalidParameters, ListenersNotValid, NoResources, Pending, UnsupportedAddress,
        UnsupportedField,
        // listeners
        HostnameConflict, InvalidRouteKinds, PortUnavailable, UnsupportedProtocol,
        // routes
        BackendNotFound, EndpointsNotFound, IncompatibleFilters, InvalidBackendFilters, InvalidBackendRef, InvalidBackendTLS,
        InvalidKind, NoMatchingListenerHostname, NoMatchingParent, NotAllowedByListeners, PortNotFound,
        PortNotSpecified, RefNotPermitted, UnsupportedAddressType, UnsupportedValue,
        // policies and backends
        Conflicted, Invalid, InvalidCACertificateRef, NoValidCACertificate,
    }
}

/// One condition of an object, a listener, a parent or an ancestor. Times and generations are added where it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What it is about.
    pub kind: ConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in one word.
    pub reason: Reason,
    /// Why, in a sentence. Never contains a value of a Secret.
    pub message: String,
}

impl Condition {
    /// The condition holds.
    pub fn holds(kind: ConditionType, reason: Reason, message: impl Into<String>) -> Self {
        Self { kind, status: ConditionStatus::True, reason, message: message.into() }
    }

    /// The condition does not hold.
    pub fn fails(kind: ConditionType, reason: Reason, message: impl Into<String>) -> Self {
        Self { kind, status: ConditionStatus::False, reason, message: message.into() }
    }

    /// It is not known yet whether the condition holds.
    pub fn pending(kind: ConditionType, message: impl Into<String>) -> Self {
        Self { kind, status: ConditionStatus::Unknown, reason: Reason::Pending, message: message.into() }
    }

    /// True when it holds for no reason but that all is well.
    pub fn is_as_it_should_be(&self) -> bool {
        self.is_true() && self.reason.as_str() == self.kind.as_str()
    }

    /// True when it says that it holds.
    pub fn is_true(&self) -> bool {
        self.status == ConditionStatus::True
    }
}

/// One line: `Accepted: False UnsupportedValue, secret ai/dashscope does not exist`. What holds as it should is just
/// `Accepted: True`.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.status)?;
        if self.is_as_it_should_be() {
            return Ok(());
        }
        write!(f, " {}", self.reason)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ", {}", self.message) }
    }
}
