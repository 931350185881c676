use super::*;
use futures::FutureExt;

/// A seat of one who has shaken hands, if there is one.
fn settled(connections: &Connections) -> Option<Seat> {
    let seat = connections.seat();
    seat.settle().then_some(seat)
}

#[tokio::test]
async fn the_cheapest_goes_for_a_new_one_and_none_that_is_at_work() {
    let connections = Connections::at_most(1, 2);
    let used = settled(&connections).expect("a seat");
    drop(used.pace().ask(Instant::now()));
    let fresh = settled(&connections).expect("a seat");
    let third = settled(&connections).expect("the seat of the one that was never used");
    assert!(fresh.let_go().now_or_never().is_some() && used.let_go().now_or_never().is_none());
    drop(fresh);
    assert_eq!((connections.count(), connections.let_go().displaced), (2, 1), "its seat was free already");
    let (_one, body) = used.pace().ask(Instant::now());
    drop(body);
    let (other, body) = third.pace().ask(Instant::now());
    drop(body);
    assert!(settled(&connections).is_none(), "both are at work");
    drop(other);
    assert!(settled(&connections).is_some());
    assert!(third.let_go().now_or_never().is_some());
}

#[tokio::test]
async fn newcomers_take_each_others_seats_and_nobody_elses() {
    let connections = Connections::at_most(2, 6);
    let used: Vec<Seat> = (0..6).filter_map(|_| settled(&connections)).collect();
    let shaking = connections.seat();
    shaking.pace().shaking();
    let silent: Vec<Seat> = (0..100).map(|_| connections.seat()).collect();
    assert_eq!((used.len(), connections.count()), (6, 8));
    assert!(used.iter().chain([&shaking]).all(|seat| seat.let_go().now_or_never().is_none()));
    let (last, displaced) = silent.split_last().expect("a hundred");
    assert!(displaced.iter().all(|seat| seat.let_go().now_or_never().is_some() && !seat.settle()));
    assert!(last.let_go().now_or_never().is_none(), "who comes is looked at");
    assert!(shaking.settle() && used[0].let_go().now_or_never().is_some());
    assert_eq!((connections.count(), connections.let_go().displaced), (7, 100));
    assert!(connections.make_room() && last.let_go().now_or_never().is_some(), "nothing has come on it");
    assert!(connections.make_room() && used[1].let_go().now_or_never().is_some());
}

#[tokio::test]
async fn the_end_waits_for_those_who_are_left() {
    let connections = Connections::at_most(1, 1);
    let seat = connections.seat();
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
