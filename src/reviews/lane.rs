//! Threads for reviews that take memory and time.
//!
//! Each is for those up to some weight, one after the other: nobody waits for what is heavier, and processors are shared
//! out among the threads. An allocator keeps memory by thread, so that what one review took the next one takes again.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;

type Work = Box<dyn FnOnce() + Send>;

/// A thread, and who waits for it.
#[derive(Debug)]
pub(super) struct Lane {
    turn: Arc<Semaphore>,
    waiting: Semaphore,
    work: Sender<Work>,
}

impl Lane {
    /// One that so many may wait for. It ends with what it is for.
    pub(super) fn start(most_waiting: usize) -> io::Result<Self> {
        let (work, todo) = mpsc::channel::<Work>();
        thread::Builder::new()
            .name("review".to_owned())
            .spawn(move || todo.into_iter().for_each(|work| work()))?;
        Ok(Self { turn: Arc::new(Semaphore::new(1)), waiting: Semaphore::new(most_waiting), work })
    }

    /// Reviews there, if it is this one's turn in time.
    pub(super) async fn take<T: Send + 'static>(
        &self,
        until: Instant,
        review: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let turn = {
            let _waiting = self.waiting.try_acquire().ok()?;
            // It closes for nobody.
            tokio::time::timeout_at(until, Arc::clone(&self.turn).acquire_owned()).await.ok()?.ok()?
        };
        let (tell, told) = oneshot::channel();
        let work = move || {
            let reviewed = review();
            // Also where nobody waits for the answer any more, the next one begins after this one.
            drop(turn);
            drop(tell.send(reviewed));
        };
        self.work.send(Box::new(work)).ok()?;
        told.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::time::Duration;

    #[tokio::test]
    async fn one_is_reviewed_at_a_time_and_few_wait() {
        let lane = Lane::start(1).expect("a thread");
        let until = Instant::now() + Duration::from_secs(30);
        let (go_on, waits) = mpsc::channel::<()>();
        let mut first = Box::pin(lane.take(until, move || waits.recv().is_ok()));
        assert!(first.as_mut().now_or_never().is_none(), "it is under way");
        let mut second = Box::pin(lane.take(until, || 2));
        assert!(second.as_mut().now_or_never().is_none(), "it waits");
        assert_eq!(lane.take(until, || 3).await, None, "there are enough who wait");
        go_on.send(()).expect("somebody waits");
        assert_eq!((first.await, second.await), (Some(true), Some(2)));
        assert_eq!(lane.take(until, || 4).await, Some(4));
    }

    #[tokio::test]
    async fn who_goes_away_is_reviewed_to_the_end_and_who_is_late_is_not() {
        let lane = Lane::start(8).expect("a thread");
        let (go_on, waits) = mpsc::channel::<()>();
        let review = move || waits.recv().is_ok();
        assert!(lane.take(Instant::now() + Duration::from_secs(30), review).now_or_never().is_none());
        assert_eq!(lane.take(Instant::now(), || ()).await, None, "the thread is at work");
        go_on.send(()).expect("it goes on");
        assert_eq!(lane.take(Instant::now() + Duration::from_secs(30), || ()).await, Some(()));
    }
}
