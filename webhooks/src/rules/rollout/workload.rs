//! `rollout/workload`: the object that is rolled out.

use std::collections::BTreeSet;

use fleetgate_api::Application;
use fleetgate_api::application::SyncPolicy;
use fleetgate_plan::Provider;

use super::{Subject, subjects};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::{DENIES_OR_WARNS, Example, Rule};

/// `rollout/workload`
pub const WORKLOAD: Rule = Rule {
    code: "rollout/workload",
    severities: DENIES_OR_WARNS,
    what: "A kind other than Deployment, DaemonSet or Service; a Knative Service without the provider knative, or that provider with anything else; no namespace, or a name or namespace that no object can have. A warning for an apiVersion that is not the kind's (an absent one is filled in), and for a namespace to which no policy delivers, as the kustomization's `targetNamespace` is another.",
    why: "Flagger's CRD takes no other kind, and Flagger looks for the workload in the namespace of the Canary.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.workload.kind: "StatefulSet""#,
        r#"spec.syncPolicies[0].rollout.workload.kind: "DaemonSet""#,
    ),
};

/// The kinds of Flagger's `targetRef`, with their apiVersion.
const KINDS: [(&str, &str); 3] = [("Deployment", "apps/v1"), ("DaemonSet", "apps/v1"), ("Service", "v1")];

/// What the provider knative rolls out, and nobody else does.
const KNATIVE: (&str, &str) = ("Service", "serving.knative.dev/v1");

pub(super) fn check(subject: Subject<'_>, findings: &mut Findings) {
    let path = subject.path().field("workload");
    check_kind(subject, &path, findings);
    check_names(subject, &path, findings);
}

fn check_kind(subject: Subject<'_>, path: &FieldPath, findings: &mut Findings) {
    let workload = &subject.rollout.workload;
    let kind = workload.kind.as_deref().unwrap_or_default();
    let version = workload.api_version.as_deref().unwrap_or_default();
    if subject.provider == Some(Provider::Knative) {
        if (kind, version) != KNATIVE {
            let (field, value) = if kind == KNATIVE.0 { ("apiVersion", version) } else { ("kind", kind) };
            let message = "must be a Service of serving.knative.dev/v1, with provider knative";
            findings.push(
                Finding::error(&WORKLOAD, path.field(field), Fault::NotSupported, message).value(value),
            );
        }
        return;
    }
    let Some((_, expected)) = KINDS.into_iter().find(|(known, _)| *known == kind) else {
        let message = "must be Deployment, DaemonSet or Service: Flagger rolls out nothing else";
        let finding = Finding::error(&WORKLOAD, path.field("kind"), Fault::NotSupported, message).value(kind);
        let near = names::nearest(kind, KINDS.into_iter().map(|(known, _)| known));
        findings.push(match near {
            Some(near) => finding.hint(format!("did you mean {near:?}?")),
            None => finding,
        });
        return;
    };
    if version.starts_with("serving.knative.dev/") {
        let message = "is Knative's, whose Services only the provider knative rolls out";
        findings.push(
            Finding::error(&WORKLOAD, path.field("apiVersion"), Fault::NotSupported, message)
                .value(version)
                .hint("set trafficRoutingProvider: knative"),
        );
    } else if version != expected {
        let message = format!("is not read: Flagger takes the {kind} of {expected}");
        findings.push(
            Finding::warning(&WORKLOAD, path.field("apiVersion"), Fault::Invalid, message)
                .value(version)
                .hint("leave it out"),
        );
    }
}

fn check_names(subject: Subject<'_>, path: &FieldPath, findings: &mut Findings) {
    let workload = &subject.rollout.workload;
    let name = workload.name.as_str();
    if !name.is_empty() && !names::is_dns_subdomain(name) {
        let message = "must be an object's name: lower case letters, digits, '-' and '.', with a letter or digit at both ends";
        findings.push(Finding::error(&WORKLOAD, path.field("name"), Fault::Invalid, message).value(name));
    }
    let namespace = workload.namespace.as_deref().unwrap_or_default();
    let path = path.field("namespace");
    if namespace.is_empty() {
        let message = "must be set: the Canary and its Services are made in the namespace of the workload";
        findings.push(Finding::error(&WORKLOAD, path, Fault::Required, message));
    } else if !names::is_dns_label(namespace) {
        let message = "must be a DNS label: at most 63 lower case letters, digits and '-', with a letter or digit at both ends";
        findings.push(Finding::error(&WORKLOAD, path, Fault::Invalid, message).value(namespace));
    }
}

/// Says of each workload that its own policy delivers into another namespace,
/// and that no other policy of the Application may deliver into its.
pub(super) fn check_delivery(application: &Application, findings: &mut Findings) {
    let targets: Vec<Option<&str>> = application.spec.sync_policies.iter().map(target).collect();
    if subjects(application).next().is_none() || targets.contains(&None) {
        return;
    }
    let delivered: BTreeSet<&str> = targets.into_iter().flatten().collect();
    for subject in subjects(application) {
        let policy = application.spec.sync_policies.get(subject.index);
        let target = policy.and_then(|policy| policy.kustomization.as_ref()?.target_namespace.as_deref());
        let namespace = subject.rollout.workload.namespace.as_deref().unwrap_or_default();
        let Some(target) = target.filter(|_| !namespace.is_empty() && !delivered.contains(namespace)) else {
            continue;
        };
        let message = format!("is not where the workload is: targetNamespace puts all into {target:?}");
        let path = subject.path().field("workload").field("namespace");
        let finding = Finding::warning(&WORKLOAD, path, Fault::Invalid, message).value(namespace);
        findings.push(finding.hint("name one namespace in both"));
    }
}

/// The namespace to which a policy delivers, if that is only one.
fn target(policy: &SyncPolicy) -> Option<&str> {
    let kustomization = policy.kustomization.as_ref().and_then(|it| it.target_namespace.as_deref());
    let helm = policy.helm.as_ref().and_then(|it| it.target_namespace.as_deref());
    kustomization.or(helm).filter(|namespace| !namespace.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{check_table, codes, findings, of_policies, policy, rollout, with};
    use super::WORKLOAD;
    use serde_json::{Value, json};

    fn workload(patch: &Value) -> Value {
        json!({"workload": patch})
    }

    #[test]
    fn kinds_that_flagger_rolls_out() {
        let knative = |kind: &str, version: &Value| json!({"trafficRoutingProvider": "knative", "workload": {"kind": kind, "apiVersion": version}});
        let denied = "E rollout/workload";
        let table = [
            (workload(&json!({})), ""),
            (workload(&json!({"kind": "DaemonSet"})), ""),
            (workload(&json!({"kind": null, "apiVersion": null})), ""),
            (workload(&json!({"kind": "Service", "apiVersion": null})), ""),
            (workload(&json!({"kind": "Service", "apiVersion": "v1"})), ""),
            (workload(&json!({"kind": "Job", "apiVersion": "batch/v1"})), denied),
            (workload(&json!({"kind": "StatefulSet"})), denied),
            (workload(&json!({"kind": "deployment"})), denied),
            (workload(&json!({"kind": ""})), denied),
            (workload(&json!({"apiVersion": "extensions/v1beta1"})), "W rollout/workload"),
            (workload(&json!({"kind": "Service", "apiVersion": "serving.knative.dev/v1"})), denied),
            (knative("Service", &json!("serving.knative.dev/v1")), ""),
            (knative("Service", &json!(null)), ""),
            (knative("Service", &json!("v1")), denied),
            (knative("Deployment", &json!("apps/v1")), denied),
            (
                json!({"trafficRoutingProvider": "knative", "workload": {"kind": null, "apiVersion": null}}),
                "",
            ),
        ];
        check_table(&[&WORKLOAD], &table);
    }

    #[test]
    fn names_that_objects_have() {
        let table = [
            (workload(&json!({"namespace": null})), "E rollout/workload"),
            (workload(&json!({"namespace": ""})), "E rollout/workload"),
            (workload(&json!({"namespace": "web.app"})), "E rollout/workload"),
            (workload(&json!({"namespace": "n".repeat(63)})), ""),
            (workload(&json!({"namespace": "n".repeat(64)})), "E rollout/workload"),
            (workload(&json!({"name": "backend.v1"})), ""),
            (workload(&json!({"name": "Backend"})), "E rollout/workload"),
            (workload(&json!({"name": "web/backend"})), "E rollout/workload"),
        ];
        check_table(&[&WORKLOAD], &table);
    }

    #[test]
    fn the_workload_is_where_a_policy_delivers() {
        let kustomized = |name: &str, namespace: Value, rollout: &Value| {
            let mut policy = policy(name, rollout, &json!(null));
            policy["kustomization"]["path"] = json!(format!("./{name}"));
            policy["kustomization"]["targetNamespace"] = namespace;
            policy
        };
        let released = |namespace: Value| {
            json!({
                "name": "chart", "destination": {"fleet": "quickstart"},
                "helm": {"interval": "5m", "chart": {"spec": {"chart": "./c"}}, "targetNamespace": namespace},
            })
        };
        let own = |namespace: Value| kustomized("web", namespace, &rollout());
        let beside = |namespace: Value| kustomized("other", namespace, &json!(null));
        let warned = "W rollout/workload";
        let table = [
            (json!([own(json!(null))]), ""),
            (json!([own(json!("webapp"))]), ""),
            (json!([own(json!("shop"))]), warned),
            (json!([own(json!("shop")), beside(json!("shop"))]), warned),
            (json!([own(json!("shop")), beside(json!("webapp"))]), ""),
            (json!([own(json!("shop")), beside(json!(null))]), ""),
            (json!([own(json!("shop")), released(json!("webapp"))]), ""),
            (json!([own(json!("shop")), released(json!(null))]), ""),
            (json!([own(json!("shop")), released(json!("charts"))]), warned),
        ];
        for (policies, expected) in table {
            assert_eq!(codes(&[&WORKLOAD], &of_policies(&policies), None), expected, "{policies}");
        }
    }

    #[test]
    fn a_slip_is_named() {
        let said = findings(&[&WORKLOAD], &with(&workload(&json!({"kind": "Deploment"}))), None);
        assert_eq!(said[0].hint.as_deref(), Some("did you mean \"Deployment\"?"));
    }
}
