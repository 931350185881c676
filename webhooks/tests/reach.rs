//! What a tenant may reach by each field that names something: a field that
//! nobody has looked at fails this test.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what it expects"
)]

use fleetgate_plan::{Catalog, Plan, Tenancy};
use fleetgate_webhooks::{FieldPath, Kind, Severity, judge};
use serde_json::{Value, json};

/// How far a field reaches.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reach {
    /// An object beside the Application, on the host.
    Beside,
    /// An object of any namespace of the host.
    Anywhere,
    /// The cluster that is delivered to, as the ServiceAccount that Flux acts as there.
    Delivered,
    /// Who Flux acts as.
    Account,
    /// It chooses among the objects that are delivered.
    Among,
    /// The cluster that is rolled out in, beside what is rolled out.
    RolledOut,
    /// Nothing: it is left out, or is ignored with a warning.
    Nothing,
}

use Reach::{Account, Among, Anywhere, Beside, Delivered, Nothing, RolledOut};

const APPLICATION: &[(&str, Reach)] = &[
    ("source.bucket.certSecretRef", Beside),
    ("source.bucket.proxySecretRef", Beside),
    ("source.bucket.secretRef", Beside),
    ("source.bucket.serviceAccountName", Beside),
    ("source.bucket.sts.certSecretRef", Beside),
    ("source.bucket.sts.secretRef", Beside),
    ("source.gitRepository.accessFrom.namespaceSelectors", Nothing),
    ("source.gitRepository.proxySecretRef", Beside),
    ("source.gitRepository.secretRef", Beside),
    ("source.gitRepository.serviceAccountName", Beside),
    ("source.gitRepository.verify.secretRef", Beside),
    ("source.helmRepository.accessFrom.namespaceSelectors", Nothing),
    ("source.helmRepository.certSecretRef", Beside),
    ("source.helmRepository.secretRef", Beside),
    ("source.ociRepository.certSecretRef", Beside),
    ("source.ociRepository.proxySecretRef", Beside),
    ("source.ociRepository.secretRef", Beside),
    ("source.ociRepository.serviceAccountName", Beside),
    ("source.ociRepository.verify.secretRef", Beside),
    ("source.ociRepository.verify.trustedRootSecretRef", Beside),
    ("syncPolicies[].helm.chart.spec.verify.secretRef", Beside),
    ("syncPolicies[].helm.dependsOn[].namespace", Anywhere),
    ("syncPolicies[].helm.driftDetection.ignore[].target.namespace", Among),
    ("syncPolicies[].helm.install.createNamespace", Delivered),
    ("syncPolicies[].helm.postRenderers[].kustomize.patches[].target.namespace", Among),
    ("syncPolicies[].helm.serviceAccountName", Account),
    ("syncPolicies[].helm.storageNamespace", Delivered),
    ("syncPolicies[].helm.targetNamespace", Delivered),
    ("syncPolicies[].kustomization.decryption.secretRef", Beside),
    ("syncPolicies[].kustomization.decryption.serviceAccountName", Beside),
    ("syncPolicies[].kustomization.dependsOn[].namespace", Anywhere),
    ("syncPolicies[].kustomization.healthChecks[].namespace", Delivered),
    ("syncPolicies[].kustomization.ignore[].target.namespace", Among),
    ("syncPolicies[].kustomization.patches[].target.namespace", Among),
    ("syncPolicies[].kustomization.serviceAccountName", Account),
    ("syncPolicies[].kustomization.targetNamespace", Delivered),
    ("syncPolicies[].overrides[].patches[].target.namespace", Among),
    (
        "syncPolicies[].rollout.rolloutPolicy.trafficAnalysis.metrics[].customMetric.provider.secretRef",
        RolledOut,
    ),
    ("syncPolicies[].rollout.rolloutPolicy.trafficRouting.ingressRef", RolledOut),
    ("syncPolicies[].rollout.rolloutPolicy.trafficRouting.match[].sourceNamespace", RolledOut),
    ("syncPolicies[].rollout.rolloutPolicy.trafficRouting.routeRef", RolledOut),
    ("syncPolicies[].rollout.workload.namespace", RolledOut),
];

/// Clusters are looked up in the Fleet's namespace; another one is warned of (`fleet/cluster-namespace`).
const FLEET: &[(&str, Reach)] = &[("clusters[].namespace", Nothing)];

/// Whether a field names an object, a namespace or an account.
fn names_something(field: &str) -> bool {
    field == "serviceAccountName"
        || ["Ref", "Refs", "namespace", "Namespace", "amespaceSelectors"]
            .iter()
            .any(|end| field.ends_with(end))
}

/// The paths of all such fields, below `path`.
fn walk(schema: &Value, path: &str, found: &mut Vec<String>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if names_something(name) {
            found.push(path.clone());
        }
        walk(field, &path, found);
    }
    if schema["items"].is_object() {
        walk(&schema["items"], &format!("{path}[]"), found);
    }
    if schema["additionalProperties"].is_object() {
        walk(&schema["additionalProperties"], &format!("{path}.*"), found);
    }
}

fn schema_of(kind: Kind) -> Value {
    kind.schema().root()["properties"]["spec"].clone()
}

#[test]
fn of_every_field_it_is_known_what_it_reaches() {
    for (kind, known) in
        [(Kind::Application, APPLICATION), (Kind::Fleet, FLEET), (Kind::AttachedCluster, &[])]
    {
        let mut found = Vec::new();
        walk(&schema_of(kind), "", &mut found);
        let known: Vec<&str> = known.iter().map(|(path, _)| *path).collect();
        assert_eq!(
            found, known,
            "{kind:?}: say of a new field what it reaches, and see that a lock-down holds it"
        );
    }
}

/// What names an object beside the Application has no place for a namespace.
#[test]
fn what_is_beside_has_no_namespace() {
    let schema = schema_of(Kind::Application);
    for (path, reach) in APPLICATION {
        let field = path.split('.').fold(&schema, |schema, name| {
            let (name, is_list) = name.strip_suffix("[]").map_or((name, false), |name| (name, true));
            let field = &schema["properties"][name];
            if is_list { &field["items"] } else { field }
        });
        let fields: Vec<&String> =
            field["properties"].as_object().into_iter().flatten().map(|(name, _)| name).collect();
        if *reach == Beside {
            assert!(fields.iter().all(|name| ["name", "key"].contains(&name.as_str())), "{path}: {fields:?}");
        }
    }
}

/// An Application of valid policies, of which one has `value` at that path.
fn with(path: &str, value: &str) -> Value {
    let kustomization = json!({"interval": "5m", "prune": true, "dependsOn": [{"name": "base"}]});
    let helm =
        json!({"interval": "5m", "chart": {"spec": {"chart": "./c"}}, "dependsOn": [{"name": "base"}]});
    let body =
        if path.contains(".helm.") { json!({"helm": helm}) } else { json!({"kustomization": kustomization}) };
    let mut object = json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "namespace": "tenant"},
        "spec": {
            "source": {"gitRepository": {"url": "https://e.com/r", "interval": "5m"}},
            "destination": {"fleet": "quickstart"}, "syncPolicies": [body],
        },
    });
    let path: FieldPath = format!("spec.{}", path.replace("[]", "[0]")).parse().expect("a path");
    let (parent, field) = path
        .to_string()
        .rsplit_once('.')
        .map(|(parent, field)| (parent.to_owned(), field.to_owned()))
        .expect("a field");
    let parent: FieldPath = parent.parse().expect("a path");
    parent.get_mut(&mut object).expect("its parent")[field] = json!(value);
    object
}

fn locked() -> Catalog {
    Catalog::default().with_tenancy(Tenancy {
        no_cross_namespace_refs: true,
        no_host_destination: true,
        default_service_account: Some("tenant".to_owned()),
    })
}

#[test]
fn under_a_lock_down_nothing_reaches_another_namespace() {
    for (path, _) in APPLICATION.iter().filter(|(_, reach)| *reach == Anywhere) {
        for (namespace, is_admitted) in [("tenant", true), ("other", false)] {
            let verdict = judge(Kind::Application, with(path, namespace), None, &locked());
            let errors: Vec<_> = verdict.of_severity(Severity::Error).map(|finding| finding.code).collect();
            let expected: &[&str] = if is_admitted { &[] } else { &["ref/cross-namespace"] };
            assert_eq!(errors, expected, "{path}: {namespace}");
        }
    }
}

/// Whatever names no account is delivered by the installation's.
#[test]
fn under_a_lock_down_flux_always_acts_as_an_account() {
    for (path, _) in APPLICATION.iter().filter(|(_, reach)| *reach == Account) {
        for (own, account) in [("", "tenant"), ("deployer", "deployer")] {
            let application = serde_json::from_value(with(path, own)).expect("an Application");
            let plan = Plan::of(&application, &locked());
            let template = plan.policies[0].template.as_ref().expect("a template");
            assert_eq!(
                template.clone().into_sample(&plan.owner)["spec"]["serviceAccountName"],
                account,
                "{path}"
            );
        }
    }
}
