//! The names of what an Application becomes, as Kurator gives them, so that
//! what it installed is adopted without being deployed again.
//!
//! **Invariant**: a name is a function of the Application alone, legal
//! (RFC 1123) whenever its parts are, and never longer than [`MAX_NAME`].

use fleetgate_api::application::SyncPolicy;
use sha2::{Digest, Sha256};

use crate::{ClusterKey, Target};

/// The longest name of a child, in bytes: Flux copies it into a label value.
pub const MAX_NAME: usize = 63;

/// The longest name of any object, in bytes.
pub const MAX_OF_ANY: usize = 253;

/// What stands behind a policy's name in a child's: the kinds of clusters, and
/// what the host is called.
pub const CHILD_KINDS: [&str; 5] =
    ["attachedcluster", "cluster", "customcluster", "clusterapi", "currentcluster"];

/// How many hexadecimal digits of the hash stand in for what was cut.
const HASH_DIGITS: usize = 8;

/// `name`, and of one that is longer than any object's as much as is still none's:
/// it stands in everything that is made of an Application, and nobody has
/// reviewed what is stored already.
#[must_use]
pub fn bounded(name: &str) -> &str {
    name.get(..name.ceil_char_boundary(MAX_OF_ANY + 1)).unwrap_or(name)
}

/// A policy's name: its own, or `<application>-<index>`.
#[must_use]
pub fn policy_name(application: &str, index: usize, policy: &SyncPolicy) -> String {
    named_or_generated(application, index, policy.name.as_deref())
}

/// The same of a policy of which only the name is at hand.
#[must_use]
pub fn named_or_generated(application: &str, index: usize, name: Option<&str>) -> String {
    match name {
        None | Some("") => format!("{}-{index}", bounded(application)),
        Some(name) => bounded(name).to_owned(),
    }
}

/// A child's name: `<policy>-<kind>-<cluster>`, `<policy>-currentcluster-host`
/// on the host, in lower case; one that would be longer than [`MAX_NAME`] ends
/// in a hash of the whole instead.
#[must_use]
pub fn child_name(policy: &str, target: &Target) -> String {
    shorten(&composed(policy, target))
}

/// The same as Kurator makes it, which cuts a name that would be too long;
/// `None` if it is not.
#[must_use]
pub fn cut_child_name(policy: &str, target: &Target) -> Option<String> {
    cut(composed(policy, target))
}

/// Whether a child of that name is the policy's for that member cluster, which
/// may exist or not: by the name that we would give it, or as Kurator cut it.
#[must_use]
pub fn is_child_of(name: &str, policy: &str, cluster: &ClusterKey) -> bool {
    child_names(policy, Some(cluster)).any(|child| child == name)
}

/// The names that a policy's child may have for that member cluster, or on the
/// host: ours, and the one that Kurator cut.
pub(crate) fn child_names(policy: &str, cluster: Option<&ClusterKey>) -> impl Iterator<Item = String> {
    let composed = composed_for(policy, cluster);
    [shorten(&composed)].into_iter().chain(cut(composed))
}

/// What stands behind the policy and a hyphen in the name of a child on that member cluster, or
/// on the host, which is neither cut nor ends in a hash.
pub(crate) fn child_ending(cluster: Option<&ClusterKey>) -> String {
    composed_for("", cluster).trim_start_matches('-').to_owned()
}

fn composed(policy: &str, target: &Target) -> String {
    composed_for(policy, target.cluster())
}

fn composed_for(policy: &str, cluster: Option<&ClusterKey>) -> String {
    match cluster {
        None => format!("{policy}-currentcluster-host"),
        Some(cluster) => format!("{policy}-{}-{}", cluster.kind.infix(), cluster.name),
    }
    .to_lowercase()
}

fn cut(mut name: String) -> Option<String> {
    let is_cut = name.len() > MAX_NAME;
    name.truncate(name.floor_char_boundary(MAX_NAME));
    is_cut.then_some(name)
}

/// The first hexadecimal `digits` of the SHA-256 of `bytes`.
#[must_use]
pub fn digest(bytes: &[u8], digits: usize) -> String {
    let hash = Sha256::digest(bytes);
    // Not by `format!`: every review asks for one, and it would cost as much as a tenth of the review.
    let halves = hash.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    halves.take(digits).filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

fn shorten(name: &str) -> String {
    if name.len() <= MAX_NAME {
        return name.to_owned();
    }
    let hash = digest(name.as_bytes(), HASH_DIGITS);
    let mut kept = String::with_capacity(MAX_NAME);
    for character in name.chars() {
        if kept.len() + character.len_utf8() > MAX_NAME - HASH_DIGITS - 1 {
            break;
        }
        kept.push(character);
    }
    // A label of the subdomain may not end in a separator.
    let kept = kept.trim_end_matches(['-', '.']);
    format!("{kept}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClusterKind;
    use crate::test_fixtures::{cluster, policy};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn member(name: &str) -> Target {
        Target::Member(Arc::new(cluster(name, &[])))
    }

    fn of_kind(kind: ClusterKind) -> Target {
        let mut cluster = cluster("prod", &[]);
        cluster.key.kind = kind;
        Target::Member(Arc::new(cluster))
    }

    #[test]
    fn names_are_kurators() {
        let table = [
            (child_name("shop-0", &Target::Host), "shop-0-currentcluster-host"),
            (child_name("web", &member("kurator-member1")), "web-attachedcluster-kurator-member1"),
            (child_name("Web", &member("m1")), "web-attachedcluster-m1"),
            (child_name("web", &of_kind(ClusterKind::Cluster)), "web-cluster-prod"),
            (child_name("web", &of_kind(ClusterKind::CustomCluster)), "web-customcluster-prod"),
            (child_name("web", &of_kind(ClusterKind::ClusterApi)), "web-clusterapi-prod"),
            (policy_name("shop", 1, &policy(None)), "shop-1"),
            (policy_name("shop", 1, &policy(Some(""))), "shop-1"),
            (policy_name("shop", 1, &policy(Some("web"))), "web"),
        ];
        for (name, expected) in table {
            assert_eq!(name, expected);
        }
    }

    #[test]
    fn long_names_of_similar_clusters_differ() {
        let policy = "a".repeat(40);
        let one = child_name(&policy, &member("kurator-member"));
        let two = child_name(&policy, &member("kurator-member-2"));
        assert_ne!(one, two);
        assert!(one.len() <= MAX_NAME && two.len() <= MAX_NAME, "{one} {two}");
    }

    #[test]
    fn a_long_name_is_known_as_kurator_cut_it_too() {
        let long = "a".repeat(40);
        let cluster = cluster("kurator-member1", &[]).key;
        let table = [
            ("web-attachedcluster-kurator-member1".to_owned(), "web", true),
            ("web-attachedcluster-kurator-member".to_owned(), "web", false),
            (format!("{long}-attachedcluster-kurato"), &long, true),
            (child_name(&long, &member("kurator-member1")), &long, true),
            (format!("{long}-attachedcluster-kurat"), &long, false),
        ];
        for (name, policy, expected) in table {
            assert_eq!(is_child_of(&name, policy, &cluster), expected, "{name}");
        }
        assert_eq!(cut_child_name("web", &member("m1")), None);
        let cut = cut_child_name(&"é".repeat(40), &Target::Host).expect("it is cut");
        assert!(cut.len() <= MAX_NAME, "{cut}");
    }

    #[test]
    fn every_kind_of_cluster_may_stand_in_a_childs_name() {
        let kinds: Vec<_> =
            ClusterKind::ALL.into_iter().map(ClusterKind::infix).chain(["currentcluster"]).collect();
        assert_eq!(kinds, CHILD_KINDS);
        assert!(child_name("web", &Target::Host).starts_with("web-currentcluster-"));
    }

    #[test]
    fn what_is_longer_than_any_name_is_no_name_yet() {
        for (name, expected) in [
            ("a".repeat(253), 253),
            ("a".repeat(254), 254),
            ("a".repeat(100_000), 254),
            (format!("{}é", "a".repeat(253)), 255),
            ("🦀".repeat(1_000), 256),
        ] {
            assert_eq!(bounded(&name).len(), expected);
            assert_eq!(named_or_generated("shop", 0, Some(&name)).len(), expected);
            assert_eq!(named_or_generated(&name, 0, None).len(), expected + "-0".len());
        }
    }

    proptest! {
        #[test]
        fn names_are_legal_and_unique(
            policies in prop::collection::btree_set("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", 2..4),
            clusters in prop::collection::btree_set("[a-z0-9]([-a-z0-9.]{0,80}[a-z0-9])?", 2..4),
        ) {
            let mut seen = std::collections::BTreeMap::new();
            for policy in &policies {
                for cluster in &clusters {
                    let name = child_name(policy, &member(cluster));
                    prop_assert!(name.len() <= MAX_NAME);
                    prop_assert!(!name.ends_with(['-', '.']));
                    let composed = format!("{policy}-attachedcluster-{cluster}");
                    // Different parts may compose the same name; then they are the same child,
                    // and `policy/name` has refused them.
                    if let Some(earlier) = seen.insert(name, composed.clone()) {
                        prop_assert_eq!(earlier, composed);
                    }
                }
            }
        }
    }
}
