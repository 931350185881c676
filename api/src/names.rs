//! The names that are part of the contract with clusters, and with Kurator's stored objects.
//!
//! Invariant: none of these ever changes. They stand in objects that outlive every version.

/// The finalizer of an Application, shared with Kurator so that either can finish a deletion.
pub const FINALIZER_APPLICATION: &str = "apps.kurator.dev";

/// The finalizer of a Fleet, shared with Kurator so that either can finish a deletion.
pub const FINALIZER_FLEET: &str = "fleet.kurator.dev";

/// The finalizer of what is needed to take away what was delivered: a cluster's object, and the Secret
/// with its kubeconfig. Kurator has none there.
pub const FINALIZER_IN_USE: &str = "fleetgate.dev/in-use";

/// The annotation by which an object lets go of what was delivered: with `true` on an Application that is being
/// deleted, or on an `AttachedCluster`, its Flux objects go and what they delivered stays.
pub const ANNOTATION_ORPHAN: &str = "fleetgate.dev/orphan";

/// The label that every Flux object carries whose Application is named by its value.
pub const LABEL_APPLICATION: &str = "apps.kurator.dev/app-name";

/// Flux's own label of objects that only one shard of its controllers looks at. An Application's is
/// carried over to what it becomes, so that Flux shards along.
pub const LABEL_SHARD: &str = "sharding.fluxcd.io/key";

/// The label of a Secret that was made for a cluster as it was joined, and goes when that is detached.
pub const LABEL_JOINED: &str = "fleetgate.dev/joined";

/// The label of a Secret whose kubeconfig is used, so that those alone are watched and no other of the
/// host's.
pub const LABEL_KUBECONFIG: &str = "fleetgate.dev/kubeconfig";

/// Flux's own label of a Secret at whose changes it looks again at what names it, from Flux 2.7 on:
/// credentials that are rotated are tried at once, and not at the next interval.
pub const LABEL_FLUX_WATCH: (&str, &str) = ("reconcile.fluxcd.io/watch", "Enabled");

/// The annotation of a Flux object that names the policy it belongs to. No label: a policy's name
/// may be longer than a label value.
pub const ANNOTATION_POLICY: &str = "fleetgate.dev/policy";

/// The annotation of a policy's Flux object with the digest of the destination that it was made for: if
/// that is still the policy's, an object that is not planned any more was not moved by anyone.
pub const ANNOTATION_DESTINATION: &str = "fleetgate.dev/destination";

/// The annotation by which a user confirms the removal that is held of an Application: its value is the
/// digest that the condition names.
pub const ANNOTATION_CONFIRM_PRUNE: &str = "fleetgate.dev/confirm-prune";

/// The annotation of a Flux object with the digest of what was last applied, so that nothing is
/// written when nothing changed.
pub const ANNOTATION_APPLIED: &str = "fleetgate.dev/applied";

/// The annotation of an object in a member cluster that stands there for a rollout, with the name of
/// the policy. Kurator's: what carries it there is taken over.
pub const ANNOTATION_ROLLOUT: &str = "kurator.dev/rollout";

/// The annotation of an object in a member cluster with the Application that it belongs to, as
/// NAMESPACE/NAME. Namespaces of the host are nothing that a member knows, so that a label by name
/// alone would not tell whose it is.
pub const ANNOTATION_OWNER: &str = "fleetgate.dev/application";

/// The field manager of everything that Fleetgate writes.
pub const FIELD_MANAGER: &str = "fleetgate";

/// An early name of a field, which the schema still takes and admission moves to its new name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The path of the object that holds the field, for example `spec.source`.
    pub parent: &'static [&'static str],
    /// The early name.
    pub old: &'static str,
    /// The name that is stored.
    pub new: &'static str,
}

/// Every early name in an Application.
pub const APPLICATION_ALIASES: [Alias; 4] = [
    Alias { parent: &["spec"], old: "syncPolicy", new: "syncPolicies" },
    Alias { parent: &["spec", "source"], old: "gitRepo", new: "gitRepository" },
    Alias { parent: &["spec", "source"], old: "helmRepo", new: "helmRepository" },
    Alias { parent: &["spec", "source"], old: "ociRepo", new: "ociRepository" },
];
