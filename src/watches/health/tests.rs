use super::*;
use fleetgate_api::Fleet;
use serde_json::json;

fn fleet(name: &str, is_readable: bool) -> DeserializeGuard<Fleet> {
    let spec = if is_readable { json!({}) } else { json!(5) };
    let object = json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": name, "namespace": "default"}, "spec": spec,
    });
    serde_json::from_value(object).expect("a guarded Fleet")
}

#[test]
fn what_cannot_be_read_is_counted_until_it_can_be() {
    let health = Health::default();
    let steps = [
        (Event::Init, 0),
        (Event::InitApply(fleet("a", false)), 0),
        (Event::InitApply(fleet("b", true)), 0),
        (Event::InitDone, 1),
        (Event::Apply(fleet("a", false)), 1),
        (Event::Apply(fleet("c", false)), 2),
        (Event::Delete(fleet("c", false)), 1),
        (Event::Apply(fleet("a", true)), 0),
        (Event::Apply(fleet("b", false)), 1),
        // It was deleted while nobody watched.
        (Event::Init, 1),
        (Event::InitDone, 0),
    ];
    for (index, (event, unreadable)) in steps.into_iter().enumerate() {
        health.told("Fleets", &event);
        assert_eq!(health.fares(Instant::now())[0].unreadable, unreadable, "step {index}");
    }
}

#[test]
fn a_watch_is_broken_until_it_tells_something_or_fails_no_more() {
    let health = Health::default();
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let broken_for = |seconds| health.fares(at(seconds))[0].broken_for.as_secs();
    health.told("Fleets", &Event::<DeserializeGuard<Fleet>>::InitDone);
    assert_eq!(broken_for(10), 0);
    health.failed("Fleets", at(10));
    health.failed("Fleets", at(50));
    health.told("Fleets", &Event::<DeserializeGuard<Fleet>>::Init);
    assert_eq!(broken_for(100), 90);
    health.told("Fleets", &Event::Apply(fleet("a", true)));
    assert_eq!(broken_for(100), 0);
    health.failed("Fleets", at(200));
    health.failed("Fleets", at(325));
    assert_eq!(broken_for(330), 130, "it rested for a minute, and waited for an answer for another one");
    assert_eq!((broken_for(470), broken_for(475)), (270, 0), "it was opened, and nothing happens");
    health.failed("Fleets", at(600));
    assert_eq!(broken_for(601), 1);
}

#[tokio::test]
async fn an_error_is_noted_and_holds_up_nobody_else() {
    let health = Health::default();
    let failed = || Err(watcher::Error::NoResourceVersion);
    let events =
        futures::stream::iter([Ok(Event::InitDone), failed(), Ok(Event::Apply(fleet("a", true))), failed()]);
    let events: Vec<_> = health.noting("Fleets", events).collect().await;
    assert!(matches!(&events[..], [Ok(Event::InitDone), Ok(Event::Apply(_))]), "{events:?}");
    let later = Instant::now() + Duration::from_secs(10);
    assert!(health.fares(later)[0].broken_for >= Duration::from_secs(10));
}

/// That it fails no more, or tells of others, does not bring back what was lost.
#[test]
fn a_watch_that_lost_something_is_broken_until_it_has_listed_all_there_is() {
    let health = Health::default();
    let start = Instant::now();
    let error = serde_json::from_str::<u8>("no").expect_err("no number");
    let lost = Err(watcher::Error::WatchFailed(kube::Error::SerdeError(error)));
    let tells = |event| health.heard("Fleets", &Ok::<Event<DeserializeGuard<Fleet>>, _>(event), start);
    let broken_for = || health.fares(start + MENDED * 2)[0].broken_for;
    tells(Event::InitDone);
    health.heard::<DeserializeGuard<Fleet>>("Fleets", &lost, start);
    for event in [Event::Apply(fleet("a", true)), Event::Init, Event::InitApply(fleet("b", false))] {
        tells(event);
        assert_eq!(broken_for(), MENDED * 2);
    }
    tells(Event::InitDone);
    assert_eq!(broken_for(), Duration::ZERO);
    assert_eq!(health.fares(start)[0].unreadable, 1);
}

#[test]
fn what_lasts_is_said_once_in_a_while() {
    let health = Health::default();
    let start = Instant::now();
    // When it fails, whether it worked meanwhile, and whether that is said.
    let table = [
        (0, false, true),
        (30, false, false),
        (59, true, false),
        (60, true, true),
        (120, false, false),
        (240, false, false),
        (360, false, false),
        (480, false, false),
        (600, false, false),
        (660, false, true),
        // It failed no more for a while.
        (900, false, true),
    ];
    for (second, worked, expected) in table {
        if worked {
            health.told("Fleets", &Event::Apply(fleet("a", true)));
        }
        let is_news = health.failed("Fleets", start + Duration::from_secs(second));
        assert_eq!(is_news, expected, "{second}");
    }
}

/// Else one that never answers would seem to work.
#[test]
fn a_watch_that_has_not_listed_anything_is_broken_since_it_began() {
    let health = Health::default();
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let broken_for = |seconds| health.fares(at(seconds))[0].broken_for.as_secs();
    health.begun("Fleets", start);
    assert_eq!(broken_for(400), 400);
    health.failed("Fleets", at(65));
    health.told("Fleets", &Event::<DeserializeGuard<Fleet>>::Init);
    health.told("Fleets", &Event::InitApply(fleet("a", true)));
    assert_eq!(broken_for(400), 400, "there may be more");
    health.told("Fleets", &Event::<DeserializeGuard<Fleet>>::InitDone);
    assert_eq!(broken_for(400), 0);
}
