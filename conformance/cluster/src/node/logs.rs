//! Which container has which logs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::node::log::Log;

/// A container by namespace, pod and its own name.
pub(crate) type Place = (String, String, String);

/// The logs of all containers on the node: of each the run that is the last, and the one before.
#[derive(Debug, Default)]
pub(crate) struct Logs(Mutex<BTreeMap<Place, Runs>>);

#[derive(Debug, Default)]
struct Runs {
    last: Option<Arc<Log>>,
    previous: Option<Arc<Log>>,
}

impl Logs {
    /// A container runs anew and writes to `log`.
    pub(crate) fn begin(&self, place: &Place, log: Arc<Log>) {
        if let Ok(mut all) = self.0.lock() {
            let runs = all.entry(place.clone()).or_default();
            runs.previous = runs.last.replace(log);
        }
    }

    /// A pod is gone.
    pub(crate) fn forget(&self, namespace: &str, pod: &str) {
        if let Ok(mut all) = self.0.lock() {
            all.retain(|(of, name, _), _| !(of == namespace && name == pod));
        }
    }

    /// The log of the last run of a container, or of the one before.
    pub(crate) fn find(&self, place: &Place, previous: bool) -> Option<Arc<Log>> {
        let all = self.0.lock().ok()?;
        let runs = all.get(place)?;
        if previous { runs.previous.clone() } else { runs.last.clone() }
    }
}
