//! The durations that Flux takes.

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum DurationFault {
    Malformed,
    TooLarge,
}

/// The nanoseconds of `text` in the grammar of Flux's schemas,
/// `([0-9]+(\.[0-9]+)?(ms|s|m|h))+`, as far as Go can hold them.
///
/// kube's own Duration takes more (signs, `us`) and panics on what overflows.
pub(crate) fn parse(text: &str, units: &[&str]) -> Result<u64, DurationFault> {
    let mut rest = text;
    let mut total: u64 = 0;
    loop {
        let number_end =
            rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or(DurationFault::Malformed)?;
        let (number, after) = rest.split_at(number_end);
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        if !units.contains(&unit) {
            return Err(DurationFault::Malformed);
        }
        let nanos = nanos(number, unit)?;
        total = total
            .checked_add(nanos)
            .filter(|total| i64::try_from(*total).is_ok())
            .ok_or(DurationFault::TooLarge)?;
        if after.is_empty() {
            return Ok(total);
        }
        rest = after;
    }
}

fn nanos(number: &str, unit: &str) -> Result<u64, DurationFault> {
    let scale: u64 = match unit {
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        _ => 3_600 * 1_000_000_000,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return Err(DurationFault::Malformed);
    }
    let whole: u64 = whole.parse().map_err(|_| DurationFault::TooLarge)?;
    let mut nanos = whole.checked_mul(scale).ok_or(DurationFault::TooLarge)?;
    let mut place = scale;
    for digit in fraction.bytes() {
        place /= 10;
        nanos = nanos.checked_add(u64::from(digit - b'0') * place).ok_or(DurationFault::TooLarge)?;
    }
    Ok(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UNITS: &[&str] = &["ms", "s", "m", "h"];

    #[test]
    fn go_durations() {
        let second = 1_000_000_000;
        let table = [
            ("0s", Ok(0)),
            ("3m0s", Ok(180 * second)),
            ("1h30m", Ok(5_400 * second)),
            ("1.5s", Ok(1_500_000_000)),
            ("250ms", Ok(250_000_000)),
            ("2562047h47m16s", Ok(9_223_372_036 * second)),
            ("2562048h", Err(DurationFault::TooLarge)),
            ("99999999999999999999h", Err(DurationFault::TooLarge)),
            ("9223372036s9223372036s", Err(DurationFault::TooLarge)),
            ("", Err(DurationFault::Malformed)),
            ("5", Err(DurationFault::Malformed)),
            ("5 minutes", Err(DurationFault::Malformed)),
            ("often", Err(DurationFault::Malformed)),
            ("-5m", Err(DurationFault::Malformed)),
            ("1.m", Err(DurationFault::Malformed)),
            (".5m", Err(DurationFault::Malformed)),
            ("1.2.3s", Err(DurationFault::Malformed)),
            ("5us", Err(DurationFault::Malformed)),
            ("5m ", Err(DurationFault::Malformed)),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text, UNITS), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|[0-9.hms]{0,60}") {
            let _ = parse(&text, UNITS);
        }
    }
}
