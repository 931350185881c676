//! The Deployments: each role as pods that the strictest Pod Security admits.

use serde_json::{Value, json};

use super::form::{Form, plain_text};
use super::settings::{HOST_NETWORK, NUMBERS, REVIEWS};
use super::{CONTROLLER, GRACE_SECONDS, METRICS_PORT, NAMESPACE, WEBHOOK, labels};

/// How long a pod is ready before the next one goes: its address has to be known everywhere.
const SETTLED_SECONDS: u8 = 5;
/// Where a certificate is that someone else keeps up to date, and the setting with the name of its Secret.
const CERTIFICATE_FOLDER: &str = "/certificate";
const CERTIFICATE_SECRET: &str = "webhook.certificateSecret";

/// What is a role's own.
struct Role {
    name: &'static str,
    /// The command, and where its settings are.
    command: &'static str,
    /// Ports besides the one of the metrics, which is the next.
    ports: Vec<Value>,
    metrics: Value,
    /// How many of its pods may be missing while they are replaced.
    missing: Value,
    /// Its pods' network, and how names are found there.
    host_network: Value,
    dns_policy: Value,
    args: Vec<Value>,
    env: Vec<Value>,
    volumes: Value,
    mounts: Value,
}

impl Role {
    /// The path of a setting of its own.
    fn setting(&self, name: &str) -> String {
        format!("{}.{name}", self.command)
    }
}

pub(super) fn objects(form: Form) -> Vec<Value> {
    [webhook(form), controller()].iter().map(|role| deployment(role, form)).collect()
}

fn webhook(form: Form) -> Role {
    let mut args = vec![listens("bind", &form.value(REVIEWS), form)];
    args.extend(form.item_if(CERTIFICATE_SECRET, json!(format!("--cert-dir={CERTIFICATE_FOLDER}"))));
    let secret = json!({"secretName": form.value(CERTIFICATE_SECRET)});
    let mount = json!({"name": "certificate", "mountPath": CERTIFICATE_FOLDER, "readOnly": true});
    Role {
        name: WEBHOOK,
        command: "webhook",
        ports: vec![port("webhook", &form.value(REVIEWS))],
        metrics: form.value(NUMBERS),
        // On a node's network the one that goes has the ports of the one that comes.
        missing: form.either(HOST_NETWORK, 1, 0),
        host_network: form.optional(HOST_NETWORK),
        dns_policy: form.only_if(HOST_NETWORK, "ClusterFirstWithHostNet"),
        args,
        env: vec![of_pod("FLEETGATE_NAMESPACE", "metadata.namespace")],
        volumes: form.list_if(CERTIFICATE_SECRET, json!({"name": "certificate", "secret": secret})),
        mounts: form.list_if(CERTIFICATE_SECRET, mount),
    }
}

fn controller() -> Role {
    Role {
        name: CONTROLLER,
        command: "controller",
        ports: vec![],
        metrics: json!(METRICS_PORT),
        missing: json!(0),
        host_network: Value::Null,
        dns_policy: Value::Null,
        args: vec![],
        env: vec![of_pod("FLEETGATE_LEASE_NAMESPACE", "metadata.namespace")],
        volumes: Value::Null,
        mounts: Value::Null,
    }
}

fn deployment(role: &Role, form: Form) -> Value {
    let labels = labels(role.command);
    let metadata = json!({
        "labels": form.with_fields(&role.setting("podLabels"), labels.clone()),
        "annotations": form.optional(&role.setting("podAnnotations")),
    });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": role.name, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": form.value(&role.setting("replicas")),
            "minReadySeconds": SETTLED_SECONDS,
            // The next one answers before the last one goes.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": role.missing}},
            "selector": {"matchLabels": labels},
            "template": {"metadata": metadata, "spec": pod(role, form)},
        },
    })
}

fn pod(role: &Role, form: Form) -> Value {
    json!({
        "serviceAccountName": role.name,
        // The account itself gives its token to no pod that does not ask.
        "automountServiceAccountToken": true,
        "enableServiceLinks": false,
        "hostNetwork": role.host_network,
        "dnsPolicy": role.dns_policy,
        "imagePullSecrets": form.optional("imagePullSecrets"),
        "priorityClassName": form.optional(&role.setting("priorityClassName")),
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        // The image says who: where a platform gives each namespace its own user ids, that one counts.
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "nodeSelector": form.optional(&role.setting("nodeSelector")),
        "tolerations": form.optional(&role.setting("tolerations")),
        "affinity": form.optional(&role.setting("affinity")),
        "topologySpreadConstraints": [
            spread(role, "topology.kubernetes.io/zone"),
            spread(role, "kubernetes.io/hostname"),
        ],
        "volumes": role.volumes,
        "containers": [container(role, form)],
    })
}

/// Where there is but one zone or node, they run there all the same.
fn spread(role: &Role, topology: &str) -> Value {
    json!({
        "topologyKey": topology,
        "maxSkew": 1,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels(role.command)},
        // Those of the version before go anyway, and do not count.
        "matchLabelKeys": ["pod-template-hash"],
    })
}

fn container(role: &Role, form: Form) -> Value {
    let mut args = vec![json!(role.command)];
    args.extend(role.args.iter().cloned());
    args.push(listens("metrics-bind", &role.metrics, form));
    args.extend(form.items(&role.setting("extraArgs")));
    let mut env = of_installation(form);
    env.extend(role.env.iter().cloned());
    env.extend(form.items(&role.setting("extraEnv")));
    let mut ports = role.ports.clone();
    ports.push(port("metrics", &role.metrics));
    json!({
        "name": "fleetgate",
        "image": form.image(),
        "imagePullPolicy": form.value("image.pullPolicy"),
        "args": args,
        "env": env,
        "ports": ports,
        "resources": form.optional(&role.setting("resources")),
        "readinessProbe": probe("/readyz", 2, 2),
        "livenessProbe": probe("/livez", 10, 6),
        "volumeMounts": role.mounts,
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
        },
    })
}

/// What both roles have to agree on, and how they log: as variables, which an overlay finds by their names.
fn of_installation(form: Form) -> Vec<Value> {
    const DEFAULT_ACCOUNT: &str = "tenancy.defaultServiceAccount";
    let variable = |name, path| json!({"name": name, "value": form.quoted(path)});
    let mut variables = vec![
        variable("FLEETGATE_LOG", "log.level"),
        variable("FLEETGATE_LOG_FORMAT", "log.format"),
        variable("FLEETGATE_PRUNE_GUARD_CLUSTERS", "pruneGuard.clusters"),
        variable("FLEETGATE_PRUNE_GUARD_PERCENT", "pruneGuard.percent"),
        variable("FLEETGATE_NO_CROSS_NAMESPACE_REFS", "tenancy.noCrossNamespaceRefs"),
        variable("FLEETGATE_NO_HOST_DESTINATION", "tenancy.noHostDestination"),
    ];
    let account = variable("FLEETGATE_DEFAULT_SERVICE_ACCOUNT", DEFAULT_ACCOUNT);
    variables.extend(form.item_if(DEFAULT_ACCOUNT, account));
    variables
}

/// The flag that says where a port is opened.
fn listens(flag: &str, port: &Value, form: Form) -> Value {
    json!(format!("--{flag}={}:{}", form.text("bindAddress"), plain_text(port)))
}

fn port(name: &str, number: &Value) -> Value {
    json!({"name": name, "containerPort": number, "protocol": "TCP"})
}

/// A variable with what is known of the pod itself.
fn of_pod(name: &str, field: &str) -> Value {
    json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": field}}})
}

fn probe(path: &str, seconds: u8, failures: u8) -> Value {
    json!({
        "httpGet": {"path": path, "port": "metrics"},
        "periodSeconds": seconds,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::WEBHOOK_PORT;
    use std::fs;
    use std::path::Path;

    /// The instructions of the image's last stage.
    fn image() -> Vec<(String, String)> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Dockerfile");
        let text = fs::read_to_string(path).expect("the Dockerfile").replace("\\\n", " ");
        let instructions =
            text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '));
        let instructions: Vec<_> =
            instructions.map(|(what, of)| (what.to_owned(), of.trim().to_owned())).collect();
        let last = instructions.iter().rposition(|(what, _)| what == "FROM").expect("a stage");
        instructions[last..].to_vec()
    }

    #[test]
    fn the_image_is_what_the_pods_need() {
        let image = image();
        let of = |what: &str| -> Vec<&str> {
            image.iter().filter(|(found, _)| found == what).map(|(_, of)| of.as_str()).collect()
        };
        assert_eq!(of("FROM"), ["scratch"], "no shell, and no libraries");
        assert!(of("RUN").is_empty() && of("ADD").is_empty() && of("CMD").is_empty());
        assert_eq!(of("ENTRYPOINT"), [r#"["/fleetgate"]"#], "the pods' arguments follow");
        assert_eq!(of("EXPOSE"), [format!("{WEBHOOK_PORT} {METRICS_PORT}")]);
        assert_eq!(of("ENV"), ["MIMALLOC_PURGE_DELAY=10"], "as the stories of hostile input have it");
        let user = of("USER")[0].split(':').map(str::parse::<u32>);
        assert!(user.into_iter().all(|id| id.is_ok_and(|id| id > 0)), "a kubelet sees that it is not root");

        let [webhook, controller] = <[Value; 2]>::try_from(objects(Form::Plain)).expect("two");
        for deployment in [webhook, controller] {
            let pod = &deployment["spec"]["template"]["spec"];
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
            assert_eq!(pod["containers"][0].get("command"), None, "the image says what runs");
        }
    }
}
