//! Turns at the API server: so many requests at a time as keep it busy, and no
//! more. Whoever is not answered soon keeps nobody from theirs.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How long an API server that is not overloaded takes at most. One that asks somebody's webhook first may take half
/// a minute, for the objects of one namespace alone.
const SOON: Duration = Duration::from_secs(2);

/// How long others wait for what is not answered. Where writes have a pace most of them wait to be sent, and however
/// long that takes no more than are under way are to wait there.
pub(super) fn patience(writes_per_second: Option<u32>) -> Duration {
    writes_per_second.map_or(SOON, |_| Duration::MAX)
}

/// So many at a time, less those who wait for an answer for longer than that.
#[derive(Debug)]
pub(super) struct Turns {
    turns: Semaphore,
    patience: Duration,
}

impl Turns {
    pub(super) const fn new(at_once: usize, patience: Duration) -> Self {
        Self { turns: Semaphore::const_new(at_once), patience }
    }

    /// Does that when it is its turn, which is the next one's after a while.
    pub(super) async fn take<T>(&self, act: impl Future<Output = T>) -> T {
        let mut act = pin!(act);
        {
            // It closes for nobody.
            let _turn = self.turns.acquire().await;
            if let Ok(done) = timeout(self.patience, &mut act).await {
                return done;
            }
        }
        act.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use std::future::{pending, ready};
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn who_is_never_answered_keeps_its_turn_for_a_moment() {
        let turns = Turns::new(1, patience(None));
        let mut never = Box::pin(turns.take(pending::<()>()));
        assert!((&mut never).now_or_never().is_none());
        let start = Instant::now();
        let next = tokio::select! {
            next = turns.take(ready("an answer")) => next,
            () = never => panic!("it is never answered"),
        };
        assert_eq!((next, start.elapsed()), ("an answer", SOON));
    }

    #[tokio::test(start_paused = true)]
    async fn where_writes_have_a_pace_each_waits_for_its_own() {
        let turns = Turns::new(1, patience(Some(5)));
        let mut slow = Box::pin(turns.take(tokio::time::sleep(SOON * 30)));
        assert!((&mut slow).now_or_never().is_none());
        tokio::select! {
            () = slow => {}
            () = turns.take(ready(())) => panic!("it was not its turn"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_answered_late_is_answered() {
        let late = async {
            tokio::time::sleep(SOON * 2).await;
            "an answer"
        };
        assert_eq!(Turns::new(1, patience(None)).take(late).await, "an answer");
    }
}
