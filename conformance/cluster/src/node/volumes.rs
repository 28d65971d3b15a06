//! The volumes of one pod on disk: filled before its containers start, and kept up to date while they run.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::core::v1::{PodSpec, Volume};
use tokio::time::Instant;

use crate::node::context::Context;
use crate::node::facts::Facts;
use crate::node::furnish::{Place, Places};
use crate::node::missing::Missing;
use crate::node::publish::publish;
use crate::node::token::Tokens;
use crate::node::volume::{Content, Files, Origin, content};

/// How soon a token is asked for again that was not given.
const RETRY: Duration = Duration::from_secs(5);
/// Never, for a clock that cannot wait longer.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// A pod's volumes.
#[derive(Debug)]
pub(crate) struct Volumes {
    dir: PathBuf,
    tokens: Tokens,
    due: Instant,
    places: Places,
    published: BTreeMap<String, Files>,
}

impl Volumes {
    /// None yet; they will lie in the folder `dir`.
    pub(crate) fn new(dir: PathBuf) -> Self {
        let due = Instant::now() + FAR;
        Self { dir, tokens: Tokens::default(), due, places: Places::new(), published: BTreeMap::new() }
    }

    /// Where they are.
    pub(crate) fn places(&self) -> Places {
        self.places.clone()
    }

    /// When the tokens are to be renewed.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Fills all of them.
    ///
    /// # Errors
    /// Something that one of them is made from is not there.
    pub(crate) async fn fill(&mut self, facts: &Facts, context: &Context) -> Result<(), Missing> {
        let life = self.tokens.request(&context.client, facts).await?;
        self.due = Instant::now() + life.unwrap_or(FAR);
        self.write(facts, context)
    }

    /// Brings them up to date with their objects. What is absent now stays as it was, as in a kubelet.
    pub(crate) fn follow(&mut self, facts: &Facts, context: &Context) {
        if let Err(missing) = self.write(facts, context) {
            tracing::debug!(pod = facts.name(), %missing, "a volume stays as it was");
        }
    }

    /// Asks for new tokens.
    pub(crate) async fn renew(&mut self, facts: &Facts, context: &Context) {
        if let Err(missing) = self.fill(facts, context).await {
            tracing::warn!(pod = facts.name(), %missing, "renewal of tokens");
            self.due = Instant::now() + RETRY;
        }
    }

    fn write(&mut self, facts: &Facts, context: &Context) -> Result<(), Missing> {
        let Some(spec) = facts.spec() else { return Ok(()) };
        let mut absent = None;
        for volume in spec.volumes.iter().flatten() {
            let origin = Origin { facts, sources: &*context.sources, tokens: &self.tokens };
            match content(volume, origin) {
                Ok(content) => self.place(volume, content, spec)?,
                Err(missing) => absent = Some(missing),
            }
        }
        absent.map_or(Ok(()), Err)
    }

    fn place(&mut self, volume: &Volume, content: Content, spec: &PodSpec) -> Result<(), Missing> {
        let path = self.dir.join(&volume.name);
        let fail = |error: std::io::Error| {
            tracing::warn!(volume = volume.name, %error, "a volume cannot be written");
            Missing::Volume { name: volume.name.clone() }
        };
        let group = spec.security_context.as_ref().and_then(|security| u32::try_from(security.fs_group?).ok());
        let place = match content {
            Content::Host(path) => Place { path, read_only: false },
            Content::Empty => {
                empty(&path, group).map_err(fail)?;
                Place { path, read_only: false }
            }
            Content::Files(files) => {
                if self.published.get(&volume.name) != Some(&files) {
                    publish(&path, &files, group).map_err(fail)?;
                    self.published.insert(volume.name.clone(), files);
                }
                Place { path, read_only: true }
            }
        };
        self.places.insert(volume.name.clone(), place);
        Ok(())
    }
}

/// A folder that every user may write to, of the pod's group.
fn empty(path: &Path, group: Option<u32>) -> std::io::Result<()> {
    fs::create_dir_all(path)?;
    if group.is_some() {
        chown(path, None, group)?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(if group.is_some() { 0o2777 } else { 0o777 }))
}
