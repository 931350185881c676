//! Whose the entries of the configurations are: whoever installs them adds, renames and drops them, and the
//! webhook has a bundle in each and none for itself.

use super::stage::Stage;
use super::webhook::Webhook;
use crate::support::kubectl;

/// The last one in the generated manifests.
const LAST: &str = "delete.fleetgate.dev";

/// Applies them as `docs/install.md` has it.
async fn install(stage: &Stage, manifests: &str) {
    let arguments = ["apply", "--server-side", "--force-conflicts", "--filename", "-"];
    let answer = stage.sandbox.kubectl().run_with(&arguments, manifests).await.expect("kubectl runs");
    assert!(answer.success(), "{}", answer.stderr);
}

/// The webhooks of the second configuration.
async fn entries(stage: &Stage) -> Vec<String> {
    let [_, validating] = stage.configurations().await.expect("both configurations");
    let webhooks = validating.data["webhooks"].as_array().expect("webhooks");
    webhooks.iter().filter_map(|webhook| Some(webhook["name"].as_str()?.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_the_installer_drops_is_gone_and_one_that_it_adds_is_told() {
    let stage = Stage::set().await;
    let whole = stage.manifests();
    let (without, dropped) = whole.rsplit_once("\n- ").expect("the last entry");
    assert!(dropped.contains(&format!("\n  name: {LAST}\n")), "{dropped}");
    let renamed = whole.replace(&format!("  name: {LAST}\n"), "  name: gone.fleetgate.dev\n");
    // The entries are of whoever installs, and of nobody else: the sandbox has its own way to do that.
    for kind in ["mutatingwebhookconfiguration", "validatingwebhookconfiguration"] {
        kubectl(stage.sandbox, &["delete", kind, "fleetgate"]).await;
    }
    install(&stage, &whole).await;
    let _webhook = Webhook::asked(stage.sandbox, &[]);
    stage.trusts().await;
    let steps =
        [(without, None), (&whole, Some(LAST)), (&renamed, Some("gone.fleetgate.dev")), (&whole, Some(LAST))];
    for (manifests, last) in steps {
        install(&stage, manifests).await;
        let expected: Vec<&str> = ["validate.fleetgate.dev"].into_iter().chain(last).collect();
        assert_eq!(entries(&stage).await, expected);
        stage.trusts().await;
    }
    stage.admits().await;
}
