//! What is in the Secret's place and is not ours to write.

use super::*;

#[test]
fn what_a_later_version_keeps_is_served_and_never_written() {
    let until = Timestamp::from_second(4_000_000_000).expect("a date");
    let stored = Stored::first(&issue(&names(), until).expect("a certificate")).expect("the first");
    let timing =
        Timing::new(Duration::from_secs(VALIDITY), Duration::from_secs(RENEW_BEFORE)).expect("times");
    // Each with what can be served here, and with what cannot be.
    let table = [
        (None, true),
        (Some("1"), true),
        (Some("0"), true),
        (Some("2"), false),
        (Some("4294967296"), false),
        (Some("other"), false),
    ];
    for (format, is_written) in table {
        for data in [stored.data(), BTreeMap::new()] {
            let is_readable = !data.is_empty();
            let metadata = ObjectMeta {
                labels: Some([(LABEL.0.to_owned(), LABEL.1.to_owned())].into()),
                annotations: format.map(|format| [(FORMAT.to_owned(), format.to_owned())].into()),
                ..ObjectMeta::default()
            };
            let (mut view, now) = (View::new(names()), Instant::now());
            view.note_secret(
                Found::read(Some(Secret { metadata, data: Some(data), ..Secret::default() })),
                now,
            );
            assert_eq!(view.known().is_some(), is_readable, "{format:?}");
            let step = view.step(Timestamp::UNIX_EPOCH, now, &timing);
            assert_eq!(step.is_some(), is_written, "{format:?}, readable: {is_readable}");
        }
    }
}

#[test]
fn a_secret_of_somebody_else_is_left_alone() {
    let now = Instant::now();
    let mut view = View::new(names());
    let secret = Secret::default();
    view.note_secret(Found::read(Some(secret)), now);
    let timing =
        Timing::new(Duration::from_secs(VALIDITY), Duration::from_secs(RENEW_BEFORE)).expect("times");
    assert_eq!(view.step(Timestamp::UNIX_EPOCH, now, &timing), None);
    assert!(view.lacking().is_empty());
}
