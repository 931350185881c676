//! Flux comes after Fleetgate, or goes before it.

use fleetgate_plan::{FluxKind, RenderedKind};
use fleetgate_sandbox::tools::flux_crds;
use fleetgate_sandbox::{Action, Rule, Scope, Verb};

use super::record::{Expected, Record};
use super::stage::{Half, Stage, source};
use crate::delivery::{becomes, with_fluxs_crds};
use crate::support::{install_crds, kubectl, options, own};

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_flux_goes_on_when_it_is_installed() {
    let sandbox = &own(options(Scope::Admission)).await;
    let stage = Stage::set(sandbox, "later", 2).await;
    let _controller = stage.controller(&[]);
    stage.deliver(0..1, Half::Even).await;
    let missing = "False ApplyFailed 0/1: Flux's";
    let application = becomes(sandbox, "later", "app-0", missing).await;
    println!("{:#}", application["status"]["conditions"]);

    install_crds(sandbox, &flux_crds().expect("Flux's CRDs")).await;
    let record = Record::begin(&stage).await;
    becomes(sandbox, "later", "app-0", "False Progressing 0/1").await;
    let mut expected = Expected::default();
    expected.added(stage.on(Half::Even, 0).chain([source(0)]));
    stage.stands(expected.standing()).await;
    assert_eq!(stage.written_again(), 0);
    drop(record);
}

/// A CRD takes its objects with it while nobody can watch them.
#[tokio::test(flavor = "multi_thread")]
async fn what_went_with_its_crd_keeps_no_application() {
    let sandbox = &with_fluxs_crds().await;
    let stage = Stage::set(sandbox, "bereft", 2).await;
    let _controller = stage.controller(&[]);
    stage.deliver(0..1, Half::Even).await;
    stage.stands(&stage.on(Half::Even, 0).chain([source(0)]).collect()).await;

    stage.proxy.add(Rule::new(Action::Cut).verb(Verb::Watch).resource(FluxKind::Kustomization.plural()));
    stage.proxy.cut_watches();
    let crd = RenderedKind::Flux(FluxKind::Kustomization).crd_name();
    kubectl(sandbox, &["delete", "crd", &crd, "--timeout=150s"]).await;
    stage.proxy.heal();
    let gone = ["delete", "application", "app-0", "--namespace", "bereft", "--timeout=150s"];
    println!("{}", kubectl(sandbox, &gone).await.stdout);
}
