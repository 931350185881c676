//! The connections that are open: how many there may be, and which one goes
//! when there are more.
//!
//! Those that have not shaken hands yet have seats of their own: anybody can open any number of them, and takes none
//! of the others away.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;

use super::pace::{Pace, Worth};

/// How often a connection is looked at whether it takes too long.
const LOOK: Duration = Duration::from_secs(1);

/// Nothing is under way to a program that was asked nothing for so long.
const QUIET: Duration = Duration::from_secs(1);
/// How long that is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// One in so many connections is for a client that has not shaken hands yet.
const NEWCOMERS: usize = 4;
/// The most connections of those who have not yet asked how the program is, and of those who have: anybody connects as
/// often as they like, and the kubelet is to be heard before it makes room for others.
const ONLOOKERS: (usize, usize) = (256, 64);

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
    most_newcomers: usize,
    most_settled: usize,
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
    newcomers: Taken,
    settled: Taken,
}

type Taken = BTreeMap<u64, Arc<Place>>;

impl Seats {
    fn count(&self) -> usize {
        self.newcomers.len() + self.settled.len()
    }
}

#[derive(Debug)]
struct Place {
    pace: Arc<Pace>,
    displaced: Notify,
}

impl Connections {
    /// None yet, and never more than that, which is two or more.
    pub(crate) fn shared(most: usize) -> Self {
        let newcomers = (most / NEWCOMERS).max(1);
        Self::at_most(newcomers, most.saturating_sub(newcomers))
    }

    /// Those on which is asked how the program is.
    pub(crate) fn of_onlookers() -> Self {
        Self::at_most(ONLOOKERS.0, ONLOOKERS.1)
    }

    /// None yet, and never more than so many that have not shaken hands, or need not and have said nothing, and so
    /// many that have. One of each there may always be.
    pub(crate) fn at_most(newcomers: usize, settled: usize) -> Self {
        Self(Arc::new(Open {
            most_newcomers: newcomers.max(1),
            most_settled: settled.max(1),
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

    /// A seat for one more. Where as many shake hands as may, the cheapest of them goes.
    pub(super) fn seat(&self) -> Seat {
        let mut seats = self.seats();
        if seats.newcomers.len() >= self.0.most_newcomers {
            self.displace(&mut seats.newcomers);
        }
        let place = Arc::new(Place { pace: Arc::new(Pace::start(Instant::now())), displaced: Notify::new() });
        let id = seats.next;
        seats.next += 1;
        seats.newcomers.insert(id, Arc::clone(&place));
        self.tell(&seats);
        Seat { connections: self.clone(), id, place }
    }

    /// Gives a newcomer a seat among the others, of whom the cheapest goes where there are as many as there may be.
    /// Where all are at work there is none, nor for one that was displaced meanwhile.
    fn settle(&self, id: u64) -> bool {
        let mut seats = self.seats();
        let Some(place) = seats.newcomers.remove(&id) else { return false };
        let is_free = seats.settled.len() < self.0.most_settled || self.displace(&mut seats.settled);
        if is_free {
            place.pace.shaken(Instant::now());
            seats.settled.insert(id, place);
        } else {
            self.0.displaced.fetch_add(1, Ordering::Relaxed);
        }
        self.tell(&seats);
        is_free
    }

    /// Lets one go, so that its descriptor can be had; says whether there was one.
    pub(super) fn make_room(&self) -> bool {
        let mut guard = self.seats();
        let seats = &mut *guard;
        let settled = cheapest(&seats.settled);
        let is_newcomer = cheapest(&seats.newcomers)
            .is_some_and(|newcomer| settled.is_none_or(|settled| newcomer < settled));
        let has_room = self.displace(if is_newcomer { &mut seats.newcomers } else { &mut seats.settled });
        self.tell(seats);
        has_room
    }

    fn displace(&self, taken: &mut Taken) -> bool {
        let Some((_, _, id)) = cheapest(taken) else { return false };
        // Its seat is free at once: nobody sits there who would count.
        if let Some(place) = taken.remove(&id) {
            place.displaced.notify_one();
        }
        self.0.displaced.fetch_add(1, Ordering::Relaxed);
        true
    }

    fn tell(&self, seats: &Seats) {
        self.0.count.send_replace(seats.count());
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

fn cheapest(taken: &Taken) -> Option<(Worth, Instant, u64)> {
    let now = Instant::now();
    let worth = |(id, place): (&u64, &Arc<Place>)| {
        let (worth, since) = place.pace.worth(now)?;
        Some((worth, since, *id))
    };
    taken.iter().filter_map(worth).min()
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

    /// Its client has shaken hands, or need not; says whether it may stay.
    pub(super) fn settle(&self) -> bool {
        self.connections.settle(self.id)
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
        if seats.newcomers.remove(&self.id).is_none() {
            seats.settled.remove(&self.id);
        }
        self.connections.tell(&seats);
    }
}

#[cfg(test)]
mod tests;
