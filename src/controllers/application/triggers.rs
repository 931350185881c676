//! What has an Application looked at again, besides its own change.

use fleetgate_api::names::LABEL_APPLICATION;
use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::Guarded;

/// Names Applications that are to be looked at.
#[derive(Clone, Debug)]
pub(super) struct Triggers(UnboundedSender<ObjectRef<Guarded>>);

impl Triggers {
    /// The triggers, and those whom they name.
    pub(super) fn new() -> (Self, UnboundedReceiverStream<ObjectRef<Guarded>>) {
        let (triggers, named) = mpsc::unbounded_channel();
        (Self(triggers), UnboundedReceiverStream::new(named))
    }

    /// Names the Application that a Flux object was made for.
    pub(super) fn of_child(&self, object: &DynamicObject) {
        // The receiver goes with the controller.
        drop(owner(object).map(|owner| self.0.send(owner)));
    }
}

fn owner(object: &DynamicObject) -> Option<ObjectRef<Guarded>> {
    let name = object.labels().get(LABEL_APPLICATION)?;
    Some(ObjectRef::new(name).within(&object.namespace()?))
}
