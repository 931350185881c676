//! What goes through the proxy is counted, and goes wrong as it was told to.

#![allow(clippy::expect_used, reason = "a test says what it expects")]

use std::time::Duration;

use fleetgate_sandbox::{Action, Options, Progress, Proxy, Rule, Sandbox, Scope, Verb};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// How long something that must come is waited for, and something that must not.
const PATIENCE: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_secs(1);

/// A client that goes through the proxy and tries nothing twice.
async fn client(sandbox: &Sandbox, proxy: &Proxy) -> Client {
    let path = proxy.kubeconfig(sandbox.kubeconfig()).expect("a kubeconfig");
    let kubeconfig = Kubeconfig::read_from(path).expect("it is readable");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = config.expect("it is complete");
    (config.proxy_url, config.default_retry) = (None, false);
    Client::try_from(config).expect("a client")
}

fn map(name: &str) -> ConfigMap {
    let map = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    serde_json::from_value(map).expect("a ConfigMap")
}

fn code<T>(result: kube::Result<T>) -> Option<u16> {
    match result {
        Err(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    }
}

type Events = BoxStream<'static, kube::Result<WatchEvent<ConfigMap>>>;

async fn watch(maps: &Api<ConfigMap>) -> Events {
    let list = maps.list(&kube::api::ListParams::default()).await.expect("a list");
    let version = list.metadata.resource_version.expect("a version");
    maps.watch(&WatchParams::default(), &version).await.expect("a watch").boxed()
}

/// The name of what is added next; nothing when the watch says nothing for so long.
async fn next(events: &mut Events, patience: Duration) -> Option<String> {
    match tokio::time::timeout(patience, events.next()).await.ok()? {
        Some(Ok(WatchEvent::Added(map))) => map.metadata.name,
        other => Some(format!("{other:?}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_and_broken() {
    let sandbox = Sandbox::start(Options::new("/bin/true", Scope::Host), &Progress::stderr()).await;
    let sandbox = sandbox.expect("the sandbox starts");
    let proxy = sandbox.proxy().await.expect("the proxy listens");
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&sandbox, &proxy).await);
    answers_are_counted_and_replaced(&proxy, &maps).await;
    connections_are_cut(&proxy, &maps).await;
    watches_are_frozen_and_cut(&proxy, &maps).await;
    sandbox.stop().await;
}

async fn answers_are_counted_and_replaced(proxy: &Proxy, maps: &Api<ConfigMap>) {
    let apply = PatchParams::apply("test");
    for code_expected in [409, 429, 500, 503] {
        proxy.add(Rule::new(Action::Answer(code_expected)).verb(Verb::Apply).resource("configmaps").times(1));
        let refused = maps.patch("applied", &apply, &Patch::Apply(map("applied"))).await;
        assert_eq!(code(refused), Some(code_expected));
    }
    assert_eq!(maps.get_opt("applied").await.expect("an answer"), None, "the API server has not heard of it");
    maps.patch("applied", &apply, &Patch::Apply(map("applied"))).await.expect("rules are used up");
    maps.create(&PostParams::default(), &map("created")).await.expect("it is created");
    assert_eq!(proxy.count(Verb::Apply, "configmaps"), 5);
    assert_eq!(proxy.count(Verb::Get, "configmaps"), 1);
    assert_eq!(proxy.writes(), 6);
    let asked: Vec<String> = proxy.asked().keys().map(|asked| format!("{asked:?}")).collect();
    assert_eq!(
        asked,
        ["Get configmaps default/applied", "Create configmaps default/", "Apply configmaps default/applied"]
    );
    let answers = |verb| proxy.answers(verb, "configmaps").into_iter().collect::<Vec<_>>();
    assert_eq!(answers(Verb::Apply), [(201, 1)], "of the API server, and not of the proxy");
    assert_eq!(answers(Verb::Get), [(404, 1)]);
    proxy.forget();
    assert_eq!(proxy.writes(), 0);
    assert_eq!(answers(Verb::Apply), []);
}

async fn connections_are_cut(proxy: &Proxy, maps: &Api<ConfigMap>) {
    proxy.add(Rule::new(Action::Cut).verb(Verb::Create).times(1));
    let cut = maps.create(&PostParams::default(), &map("cut")).await;
    assert!(code(cut).is_none(), "no answer is no answer of the API server");
    assert_eq!(maps.get_opt("cut").await.expect("an answer"), None);
    proxy.add(Rule::new(Action::Lose).verb(Verb::Create).times(1));
    let (parameters, lost) = (PostParams::default(), map("lost"));
    let second = proxy.when(|proxy| proxy.count(Verb::Create, "configmaps") == 2);
    let (answer, ()) = tokio::join!(maps.create(&parameters, &lost), second);
    assert!(answer.is_err(), "the answer is lost");
    maps.get("lost").await.expect("and yet it was carried out");

    proxy.add(Rule::new(Action::Hold).verb(Verb::Get).times(1));
    let asked = proxy.count(Verb::Get, "configmaps");
    let is_asked = async {
        proxy.when(|proxy| proxy.count(Verb::Get, "configmaps") > asked).await;
        // That nothing comes meanwhile is what this is about.
        tokio::time::sleep(MOMENT).await;
    };
    tokio::select! {
        held = maps.get("lost") => panic!("it is not answered, and not cut off: {held:?}"),
        () = is_asked => {}
    }
    maps.get("lost").await.expect("the next one is answered");
    proxy.heal();
}

async fn watches_are_frozen_and_cut(proxy: &Proxy, maps: &Api<ConfigMap>) {
    let mut events = watch(maps).await;
    maps.create(&PostParams::default(), &map("seen")).await.expect("it is created");
    assert_eq!(next(&mut events, PATIENCE).await.as_deref(), Some("seen"));
    proxy.freeze("configmaps");
    maps.create(&PostParams::default(), &map("held-back")).await.expect("it is created");
    assert_eq!(next(&mut events, MOMENT).await, None, "a frozen watch says nothing");
    proxy.thaw("configmaps");
    assert_eq!(next(&mut events, PATIENCE).await.as_deref(), Some("held-back"));
    proxy.cut_watches();
    assert_eq!(next(&mut events, PATIENCE).await.as_deref(), Some("None"), "the watch has ended");
    let mut events = watch(maps).await;
    maps.create(&PostParams::default(), &map("again")).await.expect("it is created");
    assert_eq!(next(&mut events, PATIENCE).await.as_deref(), Some("again"), "a new watch goes through");
}
