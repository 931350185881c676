//! How many objects there are, asked so that it costs the API server next to nothing.

use std::time::{Duration, Instant};

use fleetgate_plan::FluxKind;
use kube::api::{DynamicObject, ListParams};
use kube::{Api, Client};

/// How often it is asked.
const STEP: Duration = Duration::from_millis(10);

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// How many objects of a kind there are in a namespace.
pub(super) async fn count(client: &Client, kind: FluxKind, namespace: &str) -> anyhow::Result<usize> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &kind.resource());
    let listed = api.list_metadata(&ListParams::default().limit(1)).await?;
    let more = listed.metadata.remaining_item_count.unwrap_or_default();
    Ok(listed.items.len() + usize::try_from(more)?)
}

/// Waits until there are so many of each.
pub(super) async fn reached(
    client: &Client,
    namespace: &str,
    expected: &[(FluxKind, usize)],
) -> anyhow::Result<()> {
    let end = Instant::now() + PATIENCE;
    for (kind, expected) in expected {
        loop {
            let seen = count(client, *kind, namespace).await?;
            if seen == *expected {
                break;
            }
            anyhow::ensure!(
                Instant::now() < end,
                "waited for {expected} {}, there are {seen}",
                kind.plural()
            );
            tokio::time::sleep(STEP).await;
        }
    }
    Ok(())
}
