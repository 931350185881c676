//! Whether the Secrets and the ServiceAccount exist that an object names.
//!
//! Needs them as data. A Secret is rarely among the files of a repository, so
//! that what is not there is unknown, and only a key that a known Secret lacks
//! is missing; whoever has looked on the host for what is needed knows it all.

use fleetgate_api::{Application, AttachedCluster, Fleet};
use fleetgate_plan::destination::{Placement, placement};
use kube::ResourceExt;

use super::name::{ACCOUNT, accounts_of_policy, accounts_of_source, path_in, path_of, visit_secrets};
use crate::credentials::{Credentials, Lookup, Needs};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::{Example, Rule, WARNS};

/// `ref/secret`
pub const SECRET: Rule = Rule {
    code: "ref/secret",
    severities: WARNS,
    what: "A Secret that a source, a policy, a cluster or a Fleet's metrics name does not exist, or lacks the key. In `check`, only of Secrets that are among the files; on the host the Application's `MissingReferences` condition says so.",
    why: "Flux waits for it and fetches or delivers nothing.",
    example: Example::new(
        r#"spec.syncPolicies[0].kustomization.decryption: {"provider": "sops", "secretRef": {"name": "gone"}}"#,
        r#"spec.syncPolicies[0].kustomization.decryption: {"provider": "sops", "secretRef": {"name": "m1"}}"#,
    ),
};

/// `ref/service-account`
pub const SERVICE_ACCOUNT: Rule = Rule {
    code: "ref/service-account",
    severities: WARNS,
    what: "The ServiceAccount to be impersonated on the host, or to fetch the source as, does not exist there. The Application's `MissingReferences` condition says so.",
    why: "Flux is refused everything. For a member cluster it has to exist in that cluster.",
    example: Example::new(
        r#"spec.syncPolicies[0].kustomization.serviceAccountName: "gone""#,
        r#"spec.syncPolicies[0].kustomization.serviceAccountName: "deployer""#,
    ),
};

/// The key that Flux reads values from where none is named.
const VALUES_KEY: &str = "values.yaml";

/// A Secret that is named, and what has to be in it.
struct Named<'a> {
    path: FieldPath,
    name: String,
    key: Option<&'a str>,
}

pub(crate) fn check_application(
    application: &Application,
    credentials: &Credentials,
    findings: &mut Findings,
) {
    let namespace = application.namespace().unwrap_or_default();
    for secret in secrets_of(application) {
        findings.extend(check_secret(&namespace, secret, credentials));
    }
    for (path, name) in service_accounts_of(application) {
        findings.extend(check_service_account(&namespace, path, name, credentials));
    }
}

pub(crate) fn needs(application: &Application) -> Needs {
    let secrets = secrets_of(application).into_iter().map(|named| named.name);
    let accounts = service_accounts_of(application).into_iter().map(|(_, name)| name);
    let accounts = accounts.filter(|name| may_be_missing(name)).map(str::to_owned);
    // What no object can be called is missing without a question; in the path of
    // one it might lead elsewhere.
    let may_exist = |name: &String| names::is_dns_subdomain(name);
    Needs {
        secrets: secrets.filter(may_exist).collect(),
        service_accounts: accounts.filter(may_exist).collect(),
    }
}

pub(crate) fn check_cluster(cluster: &AttachedCluster, credentials: &Credentials, findings: &mut Findings) {
    let Some(reference) = &cluster.spec.kubeconfig else { return };
    let path = FieldPath::spec().field("kubeconfig");
    let named = Named { path, name: reference.name.clone(), key: Some(&reference.key) };
    findings.extend(check_secret(&cluster.namespace().unwrap_or_default(), named, credentials));
}

pub(crate) fn check_fleet(fleet: &Fleet, credentials: &Credentials, findings: &mut Findings) {
    let metric = fleet.spec.plugin.as_ref().and_then(|plugin| plugin.metric.as_ref());
    let Some(thanos) = metric.and_then(|metric| metric.thanos.as_ref()) else { return };
    let path = ["plugin", "metric", "thanos", "objectStoreConfig"];
    let path = path.into_iter().fold(FieldPath::spec(), |path, field| path.field(field));
    let named = Named { path, name: thanos.object_store_config.secret_name.clone(), key: None };
    findings.extend(check_secret(&fleet.namespace().unwrap_or_default(), named, credentials));
}

fn check_secret(namespace: &str, named: Named<'_>, credentials: &Credentials) -> Option<Finding> {
    let message = match (credentials.secret(namespace, &named.name), named.key) {
        // An empty name is another rule's.
        (Lookup::Missing, _) if !named.name.is_empty() => {
            format!("names a Secret that does not exist in namespace {namespace:?}")
        }
        (Lookup::Found(keys), Some(key)) if !keys.contains_key(key) => {
            format!("names a Secret that has no key {key:?}")
        }
        _ => return None,
    };
    Some(Finding::warning(&SECRET, named.path, Fault::NotFound, message).value(named.name))
}

fn check_service_account(
    namespace: &str,
    path: FieldPath,
    name: &str,
    credentials: &Credentials,
) -> Option<Finding> {
    (may_be_missing(name) && credentials.lacks_service_account(namespace, name)).then(|| {
        let message = format!("does not exist in namespace {namespace:?}");
        Finding::warning(&SERVICE_ACCOUNT, path, Fault::NotFound, message).value(name)
    })
}

/// Every namespace gets the ServiceAccount called default by itself.
fn may_be_missing(name: &str) -> bool {
    !name.is_empty() && name != "default"
}

fn secrets_of(application: &Application) -> Vec<Named<'_>> {
    let mut found = Vec::new();
    visit_secrets(application, &mut |name, path| {
        found.push(Named { path: path(), name: name.to_owned(), key: None });
    });
    for (index, policy) in application.spec.sync_policies.iter().enumerate() {
        let build = policy.kustomization.as_ref().and_then(|kustomization| kustomization.post_build.as_ref());
        for (place, from) in build.iter().flat_map(|build| build.substitute_from.iter().flatten()).enumerate()
        {
            if from.kind == "Secret" && from.optional != Some(true) {
                let path = path_in(index, &["kustomization", "postBuild", "substituteFrom"]).index(place);
                found.push(Named { path, name: from.name.clone(), key: None });
            }
        }
        let values = policy.helm.iter().flat_map(|helm| helm.values_from.iter().flatten());
        for (place, from) in values.enumerate() {
            if from.kind == "Secret" && from.optional != Some(true) {
                let key = from.values_key.as_deref().filter(|key| !key.is_empty()).unwrap_or(VALUES_KEY);
                let path = path_in(index, &["helm", "valuesFrom"]).index(place);
                found.push(Named { path, name: from.name.clone(), key: Some(key) });
            }
        }
    }
    found
}

/// Those that have to exist on the host. With a member's kubeconfig Flux
/// impersonates in the member.
fn service_accounts_of(application: &Application) -> Vec<(FieldPath, &str)> {
    let spec = &application.spec;
    let of_source = accounts_of_source(&spec.source).map(|(kind, name)| (path_of(kind, &[ACCOUNT]), name));
    let on_host = spec.sync_policies.iter().enumerate();
    let on_host = on_host.filter(|(_, policy)| placement(spec, policy) == Placement::Host);
    let of_policies = on_host.flat_map(|(index, policy)| {
        accounts_of_policy(policy).map(move |(kind, name)| (path_in(index, &[kind, ACCOUNT]), name))
    });
    of_source.chain(of_policies).collect()
}

#[cfg(test)]
mod tests {
    use crate::credentials::{Needs, check, needs};
    use crate::schema::Kind;
    use crate::test_fixtures::{
        application, cluster_object, credentials, fleet_object, git_source, kustomization,
    };
    use serde_json::{Value, json};

    fn said(kind: Kind, object: &Value, is_complete: bool) -> Vec<String> {
        let credentials = if is_complete { credentials().complete() } else { credentials() };
        let findings = check(kind, object, &credentials);
        findings.iter().map(|finding| format!("{} {}", finding.path, finding.message)).collect()
    }

    #[test]
    fn what_is_not_there_is_missing_only_to_who_knows_all() {
        let mut source = git_source();
        source["gitRepository"]["secretRef"] = json!({"name": "gone"});
        source["gitRepository"]["proxySecretRef"] = json!({"name": "m1"});
        let mut kustomized = kustomization();
        kustomized["serviceAccountName"] = json!("gone");
        kustomized["postBuild"] = json!({"substituteFrom": [
            {"kind": "ConfigMap", "name": "gone"}, {"kind": "Secret", "name": "gone"}, {"kind": "Secret", "name": "gone", "optional": true},
        ]});
        let helm = json!({
            "interval": "5m", "serviceAccountName": "default", "chart": {"spec": {"chart": "./c"}}, "values": {"secretRef": {"name": "gone"}},
            "valuesFrom": [{"kind": "Secret", "name": "m1"}, {"kind": "Secret", "name": "m1", "valuesKey": "value"}],
        });
        let policies = json!([{"kustomization": kustomized}, {"helm": helm}]);
        let object = application("shop", json!({"source": source, "syncPolicies": policies}));
        let missing_key =
            "spec.syncPolicies[1].helm.valuesFrom[0] names a Secret that has no key \"values.yaml\"";
        assert_eq!(said(Kind::Application, &object, false), [missing_key]);
        assert_eq!(
            said(Kind::Application, &object, true),
            [
                "spec.source.gitRepository.secretRef names a Secret that does not exist in namespace \"default\"",
                "spec.syncPolicies[0].kustomization.postBuild.substituteFrom[1] names a Secret that does not exist in namespace \"default\"",
                missing_key,
                "spec.syncPolicies[0].kustomization.serviceAccountName does not exist in namespace \"default\"",
            ]
        );
    }

    #[test]
    fn what_is_needed_is_what_the_rules_ask_for() {
        let mut kustomized = kustomization();
        kustomized["serviceAccountName"] = json!("deployer");
        kustomized["postBuild"] = json!({"substituteFrom": [
            {"kind": "ConfigMap", "name": "a"}, {"kind": "Secret", "name": "b"}, {"kind": "Secret", "name": "c", "optional": true},
        ]});
        let helm = json!({
            "interval": "5m", "serviceAccountName": "default", "chart": {"spec": {"chart": "./c"}},
            "valuesFrom": [{"kind": "Secret", "name": "b"}, {"kind": "Secret", "name": ""}, {"kind": "Secret", "name": "../../a/secrets/b"}],
        });
        let mut source = git_source();
        source["gitRepository"]["secretRef"] = json!({"name": "d"});
        let policies = json!([{"kustomization": kustomized}, {"helm": helm}]);
        let object = application("shop", json!({"source": source, "syncPolicies": policies}));
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let expected = Needs { secrets: names(&["b", "d"]), service_accounts: names(&["deployer"]) };
        assert_eq!(needs(&serde_json::from_value(object).expect("an Application")), expected);
    }

    #[test]
    fn an_account_in_a_member_is_the_members() {
        let mut kustomized = kustomization();
        kustomized["serviceAccountName"] = json!("gone");
        let spec = json!({"source": git_source(), "destination": {"fleet": "quickstart"}, "syncPolicies": [{"kustomization": kustomized}]});
        assert!(said(Kind::Application, &application("shop", spec), true).is_empty());
    }

    #[test]
    fn clusters_and_fleets_name_secrets_too() {
        let cluster =
            |name: &str, key: &str| cluster_object("m1", json!({"kubeconfig": {"name": name, "key": key}}));
        let fleet = fleet_object(
            "f",
            json!({"plugin": {"metric": {"thanos": {"objectStoreConfig": {"secretName": "gone"}}}}}),
        );
        let none: [&str; 0] = [];
        assert_eq!(said(Kind::AttachedCluster, &cluster("m1", "value"), true), none);
        assert_eq!(
            said(Kind::AttachedCluster, &cluster("m1", "other"), false),
            ["spec.kubeconfig names a Secret that has no key \"other\""]
        );
        assert_eq!(said(Kind::AttachedCluster, &cluster("gone", "value"), false), none);
        assert_eq!(said(Kind::AttachedCluster, &cluster("gone", "value"), true).len(), 1);
        assert_eq!(said(Kind::Fleet, &fleet, true).len(), 1);
    }
}
