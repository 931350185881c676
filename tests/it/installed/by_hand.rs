//! The file of a later version, over an installation that somebody changed by hand, as `docs/operations.md` advises it.

use fleetgate_sandbox::Answer;

use super::*;

const IMAGE: &str = "ghcr.io/fleetgate/fleetgate:";
const OF: [&str; 2] = ["--namespace", "fleetgate-system"];

/// How `docs/install.md` has that file applied over an installation.
async fn upgrade(sandbox: &Sandbox, manifests: &str) -> Answer {
    let page = fs::read_to_string(file("docs/install.md")).expect("the page");
    let (_, section) = page.split_once("## Upgrading Fleetgate").expect("the section");
    let command = section.lines().find_map(|line| line.strip_prefix("$ kubectl "));
    let (command, _) = command.expect("the command").split_once("-f ").expect("a file");
    given(sandbox, command, manifests).await
}

/// The command, with that text in place of the file.
async fn given(sandbox: &Sandbox, command: &str, manifests: &str) -> Answer {
    let words: Vec<&str> = command.split_whitespace().chain(["--filename", "-"]).collect();
    sandbox.kubectl().run_with(&words, manifests).await.expect("kubectl runs")
}

/// Waits until the rollout of that version is under way.
async fn revises(sandbox: &Sandbox, revision: &str) {
    let path = r"--output=jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}";
    let seen = until("the revision", PATIENCE, async || {
        let get = [&["get", "deployment", "fleetgate-webhook", path], &OF[..]].concat();
        let found = kubectl(sandbox, &get).await.stdout;
        Ok(if found == revision { Probe::Done(()) } else { Probe::NotYet(found) })
    });
    seen.await.expect("it is rolled out");
}

#[tokio::test]
async fn what_was_changed_by_hand_is_in_the_way_of_a_later_file_that_is_not_to_win() {
    let (sandbox, _turn) = bare().await;
    let [earlier, later] =
        ["v1", "v2"].map(|version| install_yaml().replace(IMAGE, &format!("{IMAGE}{version}-")));
    for (version, revision) in [(&earlier, "1"), (&later, "2")] {
        let answer = given(sandbox, "apply --server-side", version).await;
        assert!(answer.success(), "nobody else has changed anything: {}", answer.stderr);
        revises(sandbox, revision).await;
    }
    // As the webhook does it.
    let injected =
        r#"{"webhooks": [{"name": "validate.fleetgate.dev", "clientConfig": {"caBundle": "Q0E="}}]}"#;
    kubectl(sandbox, &["patch", "validatingwebhookconfiguration", "fleetgate", "--patch", injected]).await;
    let by_hand: [&[&str]; 3] = [
        &["rollout", "undo", "deployment/fleetgate-webhook"],
        &["scale", "deployment/fleetgate-webhook", "--replicas=4"],
        &["set", "image", "deployment/fleetgate-controller", "fleetgate=example.com/patched"],
    ];
    for command in by_hand {
        kubectl(sandbox, &[command, &OF[..]].concat()).await;
    }

    let refused = given(sandbox, "apply --server-side", &later).await;
    assert!(!refused.success(), "{}", refused.stdout);
    let image = ".spec.template.spec.containers[name=\"fleetgate\"].image";
    for field in [".spec.replicas", image] {
        assert!(refused.stderr.contains(field), "{field}: {}", refused.stderr);
    }
    assert_eq!(refused.stderr.matches(image).count(), 2, "of both: {}", refused.stderr);
    let rest = "validatingwebhookconfiguration.admissionregistration.k8s.io/fleetgate serverside-applied";
    assert!(refused.stdout.contains(rest), "half of it is applied: {}", refused.stdout);

    let answer = upgrade(sandbox, &later).await;
    assert!(answer.success(), "{}", answer.stderr);
    nothing_differs(sandbox, "diff --server-side --force-conflicts", &later).await;
    let bundle = "--output=jsonpath={.webhooks[0].clientConfig.caBundle}";
    let kept = kubectl(sandbox, &["get", "validatingwebhookconfiguration", "fleetgate", bundle]).await;
    assert_eq!(kept.stdout, "Q0E=", "what the file has not it does not win");
}
