//! What the chart's schema refuses, and what it takes.

use fleetgate_sandbox::Helm;

use super::chart::{NAMESPACE, rendered};
use super::*;

/// What helm says of a value that it does not take.
fn refused(helm: &Helm, value: &str) -> String {
    rendered(helm, NAMESPACE, &["--set", value]).expect_err(value).to_string()
}

#[tokio::test]
async fn values_that_mean_nothing_are_refused() {
    let (sandbox, _turn) = bare().await;
    let helm = sandbox.helm().expect("helm");
    let table = [
        ("webhook.replicas=0", "replicas"),
        ("webhook.replicas=two", "replicas"),
        ("webhok.replicas=2", "webhok"),
        ("webhook.replica=2", "replica"),
        ("image.pullPolicy=Sometimes", "pullPolicy"),
        ("image.digest=abc", "digest"),
        ("pruneGuard.percent=101", "percent"),
        ("tenancy.noHostDestination=maybe", "noHostDestination"),
        ("webhook.caBundle=-----BEGIN", "caBundle"),
        ("imagePullSecrets[0]=name", "imagePullSecrets"),
        ("networkPolicy.webhookFrom=10.0.0.0/28", "webhookFrom"),
        ("networkPolicy.webhookFrom[0].ipblock.cidr=10.0.0.0/28", "ipblock"),
        ("networkPolicy.metricsFrom[0].ipBlock.except[0]=10.0.0.0/28", "cidr"),
        ("networkPolicy.webhookFrom[0].ipBlock.cidr=10.0.0.1", "cidr"),
        // Both together say of a pod what its address is, which no API server takes.
        (
            "networkPolicy.webhookFrom[0].ipBlock.cidr=10.0.0.0/28,networkPolicy.webhookFrom[0].podSelector.a=b",
            "/networkPolicy/webhookFrom/0/podSelector",
        ),
        (
            "networkPolicy.metricsFrom[0].ipBlock.cidr=10.0.0.0/28,networkPolicy.metricsFrom[0].namespaceSelector.a=b",
            "/networkPolicy/metricsFrom/0/namespaceSelector",
        ),
        // Rendered, and refused by the program or by the kubelet once it is too late.
        ("bindAddress=", "bindAddress"),
        ("bindAddress=127.0.0.1x", "bindAddress"),
        ("bindAddress=256.0.0.1", "bindAddress"),
        ("bindAddress=::", "bindAddress"),
        ("bindAddress=0.0.0.0:80", "bindAddress"),
        ("tenancy.defaultServiceAccount=A B", "defaultServiceAccount"),
        ("log.level=kube=loud", "/log/level"),
        (r"log.level=info\, kube=debug", "/log/level"),
        ("image.repository=", "repository"),
        ("image.repository=mirror/gate:v1", "repository"),
        ("image.tag=v 1", "tag"),
        ("imagePullSecrets[0].name=A B", "imagePullSecrets/0/name"),
        ("webhook.certificateSecret=Tls", "certificateSecret"),
        ("webhook.priorityClassName=very high", "priorityClassName"),
        ("webhook.extraEnv[0].value=a", "extraEnv"),
        ("webhook.port=443", "/webhook/port"),
        ("webhook.metricsPort=65536", "/webhook/metricsPort"),
        ("webhook.hostNetwork=yes", "hostNetwork"),
        // They would stand there twice.
        (r"webhook.podLabels.app\.kubernetes\.io/name=a", "/webhook/podLabels/app.kubernetes.io~1name"),
        (
            r"controller.podLabels.app\.kubernetes\.io/component=a",
            "/controller/podLabels/app.kubernetes.io~1component",
        ),
        (
            r"serviceMonitor.labels.app\.kubernetes\.io/name=a",
            "/serviceMonitor/labels/app.kubernetes.io~1name",
        ),
        (
            r"prometheusRule.labels.app\.kubernetes\.io/name=a",
            "/prometheusRule/labels/app.kubernetes.io~1name",
        ),
    ];
    for (value, named) in table {
        let error = refused(&helm, value);
        assert!(error.contains("don't meet the specifications of the schema"), "{value}: {error}");
        assert!(error.contains(named), "{value}: {error}");
    }
}

/// Each of them means something, and together they do not work.
#[tokio::test]
async fn values_that_contradict_each_other_are_refused() {
    let (sandbox, _turn) = bare().await;
    let helm = sandbox.helm().expect("helm");
    let table = [
        ("webhook.port=8080", "webhook.port and webhook.metricsPort are both 8080"),
        ("webhook.metricsPort=9443", "webhook.port and webhook.metricsPort are both 9443"),
        // No review would be answered by whom the API server trusts.
        (
            r"webhook.annotations.cert-manager\.io/inject-ca-from=a/b",
            "cert-manager.io/inject-ca-from, by which the API server trusts cert-manager's certificate alone",
        ),
        ("webhook.caBundle=LS0=", "webhook.certificateSecret names none"),
    ];
    for (value, told) in table {
        let error = refused(&helm, value);
        assert!(error.contains(told), "{value}: {error}");
    }
}

/// The schema refuses nothing that works.
#[tokio::test]
async fn values_that_only_look_odd_are_taken() {
    let (sandbox, _turn) = bare().await;
    let helm = sandbox.helm().expect("helm");
    let table = [
        r"log.level=info\,kube[a{b=1}]=debug\,fleetgate::reviews=WARN",
        "bindAddress=[fd00::1]",
        "image.repository=localhost:5000/a/gate",
        "webhook.priorityClassName=",
        "controller.priorityClassName=a.b-c",
        "networkPolicy.webhookFrom[0].podSelector.a=b,networkPolicy.webhookFrom[0].namespaceSelector.a=b",
        "networkPolicy.metricsFrom[0].ipBlock.cidr=fd00::/8",
        "webhook.podLabels.sidecar=no",
        r"webhook.certificateSecret=tls,webhook.annotations.cert-manager\.io/inject-ca-from=a/b",
        "webhook.certificateSecret=tls,webhook.caBundle=LS0=",
        "webhook.port=8080,webhook.metricsPort=9443",
    ];
    for value in table {
        rendered(&helm, NAMESPACE, &["--set", value]).unwrap_or_else(|error| panic!("{value}: {error}"));
    }
}
