//! Durations as Go itself reads them, which is more than Flux takes.

/// The units, with their nanoseconds.
const UNITS: [(&str, u64); 8] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ns", 1),
];

/// The nanoseconds of what Go's `time.ParseDuration` takes, a sign aside: a
/// sequence of decimal numbers, each with its unit. `None` for anything else,
/// and for what Go has no room for.
pub(crate) fn go_nanos(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !is_of_number(c)).unwrap_or(rest.len()));
        let (unit, after) = after.split_at(after.find(is_of_number).unwrap_or(after.len()));
        let (_, scale) = UNITS.into_iter().find(|(known, _)| *known == unit)?;
        total = total.checked_add(scaled(number, scale)?)?;
        rest = after;
    }
    (!text.is_empty() && i64::try_from(total).is_ok()).then_some(total)
}

fn is_of_number(character: char) -> bool {
    character.is_ascii_digit() || character == '.'
}

/// `1.5`, `1.` or `.5` of a unit, the rest of a nanosecond dropped.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut nanos = whole.checked_mul(scale)?;
    let mut place = scale;
    for digit in fraction.bytes() {
        place /= 10;
        nanos = nanos.checked_add(u64::from(digit - b'0') * place)?;
    }
    Some(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn go_durations() {
        let table = [
            ("1h2m3s4ms5us6ns", 3_723_004_005_006),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("1.0005ms", 1_000_500),
            ("0s", 0),
            ("5µs", 5_000),
            ("0.5ns", 0),
        ];
        for (text, nanos) in table {
            assert_eq!(go_nanos(text), Some(nanos), "{text}");
        }
        for bad in ["", ".", ".s", "1.2.3s", "s", "1d", "1s ", "1", "2562048h", "99999999999999999999s"] {
            assert_eq!(go_nanos(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|[0-9.hmsuµ]{0,40}") {
            let _ = go_nanos(&text);
        }
    }
}
