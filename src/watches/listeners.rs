//! Who is told whom a change of the Catalog concerns.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use fleetgate_plan::ObjectKey;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio_stream::wrappers::UnboundedReceiverStream;

/// Those who are told, for as long as they listen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listeners(Arc<Mutex<Vec<UnboundedSender<ObjectKey>>>>);

impl Listeners {
    /// The objects that the changes from now on concern, over and over again.
    pub(crate) fn listen(&self) -> UnboundedReceiverStream<ObjectKey> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        UnboundedReceiverStream::new(receiver)
    }

    /// Tells all who listen; where nobody does, nobody is looked for.
    pub(crate) fn tell(&self, concerned: impl FnOnce() -> BTreeSet<ObjectKey>) {
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| !listener.is_closed());
        if listeners.is_empty() {
            return;
        }
        for key in concerned() {
            for listener in listeners.iter() {
                // One that goes meanwhile has nothing to hear any more.
                drop(listener.send(key.clone()));
            }
        }
    }
}
