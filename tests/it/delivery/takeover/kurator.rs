//! Kurator's controller, played: what it writes, and how its client writes it.

use fleetgate_sandbox::wait::{Probe, until};
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::json;

use super::super::*;

/// What its client calls itself.
pub(super) const MANAGER: &str = "fleet-manager";

/// Flux's kinds in the versions that it writes.
const VERSIONS: [(&str, &str); 4] = [
    ("gitrepositories.source.toolkit.fluxcd.io", "v1beta2"),
    ("helmrepositories.source.toolkit.fluxcd.io", "v1beta2"),
    ("kustomizations.kustomize.toolkit.fluxcd.io", "v1beta2"),
    ("helmreleases.helm.toolkit.fluxcd.io", "v2beta1"),
];

/// A host as Kurator has it: Flux's kinds in early versions, too, and no gate.
pub(super) async fn prepare(sandbox: &Sandbox) {
    let gates = "mutatingwebhookconfigurations,validatingwebhookconfigurations";
    kubectl(sandbox, &["delete", gates, "--all"]).await;
    for (crd, version) in VERSIONS {
        let stored = kubectl(sandbox, &["get", "crd", crd, "--output", "json"]).await.stdout;
        let mut stored: Value = serde_json::from_str(&stored).expect("JSON");
        let versions = stored["spec"]["versions"].as_array_mut().expect("versions");
        let mut early = versions[0].clone();
        early["name"] = json!(version);
        early["storage"] = json!(false);
        versions.push(early);
        let answer = sandbox.kubectl().run_with(&["replace", "-f", "-"], &stored.to_string()).await;
        assert!(answer.expect("kubectl runs").success(), "{crd}");
    }
    let fleet = json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": "asks-for-the-gate", "namespace": "default"}, "spec": {"clusters": []},
    });
    let ready = until("early versions, and no gate", PATIENCE, async || {
        let mut asked = Vec::new();
        for (crd, version) in VERSIONS {
            let (plural, group) = crd.split_once('.').expect("a group");
            asked.push(sandbox.kubectl().run(&["get", &format!("{plural}.{version}.{group}")]).await?);
        }
        let dry_run = ["create", "--dry-run=server", "-f", "-"];
        asked.push(sandbox.kubectl().run_with(&dry_run, &fleet.to_string()).await?);
        let refused = asked.into_iter().find(|answer| !answer.success());
        Ok(refused.map_or(Probe::Done(()), |answer| Probe::NotYet(answer.stderr)))
    });
    ready.await.expect("a host for Kurator");
}

/// Has Kurator deliver the Application `shop` to these clusters.
pub(super) async fn deliver(sandbox: &Sandbox, namespace: &str, clusters: &[&str]) {
    let application = get(sandbox, namespace, "shop").await;
    let kurator = Kurator { host: sandbox.client(), namespace, application: &application };
    let shop = kurator.api(&resource("apps.kurator.dev", "v1alpha1", "Application"));
    let finalizers = json!({"metadata": {"finalizers": ["apps.kurator.dev"]}});
    shop.patch("shop", &merging(), &Patch::Merge(&finalizers)).await.expect("its finalizer");

    let sources = application["spec"]["source"].as_object().expect("a source");
    let (field, source) = sources.iter().next().expect("a source");
    let kind = if field == "gitRepository" { "GitRepository" } else { "HelmRepository" };
    kurator.create_or_update(&resource("source.toolkit.fluxcd.io", "v1beta2", kind), "shop", source).await;

    let attached = kurator.api(&resource("cluster.kurator.dev", "v1alpha1", "AttachedCluster"));
    let source = json!({"kind": kind, "name": "shop"});
    let mut names = Vec::new();
    for policy in application["spec"]["syncPolicies"].as_array().expect("policies") {
        for cluster in clusters {
            let name = child_name(policy["name"].as_str().expect("a name"), cluster);
            let (resource, mut spec) = child(policy, &source);
            spec["kubeConfig"] = json!({"secretRef": attached.get(cluster).await.expect("a cluster").data["spec"]["kubeconfig"]});
            kurator.create_or_update(&resource, &name, &spec).await;
            names.push(json!({ "name": name }));
        }
    }
    let status = json!({"status": {"sourceStatus": {}, "syncStatus": names}});
    shop.patch_status("shop", &merging(), &Patch::Merge(&status)).await.expect("its status");
}

/// What a policy becomes, but for its cluster.
fn child(policy: &Value, source: &Value) -> (ApiResource, Value) {
    if let Some(helm) = policy.get("helm") {
        let mut spec = helm.clone();
        spec["chart"]["spec"]["sourceRef"] = source.clone();
        return (resource("helm.toolkit.fluxcd.io", "v2beta1", "HelmRelease"), spec);
    }
    let mut spec = policy["kustomization"].clone();
    spec["sourceRef"] = source.clone();
    (resource("kustomize.toolkit.fluxcd.io", "v1beta2", "Kustomization"), spec)
}

/// It cuts what is too long for a label.
pub(super) fn child_name(policy: &str, cluster: &str) -> String {
    let mut name = format!("{policy}-AttachedCluster-{cluster}").to_lowercase();
    name.truncate(63);
    name
}

struct Kurator<'a> {
    host: Client,
    namespace: &'a str,
    application: &'a Value,
}

impl Kurator<'_> {
    /// Whatever stands there gets the spec, and keeps everything else.
    async fn create_or_update(&self, resource: &ApiResource, name: &str, spec: &Value) {
        let api = self.api(resource);
        let parameters = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        while let Some(mut object) = api.get_opt(name).await.expect("an answer") {
            object.data["spec"] = spec.clone();
            match api.replace(name, &parameters, &object).await {
                // Flux has written it meanwhile.
                Err(kube::Error::Api(status)) if status.is_conflict() => {}
                answer => return drop(answer.expect("it is replaced")),
            }
        }
        let Value::Object(metadata) = &self.application["metadata"] else { panic!("{}", self.application) };
        let metadata = json!({
            "name": name,
            "labels": {"apps.kurator.dev/app-name": metadata["name"]},
            "ownerReferences": [{
                "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
                "name": metadata["name"], "uid": metadata["uid"],
            }],
        });
        let mut object = DynamicObject::new(name, resource).data(json!({"spec": spec, "status": {}}));
        object.metadata = serde_json::from_value(metadata).expect("metadata");
        api.create(&parameters, &object).await.expect("it is created");
    }

    fn api(&self, resource: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.host.clone(), self.namespace, resource)
    }
}

fn resource(group: &str, version: &str, kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

fn merging() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() }
}
