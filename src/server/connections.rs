//! The connections that are open: how many there may be, and which one goes
//! when there are more.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;

use super::pace::Pace;

/// How often a connection is looked at whether it takes too long.
const LOOK: Duration = Duration::from_secs(1);

/// Nothing is under way to a program that was asked nothing for so long.
const QUIET: Duration = Duration::from_secs(1);
/// How long that is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The connections of one listener.
#[derive(Clone, Debug)]
pub(crate) struct Connections(Arc<Open>);

/// How many connections were let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LetGo {
    pub(crate) late: u64,
    pub(crate) displaced: u64,
}

#[derive(Debug)]
struct Open {
    most: usize,
    seats: Mutex<Seats>,
    count: watch::Sender<usize>,
    /// Whether clients are asked to go elsewhere.
    drains: watch::Sender<bool>,
    asked: Mutex<Instant>,
    /// Whether every connection ends with what is under way on it.
    ends: watch::Sender<bool>,
    late: AtomicU64,
    displaced: AtomicU64,
}

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    taken: BTreeMap<u64, Arc<Place>>,
}

#[derive(Debug)]
struct Place {
    pace: Arc<Pace>,
    displaced: Notify,
}

impl Connections {
    /// None yet, and never more than that.
    pub(crate) fn at_most(most: usize) -> Self {
        Self(Arc::new(Open {
            most,
            seats: Mutex::default(),
            count: watch::Sender::new(0),
            drains: watch::Sender::new(false),
            asked: Mutex::new(Instant::now()),
            ends: watch::Sender::new(false),
            late: AtomicU64::new(0),
            displaced: AtomicU64::new(0),
        }))
    }

    /// Takes on what is asked for so long, and then until nothing is asked any
    /// more. Clients are told to ask elsewhere, so that none is left that could
    /// ask on a connection as that closes.
    pub(crate) async fn drain(&self, window: Duration) {
        self.0.drains.send_replace(true);
        tokio::time::sleep(window).await;
        let quiet = async {
            while let Some(left) = self.unquiet() {
                tokio::time::sleep(left).await;
            }
        };
        // Whoever asks for ever does not keep the program.
        drop(tokio::time::timeout(PATIENCE, quiet).await);
    }

    pub(super) fn drains(&self) -> bool {
        *self.0.drains.borrow()
    }

    /// Something is asked on one of them.
    pub(super) fn ask(&self) {
        *self.asked() = Instant::now();
    }

    /// For how much longer nothing may be asked before it is quiet.
    fn unquiet(&self) -> Option<Duration> {
        QUIET.checked_sub(self.asked().elapsed()).filter(|left| !left.is_zero())
    }

    fn asked(&self) -> MutexGuard<'_, Instant> {
        self.0.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        *self.0.count.borrow()
    }

    /// How many were let go since the start: those that took too long, and
    /// those in whose place there is another.
    pub(crate) fn let_go(&self) -> LetGo {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LetGo { late: count(&self.0.late), displaced: count(&self.0.displaced) }
    }

    /// A seat for one more. Where there are as many as there may be, the
    /// cheapest goes; where all are at work, there is none.
    pub(super) fn seat(&self) -> Option<Seat> {
        let mut seats = self.seats();
        if seats.taken.len() >= self.0.most && !self.displace(&mut seats) {
            self.0.displaced.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let place = Arc::new(Place { pace: Arc::new(Pace::start(Instant::now())), displaced: Notify::new() });
        let id = seats.next;
        seats.next += 1;
        seats.taken.insert(id, Arc::clone(&place));
        self.0.count.send_replace(seats.taken.len());
        Some(Seat { connections: self.clone(), id, place })
    }

    /// Lets one go, so that its descriptor can be had; says whether there was one.
    pub(super) fn make_room(&self) -> bool {
        self.displace(&mut self.seats())
    }

    fn displace(&self, seats: &mut Seats) -> bool {
        let now = Instant::now();
        let worth = |(id, place): (&u64, &Arc<Place>)| Some((place.pace.worth(now)?, *id));
        let Some((_, id)) = seats.taken.iter().filter_map(worth).min() else { return false };
        // Its seat is free at once: nobody sits there who would count.
        if let Some(place) = seats.taken.remove(&id) {
            place.displaced.notify_one();
        }
        self.0.displaced.fetch_add(1, Ordering::Relaxed);
        self.0.count.send_replace(seats.taken.len());
        true
    }

    /// Ends all of them, each with what is under way on it; returns once none is left.
    pub(super) async fn end(&self) {
        self.0.ends.send_replace(true);
        // The sender lives as long as `self` does.
        drop(self.0.count.subscribe().wait_for(|open| *open == 0).await);
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.0.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    connections: Connections,
    id: u64,
    place: Arc<Place>,
}

impl Seat {
    pub(super) fn pace(&self) -> &Arc<Pace> {
        &self.place.pace
    }

    /// Waits until the connection is to be let go, whatever is on it.
    pub(super) async fn let_go(&self) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.place.displaced.notified() => return,
                _ = looks.tick() => {
                    if self.place.pace.is_late(Instant::now()) {
                        self.connections.0.late.fetch_add(1, Ordering::Relaxed);
                        return;
                    }
                }
            }
        }
    }

    /// Waits until the connection is to end with what is under way on it.
    pub(super) async fn ends(&self) {
        drop(self.connections.0.ends.subscribe().wait_for(|ends| *ends).await);
    }

    /// Waits until its client is to ask elsewhere. One that comes after that has not heard of it yet.
    pub(super) async fn drains(&self) {
        let mut drains = self.connections.0.drains.subscribe();
        // The sender lives as long as the seat does.
        drop(drains.changed().await);
    }

    pub(super) fn connections(&self) -> Connections {
        self.connections.clone()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.connections.seats();
        seats.taken.remove(&self.id);
        self.connections.0.count.send_replace(seats.taken.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn the_cheapest_goes_for_a_new_one_and_none_that_is_at_work() {
        let connections = Connections::at_most(2);
        let used = connections.seat().expect("a seat");
        drop(used.pace().ask(Instant::now()));
        let fresh = connections.seat().expect("a seat");
        let third = connections.seat().expect("the seat of the one that was never used");
        assert!(fresh.let_go().now_or_never().is_some() && used.let_go().now_or_never().is_none());
        drop(fresh);
        assert_eq!(
            (connections.count(), connections.let_go().displaced),
            (2, 1),
            "its seat was free already"
        );
        let (_one, body) = used.pace().ask(Instant::now());
        drop(body);
        let (other, body) = third.pace().ask(Instant::now());
        drop(body);
        assert!(connections.seat().is_none(), "both are at work");
        drop(other);
        assert!(connections.seat().is_some());
        assert!(third.let_go().now_or_never().is_some());
    }

    #[tokio::test]
    async fn the_end_waits_for_those_who_are_left() {
        let connections = Connections::at_most(2);
        let seat = connections.seat().expect("a seat");
        assert!(seat.ends().now_or_never().is_none() && !connections.drains());
        let mut drains = Box::pin(seat.drains());
        assert!(drains.as_mut().now_or_never().is_none());
        connections.drain(Duration::ZERO).await;
        assert!(connections.drains() && drains.now_or_never().is_some());
        assert!(seat.drains().now_or_never().is_none(), "who comes later has not heard of it yet");
        assert!(connections.end().now_or_never().is_none());
        assert!(seat.ends().now_or_never().is_some());
        drop(seat);
        assert!(connections.end().now_or_never().is_some());
    }
}
