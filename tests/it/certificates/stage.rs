//! A host with webhook configurations and no webhook: one test after the other, as there is one of each.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use fleetgate_sandbox::Sandbox;
use fleetgate_sandbox::wait::{Probe, until};
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ApiResource, DynamicObject};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use super::made::{Made, ours};
use super::webhook::{PATIENCE, Webhook, text};
use crate::load::Load;
use crate::support::{apply, before_webhook, file, kubectl};

pub(super) const SECRET: &str = "fleetgate-webhook-certificate";
pub(super) const NAMESPACE: &str = "fleetgate-system";

/// The name of both webhook configurations.
const CONFIGURATION: &str = "fleetgate";

/// The host, for one test.
pub(crate) struct Stage {
    pub(crate) sandbox: &'static Sandbox,
    _turn: MutexGuard<'static, ()>,
}

impl Stage {
    /// Waits for its turn; then there is no Secret.
    pub(crate) async fn set() -> Self {
        static TURN: Mutex<()> = Mutex::const_new(());
        let turn = TURN.lock().await;
        let stage = Self { sandbox: before_webhook(), _turn: turn };
        stage.forget().await;
        stage
    }

    /// Deletes the Secret.
    pub(crate) async fn forget(&self) {
        let delete = ["delete", "secret", SECRET, "--namespace", NAMESPACE, "--ignore-not-found"];
        kubectl(self.sandbox, &delete).await;
    }

    pub(crate) fn client(&self) -> Client {
        self.sandbox.client()
    }

    /// Puts a Secret in place, as Fleetgate made it or somebody else.
    pub(super) async fn store(&self, made: &Made, labels: &Value) {
        let data = [("tls.crt", &made.chain), ("tls.key", &made.key), ("ca.crt", &made.authority)];
        let data: BTreeMap<&str, &String> = data.into_iter().collect();
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": SECRET, "namespace": NAMESPACE, "labels": labels},
            "stringData": data,
        });
        let answer = apply(self.sandbox, &secret.to_string()).await;
        assert!(answer.success(), "{}", answer.stderr);
    }

    /// Has the webhook that is started so serve a certificate that ends soon; returns both, and when that is. On a busy
    /// machine it takes one that lasts for longer.
    pub(super) async fn briefly_serves(&self, start: impl Fn() -> Webhook) -> (Webhook, Made, SystemTime) {
        for lifetime in [8, 16, 32, 64].map(Duration::from_secs) {
            let now = SystemTime::now();
            let short = Made::until(now + lifetime);
            self.store(&short, &ours()).await;
            let webhook = start();
            // What follows needs some of it.
            if webhook.serves_before(&short, now + lifetime * 3 / 4).await {
                return (webhook, short, now + lifetime);
            }
            drop(webhook);
            self.forget().await;
        }
        panic!("whatever ends soon is over before it is served");
    }

    /// What the Secret holds, if there is one.
    pub(crate) async fn stored(&self) -> anyhow::Result<Option<BTreeMap<String, String>>> {
        let secrets: Api<Secret> = Api::namespaced(self.client(), NAMESPACE);
        let Some(secret) = secrets.get_opt(SECRET).await? else { return Ok(None) };
        let text = |(key, value): (String, ByteString)| Ok((key, String::from_utf8(value.0)?));
        secret.data.unwrap_or_default().into_iter().map(text).collect::<anyhow::Result<_>>().map(Some)
    }

    /// Waits until the Secret holds something of which that is true; returns it.
    pub(crate) async fn holds(
        &self,
        what: &str,
        is_met: impl Fn(&BTreeMap<String, String>) -> bool,
    ) -> BTreeMap<String, String> {
        let seen = until(what, PATIENCE, async || {
            Ok(match self.stored().await? {
                Some(stored) if is_met(&stored) => Probe::Done(stored),
                Some(stored) => Probe::NotYet(format!("{:?}", stored.keys())),
                None => Probe::NotYet("no Secret".to_owned()),
            })
        });
        seen.await.expect("what the Secret is to hold")
    }

    /// The generated configurations, with the port at which the webhook is asked here.
    pub(super) fn manifests(&self) -> String {
        let port = format!("port: {}", self.sandbox.webhook_addr().port());
        text(&file("manifests/webhooks.yaml")).replace("port: 443", &port)
    }

    /// Both configurations.
    pub(crate) async fn configurations(&self) -> anyhow::Result<[DynamicObject; 2]> {
        let resources = [
            ApiResource::erase::<MutatingWebhookConfiguration>(&()),
            ApiResource::erase::<ValidatingWebhookConfiguration>(&()),
        ];
        let [mutating, validating] =
            resources.map(|resource| Api::<DynamicObject>::all_with(self.client(), &resource));
        Ok([mutating.get(CONFIGURATION).await?, validating.get(CONFIGURATION).await?])
    }

    /// The bundle that every webhook of both configurations has, if all have the same.
    pub(crate) async fn bundle(&self) -> anyhow::Result<String> {
        let mut bundles = Vec::new();
        for configuration in self.configurations().await? {
            bundles.extend(bundles_of(&configuration)?);
        }
        let first = bundles.first().cloned().context("there is no webhook")?;
        anyhow::ensure!(bundles.iter().all(|bundle| *bundle == first), "they differ");
        Ok(first)
    }

    /// Waits until every webhook trusts exactly what the Secret says.
    pub(crate) async fn trusts(&self) {
        let seen = until("the bundles to be the Secret's", PATIENCE, async || {
            let stored = self.stored().await?.and_then(|stored| stored.get("ca.crt").cloned());
            Ok(match self.bundle().await {
                Ok(bundle) if Some(&bundle) == stored.as_ref() => Probe::Done(()),
                Ok(_) => Probe::NotYet("another one".to_owned()),
                Err(error) => Probe::NotYet(error.to_string()),
            })
        });
        seen.await.expect("the bundle");
    }

    /// Waits until an Application is admitted.
    pub(crate) async fn admits(&self) {
        let client = self.client();
        let admitted = until("an Application to be admitted", PATIENCE, async || {
            let load = Load::of(&client, 1000, Duration::from_millis(1)).await;
            Ok(match load.failed.first() {
                None if load.admitted > 0 => Probe::Done(()),
                failed => Probe::NotYet(failed.cloned().unwrap_or_else(|| "nothing was asked".to_owned())),
            })
        });
        admitted.await.expect("it is admitted");
    }
}

/// The bundles of a configuration's webhooks, in PEM.
fn bundles_of(configuration: &DynamicObject) -> anyhow::Result<Vec<String>> {
    let webhooks = configuration.data["webhooks"].as_array().context("no webhooks")?;
    let bundle = |webhook: &Value| {
        let bundle: ByteString = serde_json::from_value(webhook["clientConfig"]["caBundle"].clone())?;
        Ok(String::from_utf8(bundle.0)?)
    };
    webhooks.iter().map(bundle).collect()
}
