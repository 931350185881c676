//! Tells when a status may have changed.

use std::time::Duration;

use fleetgate_api::names::LABEL_APPLICATION;
use fleetgate_api::{Application, AttachedCluster, Fleet};
use fleetgate_plan::FluxKind;
use futures::StreamExt;
use futures::stream::{BoxStream, SelectAll};
use kube::api::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::runtime::watcher;
use kube::{Api, Client};
use tokio::time::timeout;

use crate::stored::Scope;
use crate::watches::events as watched;

/// Changes come in bursts; this long after the first of one it is shown.
const BURST: Duration = Duration::from_millis(200);

/// The changes of all that a status is made of.
pub(super) struct Changes {
    events: SelectAll<BoxStream<'static, ()>>,
}

impl Changes {
    /// Watches everything in `scope`.
    pub(super) fn of(client: &Client, scope: &Scope) -> Self {
        let ours = |resource: ApiResource| events(client, scope, &resource, watcher::Config::default());
        let mut all = vec![
            ours(ApiResource::erase::<Fleet>(&())),
            ours(ApiResource::erase::<AttachedCluster>(&())),
            ours(ApiResource::erase::<Application>(&())),
        ];
        let labelled = watcher::Config::default().labels(LABEL_APPLICATION);
        all.extend(FluxKind::ALL.map(|kind| events(client, scope, &kind.resource(), labelled.clone())));
        Self { events: all.into_iter().collect() }
    }

    /// Waits for the end of the next burst of changes.
    pub(super) async fn next(&mut self) {
        self.events.next().await;
        let burst = async { while self.events.next().await.is_some() {} };
        // It ends by the time that it has, unless nothing can change any more.
        drop(timeout(BURST, burst).await);
    }
}

/// An event for each change; a watch that breaks begins again, in its own time.
fn events(
    client: &Client,
    scope: &Scope,
    resource: &ApiResource,
    config: watcher::Config,
) -> BoxStream<'static, ()> {
    let api: Api<PartialObjectMeta<DynamicObject>> = match &scope.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
        None => Api::all_with(client.clone(), resource),
    };
    watched(api, config).filter_map(|event| std::future::ready(event.ok().map(drop))).boxed()
}
