//! `Backend.spec.tls`: what a Backend says of its own TLS.

use serde_json::{Map, Value};

use crate::api::LocalObjectReference;
use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};

/// What is supported of it. Everything else in `spec.tls` is refused, since leaving it out would weaken what was
/// asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct BackendTls {
    pub(crate) ca_certificate_refs: Vec<LocalObjectReference>,
    pub(crate) well_known_ca_certificates: Option<String>,
    pub(crate) sni: Option<String>,
    /// The endpoint's own name is the SNI.
    pub(crate) sni_from_endpoint: bool,
}

impl BackendTls {
    /// Reads `spec.tls`.
    pub(crate) fn parse(value: &Value, place: &Place) -> Result<Self, Fault> {
        let mut tls = Self::default();
        for (field, value) in value.as_object().unwrap_or(&Map::new()) {
            let understood = match (field.as_str(), value) {
                (_, Value::Null) | ("insecureSkipVerify", Value::Bool(false)) => true,
                ("wellKnownCACertificates", Value::String(text)) => {
                    tls.well_known_ca_certificates = Some(text.clone());
                    true
                }
                ("sni", Value::String(text)) => {
                    tls.sni = Some(text.clone());
                    true
                }
                ("autoSNIFromEndpointHostname", Value::Bool(on)) => {
                    tls.sni_from_endpoint = *on;
                    true
                }
                ("caCertificateRefs", list) => match serde_json::from_value(list.clone()) {
                    Ok(references) => {
                        tls.ca_certificate_refs = references;
                        true
                    }
                    Err(_) => false,
                },
                _ => false,
            };
            if !understood {
                return Err(refused(field, place));
            }
        }
        Ok(tls)
    }
}

fn refused(field: &str, place: &Place) -> Fault {
    let remedy = "use sni with caCertificateRefs or wellKnownCACertificates, or attach a BackendTLSPolicy";
    let fault = place.at(field.to_owned()).error(format!("{field} is not supported, or not in this form"), remedy);
    fault.fails(ConditionType::Accepted, Reason::Invalid)
}
