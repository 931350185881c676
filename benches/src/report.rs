//! How a figure is printed: what was measured, and its limit beside it.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Whether a figure was not within its limit.
static IS_MISSED: AtomicBool = AtomicBool::new(false);

/// How the program ends: with 1 where a figure was not within its limit.
pub(crate) fn outcome() -> ExitCode {
    if IS_MISSED.load(Ordering::Relaxed) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The value in the middle.
pub(crate) fn median(values: Vec<f64>) -> f64 {
    ranked(values, 2)
}

/// The value that a quarter of them stay under.
pub(crate) fn quartile(values: Vec<f64>) -> f64 {
    ranked(values, 4)
}

fn ranked(mut values: Vec<f64>, part: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / part).copied().unwrap_or_default()
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
    told(value <= limit, ["within", "ABOVE"], limit)
}

/// Whether a value is no less than its limit.
pub(crate) fn reaches(value: f64, limit: f64) -> String {
    told(value >= limit, ["reaches", "BELOW"], limit)
}

fn told(is_met: bool, [met, missed]: [&str; 2], limit: f64) -> String {
    IS_MISSED.fetch_or(!is_met, Ordering::Relaxed);
    format!("{} {limit}", if is_met { met } else { missed })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing else is reported while this runs.
    #[test]
    fn one_figure_that_is_missed_is_what_the_program_ends_with() {
        assert_eq!([within(1.0, 1.0), reaches(1.0, 1.0)], ["within 1", "reaches 1"]);
        assert_eq!(outcome(), ExitCode::SUCCESS);
        assert_eq!([within(1.5, 1.0), reaches(0.5, 1.0)], ["ABOVE 1", "BELOW 1"]);
        assert_eq!(within(1.0, 1.0), "within 1");
        assert_eq!(outcome(), ExitCode::FAILURE);
    }
}
