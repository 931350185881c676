//! Two replicas, a Secret and two configurations, and everything that may happen to them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DynamicObject, ObjectMeta};
use proptest::prelude::*;
use serde_json::json;

use std::time::Duration;

use super::*;
use crate::bundle::Bundle;
use crate::issue::issue;

mod left_alone;

const VALIDITY: u64 = 240;
const RENEW_BEFORE: u64 = 120;

/// What happens next.
#[derive(Clone, Debug)]
enum Happening {
    /// So many seconds go by.
    Time(u64),
    /// The clock that a replica hears of is set forward.
    Jump(usize, u64),
    /// A replica hears of the Secret.
    HearSecret(usize),
    /// A replica hears of a configuration.
    HearConfiguration(usize, Kind),
    /// A replica does what is to be done.
    Act(usize),
    /// A replica has a configuration trust what the Secret holds.
    Inject(usize),
    /// Somebody takes the bundle out of a configuration.
    Revert(Kind),
    /// Somebody deletes the Secret.
    Delete,
    /// Somebody writes nonsense into the Secret.
    Spoil,
    /// A replica is started anew.
    Restart(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    let kind = || prop_oneof![Just(Kind::Mutating), Just(Kind::Validating)];
    prop_oneof![
        4 => (0..15_u64).prop_map(Happening::Time),
        1 => (0..2_usize, 0..2000_u64).prop_map(|(who, by)| Happening::Jump(who, by)),
        8 => (0..2_usize).prop_map(Happening::HearSecret),
        8 => (0..2_usize, kind()).prop_map(|(who, kind)| Happening::HearConfiguration(who, kind)),
        8 => (0..2_usize).prop_map(Happening::Act),
        8 => (0..2_usize).prop_map(Happening::Inject),
        1 => kind().prop_map(Happening::Revert),
        1 => Just(Happening::Delete),
        1 => Just(Happening::Spoil),
        1 => (0..2_usize).prop_map(Happening::Restart),
    ]
}

/// What is written, with its version.
#[derive(Clone, Default)]
struct Written<T> {
    version: u64,
    value: T,
}

impl<T> Written<T> {
    fn write(&mut self, value: T) {
        self.version += 1;
        self.value = value;
    }
}

struct Replica {
    view: View,
    /// By how much its clock is ahead.
    ahead: u64,
    /// The version of the Secret that it has heard of.
    heard: u64,
}

struct World {
    timing: Timing,
    start: Instant,
    /// Seconds since then.
    now: u64,
    secret: Written<Option<BTreeMap<String, k8s_openapi::ByteString>>>,
    configurations: [Written<Vec<u8>>; 2],
    replicas: [Replica; 2],
}

fn names() -> Vec<String> {
    vec!["a.b.svc".to_owned()]
}

impl World {
    fn new() -> Self {
        let start = Instant::now();
        let replica = || Replica { view: View::new(names()), ahead: 0, heard: 0 };
        Self {
            timing: Timing::new(Duration::from_secs(VALIDITY), Duration::from_secs(RENEW_BEFORE))
                .expect("times"),
            start,
            now: 0,
            secret: Written::default(),
            configurations: Default::default(),
            replicas: [replica(), replica()],
        }
    }

    fn instant(&self) -> Instant {
        self.start + Duration::from_secs(self.now)
    }

    /// What time a replica thinks it is.
    fn wall(&self, who: usize) -> Timestamp {
        Timestamp::from_second(
            i64::try_from(1_800_000_000 + self.now + self.replicas[who].ahead).expect("a date"),
        )
        .expect("a date")
    }

    fn found(&self) -> Found {
        let metadata = ObjectMeta {
            labels: Some([(LABEL.0.to_owned(), LABEL.1.to_owned())].into()),
            resource_version: Some(self.secret.version.to_string()),
            ..ObjectMeta::default()
        };
        let data = self.secret.value.clone();
        Found::read(data.map(|data| Secret { metadata, data: Some(data), ..Secret::default() }))
    }

    fn configuration(&self, kind: Kind) -> Configuration {
        let written = &self.configurations[kind as usize];
        let bundle = k8s_openapi::ByteString(written.value.clone());
        let object: DynamicObject = serde_json::from_value(json!({
            "metadata": {"name": "fleetgate", "resourceVersion": written.version.to_string()},
            "webhooks": [{"name": "ours", "clientConfig": {"service": {"name": "a", "namespace": "b"}, "caBundle": bundle}}],
        }))
        .expect("an object");
        Configuration::read(&object, "b", "a")
    }

    fn happens(&mut self, happening: &Happening) {
        match *happening {
            Happening::Time(seconds) => self.now += seconds,
            Happening::Jump(who, by) => self.replicas[who].ahead += by,
            Happening::HearSecret(who) => {
                let (found, now) = (self.found(), self.instant());
                self.replicas[who].heard = self.secret.version;
                self.replicas[who].view.note_secret(found, now);
            }
            Happening::HearConfiguration(who, kind) => {
                let (configuration, now) = (self.configuration(kind), self.instant());
                self.replicas[who].view.note_configuration(kind, Some(configuration), now);
            }
            Happening::Act(who) => self.act(who),
            Happening::Inject(who) => self.inject(who),
            Happening::Revert(kind) => {
                self.configurations[kind as usize].write(Vec::new());
                // What is not known of cannot be waited for: a watch is quicker than a settling time.
                for who in [0, 1] {
                    self.happens(&Happening::HearConfiguration(who, kind));
                }
            }
            Happening::Delete => self.secret.write(None),
            Happening::Spoil => self.secret.write(Some(BTreeMap::new())),
            Happening::Restart(who) => {
                self.replicas[who].view = View::new(names());
                self.replicas[who].heard = 0;
            }
        }
    }

    /// As the keeper does.
    fn act(&mut self, who: usize) {
        let wall = self.wall(who);
        let view = &self.replicas[who].view;
        let Some(action) = view.step(wall, self.instant(), &self.timing) else { return };
        let until = wall.checked_add(self.timing.validity).expect("a date");
        let issued = || issue(&names(), until).expect("a certificate");
        let stored = match (action, view.known()) {
            (Action::Rest(_), _) => return,
            (Action::Promote, Some(stored)) => stored.promoted(),
            (_, Some(stored)) => stored.staged(&issued(), wall).expect("staged"),
            (_, None) => Stored::first(&issued()).expect("the first"),
        };
        // By resourceVersion: who has not heard the last of it writes nothing.
        if self.replicas[who].heard == self.secret.version {
            self.secret.write(Some(stored.data()));
        }
    }

    /// As the cluster does: the configuration as it was heard of, and the Secret as it is.
    fn inject(&mut self, who: usize) {
        for (kind, heard) in self.replicas[who].view.lacking() {
            if heard == self.configuration(kind)
                && let Found::Stored(_, stored) = self.found()
            {
                self.configurations[kind as usize].write(stored.bundle.pem().into_bytes());
            }
        }
    }

    /// What a replica serves, if anything.
    fn served(&self, who: usize) -> Option<&Stored> {
        self.replicas[who].view.memory.as_ref()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// A promotion is never ahead of trust, whatever has happened before.
    #[test]
    fn what_is_served_was_trusted_before(happenings in prop::collection::vec(happening(), 1..120)) {
        let mut world = World::new();
        // Since when both configurations have trusted what is to follow, by the world's own clock.
        let mut trusted: Option<(String, u64)> = None;
        for happening in &happenings {
            let before = world.found().stored().cloned();
            world.happens(happening);
            let after = world.found().stored().cloned();
            if let (Some(before), Some(after)) = (&before, &after)
                && before.current != after.current
            {
                prop_assert_eq!(before.next.as_ref(), Some(&after.current), "only what was to follow does");
                let (chain, since) = trusted.clone().unwrap_or_default();
                prop_assert_eq!(&chain, &after.current.chain, "it is served before it is trusted");
                prop_assert!(world.now > since, "it is served as soon as it is trusted");
                let haste = world.replicas.iter().enumerate()
                    .any(|(who, _)| !before.current.is_valid(world.wall(who)));
                prop_assert!(haste || world.now >= since + world.timing.settle.as_secs(), "it has not settled");
                prop_assert!(after.bundle.authority_of(&before.current).is_some(), "the one before is dropped");
            }
            trusted = follow(trusted, &world, after.as_ref());
        }
    }

    /// Whatever has happened: left alone, both replicas come to serve the same valid certificate, which
    /// both configurations trust.
    #[test]
    fn left_alone_all_agree(happenings in prop::collection::vec(happening(), 1..60)) {
        let mut world = World::new();
        for happening in &happenings {
            world.happens(happening);
        }
        for _ in 0..40 {
            for who in [0, 1] {
                world.happens(&Happening::HearSecret(who));
                for kind in Kind::ALL {
                    world.happens(&Happening::HearConfiguration(who, kind));
                }
                world.happens(&Happening::Inject(who));
                world.happens(&Happening::Act(who));
            }
            world.happens(&Happening::Time(5));
        }
        for who in [0, 1] {
            world.happens(&Happening::HearSecret(who));
        }
        let (one, other) = (world.served(0).expect("one"), world.served(1).expect("another"));
        prop_assert_eq!(one, other);
        let real = Timestamp::from_second(i64::try_from(1_800_000_000 + world.now).expect("a date")).expect("a date");
        prop_assert!(one.current.is_valid(real), "expired at {}", one.current.expires);
        for configuration in &world.configurations {
            let bundle = Bundle::read(&configuration.value);
            prop_assert!(bundle.authority_of(&one.current).is_some(), "it is not trusted");
        }
    }
}

/// Since when both configurations trust what is to follow. Somebody who takes a bundle away starts that anew.
fn follow(trusted: Option<(String, u64)>, world: &World, stored: Option<&Stored>) -> Option<(String, u64)> {
    let next = stored?.next.as_ref()?;
    let is_trusted =
        world.configurations.iter().all(|written| Bundle::read(&written.value).authority_of(next).is_some());
    let since = trusted.filter(|(chain, _)| *chain == next.chain).map_or(world.now, |(_, since)| since);
    is_trusted.then(|| (next.chain.clone(), since))
}
