//! Says what is going on, one calm line per step. It never decides anything.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

/// Where the lines about the sandbox's steps go. Cheap to clone; all clones share one clock.
#[derive(Clone)]
pub struct Progress {
    started: Instant,
    sink: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Progress {
    /// Lines on standard error, each with the seconds since the start: `[12s] starting etcd`.
    #[must_use]
    pub fn stderr() -> Self {
        // A closed standard error must not end the sandbox, so a failed write is dropped.
        Self::to(|line| drop(writeln!(std::io::stderr(), "{line}")))
    }

    /// No lines at all.
    #[must_use]
    pub fn silent() -> Self {
        Self::to(|_| ())
    }

    /// Lines to a function of the caller's.
    #[must_use]
    pub fn to(sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { started: Instant::now(), sink: Arc::new(sink) }
    }

    /// One step: what begins now.
    pub fn say(&self, step: impl fmt::Display) {
        (self.sink)(&format!("[{}s] {step}", self.started.elapsed().as_secs()));
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Progress").field("started", &self.started).finish_non_exhaustive()
    }
}
