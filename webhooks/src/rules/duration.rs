//! The rule about every duration of an Application.

mod go;
mod grammar;

use fleetgate_api::application::{Source, SyncPolicy};

pub(crate) use self::go::go_nanos;
use self::grammar::DurationFault;
pub(crate) use self::grammar::parse;
use super::{DENIES_OR_WARNS, Example, Input, Rule};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};

/// `source/interval`
pub const INTERVAL: Rule = Rule {
    code: "source/interval",
    severities: DENIES_OR_WARNS,
    what: "A duration that is no Go duration as Flux takes it (`1h30m`), or too large for one. The `timeout` of a source that is zero. A warning for an interval of zero, or of less than 10 s, and for such a timeout of less than 1 s, or of zero in a `helmRepository`. Durations of policies, too.",
    why: "Flux's schema refuses it, and one that overflows poisons every client that decodes the object; an interval of zero means once and never again, and without time nothing is fetched.",
    example: Example::new(
        r#"spec.source.gitRepository.interval: "5 minutes""#,
        r#"spec.source.gitRepository.interval: "5m""#,
    ),
};

/// An interval below this many nanoseconds asks more of the source than it gives.
const SHORTEST_NANOS: u64 = 10 * 1_000_000_000;

/// A source is hardly fetched in less than this many nanoseconds.
const SHORTEST_FETCH_NANOS: u64 = 1_000_000_000;

const NANOS_PER_MINUTE: u64 = 60 * 1_000_000_000;

const USUAL_TIMEOUT: &str = "leave it out: 60s is the default";

/// What a duration is for, which decides what is odd about it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Use {
    /// How often something is done.
    Interval,
    /// How long it may take.
    Timeout,
    /// The same, in a source: Flux takes no hours there, and never fetches without time.
    SourceTimeout,
    /// The same of charts, where none means no limit to Helm itself.
    ChartTimeout,
}

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let spec = &input.application.spec;
    visit_source(&spec.source, &mut Judge { below: &FieldPath::spec, findings });
    for (index, policy) in spec.sync_policies.iter().enumerate() {
        visit_policy(policy, &mut Judge { below: &|| FieldPath::policy(index), findings });
    }
}

/// Judges durations; their paths are made only for what is found.
struct Judge<'a> {
    /// The path below which they stand.
    below: &'a dyn Fn() -> FieldPath,
    findings: &'a mut Findings,
}

impl Judge<'_> {
    fn duration(&mut self, usage: Use, fields: &[&'static str], text: Option<&str>) {
        let path = || fields.iter().fold((self.below)(), |path, field| path.field(*field));
        self.findings.extend(text.and_then(|text| judge(text, usage, path)));
    }
}

fn visit_source(source: &Source, judge: &mut Judge<'_>) {
    let mut visit = |kind: &'static str, interval: Option<&str>, timeout: Option<&str>| {
        let fetching = if kind == "helmRepository" { Use::ChartTimeout } else { Use::SourceTimeout };
        judge.duration(Use::Interval, &["source", kind, "interval"], interval);
        judge.duration(fetching, &["source", kind, "timeout"], timeout);
    };
    if let Some(git) = &source.git_repository {
        visit("gitRepository", Some(&git.interval), git.timeout.as_deref());
    }
    if let Some(helm) = &source.helm_repository {
        visit("helmRepository", helm.interval.as_deref(), helm.timeout.as_deref());
    }
    if let Some(oci) = &source.oci_repository {
        visit("ociRepository", Some(&oci.interval), oci.timeout.as_deref());
    }
    if let Some(bucket) = &source.bucket {
        visit("bucket", Some(&bucket.interval), bucket.timeout.as_deref());
    }
}

fn visit_policy(policy: &SyncPolicy, judge: &mut Judge<'_>) {
    if let Some(kustomization) = &policy.kustomization {
        let mut visit = |usage, field, text| judge.duration(usage, &["kustomization", field], text);
        visit(Use::Interval, "interval", Some(&kustomization.interval));
        visit(Use::Interval, "retryInterval", kustomization.retry_interval.as_deref());
        visit(Use::Timeout, "timeout", kustomization.timeout.as_deref());
    }
    if let Some(helm) = &policy.helm {
        judge.duration(Use::Interval, &["helm", "interval"], Some(&helm.interval));
        judge.duration(Use::Timeout, &["helm", "timeout"], helm.timeout.as_deref());
        let chart = helm.chart.as_ref().and_then(|chart| chart.spec.interval.as_deref());
        judge.duration(Use::Interval, &["helm", "chart", "spec", "interval"], chart);
        let steps = [
            ("install", helm.install.as_ref().and_then(|step| step.timeout.as_deref())),
            ("upgrade", helm.upgrade.as_ref().and_then(|step| step.timeout.as_deref())),
            ("rollback", helm.rollback.as_ref().and_then(|step| step.timeout.as_deref())),
            ("uninstall", helm.uninstall.as_ref().and_then(|step| step.timeout.as_deref())),
            ("test", helm.test.as_ref().and_then(|test| test.timeout.as_deref())),
        ];
        for (step, timeout) in steps {
            judge.duration(Use::Timeout, &["helm", step, "timeout"], timeout);
        }
        let strategies = [
            ("install", helm.install.as_ref().and_then(|step| step.strategy.as_ref())),
            ("upgrade", helm.upgrade.as_ref().and_then(|step| step.strategy.as_ref())),
        ];
        for (step, strategy) in strategies {
            let interval = strategy.and_then(|strategy| strategy.retry_interval.as_deref());
            judge.duration(Use::Interval, &["helm", step, "strategy", "retryInterval"], interval);
        }
    }
}

impl Use {
    fn units(self) -> &'static [&'static str] {
        match self {
            Self::Interval | Self::Timeout => &["ms", "s", "m", "h"],
            Self::SourceTimeout | Self::ChartTimeout => &["ms", "s", "m"],
        }
    }
}

fn judge(text: &str, usage: Use, path: impl FnOnce() -> FieldPath) -> Option<Finding> {
    let finding = match parse(text, usage.units()) {
        Ok(nanos) => odd(nanos, usage, path)?,
        Err(fault) => malformed(text, usage, fault, path()),
    };
    Some(finding.value(text))
}

fn malformed(text: &str, usage: Use, fault: DurationFault, path: FieldPath) -> Finding {
    let message = match fault {
        DurationFault::Malformed => {
            format!("must be a duration of {} such as 1m30s", usage.units().join(", "))
        }
        DurationFault::TooLarge => "is too large: a Go duration ends at 292 years".to_owned(),
    };
    let finding = Finding::error(&INTERVAL, path, Fault::Invalid, message);
    match way_out(text, usage, fault) {
        Some(hint) => finding.hint(hint),
        None => finding,
    }
}

/// What is odd about a duration, or cannot work: source-controller gives what
/// it does for a source that long (`context.WithTimeout`), and no more.
fn odd(nanos: u64, usage: Use, path: impl FnOnce() -> FieldPath) -> Option<Finding> {
    let (message, hint) = match usage {
        Use::Interval if nanos == 0 => (
            "means once and never again: a change that is not noticed then is never delivered",
            "5m is usual",
        ),
        Use::Interval if nanos < SHORTEST_NANOS => {
            ("is shorter than 10s: every cluster asks the source that often", "5m is usual")
        }
        Use::SourceTimeout if nanos == 0 => {
            let message = "gives no time at all: nothing is ever fetched";
            return Some(Finding::error(&INTERVAL, path(), Fault::Invalid, message).hint(USUAL_TIMEOUT));
        }
        Use::ChartTimeout if nanos == 0 => {
            ("gives no time to read a Secret in, and a download no limit", USUAL_TIMEOUT)
        }
        Use::SourceTimeout | Use::ChartTimeout if nanos < SHORTEST_FETCH_NANOS => {
            ("is shorter than 1s: hardly anything is fetched in that time", USUAL_TIMEOUT)
        }
        _ => return None,
    };
    Some(Finding::warning(&INTERVAL, path(), Fault::Invalid, message).hint(hint))
}

/// What was most likely meant: hours where there are none, days, or a number without its unit.
fn way_out(text: &str, usage: Use, fault: DurationFault) -> Option<String> {
    if fault == DurationFault::TooLarge {
        return None;
    }
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()?.checked_mul(24));
    match (days, parse(text, &["ms", "s", "m", "h"])) {
        (Some(hours), _) if usage.units().contains(&"h") => Some(format!("write {hours}h")),
        (_, Ok(nanos)) if nanos % NANOS_PER_MINUTE == 0 => {
            Some(format!("write {}m", nanos / NANOS_PER_MINUTE))
        }
        _ => {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| "add the unit, such as s or m".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::example::fragment;
    use crate::schema::Kind;
    use crate::test_fixtures::{codes, findings, git_source, kustomization};
    use serde_json::{Value, json};

    #[test]
    fn slips_have_a_way_out() {
        let table = [
            ("1h30m", Use::SourceTimeout, Some("write 90m")),
            ("2d", Use::Interval, Some("write 48h")),
            ("2d", Use::SourceTimeout, None),
            ("4294967295d", Use::Interval, None),
            ("30", Use::Timeout, Some("add the unit, such as s or m")),
            ("", Use::Timeout, None),
            ("often", Use::Interval, None),
            ("2562048h", Use::Interval, None),
        ];
        for (text, usage, expected) in table {
            let finding = judge(text, usage, FieldPath::spec).expect("a finding");
            assert_eq!(finding.hint.as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn intervals_and_timeouts() {
        let table = [
            ("5m", "1m", "5m", ""),
            ("0s", "1m", "5m", "W source/interval"),
            ("9s", "1m", "5m", "W source/interval"),
            ("5 minutes", "1m", "5m", "E source/interval"),
            ("5m", "1h", "5m", "E source/interval"),
            ("5m", "1m", "0s", "W source/interval"),
            ("5m", "0s", "5m", "E source/interval"),
            ("5m", "0.0m", "5m", "E source/interval"),
            ("5m", "999ms", "5m", "W source/interval"),
            ("5m", "1s", "5m", ""),
            ("5m", "1m", "often", "E source/interval"),
        ];
        for (interval, timeout, policy_interval, expected) in table {
            let mut source = git_source();
            source["gitRepository"]["interval"] = json!(interval);
            source["gitRepository"]["timeout"] = json!(timeout);
            let mut policy = kustomization();
            policy["interval"] = json!(policy_interval);
            let spec = json!({"source": source, "syncPolicies": [{"kustomization": policy}]});
            assert_eq!(codes(spec), expected, "{interval} {timeout} {policy_interval}");
        }
    }

    #[test]
    fn time_to_fetch() {
        let table = [
            ("ociRepository", "0s", "E source/interval"),
            ("ociRepository", "500ms", "W source/interval"),
            ("bucket", "0s", "E source/interval"),
            ("bucket", "500ms", "W source/interval"),
            ("helmRepository", "0s", "W source/interval"),
            ("helmRepository", "500ms", "W source/interval"),
            ("helmRepository", "1s", ""),
        ];
        for (kind, timeout, expected) in table {
            let mut source = json!({"url": "oci://ghcr.io/o/r", "interval": "5m", "timeout": timeout});
            if kind == "bucket" {
                source["bucketName"] = json!("shop");
                source["endpoint"] = json!("minio.example.com");
            }
            let policy = match kind {
                "helmRepository" => json!({"helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}}}),
                _ => json!({"kustomization": kustomization()}),
            };
            let said = codes(json!({"source": {kind: source}, "syncPolicies": [policy]}));
            assert_eq!(said, expected, "{kind} {timeout}");
        }
    }

    /// The places of the schema whose pattern is that of a duration.
    fn places(schema: &Value, path: &FieldPath, found: &mut Vec<FieldPath>) {
        if schema["pattern"].as_str().is_some_and(|pattern| pattern.contains("(ms|s|m")) {
            found.push(path.clone());
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            places(field, &path.key(name), found);
        }
        if let Some(item) = schema.get("items") {
            places(item, &path.index(0), found);
        }
    }

    #[test]
    fn every_duration_of_the_schema_is_judged() {
        let mut found = Vec::new();
        places(&Kind::Application.schema().root()["properties"]["spec"], &FieldPath::spec(), &mut found);
        assert!(found.len() > 20, "{found:?}");
        for path in found {
            let spec = fragment(&format!("{path}: \"99999999999999999999m\""))["spec"].clone();
            let said = findings(spec);
            assert!(
                said.iter().any(|finding| finding.code == INTERVAL.code && finding.path == path),
                "{path}: {said:?}"
            );
        }
    }
}
