//! What is lost and has not gone yet: because it has not rested, or because it
//! waits for someone's word. Pure, but for the lock.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fleetgate_api::names::ANNOTATION_CONFIRM_PRUNE;
use fleetgate_api::{Application, ConditionType};
use fleetgate_plan::prune::{Existing, Holding, Verdict, confirmed, confirming_command};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
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
        let Some(digest) = digest else {
            // What is held keeps edits from deciding: that may not end while another set rests.
            let is_confirmed = waiting.lost.is_subset(&waiting.confirmed);
            decision.held = Held::said(application).filter(|_| !rest.is_zero() && !is_confirmed);
            waiting.is_held = decision.held.is_some();
            return decision;
        };
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

    /// What the Application asks for cannot be delivered: nothing of it goes, and
    /// what is said to be held stays so.
    pub(super) fn set_aside(&self, application: &Application) {
        let mut waiting = self.waiting();
        if Held::said(application).is_some() {
            let is_held = Waiting { is_held: true, ..Waiting::new(Instant::now()) };
            waiting.insert(key(application), is_held);
        } else {
            waiting.remove(&key(application));
        }
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

    /// The one that the Application's status speaks of.
    pub(in crate::controllers::application) fn said(application: &Application) -> Option<Self> {
        let status = application.status.as_ref()?;
        let held = status.held.as_ref()?;
        let is_this = |condition: &&Condition| condition.type_ == ConditionType::PruneHeld.as_str();
        let condition = status.conditions.iter().find(is_this);
        let message = condition.map(|condition| condition.message.clone()).unwrap_or_default();
        Some(Self {
            digest: held.digest.clone(),
            count: usize::try_from(held.count).unwrap_or_default(),
            message,
        })
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
    let Holding { policy: Some(policy), children, of, is_gone } = holding else {
        return "objects that do not say which policy they are of would go".to_owned();
    };
    let gone = if *is_gone { ", which is not in the spec and may only have been renamed," } else { "" };
    let lost = match children.len() {
        all if all == *of => "all of its clusters".to_owned(),
        some => format!("{some} of its {of} clusters"),
    };
    format!("policy {policy:?}{gone} would lose {lost}")
}

fn uids<'a>(children: impl Iterator<Item = &'a Existing<'a>>) -> BTreeSet<Box<str>> {
    children.map(|child| child.uid.into()).collect()
}

fn key(application: &impl ResourceExt) -> String {
    application.uid().unwrap_or_default()
}

#[cfg(test)]
mod tests;
