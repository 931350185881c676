//! What is being done so that what is needed stays, and what is not may go: for
//! each object by itself, so that one of which no answer comes holds up no other.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use fleetgate_plan::ObjectKey;
use tokio::task::JoinSet;

use crate::controllers::application::children::SecretKey;
use crate::controllers::turns::Turns;

/// How many requests are under way at the same time, but for those that are not answered soon.
const AT_ONCE: usize = 8;

/// What an act is about: there is one at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    /// A Secret gets its finalizer.
    Secret(SecretKey),
    /// A child of that kind is let go of.
    Child(&'static str, SecretKey),
    /// A Fleet's finalizer, or its status.
    Fleet(ObjectKey),
    /// A cluster's finalizer, or its status.
    Cluster(ObjectKey),
    /// Secrets and clusters of a namespace lose theirs.
    Namespace(String),
}

/// What follows when one has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Nothing.
    Done,
    /// It is to be tried again.
    Failed,
    /// Another one about the same was asked for meanwhile, and is to be decided on anew.
    Superseded,
}

/// All that are under way.
pub(super) struct Acts {
    turns: Arc<Turns>,
    running: JoinSet<(About, bool)>,
    /// What they are about, and whether another one was asked for meanwhile.
    under_way: BTreeMap<About, bool>,
}

impl Default for Acts {
    /// None.
    fn default() -> Self {
        Self {
            turns: Arc::new(Turns::new(AT_ONCE)),
            running: JoinSet::default(),
            under_way: BTreeMap::default(),
        }
    }
}

impl Acts {
    /// Begins one, which says whether all is done, unless there is one about the same.
    pub(super) fn begin(
        &mut self,
        about: About,
        act: impl Future<Output = anyhow::Result<bool>> + Send + 'static,
    ) {
        let vacant = match self.under_way.entry(about) {
            Entry::Occupied(mut other) => {
                other.insert(true);
                return;
            }
            Entry::Vacant(vacant) => vacant,
        };
        let (about, turns) = (vacant.key().clone(), Arc::clone(&self.turns));
        vacant.insert(false);
        self.running.spawn(async move {
            let is_done = turns.take(act).await.unwrap_or_else(|error| {
                tracing::warn!("what is needed is not kept as it should be: {error:#}");
                false
            });
            (about, is_done)
        });
    }

    /// Waits for one to end; nothing, where none is under way.
    ///
    /// # Panics
    ///
    /// Where it did.
    pub(super) async fn ended(&mut self) -> Option<Ended> {
        let (about, is_done) = match self.running.join_next().await? {
            Ok(ended) => ended,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        let is_superseded = self.under_way.remove(&about).unwrap_or_default();
        Some(match (is_superseded, is_done) {
            (true, _) => Ended::Superseded,
            (false, true) => Ended::Done,
            (false, false) => Ended::Failed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    fn fleet(name: &str) -> About {
        About::Fleet(ObjectKey::new("default", name))
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_never_answered_holds_up_none_but_those_about_the_same() {
        let mut acts = Acts::default();
        for number in 0..2 * AT_ONCE {
            acts.begin(fleet(&format!("silent-{number}")), pending());
        }
        acts.begin(fleet("other"), ready(Ok(true)));
        assert_eq!(acts.ended().await, Some(Ended::Done));
        acts.begin(fleet("silent-0"), async { panic!("there is one") });
        acts.begin(fleet("other"), ready(Err(anyhow::anyhow!("it is refused"))));
        assert_eq!(acts.ended().await, Some(Ended::Failed));
        assert_eq!(acts.under_way.len(), 2 * AT_ONCE);
    }

    #[tokio::test]
    async fn what_was_asked_for_meanwhile_is_decided_on_anew() {
        let mut acts = Acts::default();
        assert_eq!(acts.ended().await, None);
        for (times, is_done, expected) in [
            (1, true, Ended::Done),
            (1, false, Ended::Failed),
            (2, true, Ended::Superseded),
            (3, false, Ended::Superseded),
        ] {
            for _ in 0..times {
                acts.begin(fleet("quickstart"), ready(Ok(is_done)));
            }
            assert_eq!(acts.ended().await, Some(expected), "{times}");
            assert_eq!(acts.ended().await, None);
        }
    }
}
