//! Keeps the certificate: what the watches tell becomes a [`View`], and what that asks for is written.

use std::convert::Infallible;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::runtime::watcher;
use tokio::time::{Instant, timeout_at};

use crate::certificate::Fault;
use crate::cluster::{Cluster, Event, Place, Trouble};
use crate::configuration::Configuration;
use crate::issue::{Issued, issue};
use crate::serving::{Serving, Shown};
use crate::step::{Action, LOOK};
use crate::stored::Stored;
use crate::timing::Timing;
use crate::view::{Found, Kind, View};

/// What was written is heard of by then; if not, it is looked at once more.
const ECHO: Duration = Duration::from_secs(1);

/// The rest between two writes of the configurations: somebody may take back whatever is written.
const PACE: Duration = Duration::from_millis(100);

/// Why there is no certificate, and none to come.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Rights are missing, or the namespace.
    #[error("the Secret {0} with the webhook's certificate cannot be had: {1}")]
    Hopeless(String, Trouble),
    /// There is a Secret of that name that Fleetgate has not made.
    #[error(
        "the Secret {0} is not Fleetgate's, and is left alone: delete it to have another one made; if it holds a certificate of yours, mount it and name its folder instead"
    )]
    Foreign(String),
    /// No certificate can be made.
    #[error("{0}")]
    Faulty(#[from] Fault),
}

/// The certificate that all replicas agree on by the Secret, and what keeps it: valid, stored, and
/// trusted by the webhook configurations before it is served.
///
/// The second ends only when there is no certificate, and none to come.
pub fn in_cluster(
    client: Client,
    place: Place,
    timing: Timing,
) -> (Serving, impl Future<Output = Result<Infallible, KeepError>>) {
    let (shown, serving) = Serving::new(None);
    let view = View::new(place.names.clone(), Instant::now());
    let keeper = Keeper { cluster: Cluster::new(client, place), timing, view, shown, injected: None };
    (serving, keeper.keep())
}

struct Keeper {
    cluster: Cluster,
    timing: Timing,
    view: View,
    shown: Shown,
    /// When a configuration was written last.
    injected: Option<Instant>,
}

impl Keeper {
    async fn keep(mut self) -> Result<Infallible, KeepError> {
        let mut events = self.cluster.events();
        let mut look = Instant::now();
        loop {
            match timeout_at(look, events.next()).await {
                Ok(Some(Ok(event))) => self.note(event)?,
                Ok(Some(Err(error))) => self.complain(error)?,
                // A watch never ends.
                Ok(None) | Err(_) => {}
            }
            let rest = self.inject().await;
            look = Instant::now() + self.advance().await?.min(rest.unwrap_or(LOOK));
        }
    }

    /// Takes up what a watch tells.
    fn note(&mut self, event: Event) -> Result<(), KeepError> {
        match event {
            Event::Secret(secret) => self.note_secret(Found::read(secret)),
            Event::Configuration(kind, object) => {
                if object.is_none() {
                    let name = &self.cluster.place().configuration;
                    tracing::info!(
                        "there is no {} {name}: it is told whom to trust once there is",
                        kind.as_str()
                    );
                }
                let Place { namespace, service, .. } = self.cluster.place();
                let configuration = object.map(|object| Configuration::read(&object, namespace, service));
                self.view.note_configuration(kind, configuration, Instant::now());
                Ok(())
            }
        }
    }

    fn note_secret(&mut self, found: Found) -> Result<(), KeepError> {
        let secret = self.secret();
        match &found {
            Found::Stored(_, stored) => self.serve(stored),
            Found::Faulty(_, fault) => {
                tracing::warn!(%fault, "the Secret {secret} holds nothing that can be served, and is written anew");
            }
            Found::Foreign if self.serves() => {
                tracing::warn!(
                    "the Secret {secret} is not Fleetgate's any more, and is left alone: delete it, or nothing follows the certificate that is served"
                );
            }
            Found::Foreign => return Err(KeepError::Foreign(secret)),
            Found::Nothing if self.serves() => {
                tracing::warn!(
                    "the Secret {secret} is gone: it is written again, and another certificate follows"
                );
            }
            Found::Nothing => {}
        }
        self.view.note_secret(found, Instant::now());
        Ok(())
    }

    fn serve(&self, stored: &Stored) {
        let current = &stored.current;
        if self.shown.borrow().as_ref() == Some(current) {
            return;
        }
        if current.is_valid(Timestamp::now()) {
            tracing::info!(expires = %current.expires, "serving the certificate in the Secret {}", self.secret());
        } else {
            tracing::warn!(expired = %current.expires, "the certificate in the Secret {} has expired: another one is made", self.secret());
        }
        self.shown.send_replace(Some(current.clone()));
    }

    /// Has every configuration trust what the Secret holds; says how soon to look again, if that is not
    /// when a watch tells something.
    async fn inject(&mut self) -> Option<Duration> {
        let lacking = self.view.lacking();
        if lacking.is_empty() {
            return None;
        }
        let early = self.injected.map(|at| PACE.saturating_sub(at.elapsed())).filter(|rest| !rest.is_zero());
        if early.is_some() {
            return early;
        }
        for (kind, configuration) in lacking {
            self.injected = Some(Instant::now());
            self.tell(kind, self.cluster.inject(kind, &configuration).await);
        }
        Some(ECHO)
    }

    fn tell(&self, kind: Kind, injected: Result<bool, Trouble>) {
        let (kind, name) = (kind.as_str(), &self.cluster.place().configuration);
        match injected {
            Ok(true) => tracing::info!("the {kind} {name} trusts the certificate"),
            Ok(false) => {}
            Err(error) if error.is_overtaken() => {
                tracing::debug!(%error, "somebody else wrote the {kind} {name}");
            }
            Err(error) => tracing::warn!("the {kind} {name} cannot be told whom to trust: {error}"),
        }
    }

    /// Does what is to be done about the Secret; says how soon to look again.
    async fn advance(&mut self) -> Result<Duration, KeepError> {
        let now = Timestamp::now();
        let action = self.view.step(now, Instant::now(), &self.timing);
        let (Some(found), Some(action)) = (self.view.found(), action) else { return Ok(LOOK) };
        if let Action::Rest(rest) = action {
            return Ok(rest);
        }
        let written = match self.outcome(action, now) {
            Ok(stored) => self.cluster.write(found, &stored).await,
            Err(fault) if self.serves() => {
                tracing::warn!(%fault, "no certificate can be made");
                return Ok(ECHO);
            }
            Err(fault) => return Err(fault.into()),
        };
        match written {
            Ok(()) => tracing::info!("the Secret {} is written: {}", self.secret(), what(action)),
            Err(error) if error.is_overtaken() => tracing::debug!(%error, "another replica was first"),
            Err(error) => self.give_up(error)?,
        }
        Ok(ECHO)
    }

    /// What the Secret is to hold.
    fn outcome(&self, action: Action, now: Timestamp) -> Result<Stored, Fault> {
        let known = self.view.known();
        match (action, known) {
            (Action::Promote, Some(stored)) => Ok(stored.promoted()),
            (Action::Drop, Some(stored)) => Ok(stored.trimmed(now)),
            (_, Some(stored)) => stored.staged(&self.issue(now)?, now),
            (_, None) => Stored::first(&self.issue(now)?),
        }
    }

    fn issue(&self, now: Timestamp) -> Result<Issued, Fault> {
        let until = now.checked_add(self.timing.validity).map_err(|_| Fault::Date)?;
        issue(&self.cluster.place().names, until)
    }

    /// A watch that cannot be opened is opened again, unless that is hopeless.
    fn complain(&self, error: watcher::Error) -> Result<(), KeepError> {
        match error {
            watcher::Error::InitialListFailed(error) => self.give_up(error.into()),
            error => {
                tracing::warn!(%error, "a watch for the webhook's certificate broke, and is opened again");
                Ok(())
            }
        }
    }

    /// Only who has nothing to serve gives up, and only where no waiting mends it.
    fn give_up(&self, trouble: Trouble) -> Result<(), KeepError> {
        if trouble.is_hopeless() && !self.serves() {
            return Err(KeepError::Hopeless(self.secret(), trouble));
        }
        tracing::warn!("the webhook's certificate cannot be kept: {trouble}");
        Ok(())
    }

    fn serves(&self) -> bool {
        self.shown.borrow().is_some()
    }

    fn secret(&self) -> String {
        let Place { namespace, secret, .. } = self.cluster.place();
        format!("{namespace}/{secret}")
    }
}

fn what(action: Action) -> &'static str {
    match action {
        Action::Create => "the first certificate",
        Action::Restore => "what it held, and another certificate to follow",
        Action::Stage => "another certificate is to follow once it is trusted",
        Action::Promote => "what was to follow is served",
        Action::Drop => "expired authorities are trusted no longer",
        Action::Rest(_) => "nothing",
    }
}
