//! The API server goes, comes back, and asks again.

use std::time::Duration;

use tokio::time::sleep;

use super::PER_SECOND;
use crate::certificates::stage::Stage;
use crate::certificates::webhook::Webhook;
use crate::load::Load;

const API_SERVER: &str = "host-kube-apiserver";

/// Whoever asks an API server that is down is not answered; but nobody is refused because of the webhook, and the webhook is the
/// same process all along.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_api_server_fails_no_admission() {
    let stage = &Stage::set().await;
    let mut webhook = Webhook::asked(stage.sandbox, &[]);
    stage.admits().await;
    let restarted = async {
        sleep(Duration::from_secs(1)).await;
        stage.sandbox.restart(API_SERVER).await.expect("it comes up again");
    };
    let load = Load::during(&stage.client(), PER_SECOND, restarted).await;
    // One that has just started does not know of the Service yet, and asks nobody.
    let is_unknown = |text: &str| text.contains("service \"") && text.contains("\" not found");
    let of_the_webhook: Vec<&String> =
        load.failed.iter().filter(|text| text.contains("webhook") && !is_unknown(text)).collect();
    println!("{}: {:?}", load.told(), load.failed.first());
    assert!(webhook.runs(), "it is the same process all along: {}", webhook.log());
    assert!(of_the_webhook.is_empty(), "{of_the_webhook:?}: {}", webhook.log());
    stage.admits().await;
    let after = Load::of(&stage.client(), PER_SECOND, Duration::from_secs(2)).await;
    assert!(after.failed.is_empty(), "{:?}", after.failed);
    assert!(webhook.runs(), "{}", webhook.log());
}
