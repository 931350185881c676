//! `fleetgate cluster`: a cluster comes, is delivered to, and goes.

use super::told::run;
use super::*;

#[tokio::test]
async fn a_cluster_is_joined_delivered_to_and_detached() {
    let sandbox = delivery();
    kubectl(sandbox, &["create", "namespace", "joined"]).await;
    member_namespace(sandbox, "joined").await;
    let fleet = "apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: quickstart, namespace: joined}\nspec: {}\n";
    assert!(apply(sandbox, fleet).await.success());
    let template = "--output=go-template={{index .data \"kurator-member1.config\" | base64decode}}";
    let secret = ["get", "secret", "kurator-member1", "--namespace", "default", template];
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("member.kubeconfig");
    std::fs::write(&file, kubectl(sandbox, &secret).await.stdout).expect("a file");
    let file = file.to_str().expect("a path");
    let cluster = |arguments: &[&str]| {
        let all: Vec<&str> = ["cluster"].iter().chain(arguments).chain(&["-n", "joined"]).copied().collect();
        run(sandbox, &all, "")
    };

    let (code, _, notes) = cluster(&["join", file, "--name", "berlin", "--fleet", "gone"]);
    assert_eq!(code, Some(2));
    assert!(notes.contains("there is no Fleet \"gone\" in namespace \"joined\""), "{notes}");
    // The account that every namespace has may do nothing.
    let token = kubectl(sandbox, &["create", "token", "default", "--namespace", "joined"]).await.stdout;
    let host = std::fs::read_to_string(sandbox.kubeconfig()).expect("the host's kubeconfig");
    let mut host: Value = serde_saphyr::from_str(&host).expect("YAML");
    host["users"][0]["user"] = serde_json::json!({"token": token.trim()});
    let limited = folder.path().join("limited.kubeconfig");
    std::fs::write(&limited, host.to_string()).expect("a file");
    let (code, _, notes) = cluster(&["join", limited.to_str().expect("a path"), "--name", "limited"]);
    assert!(code == Some(2) && notes.contains("may not do everything at https://"), "{notes}");
    let written = ["get", "attachedclusters,secrets", "--namespace", "joined", "--output", "name"];
    assert_eq!(kubectl(sandbox, &written).await.stdout, "", "nothing is written before all is looked at");

    let join = ["join", file, "--name", "berlin", "--fleet", "quickstart", "--labels", "env=dev,region=eu"];
    let (code, out, notes) = cluster(&join);
    assert_eq!(code, Some(0), "{notes}");
    assert!(
        out.starts_with("AttachedCluster joined/berlin joined: v1.")
            && out.ends_with(", in Fleet quickstart\n"),
        "{out}"
    );
    // Once is enough, and what is there is not touched by the second attempt.
    let (code, _, notes) = cluster(&[&join[..], &["--force"]].concat());
    assert!(code == Some(2) && notes.contains("already exists"), "{notes}");
    let host = sandbox.kubeconfig().to_str().expect("a path");
    let (code, _, notes) = cluster(&["join", host, "--name", "host"]);
    assert!(code == Some(2) && notes.contains("this is the host itself"), "{notes}");
    let (code, out, _) = cluster(&["labels", "berlin", "env=test", "region-"]);
    assert_eq!((code, out.as_str()), (Some(0), "AttachedCluster joined/berlin: env=test\n"));

    let applied = apply(sandbox, &selected("joined", &[("web", "env: test")])).await;
    assert!(applied.success(), "{}", applied.stderr);
    becomes(sandbox, "joined", "shop", "True Succeeded 1/1").await;
    deployments(sandbox.member_client(0).expect("a member"), "joined", &["podinfo"]).await;
    let (_, out, _) = cluster(&["list"]);
    let line = out.lines().nth(1).unwrap_or_default();
    let cells: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(cells[..3], ["joined", "berlin", "AttachedCluster"], "{out}");
    assert!(cells[3].starts_with("https://127.0.0.1:") && cells[4].starts_with("v1."), "{out}");
    assert_eq!(cells[5..8], ["True", "quickstart", "env=test"], "{out}");
    let (code, _, notes) = cluster(&["join", file, "--name", "munich"]);
    assert!(code == Some(2) && notes.contains("joined already, as AttachedCluster joined/berlin"), "{notes}");
    let (_, out, _) = cluster(&["list", "--output", "name"]);
    assert_eq!(out, "attachedcluster.cluster.kurator.dev/berlin\n");
    let (_, out, _) = cluster(&["list", "--output", "json"]);
    let list: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(
        (&list["items"][0]["ready"], &list["items"][0]["reason"]),
        (&true.into(), &"Reachable".into()),
        "{out}"
    );
    assert!(!out.contains("token") && !out.contains("key-data"), "{out}");

    let (code, _, notes) = cluster(&["detach", "berlin"]);
    assert_eq!(code, Some(2));
    assert_eq!(
        notes,
        "fleetgate: Applications deliver to berlin: shop (by Fleet quickstart); \
         take it out of the Fleet first, or delete the Applications\n"
    );
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", "joined", "--timeout=60s"]).await;
    gone(sandbox, "joined").await;
    let (code, out, notes) = cluster(&["detach", "berlin"]);
    assert_eq!((code, out.as_str()), (Some(0), "AttachedCluster joined/berlin detached\n"), "{notes}");
    assert_eq!(kubectl(sandbox, &written).await.stdout, "");
}
