//! What open watches wait for: that they are cut, or that what was frozen goes on.

use std::collections::BTreeSet;
use std::io;

use axum::body::{Body, Bytes};
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::watch;

/// The state that all watches look at.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate {
    /// How often all watches were cut so far.
    pub(super) cuts: u64,
    /// The resources whose watches say nothing.
    pub(super) frozen: BTreeSet<String>,
}

struct Gated {
    body: BoxStream<'static, io::Result<Bytes>>,
    resource: String,
    gate: watch::Receiver<Gate>,
    cuts: u64,
}

/// The answer to a watch of the resource, as it comes through the gate.
pub(super) fn watch(body: Body, resource: String, gate: watch::Receiver<Gate>) -> Body {
    let body = body.into_data_stream().map(|chunk| chunk.map_err(io::Error::other)).boxed();
    let cuts = gate.borrow().cuts;
    let gated = Gated { body, resource, gate, cuts };
    Body::from_stream(stream::unfold(Some(gated), async |gated| {
        let mut gated = gated?;
        let chunk = gated.next().await?;
        let goes_on = chunk.is_ok();
        Some((chunk, goes_on.then_some(gated)))
    }))
}

impl Gated {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        let mut cut = self.gate.clone();
        let resource = &self.resource;
        tokio::select! {
            // The sender lives as long as the proxy, and with it this stream.
            _ = cut.wait_for(|gate| gate.cuts > self.cuts) => Some(Err(io::Error::other("the watch was cut"))),
            chunk = async {
                let chunk = self.body.next().await;
                let _open = self.gate.wait_for(|gate| !gate.frozen.contains(resource)).await;
                chunk
            } => chunk,
        }
    }
}
