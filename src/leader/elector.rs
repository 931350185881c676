//! A candidate: it takes the Lease, renews it, and lets go of it.

use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::kurator::Kurator;
use super::lease::{Candidate, Seen, Step, step};
use super::{Election, Leadership};

/// How long the Lease may be out of reach for want of rights or of its namespace. An API server that has just started
/// may not know of either yet, and says so as if there were none.
const HOPELESS: Duration = Duration::from_secs(30);

/// How many renewals there is time for, if none is answered.
const TURNS: u32 = 2;

/// A candidate, and its hold on the Lease.
pub(crate) struct Elector {
    leases: Api<Lease>,
    me: Candidate,
    renew: Duration,
    retry: Duration,
    seen: Seen,
    /// The Lease as we wrote it.
    ours: Option<Lease>,
    leadership: Leadership,
    /// The namespace of Kurator's controller.
    kurator: String,
}

/// What came of a look at the Lease.
enum Turn {
    Leads,
    /// Someone else wrote or deleted it between our look and our write.
    Again,
    /// It is someone else's, for so long.
    Wait(Duration),
}

impl Elector {
    /// A candidate that tells `leadership` how it fares. The client must not
    /// try again by itself: what is sent late is sent by nobody who leads.
    pub(crate) fn new(client: Client, election: Election, leadership: Leadership) -> Self {
        let Election { namespace, lease, identity, duration, renew, retry, kurator } = election;
        let leases = Api::namespaced(client, &namespace);
        let me = Candidate { lease, identity, duration };
        let seen = Seen::nothing(Instant::now());
        Self { leases, me, renew, retry, seen, ours: None, leadership, kurator }
    }

    pub(super) fn kurator(&self) -> Kurator {
        Kurator::new(self.leases.clone().into_client(), &self.kurator)
    }

    /// Waits until this process leads.
    ///
    /// # Errors
    ///
    /// When the Lease may not be had, or its namespace does not exist, and stays so: no
    /// waiting mends that.
    pub(crate) async fn campaign(&mut self) -> anyhow::Result<()> {
        tracing::info!(lease = self.me.lease, identity = self.me.identity, "waiting to lead");
        let mut hopeless = None;
        loop {
            let turn = timeout(self.renew, self.turn()).await;
            if !matches!(&turn, Ok(Err(error)) if is_hopeless(error)) {
                hopeless = None;
            }
            let rest = match turn {
                Ok(Ok(Turn::Leads)) => break,
                Ok(Ok(Turn::Again)) | Err(_) => Duration::ZERO,
                Ok(Ok(Turn::Wait(left))) => left.min(self.retry),
                Ok(Err(error)) => {
                    if is_hopeless(&error) && hopeless.get_or_insert_with(Instant::now).elapsed() >= HOPELESS
                    {
                        return Err(error)
                            .with_context(|| format!("the Lease {:?} cannot be had", self.me.lease));
                    }
                    tracing::warn!(%error, "the Lease cannot be read or written");
                    self.retry
                }
            };
            sleep(rest).await;
        }
        tracing::info!(lease = self.me.lease, identity = self.me.identity, "leading");
        Ok(())
    }

    /// Renews the Lease; returns when this process does not lead any more.
    pub(crate) async fn keep(&mut self) {
        let mut rest = self.retry;
        while let Some(until) = self.leadership.until() {
            let turn = async {
                sleep(rest).await;
                // What is not answered is asked again while there is time: of several API servers one may hang.
                timeout(self.renew.saturating_sub(self.retry) / TURNS, self.turn()).await
            };
            rest = match timeout_at(until, turn).await {
                Ok(Ok(Ok(Turn::Leads))) => self.retry,
                // Whoever wrote it may lead by now: a machine that was suspended does not know how long it was.
                Ok(Ok(Ok(Turn::Again))) => Duration::ZERO,
                Ok(Ok(Err(error))) => {
                    tracing::warn!(%error, "the Lease cannot be renewed");
                    self.retry
                }
                Ok(Err(_)) => {
                    tracing::warn!("the renewal of the Lease was not answered in time");
                    Duration::ZERO
                }
                Ok(Ok(Ok(Turn::Wait(_)))) | Err(_) => break,
            };
        }
        self.leadership.set(None);
        tracing::warn!("not leading any more");
    }

    /// Lets go of the Lease, so that nobody has to wait for it.
    pub(crate) async fn release(&mut self) {
        self.leadership.set(None);
        self.ours = None;
        match timeout(self.renew, self.hand_over()).await {
            Ok(Ok(())) => tracing::info!("the Lease is released"),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the Lease is not released: others wait until it runs out");
            }
            Err(_) => tracing::warn!("the Lease is not released in time: others wait until it runs out"),
        }
    }

    /// A renewal may have been cut off, so that what we know of the Lease is nothing to go by.
    async fn hand_over(&self) -> kube::Result<()> {
        let Some(lease) = self.leases.get_opt(&self.me.lease).await? else { return Ok(()) };
        if self.me.holds(&lease) {
            let released = self.me.released(&lease, Timestamp::now());
            self.leases.replace(&self.me.lease, &PostParams::default(), &released).await?;
        }
        Ok(())
    }

    /// Looks at the Lease, or at what we know of it while it is ours, and takes or renews it.
    async fn turn(&mut self) -> kube::Result<Turn> {
        let lease = match self.ours.take() {
            Some(ours) => Some(ours),
            None => self.leases.get_opt(&self.me.lease).await?,
        };
        let existed = lease.is_some();
        let sent = Instant::now();
        let quiet = self.seen.note(lease.as_ref(), sent);
        let parameters = PostParams::default();
        let written = match step(lease.as_ref(), &self.me, quiet, Timestamp::now()) {
            Step::Wait(left) => return Ok(Turn::Wait(left)),
            Step::Create(lease) => self.leases.create(&parameters, &lease).await,
            Step::Replace(lease) => self.leases.replace(&self.me.lease, &parameters, &lease).await,
        };
        match written {
            Ok(lease) => {
                self.ours = Some(lease);
                self.leadership.set(Some(sent + self.renew));
                Ok(Turn::Leads)
            }
            Err(kube::Error::Api(status)) if status.code == 409 || existed && status.is_not_found() => {
                Ok(Turn::Again)
            }
            Err(error) => Err(error),
        }
    }
}

/// Rights that are missing, or the namespace.
fn is_hopeless(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_forbidden() || status.is_not_found())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leader::KURATOR_NAMESPACE;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::Router;
    use axum::http::{Method, StatusCode};
    use serde_json::json;

    const RETRY: Duration = Duration::from_secs(2);

    /// A candidate at an API server that refuses so many requests before it knows of any right.
    fn elector(refused: u32) -> Elector {
        let left = Arc::new(AtomicU32::new(refused));
        let answer = move || {
            let is_refused =
                left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
            async move {
                if is_refused {
                    let status = r#"{"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403, "message": "no"}"#;
                    return (StatusCode::FORBIDDEN, status);
                }
                // One that nobody holds.
                (
                    StatusCode::OK,
                    r#"{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "a", "resourceVersion": "1"}}"#,
                )
            }
        };
        of(Router::new().fallback(answer), Leadership::none_yet())
    }

    /// A candidate at an API server that answers so.
    fn of(answers: Router, leadership: Leadership) -> Elector {
        let election = Election {
            namespace: "n".to_owned(),
            lease: "a".to_owned(),
            identity: "me".to_owned(),
            duration: Duration::from_secs(15),
            renew: Duration::from_secs(10),
            retry: RETRY,
            kurator: KURATOR_NAMESPACE.to_owned(),
        };
        Elector::new(Client::new(answers, "default"), election, leadership)
    }

    #[tokio::test(start_paused = true)]
    async fn rights_that_come_late_are_waited_for_and_others_are_not() {
        let start = Instant::now();
        elector(3).campaign().await.expect("the rights came");
        assert_eq!(start.elapsed(), RETRY * 3);

        let start = Instant::now();
        let error = elector(u32::MAX).campaign().await.expect_err("they never come");
        assert_eq!(format!("{error}"), "the Lease \"a\" cannot be had");
        assert_eq!(start.elapsed(), HOPELESS);
    }

    /// A machine that was suspended has the leadership by a clock that stood still, and someone else by one that did not.
    #[tokio::test(start_paused = true)]
    async fn who_finds_the_lease_written_by_another_looks_at_once_who_leads() {
        let lease = |holder: &str| {
            let lease = json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": {"name": "a", "resourceVersion": "7"},
                "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15},
            });
            (StatusCode::OK, lease.to_string())
        };
        let conflict =
            r#"{"kind": "Status", "status": "Failure", "reason": "Conflict", "code": 409, "message": "no"}"#;
        let writes = Arc::new(AtomicU32::new(0));
        // Once it was taken it is someone else's.
        let answer = async move |method: Method| match (method, writes.load(Ordering::SeqCst)) {
            (Method::GET, 0) => lease(""),
            (Method::GET, _) => lease("other"),
            (_, before) => {
                writes.store(before + 1, Ordering::SeqCst);
                if before == 0 { lease("me") } else { (StatusCode::CONFLICT, conflict.to_owned()) }
            }
        };
        let leadership = Leadership::none_yet();
        let mut elector = of(Router::new().fallback(answer), leadership.clone());
        elector.campaign().await.expect("it leads");
        let start = Instant::now();
        elector.keep().await;
        assert!(!leadership.is_held());
        let took = start.elapsed();
        assert!(took >= RETRY && took < RETRY * 2, "{took:?}: after the refusal it is not waited once more");
    }

    /// It may have been carried out all the same: the Lease is read before it is written again.
    #[tokio::test(start_paused = true)]
    async fn a_renewal_that_is_not_answered_costs_no_leadership() {
        let lease = r#"{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "a", "resourceVersion": "7"}, "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15}}"#;
        let asked: Arc<std::sync::Mutex<Vec<Method>>> = Arc::default();
        let seen = Arc::clone(&asked);
        // The second write is not answered.
        let answer = async move |method: Method| {
            let writes = {
                let mut seen = seen.lock().expect("a list");
                seen.push(method.clone());
                seen.iter().filter(|asked| **asked != Method::GET).count()
            };
            if method != Method::GET && writes == 2 {
                std::future::pending::<()>().await;
            }
            lease
        };
        let leadership = Leadership::none_yet();
        let mut elector = of(Router::new().fallback(answer), leadership.clone());
        elector.campaign().await.expect("it leads");
        timeout(Duration::from_mins(1), elector.keep()).await.expect_err("it leads on");
        assert!(leadership.is_held());
        let asked = asked.lock().expect("a list");
        let first: Vec<&str> = asked.iter().map(Method::as_str).take(5).collect();
        assert_eq!(first, ["GET", "PUT", "PUT", "GET", "PUT"]);
    }
}
