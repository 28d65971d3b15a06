//! Reads the API server's audit log: who did what to which objects, and what the answer was.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use serde::Deserialize;

/// The log; it grows while it is read.
#[derive(Debug, Clone)]
pub struct AuditLog(PathBuf);

/// One answered request (`audit.k8s.io/v1` Event at level Metadata). A watch is logged when it begins and when it ends.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Who asked.
    pub user: User,
    /// get, list, watch, create, update, patch, delete, deletecollection; in lower case the HTTP method of a URL.
    pub verb: String,
    /// The URL's path and query.
    #[serde(rename = "requestURI")]
    pub uri: String,
    /// Of which objects; none for URLs such as /readyz.
    #[serde(default)]
    pub object_ref: Option<ObjectRef>,
    /// What was answered; none for a watch that was cut.
    #[serde(default)]
    pub response_status: Option<ResponseStatus>,
}

/// Who asked.
#[derive(Debug, Clone, Deserialize)]
pub struct User {
    /// As `system:serviceaccount:NAMESPACE:NAME`; empty for whoever could not say who it is.
    #[serde(default)]
    pub username: String,
}

/// Which objects were asked for; empty where the request named none.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectRef {
    /// The API group; empty for the core one.
    pub api_group: String,
    /// In the plural, as in a role.
    pub resource: String,
    /// Such as `status`.
    pub subresource: String,
    /// The namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
}

/// What was answered.
#[derive(Debug, Clone, Deserialize)]
pub struct ResponseStatus {
    /// The HTTP status.
    #[serde(default)]
    pub code: u16,
}

/// What a rule of a role would have to allow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// The API group; empty for the core one.
    pub group: String,
    /// `RESOURCE` or `RESOURCE/SUBRESOURCE`, as in a role.
    pub resource: String,
    /// The verb.
    pub verb: String,
}

impl AuditLog {
    /// The log in that file.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// All requests so far, in the order of their answers.
    ///
    /// # Errors
    /// There is no such file, or a line in it is no audit event.
    pub fn requests(&self) -> io::Result<Vec<Request>> {
        let text = fs::read_to_string(&self.0)?;
        // What follows the last line end is being written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).map_err(io::Error::other)).collect()
    }

    /// What a user has been doing to objects, once each.
    ///
    /// # Errors
    /// As [`Self::requests`].
    pub fn calls_of(&self, user: &str) -> io::Result<BTreeSet<Call>> {
        let requests = self.requests()?;
        Ok(requests.iter().filter(|request| request.user.username == user).filter_map(Request::call).collect())
    }
}

impl Request {
    /// What a role would have to allow; none for a URL that is no object's.
    pub fn call(&self) -> Option<Call> {
        let object = self.object_ref.as_ref()?;
        let resource = match object.subresource.as_str() {
            "" => object.resource.clone(),
            subresource => format!("{}/{subresource}", object.resource),
        };
        Some(Call { group: object.api_group.clone(), resource, verb: self.verb.clone() })
    }

    /// The HTTP status of the answer, 0 if there was none.
    pub fn code(&self) -> u16 {
        self.response_status.as_ref().map_or(0, |status| status.code)
    }
}
