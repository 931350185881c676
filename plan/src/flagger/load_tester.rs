//! The load tester beside the workload: Flagger's own image, which runs the
//! commands of the analysis, so that the metrics have traffic to speak of.
//!
//! It runs what it is asked to over HTTP, for whoever can reach it, so it gets
//! as little as it can live with: it satisfies the `restricted` pod security
//! standard.

use serde_json::{Value, json};

use super::fields::Fields;
use super::{Context, MemberKind, MemberObject};

/// The load tester's image, in the version that goes with Flagger 1.36
/// (its `kustomize/tester`).
pub const LOAD_TESTER_IMAGE: &str = "ghcr.io/fluxcd/flagger-loadtester:0.31.0";

/// The port that it listens on.
const PORT: u16 = 8080;

/// The name of the load tester for a Service.
#[must_use]
pub fn load_tester_name(service: &str) -> String {
    format!("{service}-testloader")
}

/// Its Deployment and its Service, if the rollout asks for one of its own.
pub(super) fn render(context: &Context<'_>) -> Vec<MemberObject> {
    if context.rollout.test_loader != Some(true) {
        return Vec::new();
    }
    let name = load_tester_name(&context.rollout.service_name);
    let object = |kind, spec: Value| {
        MemberObject::new(context, kind, name.clone(), Fields::new().with("spec", spec).into_map())
    };
    vec![object(MemberKind::Deployment, deployment(&name)), object(MemberKind::Service, service(&name))]
}

/// The address at which Flagger reaches the load tester: the rollout's own, or
/// the Fleet's. Where there is neither, the address of its own all the same:
/// the commands are checks that were asked for, and checks that nobody runs
/// fail, whereas leaving them out would let the new version pass without them.
pub(super) fn url(context: &Context<'_>) -> String {
    let own = context.rollout.test_loader == Some(true);
    match context.release.member.public_load_tester {
        Some(url) if !own => url.to_owned(),
        _ => format!("http://{}.{}/", load_tester_name(&context.rollout.service_name), context.namespace),
    }
}

/// `selector` is as Kurator has it: it cannot be changed on a Deployment that stands.
fn deployment(name: &str) -> Value {
    let annotations = json!({"prometheus.io/scrape": "true", "prometheus.io/port": PORT.to_string()});
    json!({
        "replicas": 1,
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": {"app": name}, "annotations": annotations},
            "spec": {
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [container()],
            },
        },
    })
}

fn container() -> Value {
    let address = format!("http://localhost:{PORT}/healthz");
    // From within, as a mesh may not let the kubelet's own requests through.
    let probe = json!({
        "exec": {"command": ["wget", "--quiet", "--tries=1", "--timeout=4", "--spider", address]},
        "timeoutSeconds": 5,
    });
    json!({
        "name": "loadtester",
        "image": LOAD_TESTER_IMAGE,
        "command": ["./loadtester", format!("-port={PORT}"), "-log-level=info", "-timeout=1h"],
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "livenessProbe": probe,
        "readinessProbe": probe,
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"cpu": "1", "memory": "512Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
        },
    })
}

fn service(name: &str) -> Value {
    json!({
        "type": "ClusterIP",
        "selector": {"app": name},
        "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{find, release, rollout};
    use super::super::{Member, Release, objects};
    use super::*;
    use k8s_openapi::api::apps::v1::DeploymentSpec;
    use k8s_openapi::api::core::v1::ServiceSpec;

    #[test]
    fn it_stands_beside_the_workload_and_is_restricted() {
        let rollout = rollout("kubernetes", json!({"testLoader": true}));
        let deployment = find(&rollout, MemberKind::Deployment).remove(0);
        assert_eq!(deployment.name, "backend-svc-testloader");
        assert_eq!(deployment.namespace.as_deref(), Some("webapp"));
        let spec: DeploymentSpec = serde_json::from_value(deployment.body["spec"].clone()).expect("a spec");
        assert_eq!(
            serde_json::to_value(&spec).expect("it serialises"),
            deployment.body["spec"],
            "every field is Kubernetes' own"
        );
        let pod = spec.template.spec.expect("a pod");
        let security = pod.security_context.expect("a security context");
        assert_eq!(security.run_as_non_root, Some(true));
        assert_eq!(security.seccomp_profile.expect("a profile").type_, "RuntimeDefault");
        let container = pod.containers[0].security_context.as_ref().expect("a security context");
        assert_eq!(container.allow_privilege_escalation, Some(false));
        let dropped = container.capabilities.as_ref().and_then(|capabilities| capabilities.drop.clone());
        assert_eq!(dropped, Some(vec!["ALL".to_owned()]));
    }

    #[test]
    fn its_service_finds_its_pods() {
        let rollout = rollout("kubernetes", json!({"testLoader": true}));
        let service = find(&rollout, MemberKind::Service).remove(0);
        let spec: ServiceSpec = serde_json::from_value(service.body["spec"].clone()).expect("a spec");
        let deployment = find(&rollout, MemberKind::Deployment).remove(0);
        let labels = &deployment.body["spec"]["template"]["metadata"]["labels"];
        assert_eq!(serde_json::to_value(spec.selector).expect("it serialises"), *labels);
        assert_eq!(deployment.body["spec"]["selector"]["matchLabels"], *labels);
    }

    #[test]
    fn commands_go_to_the_nearest_load_tester() {
        let own = "http://backend-svc-testloader.webapp/";
        let public = "http://istio-system-testloader-m1-loadtester.istio-system/";
        let table =
            [(true, None, own), (true, Some(public), own), (false, Some(public), public), (false, None, own)];
        for (private, public_load_tester, expected) in table {
            let webhooks = json!({"webhooks": {"command": ["hey http://a"]}});
            let changes = json!({"testLoader": private, "rolloutPolicy": {"trafficAnalysis": webhooks}});
            let rollout = rollout("kubernetes", changes);
            let member = Member { public_load_tester, ..Member::default() };
            let objects = objects(&Release { member, ..release(&rollout) }).expect("it renders");
            let canary = objects.last().expect("a Canary");
            assert_eq!(canary.body["spec"]["analysis"]["webhooks"][0]["url"], expected);
            assert_eq!(objects.len(), if private { 3 } else { 1 });
        }
    }
}
