//! `HTTPRouteFilter.spec.credentialInjection`: the only place where a Secret becomes a credential.

use http::header::{AUTHORIZATION, HOST, HeaderName};
use sluice_gateway::filter::credential::{Credential, CredentialInjection};

use crate::api::{self, SecretObjectReference};
use crate::objects::key::Key;
use crate::objects::{Kind, Objects};
use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};
use crate::translate::filter::headers;
use crate::translate::grant::{self, Referent};

/// The key of the Secret (Envoy Gateway `InjectedCredentialKey`).
const SECRET_KEY: &str = "credential";

/// What to inject, for the HTTPRouteFilter `filter`.
pub(crate) fn translate(
    objects: &Objects,
    filter: &Key,
    given: &api::CredentialInjection,
) -> Result<CredentialInjection, Fault> {
    let api::CredentialInjection { header: name, overwrite, credential: api::Credential { value_ref } } = given;
    let place = Place::of(Kind::HTTPRouteFilter, filter).at("spec.credentialInjection");
    let header = name.as_ref().map_or(Ok(AUTHORIZATION), |text| header(text, &place.at("header")));
    let credential = credential(objects, filter, value_ref, &place.at("credential.valueRef"));
    match (header, credential) {
        (Ok(header), Ok(credential)) => Ok(CredentialInjection { header, credential, overwrite: *overwrite }),
        (Err(fault), _) | (_, Err(fault)) => Err(fault.fails(ConditionType::Accepted, Reason::UnsupportedValue)),
    }
}

/// Any header but those that say where a request goes and where it ends.
fn header(text: &str, place: &Place) -> Result<HeaderName, Fault> {
    let name = headers::name(text, place)?;
    if name == HOST {
        return Err(place.error("a credential cannot be the Host header", "name the header that the provider reads"));
    }
    Ok(name)
}

fn credential(
    objects: &Objects,
    filter: &Key,
    reference: &SecretObjectReference,
    place: &Place,
) -> Result<Credential, Fault> {
    let SecretObjectReference { group, kind, name, namespace } = reference;
    if (group.as_str(), kind.as_str()) != (Kind::Secret.group(), Kind::Secret.name()) {
        let message = format!("credentials of kind {kind} in group {group:?} are not supported");
        return Err(place.at("kind").error(message, "refer to a Secret"));
    }
    let key = Key::new(namespace.as_deref().unwrap_or(&filter.namespace), name.as_str());
    let referent = Referent::of(Kind::Secret, &key);
    if !grant::permits(objects, (Kind::HTTPRouteFilter, &filter.namespace), referent) {
        let message = format!("no ReferenceGrant permits the reference to secret {key}");
        return Err(place.at("namespace").error(message, grant::remedy(Kind::HTTPRouteFilter, referent)));
    }
    let secret = objects.secrets.get(&key).ok_or_else(|| {
        let remedy = format!("create it with the key {SECRET_KEY}");
        place.at("name").error(format!("secret {key} does not exist"), remedy)
    })?;
    let bytes = secret.spec.data.get(SECRET_KEY).ok_or_else(|| {
        let remedy = format!("store the whole header value under {SECRET_KEY}");
        place.at("name").error(format!("secret {key} has no key {SECRET_KEY}"), remedy)
    })?;
    let credential = Credential::new(bytes.reveal()).map_err(|invalid| {
        let remedy = format!("store the whole header value under {SECRET_KEY}, such as `Bearer …`");
        place.at("name").error(format!("key {SECRET_KEY} of secret {key} {}", invalid.0), remedy)
    })?;
    Ok(credential.from_source(format!("secret/{key}")))
}
