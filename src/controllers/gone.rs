//! Objects that are no more: nothing that was known of them is kept.
//!
//! ```text
//! watch ─▶ deleted, or missing from the next list ─▶ forget
//! a look that was under way meanwhile ───────────────▲
//! ```

use std::fmt::Debug;
use std::sync::Arc;

use futures::{Stream, TryStreamExt};
use kube::runtime::controller::Action;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::{self, Event};
use kube::{Resource, ResourceExt};

/// The events of a watch that `known` has taken up, and `forget` is told of each
/// object that has gone: also of those that went while the watch was broken.
pub(super) fn forgetting<K>(
    events: impl Stream<Item = watcher::Result<Event<K>>>,
    known: Store<K>,
    forget: impl Fn(&K),
) -> impl Stream<Item = watcher::Result<Event<K>>>
where
    K: Resource<DynamicType = ()> + Clone + Debug + 'static,
{
    let mut before: Vec<Arc<K>> = Vec::new();
    events.inspect_ok(move |event| match event {
        Event::Init => before = known.state(),
        Event::InitDone => {
            let gone = std::mem::take(&mut before).into_iter().filter(|object| is_gone(&**object, &known));
            gone.for_each(|object| forget(&object));
        }
        Event::Delete(object) => forget(object),
        Event::Apply(_) | Event::InitApply(_) => {}
    })
}

/// What came of a look at `object`. If that went meanwhile, the look may have
/// noted something of it after its deletion was told of.
pub(super) fn looked_at<K, E>(
    object: &K,
    came_of_it: Result<Action, E>,
    known: &Store<K>,
    forget: impl FnOnce(&K),
) -> Result<Action, E>
where
    K: Resource<DynamicType = ()> + Clone,
{
    if is_gone(object, known) {
        forget(object);
        return Ok(Action::await_change());
    }
    came_of_it
}

/// Whether there is no such object any more, or another one of that name.
fn is_gone<K: Resource<DynamicType = ()> + Clone>(object: &K, known: &Store<K>) -> bool {
    known.get(&ObjectRef::from_obj(object)).is_none_or(|known| known.uid() != object.uid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetgate_api::{AttachedCluster, AttachedClusterSpec};
    use futures::{FutureExt, StreamExt, stream};
    use kube::runtime::{WatchStreamExt, reflector};
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    const COUNT: usize = 1_000;

    fn cluster(number: usize, uid: &str) -> AttachedCluster {
        let mut cluster = AttachedCluster::new(&format!("m{number}"), AttachedClusterSpec::default());
        cluster.metadata.namespace = Some("default".to_owned());
        cluster.metadata.uid = Some(format!("{uid}-{number}"));
        cluster
    }

    /// A list, of which half is deleted while it is watched, a quarter while it is
    /// not, and of an eighth there is another one since.
    #[test]
    fn nothing_stays_of_what_goes() {
        let listed = |clusters: Vec<AttachedCluster>| {
            let clusters = clusters.into_iter().map(Event::InitApply);
            [Event::Init].into_iter().chain(clusters).chain([Event::InitDone]).collect::<Vec<_>>()
        };
        let all = listed((0..COUNT).map(|number| cluster(number, "a")).collect());
        let deleted = (0..COUNT / 2).map(|number| Event::Delete(cluster(number, "a"))).collect();
        let others = (COUNT / 4 * 3..COUNT / 8 * 7).map(|number| cluster(number, "b"));
        let again = listed(others.chain((COUNT / 8 * 7..COUNT).map(|number| cluster(number, "a"))).collect());
        let (known, writer) = reflector::store();
        let kept: Mutex<BTreeSet<String>> = Mutex::default();
        let forget = |gone: &AttachedCluster| {
            assert!(
                kept.lock().expect("a set").remove(&gone.uid().expect("a uid")),
                "once, and none that stays"
            );
        };
        let events = stream::iter([all, deleted, again].concat()).map(Ok).reflect(writer);
        let events = forgetting(events, known.clone(), forget);
        let keep = events.try_for_each(|event| {
            if let Event::InitApply(object) | Event::Apply(object) = event {
                kept.lock().expect("a set").insert(object.uid().expect("a uid"));
            }
            std::future::ready(Ok(()))
        });
        keep.now_or_never().expect("they are there").expect("events");
        let stays: BTreeSet<String> =
            known.state().iter().map(|object| object.uid().expect("a uid")).collect();
        assert_eq!(stays.len(), COUNT / 4);
        assert_eq!(*kept.lock().expect("a set"), stays);
    }

    #[test]
    fn a_look_at_what_went_meanwhile_leaves_nothing_and_is_not_repeated() {
        let (known, mut writer) = reflector::store();
        writer.apply_watcher_event(&Event::Apply(cluster(1, "a")));
        for (object, expected) in [
            (cluster(1, "a"), Err("failed")),
            (cluster(1, "b"), Ok(Action::await_change())),
            (cluster(2, "a"), Ok(Action::await_change())),
        ] {
            let mut is_forgotten = false;
            let came_of_it = looked_at(&object, Err("failed"), &known, |_| is_forgotten = true);
            assert_eq!((came_of_it, is_forgotten), (expected.clone(), expected.is_ok()));
        }
    }
}
