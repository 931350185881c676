//! What a schema asks of texts beside their length: `pattern` and `format`.

use std::sync::LazyLock;

use jsonschema::{Keyword, ValidationError};
use regex::Regex;
use serde_json::Value;

use super::re2;

/// A `pattern` in Go's dialect. Under its own name, as JSON Schema has another.
pub(super) const PATTERN: &str = "x-pattern";
/// A `format` as the API server knows it.
pub(super) const FORMAT: &str = "x-format";

/// The keyword's meaning: the pattern is found in the text. One that cannot be
/// understood is found everywhere: rather admitted than refused for nothing.
pub(super) fn pattern(pattern: &Value) -> Box<dyn for<'i> Keyword<'i>> {
    let regex = pattern.as_str().and_then(re2::compile);
    let message = format!("must match {}", pattern.as_str().unwrap_or_default());
    Box::new(Demand {
        accepts: move |text: &str| regex.as_ref().is_none_or(|regex| regex.is_match(text)),
        message,
    })
}

/// The keyword's meaning for the formats of times. The API server knows more
/// (`uuid`, `ipv4`…), which no rendered object has, and ignores all others.
pub(super) fn format(format: &Value) -> Box<dyn for<'i> Keyword<'i>> {
    let (accepts, what): (fn(&str) -> bool, _) = match format.as_str() {
        Some("duration") => (is_duration, "a duration such as 1m30s"),
        Some("date") => (is_date, "a date such as 2006-01-02"),
        Some("date-time") => (is_date_time, "a time such as 2006-01-02T15:04:05Z"),
        _ => (|_| true, ""),
    };
    Box::new(Demand { accepts, message: format!("must be {what}") })
}

/// What is asked of a text, and how that is said.
struct Demand<F> {
    accepts: F,
    message: String,
}

impl<'i, F: Fn(&str) -> bool + Send + Sync> Keyword<'i> for Demand<F> {
    fn validate(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(value) { Ok(()) } else { Err(ValidationError::custom(self.message.clone())) }
    }

    fn is_valid(&self, value: &'i Value) -> bool {
        value.as_str().is_none_or(|text| (self.accepts)(text))
    }
}

static GO_DURATION: LazyLock<Option<Regex>> =
    LazyLock::new(|| re2::compile(r"^[-+]?(0|(([0-9]{1,18}(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$"));
static SCALA_DURATION: LazyLock<Option<Regex>> = LazyLock::new(|| re2::compile(r"([0-9]+)\s*([A-Za-zµ]+)"));

/// The words for a unit; the last one of a row may go on (`minutes`).
const UNITS: [&[&str]; 8] = [
    &["ns", "nano"],
    &["us", "µs", "micro"],
    &["ms", "milli"],
    &["s", "sec"],
    &["m", "min"],
    &["h", "hr", "hour"],
    &["d", "day"],
    &["w", "wk", "week"],
];

/// As `strfmt.ParseDuration`: Go's durations, and what Scala writes (`5 minutes`).
fn is_duration(text: &str) -> bool {
    if GO_DURATION.as_ref().is_none_or(|regex| regex.is_match(text)) {
        return true;
    }
    let mut is_found = false;
    for found in SCALA_DURATION.iter().flat_map(|regex| regex.captures_iter(text)) {
        let (_, [number, unit]) = found.extract();
        if number.parse::<i64>().is_err() {
            return false;
        }
        let unit = unit.to_lowercase();
        is_found |= UNITS.iter().any(|words| {
            words.contains(&unit.as_str()) || words.last().is_some_and(|last| unit.starts_with(last))
        });
    }
    is_found
}

/// As Go parses `2006-01-02`.
fn is_date(text: &str) -> bool {
    let digits = |from: usize, to: usize| {
        text.get(from..to).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?.parse::<u32>().ok()
    };
    let dashes = (text.get(4..5), text.get(7..8)) == (Some("-"), Some("-"));
    match (digits(0, 4), digits(5, 7), digits(8, 10)) {
        (Some(year), Some(month), Some(day)) if dashes && text.len() == 10 => {
            (1..=days(year, month)).contains(&day)
        }
        _ => false,
    }
}

fn days(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

static TIME_OF_DAY: LazyLock<Option<Regex>> =
    LazyLock::new(|| re2::compile(r"^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|[+-][0-9]{2}:[0-9]{2})$"));

/// As `strfmt.IsDateTime`.
fn is_date_time(text: &str) -> bool {
    let text = text.to_lowercase();
    let Some((_, time)) = text.split_once('t').filter(|(date, _)| is_date(date)) else {
        return false;
    };
    let Some(regex) = TIME_OF_DAY.as_ref() else {
        return true;
    };
    regex.captures(time).is_some_and(|found| {
        let at_most = |group: usize, most: &str| found.get(group).is_some_and(|part| part.as_str() <= most);
        at_most(1, "23") && at_most(2, "59") && at_most(3, "59")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go_and_scala() {
        for text in [
            "0",
            "5m",
            "1h30m",
            "-1.5s",
            ".5s",
            "1.s",
            "5 minutes",
            "2d",
            "3 weeks",
            "10µs",
            "9999999999999h",
        ] {
            assert!(is_duration(text), "{text}");
        }
        for text in ["", "5", "m", "five minutes", "1x", "99999999999999999999s", "+"] {
            assert!(!is_duration(text), "{text}");
        }
    }

    #[test]
    fn times_are_those_of_strfmt() {
        for text in ["2024-02-29T00:00:00Z", "2006-01-02t15:04:05.999z", "2006-01-02T15:04:05+02:00"] {
            assert!(is_date_time(text), "{text}");
        }
        for text in [
            "2023-02-29T00:00:00Z",
            "2006-01-02",
            "2006-01-02T24:00:00Z",
            "2006-01-02T15:04:05",
            "then",
            "2006-13-01T00:00:00Z",
        ] {
            assert!(!is_date_time(text), "{text}");
        }
        assert!(
            is_date("2000-02-29")
                && !is_date("1900-02-29")
                && !is_date("2000-2-29")
                && !is_date("２０００-02-29")
        );
    }
}
