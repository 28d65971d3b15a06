//! The API types: what users write, field by field, in the words of their CRDs.
//!
//! Sources: Gateway API v1.6.1 `apis/v1` and Envoy Gateway v1.9.0 `api/v1alpha1` (both Apache-2.0), field names and
//! shapes only. Enumerations are texts here, so that an object of a newer CRD never stops the reading of its kind;
//! translation knows the values. Fields that Sluice does not act on are kept as raw values, so that they are known
//! from misspelt ones. A field that is in no CRD is refused, as `kubectl apply` does; but of Kubernetes' own kinds only
//! the fields that matter are known, and the others are passed over.

mod backend;
mod backend_tls_policy;
mod core;
mod endpoint_slice;
mod envoy_proxy;
mod gateway;
mod http_route;
mod http_route_filter;
mod null;
mod reference;
mod reference_grant;
mod service;

pub use backend::{Backend, BackendEndpoint, FqdnEndpoint, IpEndpoint};
pub use backend_tls_policy::{BackendTLSPolicy, PolicyTargetReference, SubjectAltName, Validation};
pub use core::{ConfigMap, Namespace, Secret, SecretBytes};
pub use endpoint_slice::{EndpointConditions, EndpointSlice, SliceEndpoint, SlicePort};
pub use envoy_proxy::{
    ContainerSettings, DaemonSetSettings, DeploymentSettings, DisruptionBudgetSettings, EnvoyProxy, EnvoyProxyProvider,
    EnvoyProxySpec, ExternalTrafficPolicy, IpFamily, KubernetesProvider, KubernetesServiceType, MergeType, ObjectPatch,
    PodAutoscalerSettings, PodSettings, ProviderType, ProxyLogLevel, ProxyLogging, ServiceAccountSettings,
    ServiceSettings, Shutdown,
};
pub use gateway::{
    AllowedRoutes, Gateway, GatewayAddress, GatewayClass, GatewayInfrastructure, GatewayListener, LabelSelector,
    LabelSelectorRequirement, RouteGroupKind, RouteNamespaces,
};
pub use http_route::{
    HTTPBackendRef, HTTPHeader, HTTPHeaderFilter, HTTPPathModifier, HTTPRequestRedirect, HTTPRoute, HTTPRouteFilterRef,
    HTTPRouteMatch, HTTPRouteRule, HTTPRouteTimeouts, HTTPURLRewrite, NamedMatch, PathMatch,
};
pub use http_route_filter::{
    Credential, CredentialInjection, DirectResponse, DirectResponseBody, HTTPRouteFilter, HTTPRouteFilterRewrite,
};
pub use reference::{LocalObjectReference, ParentReference, SecretObjectReference};
pub use reference_grant::{ReferenceGrant, ReferenceGrantFrom, ReferenceGrantTo};
pub use service::{Service, ServicePort};
