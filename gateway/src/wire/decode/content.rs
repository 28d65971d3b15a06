//! The content of a resource, read whole, and what several kinds of it have in common.

use prost::Message;

use crate::matcher::host::HostPattern;
use crate::wire::error::{DecodeError, Flaw};
use crate::wire::resource::Resource;

/// Reads the message in a resource, all of it.
///
/// # Errors
/// The content is not what its hash says, is no such message, or holds a field that this version does not know.
pub(super) fn message<M: Message + Default>(resource: &Resource) -> Result<M, DecodeError> {
    let error = |problem: &str| Flaw::new(problem).of(&resource.name);
    if !resource.is_whole() {
        return Err(error("the content is not what its hash says"));
    }
    let message = M::decode(resource.content.clone()).map_err(|_| error("is malformed"))?;
    // Unknown fields are skipped by the decoder. Bytes are canonical, so that what was skipped is missed here.
    if message.encode_to_vec() != resource.content {
        return Err(error("holds something that this version does not know"));
    }
    Ok(message)
}

/// A hostname.
pub(super) fn host(text: &str) -> Result<HostPattern, Flaw> {
    text.parse().map_err(|_| Flaw::new("is no hostname"))
}
