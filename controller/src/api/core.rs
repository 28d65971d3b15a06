//! Kinds of the core group: `Secret`, `ConfigMap`, `Namespace`.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::Error;
use serde_json::Value;

/// A Secret: `data` decoded, `stringData` laid over it, as the API server does.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(from = "RawSecret")]
pub struct Secret {
    /// Values by key.
    pub data: BTreeMap<String, SecretBytes>,
}

/// Bytes that must never be seen: `Debug` says `<redacted>`, and there is no `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(Vec<u8>);

/// A ConfigMap; `binaryData` decoded beside `data`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(from = "RawConfigMap")]
pub struct ConfigMap {
    /// Values by key.
    pub data: BTreeMap<String, Vec<u8>>,
}

/// A Namespace; only its labels matter.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct Namespace {
    pub spec: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawSecret {
    #[serde(default)]
    data: BTreeMap<String, Base64>,
    #[serde(default)]
    string_data: BTreeMap<String, String>,
    #[serde(rename = "type")]
    _type: Option<String>,
    #[serde(rename = "immutable")]
    _immutable: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawConfigMap {
    #[serde(default)]
    data: BTreeMap<String, String>,
    #[serde(default)]
    binary_data: BTreeMap<String, Base64>,
    #[serde(rename = "immutable")]
    _immutable: Option<bool>,
}

struct Base64(Vec<u8>);

impl SecretBytes {
    /// The bytes, for the one place that makes a credential or a certificate of them.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

impl From<RawSecret> for Secret {
    fn from(raw: RawSecret) -> Self {
        let RawSecret { data, string_data, _type: _, _immutable: _ } = raw;
        let decoded = data.into_iter().map(|(key, Base64(bytes))| (key, SecretBytes(bytes)));
        let plain = string_data.into_iter().map(|(key, text)| (key, SecretBytes(text.into_bytes())));
        Self { data: decoded.chain(plain).collect() }
    }
}

impl From<RawConfigMap> for ConfigMap {
    fn from(raw: RawConfigMap) -> Self {
        let RawConfigMap { data, binary_data, _immutable: _ } = raw;
        let text = data.into_iter().map(|(key, text)| (key, text.into_bytes()));
        Self { data: text.chain(binary_data.into_iter().map(|(key, Base64(bytes))| (key, bytes))).collect() }
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        STANDARD.decode(text).map(Self).map_err(|_| D::Error::custom("is no base64 text"))
    }
}
