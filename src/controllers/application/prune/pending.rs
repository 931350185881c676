//! What is lost and has not gone yet: because it has not rested, or because it
//! waits for someone's word. Pure, but for the lock.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fleetgate_api::Application;
use fleetgate_api::names::ANNOTATION_CONFIRM_PRUNE;
use fleetgate_plan::prune::{Existing, Holding, Verdict, confirmed, confirming_command};
use kube::ResourceExt;

use crate::controllers::application::summary::{listed, listed_within};

/// What is lost stays the same for so long before it goes, so that a burst of
/// relabelling is judged as one change.
const REST: Duration = Duration::from_millis(300);

/// How many bytes of names a message has: with the policies before them and the command behind them
/// it is a condition's, which is cut at two KiB.
const NAMES: usize = 1_000;

/// How much of a mistaken confirmation is shown, in characters.
const SHOWN: usize = 32;

/// What Applications lose, each by its uid.
#[derive(Debug, Default)]
pub(in crate::controllers::application) struct Pending(Mutex<HashMap<String, Waiting>>);

#[derive(Debug)]
struct Waiting {
    /// The uids of what is lost.
    lost: BTreeSet<Box<str>>,
    since: Instant,
    /// The uids of what was confirmed: what of it could not be deleted at once
    /// needs no other word.
    confirmed: BTreeSet<Box<str>>,
    is_held: bool,
}

/// A removal that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::controllers::application) struct Held {
    pub(in crate::controllers::application) digest: String,
    pub(in crate::controllers::application) count: usize,
    pub(in crate::controllers::application) message: String,
}

/// What comes of a verdict now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    /// The uids of what goes.
    pub(super) goes: BTreeSet<Box<str>>,
    pub(super) held: Option<Held>,
    /// How long what is lost has to rest yet.
    pub(super) again: Option<Duration>,
}

impl Pending {
    /// What comes of `verdict` at this moment.
    pub(super) fn decide(&self, application: &Application, verdict: &Verdict<'_>, now: Instant) -> Decision {
        let mut decision = Decision { goes: uids(verdict.removed.iter()), ..Decision::default() };
        let lost = uids(verdict.lost.iter().chain(verdict.all_held()));
        if lost.is_empty() {
            self.forget(application);
            return decision;
        }
        let mut waiting = self.waiting();
        let waiting = waiting.entry(key(application)).or_insert_with(|| Waiting::new(now));
        let rest = waiting.rest(lost, now);
        decision.again = Some(rest).filter(|rest| !rest.is_zero());
        if rest.is_zero() {
            decision.goes.extend(uids(verdict.lost.iter()));
        }
        let digest = verdict.digest();
        // A restart forgets how long it has rested; what was said before it has.
        let said = application.status.as_ref().and_then(|status| status.held.as_ref());
        let was_said = said.is_some_and(|held| Some(&held.digest) == digest.as_ref());
        let digest = digest.filter(|_| rest.is_zero() || was_said);
        waiting.is_held = false;
        let Some(digest) = digest else { return decision };
        let held = uids(verdict.all_held());
        if confirmed(application) == Some(&*digest) {
            waiting.confirmed.clone_from(&held);
        }
        if held.is_subset(&waiting.confirmed) {
            decision.goes.extend(held);
        } else {
            waiting.is_held = true;
            decision.held = Some(Held::new(application, verdict, digest));
        }
        decision
    }

    /// Nothing of the Application's is lost any more.
    pub(super) fn forget(&self, application: &impl ResourceExt) {
        self.waiting().remove(&key(application));
    }

    /// Of how many Applications something is held.
    pub(in crate::controllers::application) fn held(&self) -> u32 {
        let held = self.waiting().values().filter(|waiting| waiting.is_held).count();
        u32::try_from(held).unwrap_or(u32::MAX)
    }

    /// Whoever panics under the lock leaves a map behind, and not half of one.
    fn waiting(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    const fn new(now: Instant) -> Self {
        Self { lost: BTreeSet::new(), since: now, confirmed: BTreeSet::new(), is_held: false }
    }

    /// How long that has to rest yet.
    fn rest(&mut self, lost: BTreeSet<Box<str>>, now: Instant) -> Duration {
        if self.lost != lost {
            (self.lost, self.since) = (lost, now);
        }
        REST.saturating_sub(now.saturating_duration_since(self.since))
    }
}

impl Held {
    fn new(application: &Application, verdict: &Verdict<'_>, digest: String) -> Self {
        let (name, namespace) = (application.name_any(), application.namespace().unwrap_or_default());
        let losses: Vec<String> = verdict.held.iter().map(loss).collect();
        let mut names: Vec<String> =
            verdict.all_held().map(|child| format!("{} {}", child.kind.kind(), child.name)).collect();
        names.sort_unstable();
        let message = format!(
            "{}; nobody decided that, so nothing of it is removed: {}; {}this confirms that it goes: {}",
            listed(&losses),
            listed_within(&names, NAMES),
            mistaken(application),
            confirming_command(&name, &namespace, &digest),
        );
        Self { digest, count: names.len(), message }
    }
}

/// What is to be said of a confirmation that is there and does not confirm what is held.
fn mistaken(application: &Application) -> String {
    let given = confirmed(application).filter(|given| !given.is_empty());
    let given = given.map(|given| given.chars().take(SHOWN).collect::<String>());
    given.map_or_else(String::new, |given| {
        format!("the annotation {ANNOTATION_CONFIRM_PRUNE} confirms another removal, {given:?}; ")
    })
}

fn loss(holding: &Holding<'_>) -> String {
    let Holding { policy, children, of } = holding;
    match policy {
        Some(policy) if children.len() == *of => {
            format!("policy {policy:?} would lose all of its clusters")
        }
        Some(policy) => format!("policy {policy:?} would lose {} of its {of} clusters", children.len()),
        None => "objects that do not say which policy they are of would go".to_owned(),
    }
}

fn uids<'a>(children: impl Iterator<Item = &'a Existing<'a>>) -> BTreeSet<Box<str>> {
    children.map(|child| child.uid.into()).collect()
}

fn key(application: &impl ResourceExt) -> String {
    application.uid().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetgate_api::HeldStatus;
    use fleetgate_plan::{FluxKind, Purpose};
    use serde_json::json;

    const UIDS: [&str; 4] = ["u0", "u1", "u2", "u3"];

    fn application(confirms: Option<&str>, said: Option<&str>) -> Application {
        let mut application: Application = serde_json::from_value(json!({
            "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
            "metadata": {
                "name": "shop", "namespace": "default", "uid": "a1", "annotations": {ANNOTATION_CONFIRM_PRUNE: confirms.unwrap_or_default()},
            },
            "spec": {"source": {}, "syncPolicies": []}, "status": {},
        }))
        .expect("an Application");
        if let Some(status) = &mut application.status {
            status.held = said.map(|digest| HeldStatus { digest: digest.to_owned(), count: 1 });
        }
        application
    }

    fn children(numbers: &[usize]) -> Vec<Existing<'static>> {
        let purpose = Purpose::Policy { name: "web", destination: None };
        let child = |number: &usize| {
            let uid = UIDS[*number];
            Existing { kind: FluxKind::Kustomization, name: uid, uid, purpose }
        };
        numbers.iter().map(child).collect()
    }

    fn verdict(removed: &[usize], lost: &[usize], held: &[usize]) -> Verdict<'static> {
        let holding = Holding { policy: Some("web"), children: children(held), of: 4 };
        let held = if held.is_empty() { vec![] } else { vec![holding] };
        Verdict { removed: children(removed), lost: children(lost), held }
    }

    /// `goes u0 u1`, and then whether something rests or is held.
    fn said(decision: &Decision) -> String {
        let goes: Vec<&str> = ["goes"].into_iter().chain(decision.goes.iter().map(|uid| &**uid)).collect();
        let rests = if decision.again.is_some() { ", rests" } else { "" };
        let held = decision.held.as_ref().map(|held| format!(", {} held", held.count)).unwrap_or_default();
        format!("{}{rests}{held}", goes.join(" "))
    }

    #[test]
    fn what_was_decided_goes_at_once_and_what_is_lost_rests() {
        let (pending, start, shop) = (Pending::default(), Instant::now(), application(None, None));
        // After so many milliseconds: removed, lost, and what comes of it.
        let table: [(u64, &[usize], &[usize], &str); 7] = [
            (0, &[0], &[], "goes u0"),
            (0, &[0], &[1], "goes u0, rests"),
            (299, &[], &[1], "goes, rests"),
            (300, &[], &[1, 2], "goes, rests"),
            (599, &[], &[1, 2], "goes, rests"),
            (600, &[], &[1, 2], "goes u1 u2"),
            (700, &[], &[], "goes"),
        ];
        for (after, removed, lost, expected) in table {
            let now = start + Duration::from_millis(after);
            let decision = pending.decide(&shop, &verdict(removed, lost, &[]), now);
            assert_eq!(said(&decision), expected, "{after}");
        }
    }

    #[test]
    fn what_is_held_goes_by_exactly_its_digest() {
        let all = verdict(&[], &[], &[1, 2]);
        let digest = all.digest().expect("a digest");
        let decide = |pending: &Pending, shop: &Application, verdict: &Verdict<'_>| {
            let start = Instant::now();
            pending.decide(shop, verdict, start);
            said(&pending.decide(shop, verdict, start + REST))
        };
        let pending = Pending::default();
        assert_eq!(decide(&pending, &application(None, None), &all), "goes, 2 held");
        assert_eq!(pending.held(), 1);
        assert_eq!(decide(&pending, &application(Some("3f2a"), None), &all), "goes, 2 held");
        let confirming = application(Some(&digest), None);
        assert_eq!(
            decide(&pending, &confirming, &verdict(&[], &[], &[1, 2, 3])),
            "goes, 3 held",
            "another set"
        );
        assert_eq!(decide(&pending, &confirming, &all), "goes u1 u2");
        assert_eq!(pending.held(), 0);
        assert_eq!(decide(&pending, &confirming, &verdict(&[], &[], &[2])), "goes u2", "one that did not go");
        assert_eq!(decide(&pending, &confirming, &verdict(&[], &[], &[2, 3])), "goes, 2 held", "one more");
        assert_eq!(decide(&Pending::default(), &confirming, &verdict(&[], &[], &[2])), "goes, 1 held");
        pending.forget(&confirming);
        assert_eq!(pending.held(), 0);
    }

    #[test]
    fn after_a_restart_the_same_is_said_at_once() {
        let all = verdict(&[], &[3], &[1, 2]);
        let digest = all.digest();
        for (said_before, expected) in
            [(digest.as_deref(), "goes, rests, 2 held"), (Some("3f2a"), "goes, rests")]
        {
            let shop = application(None, said_before);
            assert_eq!(said(&Pending::default().decide(&shop, &all, Instant::now())), expected);
        }
    }

    #[test]
    fn a_message_says_who_loses_what_and_what_confirms_it() {
        let held = Held::new(&application(None, None), &verdict(&[], &[], &[2, 1]), "3f2a".to_owned());
        assert_eq!(
            held.message,
            "policy \"web\" would lose 2 of its 4 clusters; nobody decided that, so nothing of it is removed: Kustomization \
             u1, Kustomization u2; this confirms that it goes: kubectl annotate applications.apps.kurator.dev shop \
             --namespace default --overwrite fleetgate.dev/confirm-prune=3f2a"
        );
        let mistaken =
            Held::new(&application(Some("77c1"), None), &verdict(&[], &[], &[2]), "3f2a".to_owned());
        let text =
            "; the annotation fleetgate.dev/confirm-prune confirms another removal, \"77c1\"; this confirms";
        assert!(mistaken.message.contains(text), "{}", mistaken.message);
    }
}
