//! What has an Application looked at again, besides its own change.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use kube::runtime::reflector::ObjectRef;
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::Guarded;
use super::children::Child;

/// What is named within so much time is named once: Flux reports on many
/// objects of an Application at about the same time. From the first one on, so
/// that a stream of them holds nothing up.
const REST: Duration = Duration::from_millis(50);

/// Names Applications that are to be looked at.
#[derive(Clone, Debug)]
pub(super) struct Triggers {
    named: UnboundedSender<ObjectRef<Guarded>>,
    /// Something may not be needed any more.
    released: Arc<Notify>,
}

impl Triggers {
    /// The triggers, and those whom they name; `released` is told when a Flux object goes.
    pub(super) fn new(released: Arc<Notify>) -> (Self, impl Stream<Item = ObjectRef<Guarded>> + Send) {
        let (sender, named) = mpsc::unbounded_channel();
        let named = stream::unfold(named, async |mut named| Some((together(&mut named).await?, named)));
        (Self { named: sender, released }, named.flat_map(stream::iter))
    }

    /// Names the Application that a Flux object was made for.
    pub(super) fn of_child(&self, child: &Child) {
        if let Some(application) = child.application() {
            // The receiver goes with the controller.
            drop(self.named.send(ObjectRef::new(application).within(&child.namespace)));
        }
    }

    /// The same of one that is gone.
    pub(super) fn of_gone(&self, child: &Child) {
        self.of_child(child);
        self.released.notify_one();
    }
}

/// Those that are named next, at about the same time.
async fn together(named: &mut UnboundedReceiver<ObjectRef<Guarded>>) -> Option<HashSet<ObjectRef<Guarded>>> {
    let mut together = HashSet::from([named.recv().await?]);
    tokio::time::sleep(REST).await;
    while let Ok(another) = named.try_recv() {
        together.insert(another);
    }
    Some(together)
}
