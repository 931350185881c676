use super::*;
use fleetgate_api::names::ANNOTATION_ORPHAN;
use fleetgate_api::{Application, Fleet};
use fleetgate_plan::FluxKind;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn object<T: DeserializeOwned>(api_version: &str, kind: &str, metadata: Value, spec: Value) -> T {
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec});
    object["metadata"]["namespace"] = json!("default");
    serde_json::from_value(object).expect("an object")
}

fn fleet(metadata: Value) -> Fleet {
    let clusters = json!([{"kind": "AttachedCluster", "name": "m1"}]);
    object("fleet.kurator.dev/v1alpha1", "Fleet", metadata, json!({"clusters": clusters}))
}

fn cluster(metadata: Value) -> AttachedCluster {
    let spec = json!({"kubeconfig": {"name": "kubeconfig"}});
    object("cluster.kurator.dev/v1alpha1", "AttachedCluster", metadata, spec)
}

/// An Application that delivers to the Fleet `quickstart`.
fn application() -> Application {
    let spec =
        json!({"source": {}, "destination": {"fleet": "quickstart"}, "syncPolicies": [{"name": "web"}]});
    object("apps.kurator.dev/v1alpha1", "Application", json!({"name": "shop"}), spec)
}

/// The Secrets that exist, each with these finalizers; and a child for `m1`, if there is one.
struct World {
    fleet: Value,
    cluster: Value,
    secret: Value,
    is_delivered_to: bool,
    has_child: bool,
}

/// What is done in such a world, in few words.
fn said(world: &World) -> String {
    let (fleet, cluster) = (fleet(world.fleet.clone()), cluster(world.cluster.clone()));
    let mut catalog = Catalog::default();
    catalog.insert_fleet(&fleet);
    catalog.insert_cluster(Cluster::from(&cluster));
    if world.is_delivered_to {
        catalog.insert_application(&application());
    }
    let children = Children::default();
    if world.has_child {
        let metadata = json!({"name": "web-attachedcluster-m1", "uid": "c1", "annotations": {"fleetgate.dev/policy": "web"}});
        let spec = json!({"kubeConfig": {"secretRef": {"name": "kubeconfig"}}});
        let child = object("kustomize.toolkit.fluxcd.io/v1", "Kustomization", metadata, spec);
        children.answered(Some(Child::of(FluxKind::Kustomization, &child)));
    }
    let secret: SecretMeta = object("v1", "Secret", world.secret.clone(), json!(null));
    let (fleet, cluster) = (serde_json::to_value(fleet), serde_json::to_value(cluster));
    let fleets = [Arc::new(serde_json::from_value(fleet.expect("JSON")).expect("an object"))];
    let clusters = [Arc::new(serde_json::from_value(cluster.expect("JSON")).expect("an object"))];
    let pass = Pass::of(&catalog, &children, &fleets, &clusters, &[Arc::new(secret)]);
    let step = |what: &str, step: &Step| match step {
        Step::Add => format!("{what}+"),
        Step::Remove => format!("{what}-"),
        Step::Wait(why) => format!("{what} {}: {}", why.reason, why.message),
    };
    let mut said: Vec<String> = pass.fleets.iter().map(|(_, of)| step("fleet", of)).collect();
    said.extend(pass.clusters.iter().map(|(_, _, of)| step("cluster", of)));
    said.extend(pass.hold.iter().map(|_| "secret+".to_owned()));
    said.extend(pass.release.iter().map(|_| "secret-".to_owned()));
    said.extend(pass.let_go.iter().map(|child| format!("let go of {}", child.name)));
    said.join(", ")
}

fn metadata(name: &str, finalizer: Option<&str>, is_going: bool) -> Value {
    let since = is_going.then_some("2026-01-01T00:00:00Z");
    json!({"name": name, "finalizers": finalizer.map(|finalizer| [finalizer]), "deletionTimestamp": since})
}

/// A world in which nothing or all of it is held, and is going or not.
fn world(is_held: bool, is_going: bool) -> World {
    let with = |name: &str, finalizer| metadata(name, Some(finalizer).filter(|_| is_held), is_going);
    World {
        fleet: with("quickstart", FINALIZER_FLEET),
        cluster: with("m1", FINALIZER_IN_USE),
        secret: with("kubeconfig", FINALIZER_IN_USE),
        is_delivered_to: true,
        has_child: true,
    }
}

#[test]
fn what_is_needed_is_held_and_what_is_not_is_let_go() {
    let unused = |world: World| World { is_delivered_to: false, ..world };
    let empty = |world: World| World { has_child: false, ..world };
    let waits = "fleet InUse: is being deleted, and stays while Applications deliver to it: shop; delete them, or give them \
                 another destination, cluster InUse: is being deleted, and stays while Applications deliver to it: shop (by Fleet \
                 quickstart); take it out of the Fleet, or delete the Applications";
    let stuck = "fleet-, cluster Deleting: is needed to take away what was delivered: Kustomization web-attachedcluster-m1; if it \
                 is gone for good: kubectl annotate attachedclusters.cluster.kurator.dev m1 --namespace default --overwrite fleetgate.dev/orphan=true";
    let table = [
        ("in use", world(false, false), "fleet+, cluster+, secret+"),
        ("held already", world(true, false), ""),
        // Before its first child it is held by who makes that.
        ("nothing is there yet", empty(world(false, false)), "fleet+, cluster+"),
        ("nobody delivers there, and something is left", unused(world(true, false)), "fleet-"),
        ("not in use any more", unused(empty(world(true, false))), "fleet-, cluster-, secret-"),
        ("never in use", unused(empty(world(false, false))), ""),
        ("deleted while in use", world(true, true), waits),
        ("deleted too early to be held", world(false, true), ""),
        ("deleted, and something is left", unused(world(true, true)), stuck),
        ("deleted, and not in use", unused(empty(world(true, true))), "fleet-, cluster-, secret-"),
    ];
    for (what, world, expected) in table {
        assert_eq!(said(&world), expected, "{what}");
    }
}

#[test]
fn a_cluster_that_lets_go_is_needed_until_its_children_are_gone() {
    let letting_go = |mut world: World| {
        world.cluster["annotations"] = json!({ANNOTATION_ORPHAN: "true"});
        world
    };
    assert_eq!(said(&letting_go(world(true, false))), "let go of web-attachedcluster-m1");
    let gone = letting_go(World { has_child: false, ..world(true, false) });
    assert_eq!(said(&gone), "cluster-, secret-");
}

/// Its name alone tells what was made for it.
#[test]
fn a_cluster_that_cannot_be_read_goes_when_nothing_is_left_for_it() {
    let child = |name: &str, namespace: &str| {
        let metadata = json!({"name": name, "uid": "c1", "annotations": {"fleetgate.dev/policy": "web"}});
        let spec = json!({"kubeConfig": {"secretRef": {"name": "any"}}});
        let mut child: Value = object("kustomize.toolkit.fluxcd.io/v1", "Kustomization", metadata, spec);
        child["metadata"]["namespace"] = json!(namespace);
        child
    };
    let (going, orphan) = (metadata("m1", Some(FINALIZER_IN_USE), true), json!({ANNOTATION_ORPHAN: "true"}));
    let mut letting_go = going.clone();
    letting_go["annotations"] = orphan;
    let m1 = "web-attachedcluster-m1";
    // The cluster, whether Applications deliver to it, its child, and whether it goes.
    let table = [
        (going.clone(), false, None, true),
        (going.clone(), false, Some((m1, "other")), true),
        (going.clone(), false, Some(("web-attachedcluster-m11", "default")), true),
        (going.clone(), false, Some((m1, "default")), false),
        (going, true, None, false),
        (letting_go, true, None, true),
        (metadata("m1", Some(FINALIZER_IN_USE), false), false, None, false),
        (metadata("m1", None, true), false, None, false),
    ];
    for (metadata, is_delivered_to, left, expected) in table {
        let what = format!("{metadata} {is_delivered_to} {left:?}");
        let mut catalog = Catalog::default();
        catalog.insert_fleet(&fleet(json!({"name": "quickstart"})));
        let known = Cluster { kubeconfig: None, ..Cluster::from(&cluster(metadata.clone())) };
        catalog.insert_cluster(known);
        if is_delivered_to {
            catalog.insert_application(&application());
        }
        let children = Children::default();
        let left =
            left.map(|(name, namespace)| serde_json::from_value(child(name, namespace)).expect("an object"));
        children.answered(left.map(|left| Child::of(FluxKind::Kustomization, &left)));
        let spec = json!({"kubeconfig": 5});
        let unreadable: GuardedCluster =
            object("cluster.kurator.dev/v1alpha1", "AttachedCluster", metadata, spec);
        assert!(unreadable.0.is_err());
        let pass = Pass::of(&catalog, &children, &[], &[Arc::new(unreadable)], &[]);
        assert_eq!(pass.clusters.iter().any(|(_, _, step)| *step == Step::Remove), expected, "{what}");
    }
}
