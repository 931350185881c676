//! Keeps the certificate: what the watches tell becomes a view, and what that asks for is written.

use std::convert::Infallible;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::runtime::watcher;
use tokio::time::{Instant, timeout_at};

use self::injection::Injections;
use crate::certificate::Fault;
use crate::cluster::{Cluster, Event, Events, Place, Trouble};
use crate::complaints::Complaints;
use crate::configuration::{Configuration, INJECT};
use crate::issue::{Issued, issue};
use crate::leaps::Leaps;
use crate::rests::Rests;
use crate::serving::{Serving, Shown};
use crate::step::Action;
use crate::stored::Stored;
use crate::timing::Timing;
use crate::view::{Found, View};

mod injection;

/// What was written is heard of by then; if not, it is looked at once more.
const ECHO: Duration = Duration::from_secs(1);

/// Who starts waits no longer for the configurations to trust what is served: somebody else may tell them.
const PATIENCE: Duration = Duration::from_secs(10);

/// The certificate that all replicas agree on by the Secret, and what keeps it: valid, stored, and
/// trusted by the webhook configurations before it is served.
pub fn in_cluster(
    client: Client,
    place: Place,
    timing: Timing,
) -> (Serving, impl Future<Output = Infallible>) {
    let (shown, serving) = Serving::new();
    (serving, Keeper::new(client, place, timing, shown).keep())
}

struct Keeper {
    cluster: Cluster,
    timing: Timing,
    view: View,
    shown: Shown,
    started: Instant,
    injections: Injections,
    /// What was written into them last.
    wanted: Option<String>,
    /// The API server may refuse whatever is written into the Secret.
    failures: Rests,
    complaints: Complaints,
}

impl Keeper {
    fn new(client: Client, place: Place, timing: Timing, shown: Shown) -> Self {
        let view = View::new(place.names.clone());
        Self {
            cluster: Cluster::new(client, place),
            timing,
            view,
            shown,
            started: Instant::now(),
            injections: Injections::new(),
            wanted: None,
            failures: Rests::new(ECHO, Duration::from_mins(1)),
            complaints: Complaints::default(),
        }
    }

    async fn keep(mut self) -> Infallible {
        let (mut events, mut leaps) = (self.cluster.events(), Leaps::new());
        let mut look = Instant::now() + self.timing.settle;
        loop {
            let told = tokio::select! {
                told = timeout_at(look, events.next()) => told.ok().flatten(),
                () = leaps.next() => None,
            };
            match told {
                Some(told) => self.hear(told),
                // A watch may have gone silent, or the machine was suspended.
                None => {
                    self.look().await;
                }
            }
            self.hear_on(&mut events);
            let rest = self.advance().await;
            // The configurations are told at once of what was written, and all that are known by then together.
            self.hear_on(&mut events);
            let rest = rest.min(self.inject().await);
            look = Instant::now() + rest.min(self.tell_readiness());
        }
    }

    fn hear(&mut self, told: Result<Event, watcher::Error>) {
        match told {
            Ok(event) => self.note(event),
            Err(watcher::Error::InitialListFailed(error)) => self.complain(Trouble::from(error)),
            Err(error) => self.complain(error),
        }
    }

    /// Takes up whatever the watches have told meanwhile.
    fn hear_on(&mut self, events: &mut Events) {
        while let Some(told) = events.next().now_or_never().flatten() {
            self.hear(told);
        }
    }

    /// Looks at everything, whatever the watches have told; says whether all of it could be seen.
    async fn look(&mut self) -> bool {
        let mut is_seen = true;
        for seen in self.cluster.look().await {
            match seen {
                Ok(event) => self.note(event),
                Err(error) => {
                    is_seen = false;
                    self.complain(error);
                }
            }
        }
        is_seen
    }

    /// Takes up what there is.
    fn note(&mut self, event: Event) {
        let now = Instant::now();
        match event {
            Event::Secret(secret) => {
                if self.view.note_secret(Found::read(secret), now) {
                    self.take_up();
                }
            }
            Event::Configuration(kind, object) => {
                let Place { namespace, service, configuration: name, .. } = self.cluster.place();
                let is_there = object.is_some();
                let configuration = object.map(|object| Configuration::read(&object, namespace, service));
                let is_left_alone = configuration.as_ref().is_some_and(Configuration::is_left_alone);
                let is_news = self.view.note_configuration(kind, configuration, now);
                let kind = kind.as_str();
                if is_news && !is_there {
                    tracing::info!("there is no {kind} {name}: it is told whom to trust once there is");
                } else if is_news && is_left_alone {
                    tracing::info!(
                        "the {kind} {name} is told by somebody else whom to trust: cert-manager's annotation says so, or {INJECT}"
                    );
                }
            }
        }
    }

    /// The Secret is another one than before.
    fn take_up(&mut self) {
        let secret = self.secret();
        let is_served = self.shown.served().is_some();
        match self.view.found() {
            Some(Found::Stored(_, stored)) => self.serve(stored),
            Some(Found::Later(Ok(stored))) => {
                tracing::warn!("the Secret {secret} is of a later version of Fleetgate, which keeps it");
                self.serve(stored);
            }
            Some(Found::Later(Err(fault))) => {
                tracing::warn!(%fault, "the Secret {secret} is of a later version of Fleetgate, holds nothing that this one can serve, and is left alone: have the later version run again, or delete the Secret to have one made that this one can serve");
            }
            Some(Found::Faulty(_, fault)) => {
                tracing::warn!(%fault, "the Secret {secret} holds nothing that can be served, and is written anew");
            }
            Some(Found::Foreign) => {
                tracing::warn!(
                    "the Secret {secret} is not Fleetgate's, and is left alone: delete it to have one made, or mount it and name its folder if it is to be served"
                );
            }
            Some(Found::Nothing) if is_served => {
                tracing::warn!(
                    "the Secret {secret} is gone: it is written again, and another certificate follows"
                );
            }
            _ => {}
        }
    }

    fn serve(&self, stored: &Stored) {
        let current = &stored.current;
        if self.shown.served().as_ref() == Some(current) {
            return;
        }
        let secret = self.secret();
        if current.is_valid(self.cluster.now()) {
            tracing::info!(expires = %current.expires, "serving the certificate in the Secret {secret}");
        } else {
            tracing::warn!(expired = %current.expires, "the certificate in the Secret {secret} has expired: another one is made");
        }
        self.shown.serve(current.clone());
    }

    /// Who starts is ready once it is trusted; then it stays so, until what it serves has expired. Says how soon
    /// to look again.
    fn tell_readiness(&self) -> Duration {
        let now = self.cluster.now();
        let is_valid = self.shown.served().as_ref().is_some_and(|served| served.is_valid(now));
        let waited = self.started.elapsed();
        let was_waited_for = self.shown.is_ready() || waited >= PATIENCE;
        self.shown.set_ready(is_valid && (was_waited_for || self.view.is_accepted(now)));
        if was_waited_for { self.timing.settle } else { PATIENCE.saturating_sub(waited) }
    }

    /// Does what is to be done about the Secret; says how soon to look again.
    async fn advance(&mut self) -> Duration {
        let left = self.failures.left(Instant::now());
        if !left.is_zero() {
            return left;
        }
        let Some(mut action) = self.step() else { return self.timing.settle };
        if action == Action::Promote {
            // A watch may be late, and what is not trusted is never served: who cannot look does not know.
            if !self.look().await {
                self.failures.note(Instant::now());
                return ECHO;
            }
            action = self.step().unwrap_or(Action::Rest(ECHO));
        }
        if let Action::Rest(rest) = action {
            return rest;
        }
        match self.outcome(action, self.cluster.now()) {
            Ok(stored) => self.write(action, &stored).await,
            Err(fault) => {
                self.failures.note(Instant::now());
                self.complain(fault);
            }
        }
        ECHO
    }

    fn step(&self) -> Option<Action> {
        self.view.step(self.cluster.now(), Instant::now(), &self.timing)
    }

    async fn write(&mut self, action: Action, stored: &Stored) {
        let Some(found) = self.view.found() else { return };
        match self.cluster.write(found, stored).await {
            Ok(written) => {
                self.failures.forget();
                tracing::info!("the Secret {} is written: {}", self.secret(), action.told());
                // Its watch tells the same later: nobody has written since it was read.
                self.note(written);
            }
            Err(error) if error.is_overtaken() => tracing::debug!(%error, "another replica was first"),
            Err(error) => {
                self.failures.note(Instant::now());
                self.complain(error);
            }
        }
    }

    /// What the Secret is to hold.
    fn outcome(&self, action: Action, now: Timestamp) -> Result<Stored, Fault> {
        match (action, self.view.known()) {
            (Action::Promote, Some(stored)) => Ok(stored.promoted()),
            (Action::Restore, Some(stored)) if stored.bundle.is_full() => Ok(stored.clone()),
            (_, Some(stored)) => stored.staged(&self.issue(now)?, now),
            (_, None) => Stored::first(&self.issue(now)?),
        }
    }

    fn issue(&self, now: Timestamp) -> Result<Issued, Fault> {
        let until = now.checked_add(self.timing.validity).map_err(|_| Fault::Date)?;
        issue(&self.view.names(), until)
    }

    /// Says what is wrong, once in a while.
    fn complain(&mut self, trouble: impl ToString) {
        let trouble = trouble.to_string();
        if self.complaints.is_news(&trouble, Instant::now()) {
            tracing::warn!(
                "the webhook's certificate in the Secret {} cannot be kept: {trouble}",
                self.secret()
            );
        }
    }

    fn secret(&self) -> String {
        let Place { namespace, secret, .. } = self.cluster.place();
        format!("{namespace}/{secret}")
    }
}

#[cfg(test)]
mod tests;
