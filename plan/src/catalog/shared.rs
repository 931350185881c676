//! The maps that snapshots share: one is copied only while a snapshot holds it,
//! and only for a real change.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::change::Turn;

/// A map that snapshots share.
pub(super) type Shared<K, V> = Arc<BTreeMap<K, Arc<V>>>;

/// Adds or replaces a value; `None` if that changes nothing.
pub(super) fn insert<K: Ord + Clone, V: PartialEq>(
    map: &mut Shared<K, V>,
    key: K,
    value: V,
) -> Option<Turn<V>> {
    if map.get(&key).is_some_and(|known| **known == value) {
        return None;
    }
    let after = Arc::new(value);
    let before = Arc::make_mut(map).insert(key, Arc::clone(&after));
    Some(Turn { before, after: Some(after) })
}

/// Takes a value out; `None` if there was none.
pub(super) fn remove<K: Ord + Clone, V>(map: &mut Shared<K, V>, key: &K) -> Option<Turn<V>> {
    if !map.contains_key(key) {
        return None;
    }
    let before = Arc::make_mut(map).remove(key);
    Some(Turn { before, after: None })
}

/// The keys for which `keep` does not hold.
pub(super) fn without<K: Ord + Clone, V>(map: &Shared<K, V>, mut keep: impl FnMut(&K) -> bool) -> Vec<K> {
    map.keys().filter(|key| !keep(key)).cloned().collect()
}
