//! The rule about namespaces that a release needs and that nobody makes.
//!
//! Helm keeps its record of a release in a Secret of the cluster that it installs
//! into, in `storageNamespace`, by default the namespace of the HelmRelease, which
//! is the Application's. `createNamespace` makes the target namespace alone, and
//! that only if one is named (`newInstall` of helm-controller).

use fleetgate_api::Application;
use fleetgate_api::application::SyncPolicy;
use fleetgate_api::helm::Helm;
use fleetgate_plan::destination::{Placement, placement};

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding};
use crate::names::given;
use crate::rules::{Example, Rule, WARNS};

/// `helm/namespace`
pub const NAMESPACE: Rule = Rule {
    code: "helm/namespace",
    severities: WARNS,
    what: "`install.createNamespace: true` without `targetNamespace`, or in a policy for a Fleet without `storageNamespace`, where the Application's own namespace is neither the target nor one that every cluster has.",
    why: "Flux has the target namespace made and no other one. Helm keeps its record of the release in `storageNamespace`, by default one that is called as the Application's, in the cluster: where that is missing, the install fails (`namespaces \"…\" not found`).",
    example: Example::new(
        r#"spec.syncPolicies[0].helm.install: {"createNamespace": true}"#,
        r#"
            spec.syncPolicies[0].helm.install: {"createNamespace": true}
            spec.syncPolicies[0].helm.targetNamespace: "web"
        "#,
    ),
};

/// What Kubernetes makes in every cluster.
const EVERYWHERE: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// What is said of `helm`, the release of `policy`, which stands at `path`.
pub(super) fn check(
    application: &Application,
    policy: &SyncPolicy,
    helm: &Helm,
    path: &FieldPath,
) -> Option<Finding> {
    helm.install.as_ref().filter(|install| install.create_namespace == Some(true))?;
    let Some(target) = given(helm.target_namespace.as_deref()) else {
        let message = "has no effect without targetNamespace, which is what Flux has made";
        let path = path.field("install").field("createNamespace");
        return Some(
            Finding::warning(&NAMESPACE, path, Fault::Invalid, message)
                .hint("set targetNamespace, or leave it out"),
        );
    };
    let own = given(application.metadata.namespace.as_deref())?;
    let is_there = own == target || EVERYWHERE.contains(&own);
    let is_remote = matches!(placement(&application.spec, policy), Placement::Fleet { .. });
    if is_there || !is_remote || given(helm.storage_namespace.as_deref()).is_some() {
        return None;
    }
    let message = format!(
        "is not set: Helm keeps its record in namespace {own:?} of each cluster, which createNamespace does not make"
    );
    let hint = format!(
        "set it to {target:?} before the first delivery (later that installs the release anew), or make {own:?} in the clusters"
    );
    let path = path.field("storageNamespace");
    Some(Finding::warning(&NAMESPACE, path, Fault::Required, message).hint(hint))
}

#[cfg(test)]
mod tests {
    use crate::judge::judge;
    use crate::schema::Kind;
    use crate::test_fixtures::{application, catalog, git_source};
    use fleetgate_plan::Catalog;
    use serde_json::{Value, json};

    /// What the rule says of a release in an Application of that namespace.
    fn said(namespace: &str, destination: &Value, more: Value) -> Vec<String> {
        let mut helm = json!({"interval": "5m", "chart": {"spec": {"chart": "./c"}}});
        json_patch::merge(&mut helm, &more);
        let policy = json!({"name": "web", "destination": destination, "helm": helm});
        let mut object = application("shop", json!({"source": git_source(), "syncPolicies": [policy]}));
        object["metadata"]["namespace"] = json!(namespace);
        let verdict = judge(Kind::Application, object, None, &catalog());
        let findings = verdict.findings.iter().filter(|finding| finding.code == "helm/namespace");
        findings.map(|finding| finding.path.to_string().replace("spec.syncPolicies[0].helm.", "")).collect()
    }

    #[test]
    fn namespaces_that_nobody_makes() {
        let creates = |more: Value| {
            let mut helm = json!({"install": {"createNamespace": true}});
            json_patch::merge(&mut helm, &more);
            helm
        };
        let (fleet, host) = (json!({"fleet": "quickstart"}), json!(null));
        let (alone, record) = ("install.createNamespace", "storageNamespace");
        let web = || creates(json!({"targetNamespace": "web"}));
        let table = [
            ("shops", &fleet, creates(json!({})), Some(alone)),
            ("default", &host, creates(json!({})), Some(alone)),
            ("shops", &fleet, web(), Some(record)),
            ("shops", &host, web(), None),
            ("web", &fleet, web(), None),
            ("default", &fleet, web(), None),
            ("kube-system", &fleet, web(), None),
            ("shops", &fleet, creates(json!({"targetNamespace": "web", "storageNamespace": "web"})), None),
            ("shops", &fleet, creates(json!({"targetNamespace": "web", "storageNamespace": "helm"})), None),
            ("shops", &fleet, creates(json!({"targetNamespace": "web", "storageNamespace": "shops"})), None),
            // Who has nothing made has the namespaces.
            ("shops", &fleet, json!({"targetNamespace": "web"}), None),
            ("shops", &fleet, json!({"targetNamespace": "web", "install": {"createNamespace": false}}), None),
            ("shops", &fleet, json!({}), None),
        ];
        for (namespace, destination, helm, expected) in table {
            let found = said(namespace, destination, helm.clone());
            assert_eq!(found, Vec::from_iter(expected), "{namespace} {destination} {helm}");
        }
    }

    #[test]
    fn a_default_destination_is_one() {
        let helm = json!({
            "interval": "5m", "chart": {"spec": {"chart": "./c"}}, "targetNamespace": "web", "install": {"createNamespace": true},
        });
        let mut object = application(
            "shop",
            json!({"source": git_source(), "destination": {"fleet": "gone"}, "syncPolicies": [{"helm": helm}]}),
        );
        object["metadata"]["namespace"] = json!("shops");
        let verdict = judge(Kind::Application, object.clone(), None, &Catalog::default());
        let finding = verdict.findings.iter().find(|finding| finding.code == "helm/namespace");
        assert_eq!(
            finding.expect("a finding").to_string(),
            "spec.syncPolicies[0].helm.storageNamespace: is not set: Helm keeps its record in namespace \"shops\" of each cluster, \
             which createNamespace does not make; set it to \"web\" before the first delivery (later that installs the release anew), \
             or make \"shops\" in the clusters [helm/namespace]"
        );
        // Of a file without a namespace nobody knows where it goes.
        object["metadata"].as_object_mut().expect("metadata").remove("namespace");
        let verdict = judge(Kind::Application, object, None, &Catalog::default());
        assert!(verdict.findings.iter().all(|finding| finding.code != "helm/namespace"));
    }
}
