use crate::judge::judge;
use crate::schema::Kind;
use crate::test_fixtures::{application, catalog, git_source};
use serde_json::{Value, json};

/// An Application for both clusters of the Fleet, with one policy.
fn app(policy: &Value) -> Value {
    let mut policy = policy.clone();
    policy["name"] = json!("web");
    let spec =
        json!({"source": git_source(), "destination": {"fleet": "quickstart"}, "syncPolicies": [policy]});
    application("shop", spec)
}

fn release(more: Value) -> Value {
    let mut helm = json!({"interval": "5m", "chart": {"spec": {"chart": "./charts/web"}}});
    json_patch::merge(&mut helm, &more);
    app(&json!({"helm": helm}))
}

fn folder(more: Value) -> Value {
    let mut kustomization = json!({"interval": "5m", "path": "./web", "prune": true});
    json_patch::merge(&mut kustomization, &more);
    app(&json!({"kustomization": kustomization}))
}

/// What the rule says: where, and what.
fn said(old: Option<&Value>, new: &Value) -> Vec<String> {
    let verdict = judge(Kind::Application, new.clone(), old, &catalog());
    let findings = verdict.findings.iter().filter(|finding| finding.code == "policy/redeployed");
    findings.map(|finding| format!("{} {}", finding.path, finding.message)).collect()
}

/// The field below the policy that it speaks of, and what changes there.
fn change(old: &Value, new: &Value) -> Option<String> {
    let said = said(Some(old), new);
    assert!(said.len() < 2, "{said:?}");
    let text = said.first()?.strip_prefix("spec.")?.replace("syncPolicies[0].", "");
    Some(text.split(": Flux").next()?.split(": if").next()?.to_owned())
}

#[test]
fn what_helm_calls_a_release() {
    let table = [
        (json!({}), json!({}), None),
        (json!({"releaseName": "web"}), json!({"releaseName": "web", "timeout": "2m"}), None),
        (json!({"values": {"a": 1}}), json!({"values": {"a": 2}}), None),
        (
            json!({"releaseName": "web"}),
            json!({"releaseName": "shop"}),
            Some("helm.releaseName changes the release's name from \"web\" to \"shop\""),
        ),
        (
            json!({}),
            json!({"releaseName": "web"}),
            Some("helm.releaseName changes the release's name from \"web-attachedcluster-m1\" to \"web\""),
        ),
        // What it is called on one of the clusters it is not called on the other.
        (
            json!({}),
            json!({"releaseName": "web-attachedcluster-m1"}),
            Some(
                "helm.releaseName changes the release's name from \"web-attachedcluster-m2\" to \"web-attachedcluster-m1\"",
            ),
        ),
        (
            json!({"targetNamespace": "a"}),
            json!({"targetNamespace": "b"}),
            Some("helm.targetNamespace changes the release's namespace from \"a\" to \"b\""),
        ),
        (
            json!({"releaseName": "web"}),
            json!({"releaseName": "web", "targetNamespace": "b"}),
            Some("helm.targetNamespace changes the release's namespace from \"default\" to \"b\""),
        ),
        (json!({"releaseName": "web"}), json!({"releaseName": "web", "targetNamespace": "default"}), None),
        (
            json!({}),
            json!({"targetNamespace": "default"}),
            Some(
                "helm.targetNamespace changes the release's name from \"web-attachedcluster-m1\" to \"default-web-attachedcluster-m1\"",
            ),
        ),
        (
            json!({"storageNamespace": "a"}),
            json!({}),
            Some("helm.storageNamespace changes the namespace of Helm's record from \"a\" to \"default\""),
        ),
        (json!({}), json!({"storageNamespace": "default"}), None),
        (json!({"releaseName": ""}), json!({}), None),
        (json!({"targetNamespace": "", "storageNamespace": ""}), json!({}), None),
    ];
    for (old, new, expected) in table {
        assert_eq!(change(&release(old.clone()), &release(new.clone())).as_deref(), expected, "{old} {new}");
    }
}

#[test]
fn what_a_chart_is_called() {
    let chart = |path: &str| release(json!({"chart": {"spec": {"chart": path}}}));
    let table = [
        ("./charts/web", "charts/web/", None),
        ("./charts/web", "deploy/web", None),
        (
            "./charts/web",
            "./charts/api",
            Some("helm.chart.spec.chart changes the chart from \"web\" to \"api\""),
        ),
        ("./charts/web", ".", None),
        ("./charts/web", "..", None),
        ("web-1.0.0.tgz", "web-1.1.0.tgz", None),
    ];
    for (old, new, expected) in table {
        assert_eq!(change(&chart(old), &chart(new)).as_deref(), expected, "{old} {new}");
    }
    let in_place = json!({"chart": {"spec": {"chart": "./charts/api"}}, "upgrade": {"chartNameChangeStrategy": "InPlaceUpdate"}});
    assert_eq!(change(&chart("./charts/web"), &release(in_place)), None);
    let reinstall = json!({"chart": {"spec": {"chart": "./charts/api"}}, "upgrade": {"chartNameChangeStrategy": "Reinstall"}});
    assert!(change(&chart("./charts/web"), &release(reinstall)).is_some());
}

#[test]
fn a_chart_of_another_source() {
    let from = |source: Value, chart: Option<&str>| {
        let mut object = release(json!({}));
        object["spec"]["source"] = source;
        object["spec"]["syncPolicies"][0]["helm"]["chart"]["spec"] = json!({});
        if let Some(chart) = chart {
            object["spec"]["syncPolicies"][0]["helm"]["chart"]["spec"]["chart"] = json!(chart);
        }
        object
    };
    let oci = |url: &str| from(json!({"ociRepository": {"url": url, "interval": "5m"}}), None);
    let index = |chart: &str| {
        from(json!({"helmRepository": {"url": "https://charts.example.com", "interval": "5m"}}), Some(chart))
    };
    let url = "source.ociRepository.url changes the chart from \"web\" to \"api\"";
    let table = [
        (oci("oci://ghcr.io/o/web"), oci("oci://harbor.local/proxy/o/web/"), None),
        (oci("oci://ghcr.io/o/web"), oci("oci://ghcr.io/o/api"), Some(url)),
        (index("web"), oci("oci://ghcr.io/o/web"), None),
        (index("web"), oci("oci://ghcr.io/o/api"), Some(url)),
        (index("web"), release(json!({})), None),
        (index("web"), index("api"), Some("helm.chart.spec.chart changes the chart from \"web\" to \"api\"")),
    ];
    for (old, new, expected) in table {
        assert_eq!(change(&old, &new).as_deref(), expected, "{old} {new}");
    }
}

#[test]
fn what_the_objects_of_a_folder_are_called() {
    let namespace = |from: &str, to: &str| {
        Some(format!(
            "kustomization.targetNamespace changes the namespace of what it delivers from {from} to {to}"
        ))
    };
    let table = [
        (json!({"targetNamespace": "a"}), json!({"targetNamespace": "a", "path": "./other"}), None),
        (json!({"targetNamespace": "a"}), json!({"targetNamespace": "b"}), namespace("\"a\"", "\"b\"")),
        (json!({}), json!({"targetNamespace": "b"}), namespace("none", "\"b\"")),
        (json!({"targetNamespace": "a"}), json!({}), namespace("\"a\"", "none")),
        (json!({"targetNamespace": ""}), json!({}), None),
        (
            json!({"namePrefix": "a-"}),
            json!({"namePrefix": "b-"}),
            Some("kustomization.namePrefix changes the prefix of all names from \"a-\" to \"b-\"".to_owned()),
        ),
        (
            json!({}),
            json!({"nameSuffix": "-b"}),
            Some("kustomization.nameSuffix changes the suffix of all names from none to \"-b\"".to_owned()),
        ),
        (json!({"targetNamespace": "a"}), json!({"targetNamespace": "b", "prune": false}), None),
        (
            json!({"targetNamespace": "a", "prune": false}),
            json!({"targetNamespace": "b"}),
            namespace("\"a\"", "\"b\""),
        ),
    ];
    for (old, new, expected) in table {
        assert_eq!(change(&folder(old.clone()), &folder(new.clone())), expected, "{old} {new}");
    }
}

#[test]
fn what_flux_does_is_said_with_the_places() {
    let (old, new) = (release(json!({"releaseName": "web"})), release(json!({"releaseName": "shop"})));
    let uninstalled = |whose: &str| {
        format!(
            "spec.syncPolicies[0].helm.releaseName changes the release's name from \"web\" to \"shop\": Flux uninstalls it {whose} \
             and installs it anew, and volumes that the chart made go with what they hold"
        )
    };
    assert_eq!(said(Some(&old), &new), [uninstalled("on \"m1\", \"m2\"")]);
    let on = |mut object: Value, destination: Value| {
        object["spec"]["destination"] = destination;
        object
    };
    let env = |env: &str| json!({"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": env}}});
    let moved = |from: Value, to: Value| said(Some(&on(old.clone(), from)), &on(new.clone(), to));
    assert_eq!(moved(json!(null), json!(null)), [uninstalled("on the host")]);
    assert_eq!(moved(json!({"fleet": "quickstart"}), env("dev")), [uninstalled("on \"m2\"")]);
    let none: [&str; 0] = [];
    assert_eq!(moved(env("test"), env("dev")), none, "it leaves, and comes to others");
    assert_eq!(moved(env("prod"), env("prod")), none, "it is nowhere");
    let (old, new) = (release(json!({})), release(json!({"chart": {"spec": {"chart": "./charts/api"}}})));
    assert_eq!(
        said(Some(&old), &new),
        [
            "spec.syncPolicies[0].helm.chart.spec.chart changes the chart from \"web\" to \"api\": if Chart.yaml says so, too, \
             Flux uninstalls it on \"m1\", \"m2\" and installs it anew, and volumes that the chart made go with what they hold"
        ]
    );
    let (old, new) = (folder(json!({"namePrefix": "a-"})), folder(json!({})));
    assert_eq!(
        said(Some(&old), &new),
        [
            "spec.syncPolicies[0].kustomization.namePrefix changes the prefix of all names from \"a-\" to none: Flux creates the \
             objects anew on \"m1\", \"m2\" and removes those of before, with what their volumes hold"
        ]
    );
}

#[test]
fn only_what_stays_by_name_and_kind_is_compared() {
    let none: [&str; 0] = [];
    let (web, shop) = (release(json!({"releaseName": "web"})), release(json!({"releaseName": "shop"})));
    assert_eq!(said(None, &shop), none, "it is new");
    assert_eq!(said(Some(&web), &web), none);
    assert_eq!(said(Some(&web), &folder(json!({"targetNamespace": "a"}))), none, "it is of another kind");
    let mut renamed = shop.clone();
    renamed["spec"]["syncPolicies"][0]["name"] = json!("shop");
    assert_eq!(said(Some(&web), &renamed), none, "it is another policy");
    renamed["spec"]["syncPolicies"][0]["name"] = json!("Web");
    assert_eq!(said(Some(&web), &renamed).len(), 1, "the case of its name makes no difference");
    let mut seen = web.clone();
    seen["status"] = json!({"observedGeneration": 1});
    assert_eq!(said(Some(&web), &seen), none, "only the status changes");
}

/// Policies without names, each with a chart of its own.
fn unnamed(charts: &[&str]) -> Value {
    let policy = |chart: &&str| json!({"helm": {"interval": "5m", "chart": {"spec": {"chart": chart}}}});
    let mut object = release(json!({}));
    object["spec"]["syncPolicies"] = charts.iter().map(policy).collect();
    object
}

#[test]
fn what_is_only_renumbered_is_left_to_its_rule() {
    let none: [&str; 0] = [];
    assert_eq!(said(Some(&unnamed(&["a", "b"])), &unnamed(&["new", "a", "b"])), none);
    assert_eq!(said(Some(&unnamed(&["a", "b"])), &unnamed(&["b", "a"])), none);
    assert_eq!(said(Some(&unnamed(&["a", "b"])), &unnamed(&["a", "new"])).len(), 1);
}

#[test]
fn many_that_are_renumbered_take_time_in_proportion() {
    let charts: Vec<String> = (0..4_000).map(|index| format!("c{index}")).collect();
    let charts: Vec<&str> = charts.iter().map(String::as_str).collect();
    let new: Vec<&str> = std::iter::once("new").chain(charts.iter().copied()).collect();
    assert_eq!(said(Some(&unnamed(&charts)), &unnamed(&new)), [""; 0]);
}

#[test]
fn of_many_a_few_are_said() {
    let charts = |from: usize| (from..from + 3_000).map(|index| format!("c{index}")).collect::<Vec<_>>();
    let of = |charts: &[String]| unnamed(&charts.iter().map(String::as_str).collect::<Vec<_>>());
    let said = said(Some(&of(&charts(0))), &of(&charts(3_000)));
    assert_eq!(said.len(), 6);
    assert_eq!(said[5], "spec.syncPolicies others are delivered anew by this, too");
}
