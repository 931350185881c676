//! What an installation does not allow its tenants, `check` refuses as admission does.

use crate::support::{GOOD, check_json, fleetgate, folder, found, said};

const FLAG: &str = "--no-cross-namespace-refs";

/// An Application that depends on another namespace.
fn depending() -> String {
    GOOD.replace(
        "      prune: true\n",
        "      prune: true\n      dependsOn: [{name: base, namespace: platform}]\n",
    )
}

#[test]
fn a_reference_out_of_the_namespace_is_refused_where_that_is_asked_for() {
    let folder = folder(&[("app.yaml", depending().as_bytes())]);
    for (arguments, code, severity) in [(&["app.yaml"][..], 0, "warning"), (&["app.yaml", FLAG], 1, "error")]
    {
        let (ended, document) = check_json(folder.path(), arguments);
        assert_eq!(ended, Some(code), "{document}");
        assert_eq!(document["findings"][0]["severity"], severity);
        assert_eq!(
            found(&document),
            ["app.yaml:14:32 ref/cross-namespace spec.syncPolicies[0].kustomization.dependsOn[0].namespace"]
        );
    }
}

#[test]
fn the_host_is_refused_where_that_is_asked_for() {
    let folder = folder(&[("app.yaml", GOOD.as_bytes())]);
    let (ended, document) = check_json(folder.path(), &["app.yaml", "--no-host-destination"]);
    assert_eq!(ended, Some(1), "{document}");
    assert_eq!(
        found(&document),
        ["app.yaml:11:5 destination/host-forbidden spec.syncPolicies[0].destination"]
    );
}

#[test]
fn what_is_rendered_names_the_default_account() {
    let folder = folder(&[("app.yaml", GOOD.as_bytes())]);
    for (account, code) in [("tenant", 0), ("not/a/name", 2)] {
        let arguments = ["render", "-f", "app.yaml", "--default-service-account", account];
        let output = fleetgate().args(arguments).current_dir(folder.path()).output();
        let (ended, text) = said(output.expect("it runs"));
        assert_eq!(ended, Some(code), "{text}");
        assert_eq!(text.contains("serviceAccountName: tenant"), code == 0, "{text}");
    }
}

#[test]
fn the_flag_may_come_by_the_environment() {
    let folder = folder(&[("app.yaml", depending().as_bytes())]);
    for (value, code) in [("true", 1), ("1", 1), ("false", 0), ("", 0), ("maybe", 2)] {
        for command in [&["check", "app.yaml"][..], &["render", "-f", "app.yaml"]] {
            let output = fleetgate()
                .args(command)
                .current_dir(folder.path())
                .env("FLEETGATE_NO_CROSS_NAMESPACE_REFS", value)
                .output()
                .expect("it runs");
            let (ended, text) = said(output);
            assert_eq!(ended, Some(code), "{command:?} {value}: {text}");
        }
    }
}
