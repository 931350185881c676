//! What the schema check of what an Application becomes costs by itself: it is
//! a part of each review, which has no switch to leave it out.

use std::time::Instant;

use fleetgate_api::Application;
use fleetgate_plan::Plan;
use fleetgate_webhooks::finding::Findings;
use fleetgate_webhooks::{Kind, judge, rules};

use crate::bodies;
use crate::report::micros;

/// How many checks one measurement has, and how many measurements there are.
const CHECKS: u32 = 2_000;
const MEASUREMENTS: usize = 11;

/// CPU time of one schema check of that example, in microseconds.
pub(crate) fn cpu_time(example: &str, clusters: usize) -> anyhow::Result<f64> {
    let catalog = bodies::catalog(clusters)?;
    let stored = judge(Kind::Application, bodies::application(example)?, None, &catalog).object;
    let application: Application = serde_json::from_value(stored)?;
    let plan = Plan::of(&application, &catalog);
    let measurements = (0..MEASUREMENTS).map(|_| {
        // A check uses its plan up.
        let plans = vec![plan.clone(); CHECKS as usize];
        let start = Instant::now();
        for plan in plans {
            let mut findings = Findings::default();
            rules::schema::check(&application, plan, &catalog, &mut findings);
            assert_eq!(findings, Findings::default(), "the example has findings");
        }
        micros(start.elapsed()) / f64::from(CHECKS)
    });
    Ok(measurements.fold(f64::INFINITY, f64::min))
}
