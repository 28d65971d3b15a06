//! Pools that close what is no longer fit without being asked.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;

/// How long an unused connection is kept. Load balancers commonly close theirs after 60 s.
pub(super) const POOL_IDLE: Duration = Duration::from_secs(50);

/// Between two looks for connections that have waited long enough, or that the upstream has closed.
const SWEEP: Duration = Duration::from_secs(5);

/// A pool that looks through itself with `drop_unfit` for as long as it is there, if this is called on a tokio runtime.
pub(super) fn swept<P: Send + Sync + 'static>(pool: P, drop_unfit: fn(&P)) -> Arc<P> {
    let pool = Arc::new(pool);
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(sweep(Arc::downgrade(&pool), drop_unfit));
    }
    pool
}

async fn sweep<P>(pool: Weak<P>, drop_unfit: fn(&P)) {
    loop {
        tokio::time::sleep(SWEEP).await;
        match pool.upgrade() {
            Some(pool) => drop_unfit(&pool),
            None => return,
        }
    }
}
