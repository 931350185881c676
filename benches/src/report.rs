//! How a figure is printed: what was measured, and its limit beside it.

use std::time::Duration;

/// The value in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// A duration in microseconds.
pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// One line: a name, the figure in words, and whether it is within its limit.
pub(crate) fn line(name: &str, figure: &str, value: f64, limit: f64) {
    println!("{}", row(name, figure, &within(value, limit)));
}

/// One line of a figure that has no limit.
pub(crate) fn noted(name: &str, figure: &str) {
    println!("{}", row(name, figure, ""));
}

/// A line of the table.
pub(crate) fn row(name: &str, figure: &str, verdict: &str) -> String {
    format!("{name:<58} {figure:<46} {verdict}").trim_end().to_owned()
}

/// Whether a value is no more than its limit.
pub(crate) fn within(value: f64, limit: f64) -> String {
    format!("{} {limit}", if value <= limit { "within" } else { "ABOVE" })
}

/// Whether a value is no less than its limit.
pub(crate) fn reaches(value: f64, limit: f64) -> String {
    format!("{} {limit}", if value >= limit { "reaches" } else { "BELOW" })
}
