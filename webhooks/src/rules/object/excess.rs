//! What there is too much of, so that nothing else of the object is looked at.
//!
//! Everything that is made of an Application repeats what it is called and where
//! it goes: with thousands of policies, so would a megabyte of it be.

use fleetgate_api::names::LABEL_SHARD;
use serde_json::Value;

use super::depth::too_deep;
use super::{METADATA, NAME, UNREADABLE};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names::{MAX_LABEL, MAX_SUBDOMAIN};
use crate::rules::{Rule, destination, policy, rollout};
use crate::schema::Kind;

/// The most policies of an Application: each becomes objects in every cluster that it goes to, and memory
/// while it is looked at.
pub const MAX_POLICIES: usize = 5_000;

/// The most values of a spec with its defaults: as many as the most policies have that say no more than they must. The
/// largest ones that are written by hand or by a chart have some thousands.
pub const MAX_VALUES: usize = 7 * MAX_POLICIES + 500;

/// A spec of so few values has not too many with its defaults either.
const FEW_VALUES: usize = MAX_VALUES / 4;

/// Where an Application has its policies; the second is the early name.
const POLICIES: [&str; 2] = ["syncPolicies", "syncPolicy"];

/// A text that others repeat: where it stands, how long it may be, and whose rule that is.
type Repeated = (&'static [&'static str], usize, &'static Rule);

/// Those of any object's metadata.
const OF_METADATA: [Repeated; 5] = [
    (&["name"], MAX_SUBDOMAIN, &NAME),
    (&["generateName"], MAX_SUBDOMAIN, &METADATA),
    (&["namespace"], MAX_LABEL, &METADATA),
    (&["uid"], MAX_SUBDOMAIN, &METADATA),
    (&["labels", LABEL_SHARD], MAX_LABEL, &METADATA),
];

/// Those of an Application's spec.
const OF_SPEC: [Repeated; 1] = [(&["destination", "fleet"], MAX_SUBDOMAIN, &destination::FLEET_NAME)];

/// Those of each policy.
const OF_POLICY: [Repeated; 5] = [
    (&["name"], MAX_LABEL, &policy::NAME),
    (&["destination", "fleet"], MAX_SUBDOMAIN, &destination::FLEET_NAME),
    (&["rollout", "workload", "name"], MAX_SUBDOMAIN, &rollout::WORKLOAD),
    (&["rollout", "workload", "namespace"], MAX_LABEL, &rollout::WORKLOAD),
    (&["rollout", "serviceName"], MAX_LABEL, &rollout::SERVICE),
];

/// What is too much about an object; nothing, if all of it may be looked at.
#[must_use]
pub fn excess(kind: Kind, object: &Value) -> Findings {
    let mut findings = Findings::default();
    if let Some(finding) = too_many_policies(kind, object).or_else(|| too_deep(object)) {
        findings.push(finding);
        return findings;
    }
    let part = |field: &str| object.get(field).unwrap_or(&Value::Null);
    let root = FieldPath::root;
    too_long(&OF_METADATA, part("metadata"), || root().field("metadata"), &mut findings);
    if kind != Kind::Application {
        return findings;
    }
    let spec = part("spec");
    too_long(&OF_SPEC, spec, || root().field("spec"), &mut findings);
    for field in POLICIES {
        let policies = spec.get(field).and_then(Value::as_array);
        for (index, policy) in policies.into_iter().flatten().enumerate() {
            let path = || root().field("spec").field(field).index(index);
            too_long(&OF_POLICY, policy, path, &mut findings);
        }
    }
    findings
}

/// That a spec that is asked for holds too much, unless what is stored holds as much.
#[must_use]
pub fn too_many_values(kind: Kind, object: &Value, old: Option<&Value>) -> Option<Finding> {
    let of = |object: &Value| object.get("spec").map_or(0, values);
    if of(object) <= FEW_VALUES {
        return None;
    }
    // As the API server hands it to a webhook, so that the verdict is the same without one.
    let with_defaults = |object: &Value| of(&kind.schema().prepared(object));
    let count = with_defaults(object);
    if count <= MAX_VALUES || count <= old.map_or(0, with_defaults) {
        return None;
    }
    let message = format!("must have at most {MAX_VALUES} values, has {count}: make several objects of it");
    Some(Finding::error(&UNREADABLE, FieldPath::root().field("spec"), Fault::TooLong, message))
}

fn too_many_policies(kind: Kind, object: &Value) -> Option<Finding> {
    let spec = object.get("spec").filter(|_| kind == Kind::Application)?;
    POLICIES.into_iter().find_map(|field| {
        let count = spec.get(field)?.as_array()?.len();
        let path = FieldPath::root().field("spec").field(field);
        let message = format!(
            "must have at most {MAX_POLICIES} policies, has {count}: make several Applications of it"
        );
        (count > MAX_POLICIES).then(|| Finding::error(&UNREADABLE, path, Fault::TooLong, message))
    })
}

/// How many there are: fields, and items.
fn values(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len() + items.iter().map(values).sum::<usize>(),
        Value::Object(fields) => fields.len() + fields.values().map(values).sum::<usize>(),
        _ => 0,
    }
}

/// Says of each text that it is longer than any name. One that is merely longer
/// than it may be is left to its rule, which is not the only one to speak then.
fn too_long(repeated: &[Repeated], holder: &Value, path: impl Fn() -> FieldPath, findings: &mut Findings) {
    for (fields, most, rule) in repeated {
        let found = fields.iter().try_fold(holder, |value, field| value.get(field));
        let Some(text) = found.and_then(Value::as_str).filter(|text| text.len() > MAX_SUBDOMAIN) else {
            continue;
        };
        let path = fields.iter().fold(path(), |path, field| path.field(*field));
        let message =
            format!("may not be longer than {most} bytes, is {}: nothing else is looked at", text.len());
        findings.push(Finding::error(rule, path, Fault::TooLong, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;
    use crate::judge::judge;
    use crate::test_fixtures::{application, catalog, git_source, kustomization};
    use serde_json::json;

    /// The bytes of a text, and the most policies that have to do with it.
    const SIZES: (usize, usize) = (1_840_000, 5_000);

    /// What is said, and how much it is.
    fn said(verdict: &Verdict) -> (Vec<String>, usize) {
        let codes = verdict.findings.iter().map(|finding| format!("{} {}", finding.path, finding.code));
        let bytes = verdict.findings.iter().map(|finding| {
            finding.message.len()
                + finding.hint.as_ref().map_or(0, String::len)
                + finding.path.to_string().len()
                + finding.value.as_ref().map_or(0, |value| value.to_string().len())
        });
        (codes.collect(), bytes.sum())
    }

    fn of_policies(policies: &[Value]) -> Value {
        application("shop", json!({"source": git_source(), "syncPolicies": policies}))
    }

    fn to_selectors(fleet: &str, count: usize) -> Value {
        let policies: Vec<Value> = (0..count)
            .map(|index| {
                let selector = json!({"matchLabels": {"env": format!("e{index}")}});
                json!({"destination": {"clusterSelector": selector}, "kustomization": kustomization()})
            })
            .collect();
        let mut object = of_policies(&policies);
        object["spec"]["destination"] = json!({"fleet": fleet});
        object
    }

    fn rolled_out(workload: &str, service: &str) -> Value {
        json!({"kustomization": kustomization(), "rollout": {
            "trafficRoutingProvider": "nginx", "port": 80, "serviceName": service, "rolloutPolicy": {},
            "workload": {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload, "namespace": "web"},
        }})
    }

    #[test]
    fn what_holds_too_much_may_become_less() {
        // Policies that say no more than they must, as many as there may be.
        let policy = |index| json!({"name": format!("p{index}"), "kustomization": {"interval": "5m", "path": "./", "prune": true}});
        let most = of_policies(&(0..MAX_POLICIES).map(policy).collect::<Vec<_>>());
        assert_eq!(too_many_values(Kind::Application, &most, None), None);
        // What is written into an object later is none of its spec.
        let of = |values: usize| json!({"spec": {"list": vec![0; values - 1]}, "status": vec![0; 4_000]});
        let refused = |values: usize, stored: Option<usize>| {
            let finding = too_many_values(Kind::Application, &of(values), stored.map(of).as_ref());
            finding.map(|finding| finding.to_string())
        };
        assert_eq!(refused(MAX_VALUES, None), None);
        assert_eq!(
            refused(MAX_VALUES + 1, None).as_deref(),
            Some(
                "spec: Too long: must have at most 35500 values, has 35501: make several objects of it [object/unreadable]"
            )
        );
        assert!(refused(MAX_VALUES + 1, Some(MAX_VALUES)).is_some());
        assert_eq!((refused(39_000, Some(40_000)), refused(40_000, Some(40_000))), (None, None));
        assert!(refused(40_001, Some(40_000)).is_some());
    }

    #[test]
    fn a_long_text_of_many_policies_is_said_once() {
        let mut named = of_policies(&vec![json!({"kustomization": kustomization()}); SIZES.1]);
        named["metadata"]["name"] = json!("n".repeat(SIZES.0));
        let mut sharded = of_policies(&vec![json!({"kustomization": kustomization()}); SIZES.1]);
        sharded["metadata"]["labels"] = json!({LABEL_SHARD: "s".repeat(SIZES.0)});
        let circles = [json!({"name": "-cluster".repeat(SIZES.0 / 8), "kustomization": kustomization()})];
        let rollouts: Vec<Value> = [&*"w".repeat(SIZES.0), "v"]
            .into_iter()
            .chain(vec!["u"; SIZES.1 / 5])
            .map(|workload| rolled_out(workload, "s"))
            .collect();
        let fleet = to_selectors(&"f".repeat(SIZES.0), SIZES.1 / 5);
        let table = [
            (named, "metadata.name object/name"),
            (sharded, "metadata.labels[sharding.fluxcd.io/key] object/metadata"),
            (of_policies(&circles), "spec.syncPolicies[0].name policy/name"),
            (of_policies(&rollouts), "spec.syncPolicies[0].rollout.workload.name rollout/workload"),
            (fleet, "spec.destination.fleet destination/fleet-name"),
        ];
        for (object, expected) in table {
            let (codes, bytes) = said(&judge(Kind::Application, object.clone(), None, &catalog()));
            assert!(bytes < 1_000, "{expected}: {bytes} bytes of {} findings", codes.len());
            assert_eq!(codes, [expected]);
            let stored = judge(Kind::Application, object.clone(), Some(&object), &catalog());
            assert!(stored.is_admitted() && said(&stored).1 < 1_000, "what is stored may be changed");
        }
    }
}
