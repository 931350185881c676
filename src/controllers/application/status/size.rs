//! How long a status may be. A list grows with an Application's clusters or
//! policies, and a message with what somebody else has to say; the object that
//! they stand in may not outgrow etcd, nor what people can read.

use fleetgate_api::ApplicationStatus;

/// At most this many clusters are listed, policies, and Flux objects of policies.
const CLUSTERS: usize = 50;
const POLICIES: usize = 100;
pub(super) const SYNCED: usize = 50;

/// The longest message of a condition, and the longest text anywhere else, in bytes.
const CONDITION: usize = 2 * 1024;
const TEXT: usize = 512;

/// The longest status, in bytes of JSON: a quarter of what an object should
/// have at most, since the spec of a thousand policies is half of it.
const STATUS: usize = 64 * 1024;

/// Cuts the lists, which have what is most urgent first, and the texts.
pub(super) fn fit(mut status: ApplicationStatus) -> ApplicationStatus {
    let (clusters, policies) = (status.clusters.len(), status.policies.len());
    shorten_all(&mut status);
    status.clusters.truncate(CLUSTERS);
    status.policies.truncate(POLICIES);
    status.destinations.truncate(POLICIES);
    keep_synced(&mut status, SYNCED);
    while length(&status) > STATUS && halve(&mut status) {}
    status.omitted_clusters = omitted(clusters, status.clusters.len());
    status.omitted_policies = omitted(policies, status.policies.len());
    status
}

/// `text`, or as much of it as is shown.
pub(super) fn shortened(mut text: String) -> String {
    shorten(&mut text, TEXT);
    text
}

fn shorten_all(status: &mut ApplicationStatus) {
    for condition in &mut status.conditions {
        shorten(&mut condition.message, CONDITION);
    }
    let source = status.source.iter_mut().filter_map(|source| source.message.as_mut());
    let clusters = status.clusters.iter_mut().filter_map(|cluster| cluster.message.as_mut());
    let policies = status.policies.iter_mut().filter_map(|policy| policy.message.as_mut());
    let selectors = status.destinations.iter_mut().filter_map(|destination| destination.selector.as_mut());
    let texts = source.chain(clusters).chain(policies).chain(selectors).chain(status.destination.as_mut());
    texts.for_each(|text| shorten(text, TEXT));
}

fn shorten(text: &mut String, most: usize) {
    const MORE: &str = "…";
    if text.len() > most {
        let mut end = most.saturating_sub(MORE.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(MORE);
    }
}

/// Leaves out half of every list, but for what comes first; says whether there
/// was anything to leave out.
fn halve(status: &mut ApplicationStatus) -> bool {
    let before = listed(status);
    status.clusters.truncate(status.clusters.len().div_ceil(2));
    status.policies.truncate(status.policies.len().div_ceil(2));
    status.destinations.truncate(status.destinations.len().div_ceil(2));
    keep_synced(status, status.sync_status.list().len().div_ceil(2));
    listed(status) < before
}

fn keep_synced(status: &mut ApplicationStatus, most: usize) {
    let mut synced = status.sync_status.list();
    if synced.len() > most {
        synced.truncate(most);
        status.sync_status = synced.into();
    }
}

fn listed(status: &ApplicationStatus) -> usize {
    status.clusters.len()
        + status.policies.len()
        + status.destinations.len()
        + status.sync_status.list().len()
}

fn length(status: &ApplicationStatus) -> usize {
    serde_json::to_vec(status).map_or(0, |json| json.len())
}

fn omitted(all: usize, listed: usize) -> Option<i32> {
    i32::try_from(all.saturating_sub(listed)).ok().filter(|omitted| *omitted > 0)
}

#[cfg(test)]
mod tests {
    use super::super::of;
    use super::super::tests::{application, catalog, observe};
    use super::*;
    use fleetgate_api::Application;
    use k8s_openapi::jiff::Timestamp;
    use serde_json::json;

    use crate::flux_state::Phase;

    /// What an object should have at most.
    const OBJECT: usize = 256 * 1024;

    /// An Application with that many policies, each with what a usual one says.
    fn with_policies(count: usize) -> Application {
        let mut application = application("quickstart");
        let policies = (0..count).map(|number| {
            let policy = json!({
                "name": format!("policy-{number:04}"),
                "kustomization": {"interval": "5m", "prune": true, "path": format!("./deploy/{number:04}"), "wait": true},
            });
            serde_json::from_value(policy).expect("a policy")
        });
        application.spec.sync_policies = policies.collect();
        application
    }

    /// The object as it is stored, with its status.
    fn stored(mut application: Application, status: ApplicationStatus) -> usize {
        application.status = Some(status);
        serde_json::to_vec(&application).expect("JSON").len()
    }

    #[test]
    fn nothing_outgrows_an_object() {
        // A byte that JSON says in six is the worst that there is.
        let messages = ["ready", "x", "\u{1}"];
        for (policies, clusters) in [(2, 1_000), (1_000, 2), (40, 40)] {
            for (message, phase) in messages.iter().zip([Phase::Ready, Phase::Failed, Phase::Failed]) {
                let application = with_policies(policies);
                let (plan, mut observed) = observe(&application, &catalog(clusters), &[]);
                for state in observed.states.values_mut() {
                    state.message = message.repeat(40_000);
                    state.phase = phase;
                }
                let status = of(&application, &plan, &observed, Timestamp::UNIX_EPOCH);
                let what = format!("{policies} policies, {clusters} clusters, {phase:?} {message:?}");
                assert!(length(&status) <= STATUS, "{what}: {}", length(&status));
                assert!(!status.clusters.is_empty() && !status.policies.is_empty(), "{what}");
                assert!(stored(application, status) < OBJECT, "{what}");
            }
        }
    }

    #[test]
    fn a_thousand_policies_show_those_in_trouble() {
        let application = with_policies(1_000);
        let troubles = [
            ("policy-0900-attachedcluster-m001", Phase::Progressing),
            ("policy-0700-attachedcluster-m000", Phase::Failed),
        ];
        let (plan, observed) = observe(&application, &catalog(2), &troubles);
        let status = of(&application, &plan, &observed, Timestamp::UNIX_EPOCH);
        let names: Vec<&str> = status.policies.iter().map(|policy| policy.name.as_str()).collect();
        assert_eq!(names[..3], ["policy-0700", "policy-0900", "policy-0000"]);
        let destinations = status.destinations.iter().map(|destination| destination.policy.as_str());
        assert_eq!(destinations.collect::<Vec<_>>(), names);
        assert_eq!((names.len(), status.omitted_policies), (100, Some(900)));
        assert_eq!(status.sync_status.list().len(), 50);
        assert_eq!(status.omitted_clusters, None);
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        for (text, most, expected) in [
            ("short", 5, "short"),
            ("longer", 5, "lo…"),
            ("äöü", 5, "ä…"),
            ("äöü", 6, "äöü"),
            ("abc", 2, "…"),
        ] {
            let mut text = text.to_owned();
            shorten(&mut text, most);
            assert_eq!(text, expected, "{most}");
        }
    }
}
