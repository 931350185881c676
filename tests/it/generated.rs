//! Generated Applications, all the way: the real API server admits what is
//! valid, and accepts every object that it becomes, on the host and in the
//! members; what has one thing broken it refuses.

use std::collections::BTreeSet;

use fleetgate_api::Application;
use fleetgate_api::names::FIELD_MANAGER;
use fleetgate_generator::{MUTATIONS, application, clusters, fleet};
use fleetgate_plan::flagger::{Member, MemberKind, objects};
use fleetgate_plan::{Catalog, Cluster, FluxKind, Plan};
use fleetgate_sandbox::Sandbox;
use fleetgate_sandbox::tools::{flagger_crds, flux_crds};
use futures::{StreamExt as _, stream};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::{admission, install_crds, kubectl};

/// Where all of them are: other tests have a Fleet of that name in theirs.
const NAMESPACE: &str = "generated";
/// How many requests are under way at a time.
const AT_ONCE: usize = 16;

#[tokio::test]
async fn what_is_valid_is_admitted_and_what_it_becomes_is_accepted() {
    let sandbox = admission();
    prepare(sandbox).await;
    let crds: Vec<_> =
        flux_crds().expect("Flux's").into_iter().chain(flagger_crds().expect("Flagger's")).collect();
    install_crds(sandbox, &crds).await;
    // Where the workloads are.
    kubectl(sandbox, &["create", "namespace", "webapp"]).await;

    let client = sandbox.client();
    let catalog = catalog();
    let admitted = generated(100).into_iter().map(async |object| admitted(&client, object).await);
    let admitted: Vec<Application> = stream::iter(admitted).buffered(AT_ONCE).collect().await;
    let objects: Vec<_> = admitted.iter().flat_map(|application| becomes(application, &catalog)).collect();
    let kinds: BTreeSet<&str> = objects.iter().map(|(resource, _)| resource.kind.as_str()).collect();
    let all = FluxKind::ALL.map(FluxKind::kind).into_iter().chain(MemberKind::ALL.map(MemberKind::kind));
    assert_eq!(kinds, all.collect(), "every kind is among what they become");

    let (resource, mut odd) = objects.last().cloned().expect("an object");
    odd.data["spec"]["odd"] = json!("not in the schema");
    assert!(refusal(&client, &resource, &odd).await.is_some(), "what the schema does not have is refused");

    let refused = objects.iter().map(async |(resource, object)| refusal(&client, resource, object).await);
    let refused: Vec<String> =
        stream::iter(refused).buffer_unordered(AT_ONCE).filter_map(async |fault| fault).collect().await;
    println!("{} Applications become {} objects", admitted.len(), objects.len());
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[tokio::test]
async fn what_has_one_thing_broken_is_refused_for_that_thing() {
    let sandbox = admission();
    prepare(sandbox).await;
    let client = sandbox.client();
    let broken = generated(20).into_iter().flat_map(|object| {
        MUTATIONS.iter().filter_map(move |mutation| {
            let mut object = object.clone();
            (mutation.apply)(&mut object).then_some((mutation, object))
        })
    });
    let judged = broken.map(async |(mutation, object)| {
        let fault = match create(&client, &object).await {
            Err(kube::Error::Api(status)) if status.message.contains(&format!("[{}]", mutation.code)) => None,
            Err(error) => Some(format!("{error}")),
            Ok(_) => Some("it is admitted".to_owned()),
        };
        (
            mutation,
            fault.map(|fault| {
                format!("{} is not refused as {}: {fault} {object}", mutation.what, mutation.code)
            }),
        )
    });
    let judged: Vec<_> = stream::iter(judged).buffer_unordered(AT_ONCE).collect().await;
    let tried: BTreeSet<&str> = judged.iter().map(|(mutation, _)| mutation.what).collect();
    assert_eq!(tried.len(), MUTATIONS.len(), "every mutation found something to break: {tried:?}");
    let faults: Vec<String> = judged.into_iter().filter_map(|(_, fault)| fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The namespace, with the Fleet and its clusters.
async fn prepare(sandbox: &Sandbox) {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    let objects = std::iter::once(namespace).chain(clusters().into_iter().map(moved)).chain([moved(fleet())]);
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects.collect::<Vec<_>>()});
    // By the server, so that two tests can do it at once.
    let arguments = ["apply", "--server-side", "-f", "-"];
    let answer = sandbox.kubectl().run_with(&arguments, &list.to_string()).await.expect("kubectl runs");
    assert!(answer.success(), "{}", answer.stderr);
}

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for cluster in clusters() {
        let cluster: fleetgate_api::AttachedCluster =
            serde_json::from_value(moved(cluster)).expect("a cluster");
        catalog.insert_cluster(Cluster::from(&cluster));
    }
    catalog.insert_fleet(&serde_json::from_value(moved(fleet())).expect("a Fleet"));
    catalog
}

fn moved(mut object: Value) -> Value {
    object["metadata"]["namespace"] = json!(NAMESPACE);
    object
}

/// The same ones in every run.
fn generated(count: usize) -> Vec<Value> {
    let mut runner = TestRunner::deterministic();
    let strategy = application();
    let generated =
        (0..count).map(|_| moved(strategy.new_tree(&mut runner).expect("an Application").current()));
    generated.collect()
}

/// The Application as it would be stored.
async fn admitted(client: &Client, object: Value) -> Application {
    match create(client, &object).await {
        Ok(stored) => serde_json::from_value(stored).expect("an Application"),
        Err(error) => panic!("a valid Application is refused: {error}\n{object}"),
    }
}

/// What is asked to be created, as kubectl would ask; nothing is.
async fn create(client: &Client, object: &Value) -> kube::Result<Value> {
    let uri = format!(
        "/apis/apps.kurator.dev/v1alpha1/namespaces/{NAMESPACE}/applications?dryRun=All&fieldValidation=Strict"
    );
    let request = http::Request::post(uri)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(object.to_string().into_bytes())
        .expect("a request");
    client.request(request).await
}

/// Every object that stands for it somewhere, with how it is reached.
fn becomes(application: &Application, catalog: &Catalog) -> Vec<(ApiResource, DynamicObject)> {
    let plan = Plan::of(application, catalog);
    let on_host = plan.templates().flat_map(|template| {
        let objects = template.bindings().map(|binding| template.render(&binding, &plan.owner));
        objects.map(|object| (template.kind.resource(), object))
    });
    let policies = plan.policies.iter().zip(&application.spec.sync_policies);
    let releases =
        policies.filter_map(|(planned, policy)| planned.release(&plan.owner, policy, Member::default()));
    let in_members = releases.flat_map(|release| objects(&release).expect("what is admitted renders"));
    on_host.chain(in_members.map(|object| (object.kind.resource(), object.render()))).collect()
}

/// What the API server has against the object, applied as the controllers apply it.
async fn refusal(client: &Client, resource: &ApiResource, object: &DynamicObject) -> Option<String> {
    let api: Api<DynamicObject> = match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
        None => Api::all_with(client.clone(), resource),
    };
    let parameters =
        PatchParams { dry_run: true, ..PatchParams::apply(FIELD_MANAGER).force().validation_strict() };
    let name = object.metadata.name.as_deref().expect("a name");
    let error = api.patch(name, &parameters, &Patch::Apply(object)).await.err()?;
    Some(format!("{} {name}: {error}\n{}", resource.kind, serde_json::to_string(object).expect("JSON")))
}
