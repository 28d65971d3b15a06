//! The messages that contents of resources are, written down once. Tags are never used again for something else.
//!
//! Proto 3: what is absent is the default. No maps, whose order would differ from run to run.

use bytes::Bytes;
use prost::{Enumeration, Message, Oneof};

/// Declares messages without `Debug`.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_attr:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Message)]
        #[prost(skip_debug)]
        pub(super) struct $name { $($(#[$field_attr])* pub(super) $field: $type,)* }
    )*};
}

/// Declares choices without `Debug`.
macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_attr:meta])* $variant:ident($type:ty),)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Oneof)]
        #[prost(skip_debug)]
        pub(super) enum $name { $($(#[$variant_attr])* $variant($type),)* }
    )*};
}

/// `listener::Protocol`; 0 is what an absent field means, and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Enumeration)]
#[repr(i32)]
pub(super) enum Protocol {
    Unspecified = 0,
    Http = 1,
}

/// `cluster::UpstreamProtocol`
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Enumeration)]
#[repr(i32)]
pub(super) enum UpstreamProtocol {
    Unspecified = 0,
    Auto = 1,
    H2c = 2,
}

messages! {
    /// A Gateway without its routes.
    Gateway {
        #[prost(string, tag = "1")] name: String,
        #[prost(string, repeated, tag = "2")] addresses: Vec<String>,
        #[prost(message, repeated, tag = "3")] listeners: Vec<Listener>,
    }

    Listener {
        #[prost(string, tag = "1")] name: String,
        #[prost(uint32, tag = "2")] port: u32,
        #[prost(enumeration = "Protocol", tag = "3")] protocol: i32,
        #[prost(string, optional, tag = "4")] hostname: Option<String>,
    }

    Route {
        #[prost(string, tag = "1")] created: String,
        #[prost(string, tag = "2")] key: String,
        #[prost(string, tag = "3")] kind: String,
        #[prost(message, repeated, tag = "4")] rules: Vec<Rule>,
        #[prost(message, repeated, tag = "5")] attachments: Vec<Attachment>,
    }

    /// A run of a listener's table: some rules of the route, reached by the same hosts.
    Attachment {
        #[prost(string, tag = "1")] listener: String,
        #[prost(string, repeated, tag = "2")] hosts: Vec<String>,
        /// Positions in the route's list.
        #[prost(uint32, repeated, tag = "3")] rules: Vec<u32>,
    }

    Rule {
        #[prost(string, tag = "1")] name: String,
        /// `Precedence::rule`
        #[prost(uint32, tag = "2")] place: u32,
        #[prost(message, repeated, tag = "3")] matches: Vec<RequestMatch>,
        #[prost(message, repeated, tag = "4")] edits: Vec<RequestEdit>,
        #[prost(message, repeated, tag = "5")] response_edits: Vec<ResponseEdit>,
        #[prost(message, optional, tag = "6")] timeouts: Option<Timeouts>,
        #[prost(oneof = "Action", tags = "7, 8, 9")] action: Option<Action>,
    }

    RequestMatch {
        #[prost(oneof = "PathMatch", tags = "1, 2, 3")] path: Option<PathMatch>,
        #[prost(string, optional, tag = "4")] method: Option<String>,
        #[prost(message, repeated, tag = "5")] headers: Vec<NamedMatch>,
        #[prost(message, repeated, tag = "6")] queries: Vec<NamedMatch>,
    }

    NamedMatch {
        #[prost(string, tag = "1")] name: String,
        #[prost(oneof = "ValueMatch", tags = "2, 3")] value: Option<ValueMatch>,
    }

    RequestEdit {
        #[prost(oneof = "RequestEditKind", tags = "1, 2, 3")] kind: Option<RequestEditKind>,
    }

    ResponseEdit {
        #[prost(oneof = "ResponseEditKind", tags = "1")] kind: Option<ResponseEditKind>,
    }

    HeaderModifier {
        #[prost(message, repeated, tag = "1")] set: Vec<Header>,
        #[prost(message, repeated, tag = "2")] add: Vec<Header>,
        #[prost(string, repeated, tag = "3")] remove: Vec<String>,
    }

    Header {
        #[prost(string, tag = "1")] name: String,
        #[prost(bytes = "bytes", tag = "2")] value: Bytes,
        #[prost(bool, tag = "3")] sensitive: bool,
    }

    UrlRewrite {
        #[prost(string, optional, tag = "1")] hostname: Option<String>,
        #[prost(message, optional, tag = "2")] path: Option<PathRewrite>,
    }

    PathRewrite {
        #[prost(oneof = "PathRewriteKind", tags = "1, 2")] kind: Option<PathRewriteKind>,
    }

    PrefixRewrite {
        #[prost(string, tag = "1")] prefix: String,
        #[prost(string, tag = "2")] replacement: String,
    }

    CredentialInjection {
        #[prost(string, tag = "1")] header: String,
        /// Name of the resource.
        #[prost(string, tag = "2")] credential: String,
        #[prost(bool, tag = "3")] overwrite: bool,
    }

    Credential {
        #[prost(string, tag = "1")] source: String,
        #[prost(bytes = "bytes", tag = "2")] value: Bytes,
    }

    Backends {
        #[prost(message, repeated, tag = "1")] backends: Vec<Backend>,
    }

    Backend {
        #[prost(uint32, tag = "1")] weight: u32,
        /// Name of the resource; absent where the reference is broken.
        #[prost(string, optional, tag = "2")] cluster: Option<String>,
        #[prost(message, repeated, tag = "3")] edits: Vec<RequestEdit>,
    }

    Redirect {
        #[prost(string, optional, tag = "1")] scheme: Option<String>,
        #[prost(string, optional, tag = "2")] hostname: Option<String>,
        #[prost(uint32, optional, tag = "3")] port: Option<u32>,
        #[prost(message, optional, tag = "4")] path: Option<PathRewrite>,
        #[prost(uint32, tag = "5")] status: u32,
    }

    DirectResponse {
        #[prost(uint32, tag = "1")] status: u32,
        #[prost(oneof = "AnswerBody", tags = "2, 3")] body: Option<AnswerBody>,
    }

    FixedBody {
        #[prost(bytes = "bytes", optional, tag = "1")] content_type: Option<Bytes>,
        #[prost(bytes = "bytes", tag = "2")] body: Bytes,
    }

    Timeouts {
        #[prost(message, optional, tag = "1")] request: Option<Span>,
        #[prost(message, optional, tag = "2")] backend_request: Option<Span>,
        #[prost(message, optional, tag = "3")] idle: Option<Span>,
    }

    /// A span of time.
    Span {
        #[prost(uint64, tag = "1")] seconds: u64,
        #[prost(uint32, tag = "2")] nanoseconds: u32,
    }

    Cluster {
        #[prost(string, tag = "1")] name: String,
        #[prost(message, repeated, tag = "2")] endpoints: Vec<Endpoint>,
        #[prost(message, optional, tag = "3")] tls: Option<UpstreamTls>,
        #[prost(enumeration = "UpstreamProtocol", tag = "4")] protocol: i32,
    }

    Endpoint {
        #[prost(oneof = "EndpointKind", tags = "1, 2")] kind: Option<EndpointKind>,
    }

    Fqdn {
        #[prost(string, tag = "1")] hostname: String,
        #[prost(uint32, tag = "2")] port: u32,
    }

    UpstreamTls {
        #[prost(string, tag = "1")] hostname: String,
        #[prost(oneof = "Roots", tags = "2, 3")] roots: Option<Roots>,
    }

    CaBundle {
        #[prost(bytes = "vec", repeated, tag = "1")] certificates: Vec<Vec<u8>>,
    }

    /// A variant without content.
    Nothing {}
}

choices! {
    Action {
        #[prost(message, tag = "7")] Forward(Backends),
        #[prost(message, tag = "8")] Redirect(Redirect),
        #[prost(message, tag = "9")] Answer(DirectResponse),
    }

    PathMatch {
        #[prost(string, tag = "1")] Exact(String),
        #[prost(string, tag = "2")] Prefix(String),
        #[prost(string, tag = "3")] Regex(String),
    }

    ValueMatch {
        #[prost(string, tag = "2")] Exact(String),
        #[prost(string, tag = "3")] Regex(String),
    }

    RequestEditKind {
        #[prost(message, tag = "1")] Headers(HeaderModifier),
        #[prost(message, tag = "2")] Rewrite(UrlRewrite),
        #[prost(message, tag = "3")] Credential(CredentialInjection),
    }

    ResponseEditKind {
        #[prost(message, tag = "1")] Headers(HeaderModifier),
    }

    PathRewriteKind {
        #[prost(string, tag = "1")] Full(String),
        #[prost(message, tag = "2")] Prefix(PrefixRewrite),
    }

    AnswerBody {
        #[prost(message, tag = "2")] Fixed(FixedBody),
        #[prost(string, tag = "3")] Broken(String),
    }

    EndpointKind {
        #[prost(message, tag = "1")] Fqdn(Fqdn),
        #[prost(string, tag = "2")] Ip(String),
    }

    Roots {
        #[prost(message, tag = "2")] System(Nothing),
        /// Name of the resource.
        #[prost(string, tag = "3")] Bundle(String),
    }
}
