//! What is to be looked at, and since when.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt};
use kube::runtime::reflector::{Lookup, ObjectRef};

/// The objects that were named to a controller, and have not been taken up.
/// One that rests after a failure is not among them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue(Arc<Mutex<HashMap<Key, Instant>>>);

/// Namespace and name.
type Key = (Option<String>, String);

impl Queue {
    /// An object is to be looked at.
    pub(crate) fn name<K: Lookup>(&self, object: &ObjectRef<K>) {
        self.waiting().entry(key(object)).or_insert_with(Instant::now);
    }

    /// Those that `objects` names are to be looked at.
    pub(crate) fn naming<K: Lookup, S: Stream<Item = ObjectRef<K>>>(
        &self,
        objects: S,
    ) -> impl Stream<Item = ObjectRef<K>> + use<K, S> {
        let this = self.clone();
        objects.inspect(move |object| this.name(object))
    }

    /// An object is looked at, or is not there any more.
    pub(crate) fn take_up<K: Lookup>(&self, object: &ObjectRef<K>) {
        self.waiting().remove(&key(object));
    }

    /// How many there are, and for how long the first of them has been.
    pub(super) fn depth(&self) -> (u32, Duration) {
        let waiting = self.waiting();
        let oldest = waiting.values().min().map(Instant::elapsed);
        (u32::try_from(waiting.len()).unwrap_or(u32::MAX), oldest.unwrap_or_default())
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Key, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key<K: Lookup>(object: &ObjectRef<K>) -> Key {
    (object.namespace.clone(), object.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetgate_api::Application;
    use futures::stream;

    #[tokio::test]
    async fn an_object_waits_until_it_is_taken_up() {
        let object = |name| ObjectRef::<Application>::new(name).within("a");
        let queue = Queue::default();
        assert_eq!(queue.depth(), (0, Duration::ZERO));
        let named = stream::iter([object("x"), object("y"), object("x")]);
        assert_eq!(queue.naming(named).count().await, 3);
        let (depth, oldest) = queue.depth();
        assert_eq!(depth, 2, "however often one was named");
        assert!(oldest > Duration::ZERO);
        queue.take_up(&object("x"));
        queue.take_up(&ObjectRef::<Application>::new("y").within("b"));
        assert_eq!(queue.depth().0, 1);
        queue.take_up(&object("y"));
        assert_eq!(queue.depth(), (0, Duration::ZERO));
    }
}
