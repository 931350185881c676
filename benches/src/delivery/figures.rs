//! The figures of all sizes, in one table.

use std::collections::BTreeMap;

use crate::report::{median, reaches, row};

/// At least so much of the floor's writes a second, at the sizes that have a limit.
const OF_FLOOR: f64 = 0.8;

/// The children from which on there is a limit: start and end of a small run are most of it.
const LIMITED_FROM: usize = 2_000;

/// What was measured so far.
#[derive(Debug, Default)]
pub(super) struct Figures {
    deliveries: BTreeMap<usize, Vec<Delivery>>,
    rows: Vec<String>,
}

/// One delivery, and the floor beside it.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) size: String,
    /// Writes a second.
    pub(super) ours: f64,
    pub(super) floor: f64,
    /// How long it took in all, in seconds, and the floor.
    pub(super) took: (f64, f64),
    /// CPU of the API server for each write, in milliseconds, and with the floor.
    pub(super) cpu_ms_each: (f64, f64),
    /// CPU of the controller, in seconds.
    pub(super) cpu: f64,
}

impl Figures {
    pub(super) fn delivered(&mut self, children: usize, delivery: Delivery) {
        self.deliveries.entry(children).or_default().push(delivery);
    }

    /// A figure, and whether it is within its limit, if it has one.
    pub(super) fn line(&mut self, name: &str, figure: &str, verdict: &str) {
        self.rows.push(row(name, figure, verdict));
    }

    pub(super) fn print(&self) {
        for (children, rounds) in &self.deliveries {
            print_rounds(*children, rounds);
        }
        self.rows.iter().for_each(|row| println!("{row}"));
    }
}

fn print_rounds(children: usize, rounds: &[Delivery]) {
    let Some(size) = rounds.first().map(|round| round.size.as_str()) else { return };
    let of = |value: fn(&Delivery) -> f64| median(rounds.iter().map(value).collect());
    let share = of(|round| round.ours / round.floor);
    let figure = format!(
        "{:.0} % ({:.0}/s, floor {:.0}/s)",
        share * 100.0,
        of(|round| round.ours),
        of(|round| round.floor)
    );
    let verdict = if children >= LIMITED_FROM { reaches(share, OF_FLOOR) } else { String::new() };
    println!("{}", row(&format!("{size}: writes a second, of the floor's"), &figure, &verdict));
    let took = format!("{:.2} s, floor {:.2} s", of(|round| round.took.0), of(|round| round.took.1));
    println!("{}", row(&format!("{size}: from first create to last child"), &took, ""));
    let each = (of(|round| round.cpu_ms_each.0), of(|round| round.cpu_ms_each.1));
    let each = format!("{:.2} ms, floor {:.2} ms", each.0, each.1);
    println!("{}", row(&format!("{size}: CPU of the API server for each write"), &each, ""));
    let cpu = format!("{:.2} s", of(|round| round.cpu));
    println!("{}", row(&format!("{size}: CPU of the controller meanwhile"), &cpu, ""));
}
