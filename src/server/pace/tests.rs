use super::*;

/// What happens to a connection, in seconds after it was accepted.
enum Step {
    Shaken,
    Heard,
    Asked,
    Answered,
}

#[test]
fn each_stage_has_its_time() {
    use Step::{Answered, Asked, Heard, Shaken};
    type Row = (&'static str, &'static [(u64, Step)], Option<u64>);
    let table: [Row; 8] = [
        ("no handshake", &[], Some(5)),
        ("no request", &[(1, Shaken)], Some(181)),
        ("a slow head", &[(1, Shaken), (60, Heard), (63, Heard)], Some(65)),
        ("a request", &[(1, Shaken), (2, Heard), (3, Asked)], None),
        ("none after it", &[(1, Shaken), (2, Heard), (3, Asked), (4, Answered)], Some(184)),
        ("a slow one after it", &[(3, Asked), (4, Answered), (30, Heard)], Some(35)),
        ("two at a time", &[(3, Asked), (3, Asked), (4, Answered), (5, Heard)], None),
        ("two after each other", &[(3, Asked), (4, Answered), (90, Asked), (91, Answered)], Some(271)),
    ];
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    for (what, steps, late) in table {
        let pace = Arc::new(Pace::start(start));
        let mut asked = Vec::new();
        for (seconds, step) in steps {
            match step {
                Shaken => pace.shaken(at(*seconds)),
                Heard => pace.heard(at(*seconds)),
                Asked => asked.push(pace.ask(at(*seconds))),
                Answered => pace.answered(at(*seconds)),
            }
        }
        let first = (0..1_000).find(|seconds| pace.is_late(at(*seconds)));
        let first = first.filter(|first| steps.last().is_none_or(|(last, _)| first > last));
        assert_eq!(first, late, "{what}");
    }
}

#[test]
fn what_is_left_over_is_let_go_before_what_is_about_to_be_used() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let used_at = |seconds| {
        let pace = Arc::new(Pace::start(start));
        pace.shaken(start);
        // Forgotten, so that it ends when the table says.
        std::mem::forget(pace.ask(start));
        pace.arrived(at(seconds));
        pace.answered(at(seconds));
        pace
    };
    let busy = Arc::new(Pace::start(start));
    let (_request, body) = busy.ask(start);
    drop(body);
    let asking = Arc::new(Pace::start(start));
    let _asked = asking.ask(at(19));
    let shaken = Pace::start(start);
    shaken.shaken(at(19));
    let shaking = Pace::start(at(19));
    shaking.shaking();
    let table = [
        ("nothing at all", Pace::start(start).worth(at(20)), Some(Worth::Unused)),
        ("nothing yet", Pace::start(at(19)).worth(at(20)), Some(Worth::Silent)),
        ("a handshake", shaking.worth(at(20)), Some(Worth::Fresh)),
        ("that takes long", shaking.worth(at(21)), Some(Worth::Unused)),
        ("shaken just now", shaken.worth(at(20)), Some(Worth::Fresh)),
        ("and not used since", shaken.worth(at(21)), Some(Worth::Unused)),
        ("used a while ago", used_at(10).worth(at(20)), Some(Worth::Left)),
        ("used just now", used_at(11).worth(at(20)), Some(Worth::Recent)),
        ("used right now", busy.worth(at(20)), None),
        ("a body that is to come", asking.worth(at(19)), Some(Worth::Asking)),
        ("and does not come", asking.worth(at(20)), Some(Worth::Left)),
    ];
    for (what, worth, expected) in table {
        assert_eq!(worth.map(|(worth, _)| worth), expected, "{what}");
    }
    assert!(
        [Worth::Unused, Worth::Silent, Worth::Left, Worth::Fresh, Worth::Recent, Worth::Asking].is_sorted()
    );
}

#[test]
fn who_does_not_read_is_let_go_whatever_is_under_way() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let pace = Arc::new(Pace::start(start));
    pace.shaken(start);
    let (_asked, body) = pace.ask(start);
    drop(body);
    pace.unread(Some(at(100)));
    assert_eq!((pace.worth(at(100)), pace.is_late(at(109))), (None, false));
    assert_eq!(pace.worth(at(101)).map(|(worth, _)| worth), Some(Worth::Left));
    assert!(pace.is_late(at(110)));
    pace.unread(None);
    assert_eq!((pace.worth(at(110)), pace.is_late(at(110))), (None, false));
}
