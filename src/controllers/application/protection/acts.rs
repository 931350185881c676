//! What is being done so that what is needed stays, and what is not may go: for
//! each object by itself, so that one of which no answer comes holds up no other.
//!
//! ```text
//! news ─▶ begin what is to be done now ─▶ it ends ─▶ nothing, or again after a rest
//!              ▲       └─ one about the same is under way: it is superseded ──┐
//!              └──────────────────────────────────── and once it has ended ◀──┘
//! ```

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use fleetgate_plan::ObjectKey;
use futures::{FutureExt as _, Stream, StreamExt as _};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::controllers::application::children::SecretKey;
use crate::controllers::turns::Turns;

/// How many requests are under way at the same time, but for those that are not answered soon.
const AT_ONCE: usize = 8;

/// What changes within so much time is looked at once.
const REST: Duration = Duration::from_millis(300);

/// When what could not be done is tried again.
const RETRY: Duration = Duration::from_secs(5);

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

/// Why it is decided what is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Something has changed.
    News,
    /// Something ended that was superseded, or is to be tried again.
    Again,
}

/// What follows when one has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// Nothing.
    Done,
    /// It is to be tried again.
    Failed,
    /// Something changed meanwhile, and another one about the same was asked for: it is to be decided anew.
    Superseded,
}

/// All that are under way.
pub(super) struct Acts {
    turns: Arc<Turns>,
    running: JoinSet<(About, bool)>,
    /// What they are about, and whether another one was asked for meanwhile.
    under_way: BTreeMap<About, bool>,
}

impl Acts {
    /// None; others wait for one that is not answered for so long.
    pub(super) fn new(patience: Duration) -> Self {
        let turns = Arc::new(Turns::new(AT_ONCE, patience));
        Self { turns, running: JoinSet::default(), under_way: BTreeMap::default() }
    }

    /// Has `begin` begin what is to be done, at once and after all `news`, and does it. What it says is whether it heard
    /// all that is known. Ends with the news.
    pub(super) async fn run(
        mut self,
        mut news: impl Stream<Item = ()> + Unpin,
        mut begin: impl FnMut(&mut Self, Why) -> bool,
    ) {
        let (mut retry, mut why) = (None, Why::News);
        let soon = || Instant::now() + RETRY;
        loop {
            if !begin(&mut self, why) {
                retry.get_or_insert_with(soon);
            }
            why = loop {
                let due = async {
                    match retry {
                        Some(at) => sleep_until(at).await,
                        None => pending().await,
                    }
                };
                tokio::select! {
                    new = news.next() => match new {
                        Some(()) => break Why::News,
                        None => return,
                    },
                    () = due => {
                        retry = None;
                        break Why::Again;
                    }
                    Some(ended) = self.ended() => match ended {
                        Ended::Done => {}
                        Ended::Failed => {
                            retry.get_or_insert_with(soon);
                        }
                        Ended::Superseded => break Why::Again,
                    },
                }
            };
            sleep(REST).await;
            // What has ended by now is not superseded by what begins next.
            while let Some(ended) = self.ended().now_or_never().flatten() {
                if ended == Ended::Failed {
                    retry.get_or_insert_with(soon);
                }
            }
        }
    }

    /// Begins one, which says whether all is done, unless there is one about the same. That is superseded by news, and
    /// by nothing else: two that take long would supersede each other for ever.
    pub(super) fn begin(
        &mut self,
        about: About,
        why: Why,
        act: impl Future<Output = anyhow::Result<bool>> + Send + 'static,
    ) {
        let vacant = match self.under_way.entry(about) {
            Entry::Occupied(mut other) => {
                *other.get_mut() |= why == Why::News;
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
    async fn ended(&mut self) -> Option<Ended> {
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
    use std::future::ready;
    use tokio::sync::mpsc;
    use tokio::time::timeout;
    use tokio_stream::wrappers::UnboundedReceiverStream;

    fn fleet(name: &str) -> About {
        About::Fleet(ObjectKey::new("default", name))
    }

    fn acts() -> Acts {
        Acts::new(Duration::from_secs(2))
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_never_answered_holds_up_none_but_those_about_the_same() {
        let mut acts = acts();
        for number in 0..2 * AT_ONCE {
            acts.begin(fleet(&format!("silent-{number}")), Why::News, pending());
        }
        acts.begin(fleet("other"), Why::News, ready(Ok(true)));
        assert_eq!(acts.ended().await, Some(Ended::Done));
        acts.begin(fleet("silent-0"), Why::News, async { panic!("there is one") });
        acts.begin(fleet("other"), Why::News, ready(Err(anyhow::anyhow!("it is refused"))));
        assert_eq!(acts.ended().await, Some(Ended::Failed));
        assert_eq!(acts.under_way.len(), 2 * AT_ONCE);
    }

    #[tokio::test]
    async fn what_news_asked_for_meanwhile_is_decided_on_anew() {
        let mut acts = acts();
        assert_eq!(acts.ended().await, None);
        for (again, is_done, expected) in [
            (&[][..], true, Ended::Done),
            (&[], false, Ended::Failed),
            (&[Why::Again], true, Ended::Done),
            (&[Why::Again], false, Ended::Failed),
            (&[Why::News], true, Ended::Superseded),
            (&[Why::News, Why::Again], false, Ended::Superseded),
        ] {
            acts.begin(fleet("quickstart"), Why::News, ready(Ok(is_done)));
            for why in again {
                acts.begin(fleet("quickstart"), *why, ready(Ok(is_done)));
            }
            assert_eq!(acts.ended().await, Some(expected), "{again:?}");
            assert_eq!(acts.ended().await, None);
        }
    }

    /// How often it is decided within a minute what is to be done, where two things are to be done each time, and one
    /// thing of news comes while the first ones are.
    async fn passes(took: Duration, is_done: bool) -> usize {
        let (news, heard) = mpsc::unbounded_channel();
        let mut passes = 0;
        let begin = |acts: &mut Acts, why: Why| {
            passes += 1;
            for (name, took) in [("one", took), ("other", took.mul_f64(1.4))] {
                acts.begin(fleet(name), why, sleep(took).map(move |()| Ok(is_done)));
            }
            if passes == 1 {
                news.send(()).expect("it is heard");
            }
            true
        };
        let running = acts().run(UnboundedReceiverStream::new(heard), begin);
        timeout(Duration::from_mins(1), running).await.expect_err("it goes on");
        passes
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_to_be_done_each_time_begets_no_more_of_it() {
        let at_once = Duration::ZERO;
        assert_eq!(passes(at_once, true).await, 2, "at the start, and after the news");
        assert_eq!(passes(REST * 3, true).await, 4, "and once each of what was superseded has ended");
        let tries = 60 / 5;
        for took in [at_once, REST * 3] {
            let passes = passes(took, false).await;
            assert!(
                (tries..=tries + 3).contains(&passes),
                "{passes}: what fails is tried again each five seconds"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_heard_is_told_again() {
        let mut passes = Vec::new();
        let start = Instant::now();
        let begin = |_: &mut Acts, why: Why| {
            passes.push((why, start.elapsed()));
            passes.len() > 1
        };
        let running = acts().run(futures::stream::pending(), begin);
        timeout(Duration::from_mins(1), running).await.expect_err("it goes on");
        assert_eq!(passes, [(Why::News, Duration::ZERO), (Why::Again, RETRY + REST)]);
    }
}
