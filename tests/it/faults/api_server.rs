//! The API server is killed and started again while much is to be written.

use std::collections::BTreeSet;

use fleetgate_sandbox::{Action, Rule, Verb};

use super::stage::{Half, Stage, source};
use crate::delivery::with_fluxs_crds;

const API_SERVER: &str = "host-kube-apiserver";

const APPLICATIONS: usize = 20;

/// How many clusters an Application delivers to.
const CLUSTERS: usize = 10;

const CHILDREN: usize = APPLICATIONS * (CLUSTERS + 1);

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_is_restarted_under_load() {
    let sandbox = &with_fluxs_crds().await;
    let stage = Stage::set(sandbox, "restarted", 2 * CLUSTERS).await;
    stage.deliver(0..APPLICATIONS, Half::Even).await;
    // However late it is killed on a busy machine, much is yet to be written.
    let cut = Rule::new(Action::Cut).verb(Verb::Apply).resource("kustomizations").after(CHILDREN / 2);
    stage.proxy.add(cut);
    // With a Lease: it is lost meanwhile, and had again.
    let _controller = stage.controller(&[]);
    stage.asked(CHILDREN / 3).await;
    sandbox.kill(API_SERVER).await.expect("it is killed");
    assert!(stage.answered(201..=201) < CHILDREN, "much is yet to be written");
    stage.proxy.heal();
    sandbox.revive(API_SERVER).await.expect("it comes up again");

    let all = (0..APPLICATIONS).flat_map(|number| stage.on(Half::Even, number).chain([source(number)]));
    let all: BTreeSet<String> = all.collect();
    assert_eq!(all.len(), CHILDREN);
    let standing = stage.stands(&all).await;
    assert!(standing.iter().all(|object| object.metadata.generation == Some(1)), "none was changed");
    assert_eq!(stage.written_again(), 0);
    stage.is_said(&format!("False Progressing 0/{CLUSTERS}")).await;
    println!("{} requests for {CHILDREN} objects", stage.writes());
}
