//! Queries, alerts and documentation name what the program tells, and nothing else.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs;
use std::path::Path;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{self, AggregateExpr, Expr, LabelModifier, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::Value;

use super::alerts::{Alert, GROUPS};
use super::dashboard::dashboard;
use super::panels::ROWS;
use crate::metrics::told::{Told, told};

/// Labels that whoever fetches the numbers adds.
const OF_TARGETS: [&str; 8] =
    ["container", "endpoint", "exported_job", "instance", "job", "namespace", "pod", "service"];

/// What others tell, with labels: the API server of how it fares with webhooks, and Prometheus of whom it reached.
const FOREIGN: [(&str, &[&str]); 3] = [
    (
        "apiserver_admission_webhook_rejection_count",
        &["name", "type", "operation", "error_type", "rejection_code"],
    ),
    ("apiserver_admission_webhook_fail_open_count", &["name", "type"]),
    ("up", &[]),
];

fn alerts() -> impl Iterator<Item = &'static Alert> {
    GROUPS.iter().flat_map(|group| group.alerts)
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a query says that nobody tells.
#[derive(Default)]
struct Untold {
    told: Told,
    labels: BTreeSet<String>,
    faults: Vec<String>,
}

impl Untold {
    fn of(query: &str) -> Vec<String> {
        let labels = OF_TARGETS.iter().map(|label| (*label).to_owned()).collect();
        let mut this = Self { told: told(), labels, faults: Vec::new() };
        match parser::parse(query) {
            // Aggregations come before what they are of: so what is told is noted first.
            Ok(query) => {
                let Ok(_) = walk_expr(&mut Series(&mut this), &query);
                let Ok(_) = walk_expr(&mut Aggregations(&mut this), &query);
            }
            Err(error) => this.faults.push(error),
        }
        this.faults
    }

    fn series(&mut self, selector: &VectorSelector) {
        let name = selector.name.as_deref().unwrap_or_default();
        if let Some((_, labels)) = FOREIGN.iter().find(|(foreign, _)| *foreign == name) {
            self.labels.extend(labels.iter().map(|label| (*label).to_owned()));
            return;
        }
        let Some(labels) = self.told.series.get(name) else {
            self.faults.push(format!("nobody tells {name}"));
            return;
        };
        self.labels.extend(labels.keys().cloned());
        for Matcher { op, name: label, value } in &selector.matchers.matchers {
            let is_told = |value: &str| labels.get(label).is_some_and(|values| values.contains(value));
            let is_right = match op {
                MatchOp::Equal | MatchOp::NotEqual => is_told(value),
                MatchOp::Re(_) | MatchOp::NotRe(_) => value.split('|').all(is_told),
            };
            if !is_right && !OF_TARGETS.contains(&label.as_str()) {
                self.faults.push(format!("{name} is not told with {label}={value:?}"));
            }
        }
    }
}

struct Series<'a>(&'a mut Untold);

impl ExprVisitor for Series<'_> {
    type Error = Infallible;

    fn pre_visit(&mut self, query: &Expr) -> Result<bool, Infallible> {
        match query {
            Expr::VectorSelector(selector) => self.0.series(selector),
            Expr::MatrixSelector(range) => self.0.series(&range.vs),
            _ => {}
        }
        Ok(true)
    }
}

struct Aggregations<'a>(&'a mut Untold);

impl ExprVisitor for Aggregations<'_> {
    type Error = Infallible;

    fn pre_visit(&mut self, query: &Expr) -> Result<bool, Infallible> {
        if let Expr::Aggregate(AggregateExpr { modifier: Some(LabelModifier::Include(labels)), .. }) = query {
            let unknown = labels.labels.iter().filter(|label| !self.0.labels.contains(*label));
            let faults: Vec<String> =
                unknown.map(|label| format!("nobody tells the label {label}")).collect();
            self.0.faults.extend(faults);
        }
        Ok(true)
    }
}

#[test]
fn every_query_is_understood_and_names_what_is_told() {
    let of_alerts = alerts().map(|alert| (alert.name, alert.query.to_owned()));
    // What Grafana puts in place of its variables.
    let filled = |query: &str| query.replace("$__rate_interval", "5m").replace("$namespace", "a");
    let panels = ROWS.iter().flat_map(|row| row.panels);
    let of_panels =
        panels.flat_map(|panel| panel.queries.iter().map(|(query, _)| (panel.title, filled(query))));
    for (name, query) in of_alerts.chain(of_panels) {
        assert_eq!(Untold::of(&query), [""; 0], "{name}: {query}");
    }
}

#[test]
fn every_metric_is_watched_by_an_alert_or_shown() {
    let alerts = alerts().map(|alert| alert.query);
    let panels = ROWS.iter().flat_map(|row| row.panels).flat_map(|panel| panel.queries);
    let queries: Vec<&str> = alerts.chain(panels.map(|(query, _)| *query)).collect();
    for metric in told().metrics {
        assert!(queries.iter().any(|query| query.contains(&metric)), "{metric} is neither shown nor watched");
    }
}

/// The corners of a panel: left, top, right, bottom.
fn corners(panel: &Value) -> [u64; 4] {
    let [x, y, w, h] = ["x", "y", "w", "h"].map(|at| panel["gridPos"][at].as_u64().expect("a number"));
    [x, y, x + w, y + h]
}

#[test]
fn no_panel_hides_another() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("panels");
    for (at, one) in panels.iter().enumerate() {
        let [left, top, right, bottom] = corners(one);
        assert!(right <= 24, "{one}");
        for other in panels.iter().skip(at + 1) {
            let [x, y, to_x, to_y] = corners(other);
            let is_apart = right <= x || to_x <= left || bottom <= y || to_y <= top;
            assert!(is_apart && one["id"] != other["id"], "{} and {}", one["title"], other["title"]);
        }
    }
}

#[test]
fn what_nobody_tells_is_found() {
    let table = [
        ("fleetgate_leader ==", "invalid promql"),
        ("rate(fleetgate_leader)", "expected type"),
        ("fleetgate_leader_total", "nobody tells fleetgate_leader_total"),
        ("fleetgate_clusters{state=\"gone\"}", "is not told with state"),
        ("fleetgate_clusters{state=~\"ready|gone\"}", "is not told with state"),
        ("fleetgate_clusters{stat=\"ready\"}", "is not told with stat"),
        ("sum by (verb) (fleetgate_clusters)", "nobody tells the label verb"),
    ];
    for (query, fault) in table {
        let faults = Untold::of(query);
        assert!(faults.iter().any(|found| found.contains(fault)), "{query}: {faults:?}");
    }
}

#[test]
fn what_is_told_keeps_the_labels_of_those_who_ask() {
    for (series, labels) in told().series {
        let taken: Vec<_> = labels.keys().filter(|label| OF_TARGETS.contains(&label.as_str())).collect();
        assert!(taken.is_empty(), "{series}: Prometheus would rename {taken:?}");
    }
}

#[test]
fn what_an_alert_says_its_query_keeps() {
    for Alert { name, query, description, .. } in alerts() {
        let labels = description.split("$labels.").skip(1);
        for label in labels.filter_map(|rest| rest.split(' ').next()) {
            let by = [format!("({label}"), format!(", {label}")];
            assert!(by.iter().any(|by| query.contains(by)), "{name}: its query does not keep {label}");
        }
    }
}

#[test]
fn the_documentation_names_what_is_told_and_all_of_it() {
    let Told { metrics, series } = told();
    let pages = [page("running.md"), page("operations.md")];
    for metric in &metrics {
        assert!(pages.iter().any(|page| page.contains(metric.as_str())), "{metric} stands in no page");
    }
    for word in pages.iter().flat_map(|page| words(page)) {
        let is_told = metrics.contains(word) || series.contains_key(word);
        assert!(is_told, "nobody tells {word}, which docs/ name");
    }
}

/// The names of metrics in a text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("fleetgate_"))
}
