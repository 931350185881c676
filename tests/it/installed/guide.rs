//! What `docs/install.md` tells is what is run here.

use std::os::unix::fs::symlink;

use fleetgate_sandbox::Answer;
use serde_json::json;
use tempfile::TempDir;

use super::chart::rendered;
use super::*;

/// The blocks of the page that begin so, after their first line.
fn blocks(begin: &str) -> Vec<String> {
    let page = fs::read_to_string(file("docs/install.md")).expect("the page");
    let begin = format!("```yaml\n{begin}\n");
    let blocks = page.split(&begin).skip(1);
    blocks.filter_map(|rest| Some(rest.split_once("```")?.0.to_owned())).collect()
}

/// An overlay beside the base.
fn overlay(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    symlink(file("manifests"), folder.path().join("manifests")).expect("a link");
    let overlay = folder.path().join("overlay");
    fs::create_dir(&overlay).expect("a folder");
    fs::write(overlay.join("kustomization.yaml"), text).expect("a file");
    let path = overlay.display().to_string();
    (folder, path)
}

/// What the overlay comes to, which the API server accepts.
async fn built(sandbox: &Sandbox, overlay: &str) -> BTreeMap<String, Value> {
    let apply = ["apply", "--server-side", "--dry-run=server", "--force-conflicts", "--kustomize", overlay];
    kubectl(sandbox, &apply).await;
    objects(&kubectl(sandbox, &["kustomize", overlay]).await.stdout)
}

#[tokio::test]
async fn its_overlays_say_what_they_are_said_to() {
    let (sandbox, _turn) = bare().await;
    let install = file("manifests/install.yaml").display().to_string();
    kubectl(sandbox, &["apply", "--server-side", "--filename", &install]).await;
    let overlays = blocks("# kustomization.yaml");
    assert_eq!(overlays.len(), 3);
    let webhook = "Deployment/fleetgate-system/fleetgate-webhook";
    let controller = "Deployment/fleetgate-system/fleetgate-controller";

    let (_folder, path) = overlay(&overlays[0]);
    let mirrored = built(sandbox, &path).await;
    for deployment in [webhook, controller] {
        let pod = &mirrored[deployment]["spec"]["template"]["spec"];
        assert_eq!(pod["imagePullSecrets"], json!([{"name": "registry"}]));
        let container = &pod["containers"][0];
        let image = container["image"].as_str().expect("an image");
        assert!(image.starts_with("registry.example.com/fleetgate:"), "{image}");
        let variables = container["env"].as_array().expect("variables");
        let named: Vec<&Value> =
            variables.iter().filter(|it| it["name"] == "FLEETGATE_NO_HOST_DESTINATION").collect();
        assert_eq!(named, [&json!({"name": "FLEETGATE_NO_HOST_DESTINATION", "value": "true"})]);
        assert!(variables.len() > 5, "the others stay: {variables:?}");
    }

    let (_folder, path) = overlay(&overlays[1]);
    let certified = built(sandbox, &path).await;
    assert!(!certified.keys().any(|key| key.ends_with("/fleetgate-certificates")), "nobody needs them");
    let pod = &certified[webhook]["spec"]["template"]["spec"];
    assert_eq!(pod["volumes"][0]["secret"]["secretName"], "fleetgate-webhook-tls");
    assert!(
        pod["containers"][0]["args"]
            .as_array()
            .expect("arguments")
            .contains(&json!("--cert-dir=/certificate"))
    );
    assert_eq!(certified[controller]["spec"]["template"]["spec"].get("volumes"), None);
    for kind in ["Mutating", "Validating"] {
        let annotations =
            &certified[&format!("{kind}WebhookConfiguration//fleetgate")]["metadata"]["annotations"];
        assert_eq!(annotations["cert-manager.io/inject-ca-from"], "fleetgate-system/fleetgate-webhook");
    }

    let (_folder, path) = overlay(&overlays[2]);
    let on_nodes = built(sandbox, &path).await;
    let namespace = &on_nodes["Namespace//fleetgate-system"]["metadata"]["labels"];
    assert_eq!(namespace["pod-security.kubernetes.io/enforce"], "privileged");
    let helm = sandbox.helm().expect("helm");
    let chart = rendered(&helm, "fleetgate-system", &["--set", "webhook.hostNetwork=true"]);
    for (key, object) in chart.expect("it renders").iter().filter(|(key, _)| key.starts_with("Deployment/")) {
        assert_eq!(on_nodes.get(key), Some(object), "the chart does the same");
    }
}

/// In the sandbox whose webhook answers.
#[tokio::test]
async fn its_proof_that_it_works_is_refused_as_it_says() {
    let page = fs::read_to_string(file("docs/install.md")).expect("the page");
    let (_, proof) =
        page.split_once("$ kubectl create --dry-run=server -f - <<'END'\n").expect("the command");
    let (manifest, answer) = proof.split_once("END\n").expect("its end");
    let expected = answer.lines().next().expect("an answer");
    let create = ["create", "--dry-run=server", "-f", "-"];
    let Answer { code, stderr, .. } =
        admission().kubectl().run_with(&create, manifest).await.expect("kubectl runs");
    assert_eq!((code, stderr.trim()), (Some(1), expected));
    let notes = fs::read_to_string(file("manifests/chart/templates/NOTES.txt")).expect("the chart's notes");
    for line in manifest.lines() {
        assert!(notes.contains(line), "Helm tells the same: {line}");
    }
}
