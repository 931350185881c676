//! Flux comes after Fleetgate.

use fleetgate_sandbox::tools::flux_crds;
use fleetgate_sandbox::{Options, Progress, Sandbox, Scope};

use super::record::{Expected, Record};
use super::stage::{Half, Stage, source};
use crate::delivery::becomes;
use crate::support::install_crds;

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_flux_goes_on_when_it_is_installed() {
    let options = Options::new(env!("CARGO_BIN_EXE_fleetgate"), Scope::Admission);
    let sandbox = &Sandbox::start(options, &Progress::stderr()).await.expect("the sandbox starts");
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
