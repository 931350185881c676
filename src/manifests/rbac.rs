//! The two identities and the least that each of them needs.

use fleetgate_plan::{ClusterKind, FluxKind, RenderedKind};
use fleetgate_webhooks::Kind;
use serde_json::{Value, json};

use super::webhooks::CONFIGURATION;
use super::{CERTIFICATE, CONTROLLER, NAMESPACE, WEBHOOK};
use crate::leader::{KURATOR_DEPLOYMENT, KURATOR_LEASE};

/// What a watch needs: nothing is asked for by its name.
const WATCH: [&str; 2] = ["list", "watch"];
/// The roles of whoever keeps the certificate.
const CERTIFICATES: &str = "fleetgate-certificates";

pub(super) fn objects() -> Vec<Value> {
    let mut objects = Vec::new();
    for (name, rules) in [(WEBHOOK, catalog_rules()), (CONTROLLER, controller_rules())] {
        objects.push(json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": name, "namespace": NAMESPACE},
            // A pod that runs under it says so.
            "automountServiceAccountToken": false,
        }));
        objects.extend(everywhere(name, &rules, name));
    }
    // The Lease by which replicas of the controller agree on one.
    let leases = rule("coordination.k8s.io", &["leases"], &["get", "create", "update"]);
    objects.extend(at_home(CONTROLLER, &[leases], CONTROLLER));
    objects
}

/// What keeping its own certificate takes. Whoever may write webhook configurations has power over all admission: the
/// controller may not, nor the webhook where someone else keeps the certificate.
pub(super) fn certificates() -> Vec<Value> {
    let mut objects: Vec<Value> = everywhere(CERTIFICATES, &[configurations_rule()], WEBHOOK).into();
    objects.extend(at_home(CERTIFICATES, &certificate_rules(), WEBHOOK));
    objects
}

/// What an account may do in every namespace, and to what has none.
fn everywhere(name: &str, rules: &[Value], account: &str) -> [Value; 2] {
    let metadata = json!({"name": name});
    [role("ClusterRole", &metadata, rules), binding("ClusterRole", &metadata, name, account)]
}

/// What an account may do in its own namespace only.
fn at_home(name: &str, rules: &[Value], account: &str) -> [Value; 2] {
    let metadata = json!({"name": name, "namespace": NAMESPACE});
    [role("Role", &metadata, rules), binding("Role", &metadata, name, account)]
}

fn role(kind: &str, metadata: &Value, rules: &[Value]) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
        "metadata": metadata,
        "rules": rules,
    })
}

fn binding(kind: &str, metadata: &Value, role: &str, account: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": format!("{kind}Binding"),
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}],
    })
}

/// The one Secret that the webhook keeps its certificate in. Names cannot be told of what is yet to be
/// created: it may create others, and neither read nor change them.
fn certificate_rules() -> [Value; 2] {
    let kept = rule("", &["secrets"], &["get", "list", "watch", "update"]);
    [rule("", &["secrets"], &["create"]), named(kept, &[CERTIFICATE])]
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}

/// What the Catalog is built from. No Secret: those are the controller's.
fn catalog_rules() -> Vec<Value> {
    let clusters = ClusterKind::ALL.map(|kind| rule(kind.group(), &[kind.plural()], &WATCH));
    let mut rules = vec![
        rule(Kind::Fleet.group(), &[Kind::Fleet.plural()], &WATCH),
        rule(Kind::Application.group(), &[Kind::Application.plural()], &WATCH),
        rule("", &["namespaces"], &WATCH),
        crds_rule(),
    ];
    rules.extend(clusters);
    rules
}

/// The CRDs that judge what is rendered, and those of clusters that others
/// provision, each watched by its name.
fn crds_rule() -> Value {
    let rule = rule("apiextensions.k8s.io", &["customresourcedefinitions"], &["get", "list", "watch"]);
    let of_flux = FluxKind::ALL.map(|kind| RenderedKind::Flux(kind).crd_name());
    let of_clusters = ClusterKind::PROVISIONED.map(ClusterKind::crd_name);
    let names: Vec<&str> = of_flux.iter().chain(&of_clusters).map(String::as_str).collect();
    named(rule, &names)
}

/// What is patched is the bundle of the authorities to trust.
fn configurations_rule() -> Value {
    let kinds = ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"];
    let rule = rule("admissionregistration.k8s.io", &kinds, &["get", "list", "watch", "patch"]);
    named(rule, &[CONFIGURATION])
}

/// A rule for objects of these names alone.
fn named(mut rule: Value, names: &[&str]) -> Value {
    if let Value::Object(fields) = &mut rule {
        fields.insert("resourceNames".to_owned(), json!(names));
    }
    rule
}

fn controller_rules() -> Vec<Value> {
    let mut rules = catalog_rules();
    rules.extend([
        // Before anything of it is removed, it is looked at once more.
        rule(Kind::Application.group(), &[Kind::Application.plural()], &["get", "patch"]),
        // What blockOwnerDeletion in a child's owner reference asks for.
        rule(Kind::Application.group(), &["applications/finalizers"], &["update"]),
        rule(Kind::Application.group(), &["applications/status"], &["patch"]),
        // Their finalizers, besides.
        rule(Kind::Fleet.group(), &[Kind::Fleet.plural(), "fleets/status"], &["patch"]),
        rule(
            Kind::AttachedCluster.group(),
            &[Kind::AttachedCluster.plural(), "attachedclusters/status"],
            &["patch"],
        ),
        // Whether Kurator's controller runs.
        named(rule("coordination.k8s.io", &["leases"], &["get"]), &[KURATOR_LEASE]),
        named(rule("apps", &["deployments"], &["get"]), &[KURATOR_DEPLOYMENT]),
        rule("events.k8s.io", &["events"], &["create", "patch"]),
        // What Applications name, each read by name, and clusters, whose Secrets get a label by which they are watched,
        // and a finalizer.
        rule("", &["serviceaccounts"], &["get"]),
        rule("", &["secrets"], &["get", "list", "watch", "patch"]),
    ]);
    for kind in FluxKind::ALL {
        rules.push(rule(
            kind.group(),
            &[kind.plural()],
            &["get", "list", "watch", "create", "patch", "delete"],
        ));
    }
    // What helm-controller leaves behind of a release that was let go of.
    rules.push(rule(FluxKind::HelmRepository.group(), &["helmcharts"], &["get", "delete"]));
    rules
}
