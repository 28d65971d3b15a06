//! What the translation of a route looks things up in.

use crate::objects::Objects;
use crate::translate::filter::Extensions;
use crate::translate::upstream::Upstreams;

/// The objects, and the verdicts on those that routes refer to.
#[derive(Clone, Copy)]
pub(crate) struct World<'a> {
    pub(crate) objects: &'a Objects,
    pub(crate) upstreams: &'a Upstreams<'a>,
    pub(crate) extensions: &'a Extensions<'a>,
}
