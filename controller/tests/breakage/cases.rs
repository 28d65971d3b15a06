//! All kinds of breakage.

mod backend;
mod filter;
mod gateway;
mod policy;
mod route;
mod service;

use crate::case::Case;

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    [route::all(), filter::all(), backend::all(), policy::all(), service::all(), gateway::all()]
        .into_iter()
        .flatten()
        .collect()
}
