//! What may happen to the certificate, and to whom the configurations trust.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::made::{Made, ours};
use super::stage::{NAMESPACE, SECRET, Stage};
use super::webhook::{Webhook, der, text};
use crate::load::Load;
use crate::support::{file, free_port, kubectl, numbers};

/// Both configurations, as kubectl calls them.
const CONFIGURATIONS: [&str; 2] =
    ["mutatingwebhookconfiguration/fleetgate", "validatingwebhookconfiguration/fleetgate"];

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_at_once_agree_on_one() {
    let stage = Stage::set().await;
    let replicas = [Webhook::asked(stage.sandbox, &[]), Webhook::beside(stage.sandbox, &[])];
    stage.admits().await;
    stage.trusts().await;
    let stored = stage.stored().await.expect("an answer").expect("a Secret");
    let keys: Vec<&str> = stored.keys().map(String::as_str).collect();
    assert_eq!(keys, ["ca.crt", "tls.crt", "tls.key"], "and no key of an authority");
    for replica in &replicas {
        replica.serves(&stored["tls.crt"], &stored["ca.crt"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_is_taken_back_comes_again() {
    let stage = Stage::set().await;
    let health = format!("127.0.0.1:{}", free_port());
    let _webhook = Webhook::asked(stage.sandbox, &["--metrics-bind", &health]);
    stage.admits().await;
    let wrong = json!([{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": "Cg=="}]);
    let none = json!([{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]);
    for patch in [none, wrong] {
        for name in CONFIGURATIONS {
            kubectl(stage.sandbox, &["patch", name, "--type=json", "--patch", &patch.to_string()]).await;
        }
        stage.trusts().await;
        stage.admits().await;
    }
    let numbers = numbers(&health).await;
    let told = numbers.lines().find_map(|line| line.strip_prefix("fleetgate_ca_bundle_injections_total "));
    let told: u32 = told.and_then(|times| times.parse().ok()).expect("how often they were told");
    assert!(told >= 4, "two configurations, twice: {told}");
}

/// The generated manifests have no bundle: whoever applies them again takes none away.
#[tokio::test(flavor = "multi_thread")]
async fn manifests_that_are_applied_again_take_no_bundle_away() {
    let stage = Stage::set().await;
    let _webhook = Webhook::asked(stage.sandbox, &[]);
    stage.admits().await;
    stage.trusts().await;
    let manifests = stage.manifests();
    let run = async |arguments: &[&str]| {
        let answer = stage.sandbox.kubectl().run_with(arguments, &manifests).await.expect("kubectl runs");
        assert!(answer.success(), "kubectl {}: {}", arguments.join(" "), answer.stderr);
    };
    // Each change of what it says makes a new generation.
    let generations = async || {
        let configurations = stage.configurations().await.expect("both configurations");
        configurations.map(|configuration| configuration.metadata.generation)
    };
    let before = generations().await;
    run(&["apply", "--filename", "-"]).await;
    run(&["apply", "--filename", "-"]).await;
    run(&["apply", "--server-side", "--force-conflicts", "--filename", "-"]).await;
    assert_eq!(generations().await, before, "the bundle was gone for a moment");
    // That is what was asked for, and is put right at once.
    run(&["replace", "--filename", "-"]).await;
    stage.trusts().await;
    stage.admits().await;
    assert_ne!(generations().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_expired_is_replaced_at_the_start() {
    let stage = Stage::set().await;
    let expired = Made::until(SystemTime::now() - Duration::from_hours(1));
    stage.store(&expired, &ours()).await;
    let webhook = Webhook::asked(stage.sandbox, &[]);
    webhook.logs("has expired: another one is made").await;
    stage.admits().await;
    let stored = stage.holds("another certificate", |stored| stored["tls.crt"] != expired.chain).await;
    webhook.serves(&stored["tls.crt"], &stored["ca.crt"]).await;
}

/// As when a machine was suspended, or its clock was set: nobody was there when it was to be renewed.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_expires_meanwhile_is_followed() {
    let stage = Stage::set().await;
    let (webhook, short, _) = stage.briefly_serves(|| Webhook::asked(stage.sandbox, &[])).await;
    let stored = stage.holds("another certificate", |stored| stored["tls.crt"] != short.chain).await;
    assert!(der(&stored["tls.crt"]) != der(&short.chain));
    webhook.serves(&stored["tls.crt"], &stored["ca.crt"]).await;
    stage.admits().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_deleted_is_a_rotation() {
    let stage = Stage::set().await;
    // It settles for 25 seconds, so that what is staged is seen before it follows.
    let flags = ["--certificate-validity", "5m", "--certificate-renew-before", "1m"];
    let webhook = Webhook::asked(stage.sandbox, &flags);
    let _beside = Webhook::beside(stage.sandbox, &flags);
    stage.admits().await;
    stage.trusts().await;
    let before = stage.stored().await.expect("an answer").expect("a Secret");
    stage.forget().await;
    let staged =
        stage.holds("the Secret to be written again", |stored| stored.contains_key("next.crt")).await;
    assert_eq!(staged["tls.crt"], before["tls.crt"], "what is served stays");
    assert!(staged["ca.crt"].contains(&before["ca.crt"]), "and is trusted");
    stage.trusts().await;
    webhook.serves(&before["tls.crt"], &staged["ca.crt"]).await;
    let client = stage.client();
    let followed = async {
        stage
            .holds("what was to follow to be served", |stored| stored["tls.crt"] == staged["next.crt"])
            .await;
        webhook.serves(&staged["next.crt"], &staged["ca.crt"]).await;
    };
    let during = Load::during(&client, 20, followed).await;
    let after = Load::of(&client, 20, Duration::from_secs(2)).await;
    for load in [during, after] {
        assert!(load.failed.is_empty(), "{}: {:?}", load.told(), load.failed.first());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_in_the_secret_is_replaced_and_what_is_served_stays() {
    let stage = Stage::set().await;
    let webhook = Webhook::asked(stage.sandbox, &[]);
    stage.admits().await;
    let before = stage.stored().await.expect("an answer").expect("a Secret");
    let patch = json!({"stringData": {"tls.key": "nonsense"}}).to_string();
    kubectl(stage.sandbox, &["patch", "secret", SECRET, "--namespace", NAMESPACE, "--patch", &patch]).await;
    webhook.logs("holds nothing that can be served").await;
    let after =
        stage.holds("the Secret to be put right", |stored| stored["tls.key"] == before["tls.key"]).await;
    assert_eq!(after["tls.crt"], before["tls.crt"]);
    stage.trusts().await;
    stage.admits().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_somebody_else_is_left_alone() {
    let stage = Stage::set().await;
    let theirs = Made::new();
    stage.store(&theirs, &json!({})).await;
    let webhook = Webhook::asked(stage.sandbox, &[]);
    webhook.logs("is not Fleetgate's, and is left alone").await;
    let stored = stage.stored().await.expect("an answer").expect("a Secret");
    assert_eq!((&stored["tls.crt"], stored.len()), (&theirs.chain, 3));
    // Once it is gone there is room for ours.
    stage.forget().await;
    stage.admits().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_keep_a_certificate_says_so() {
    let stage = Stage::set().await;
    let webhook = Webhook::asked(stage.sandbox, &["--namespace", "default"]);
    webhook.logs("Secret default/fleetgate-webhook-certificate cannot be kept: secrets").await;
    webhook.logs("is forbidden: User").await;
}

/// The controller may not keep one, unless it is allowed to as `docs/certificates.md` says.
#[tokio::test(flavor = "multi_thread")]
async fn who_serves_both_is_allowed_to_as_documented() {
    let stage = Stage::set().await;
    let webhook = Webhook::served(stage.sandbox);
    webhook.logs("cannot be kept").await;
    let page = text(&file("docs/certificates.md")).replace("\\\n", "");
    let commands: Vec<Vec<&str>> = page
        .lines()
        .filter_map(|line| line.strip_prefix("$ kubectl create "))
        .map(|line| ["create"].into_iter().chain(line.split_whitespace()).collect())
        .collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    for command in &commands {
        kubectl(stage.sandbox, command).await;
    }
    stage.admits().await;
    for binding in ["rolebinding", "clusterrolebinding"] {
        let delete = ["delete", binding, "fleetgate-serve", "--namespace", NAMESPACE];
        kubectl(stage.sandbox, &delete).await;
    }
}

/// What somebody else put into the Secret beside ours stays, and so does what they say of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_have_in_the_secret_stays() {
    let stage = Stage::set().await;
    let _webhook = Webhook::asked(stage.sandbox, &[]);
    stage.admits().await;
    let theirs =
        json!({"metadata": {"annotations": {"a": "b"}}, "stringData": {"theirs": "a", "tls.key": ""}});
    let patch = ["patch", "secret", SECRET, "--namespace", NAMESPACE, "--patch", &theirs.to_string()];
    kubectl(stage.sandbox, &patch).await;
    let stored = stage.holds("the key to be put right", |stored| stored.contains_key("next.crt")).await;
    assert_eq!(stored["theirs"], "a");
    let annotation =
        ["get", "secret", SECRET, "--namespace", NAMESPACE, "--output", "jsonpath={.metadata.annotations.a}"];
    assert_eq!(kubectl(stage.sandbox, &annotation).await.stdout, "b");
}

/// What a later version wrote is left as it is; once it is deleted it comes again, in the format of this one.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_a_later_version_is_left_alone() {
    let stage = Stage::set().await;
    let webhook = Webhook::asked(stage.sandbox, &[]);
    stage.admits().await;
    let secret = ["secret", SECRET, "--namespace", NAMESPACE];
    let format = async || {
        let output = r"jsonpath={.metadata.annotations.fleetgate\.dev/format}";
        kubectl(stage.sandbox, &[&["get"][..], &secret, &["--output", output]].concat()).await.stdout
    };
    let patch = async |patch: Value| {
        kubectl(stage.sandbox, &[&["patch"][..], &secret, &["--patch", &patch.to_string()]].concat()).await;
    };
    assert_eq!(format().await, "1");
    patch(json!({"metadata": {"annotations": {"fleetgate.dev/format": "2"}}})).await;
    webhook.logs("is of a later version of Fleetgate, which keeps it").await;
    patch(json!({"stringData": {"tls.key": ""}})).await;
    webhook.logs("holds nothing that this one can serve, and is left alone").await;
    stage.admits().await;
    assert_eq!(format().await, "2");
    stage.forget().await;
    stage.holds("the Secret to be written again", |stored| stored.contains_key("next.crt")).await;
    assert_eq!(format().await, "1");
}

/// Who has cert-manager, or an annotation of ours, set the bundle is not fought with.
#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_somebody_else_sets_is_left_alone() {
    let stage = Stage::set().await;
    let webhook = Webhook::asked(stage.sandbox, &[]);
    stage.admits().await;
    stage.trusts().await;
    let annotate = async |value: &str| {
        for name in CONFIGURATIONS {
            kubectl(stage.sandbox, &["annotate", name, value]).await;
        }
    };
    annotate("fleetgate.dev/inject=false").await;
    webhook.logs("is told by somebody else whom to trust").await;
    let wrong = json!([{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": "Cg=="}]);
    kubectl(stage.sandbox, &["patch", CONFIGURATIONS[1], "--type=json", "--patch", &wrong.to_string()]).await;
    // It hears of what follows, and of this before.
    stage.forget().await;
    stage.holds("the Secret to be written again", |stored| stored.contains_key("next.crt")).await;
    assert!(stage.bundle().await.is_err(), "they differ as they were left");
    annotate("fleetgate.dev/inject-").await;
    stage.trusts().await;
}
