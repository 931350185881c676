//! The one writer of Flux objects: nobody else's is touched, whatever the
//! watches have not told of yet.
//!
//! What is new is created by an apply that can only create; what is there is
//! updated by an apply that means one uid. Where the API server refuses either,
//! it is asked what stands there. `tests/it/delivery/lag.rs` shows that it keeps
//! these promises.

mod chart;

use std::time::Duration;

use fleetgate_api::{ConditionReason, FIELD_MANAGER};
use fleetgate_plan::FluxKind;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

use super::adopt::adopted;
use super::children::Child;
use super::difference::{Wanted, foreign};
use crate::client::{Part, apply};
use crate::controllers::conditions::Summary;
use crate::controllers::turns::Turns;
use crate::stored::words;

/// Writes of the whole process that are under way at the same time, but for those that are not answered
/// soon. Four keep an API server busy; more only wait there instead of here.
pub(super) const CONCURRENCY: usize = 16;

/// A resource version that no object has: the first change of a cluster is none
/// of an object. An apply that names it is refused wherever one stands.
const NONE_HAS: &str = "1";

/// How often an object that changes meanwhile is looked at again before it is
/// left for later.
const MOST_LOOKS: usize = 3;

/// Why something is not written.
#[derive(Debug)]
pub(super) enum Failure {
    /// Someone else's object stands there.
    Foreign,
    /// It was to be suspended, and is not.
    Unsuspended,
    Refused(kube::Error),
}

impl Failure {
    /// What is said of a child that cannot be `done`, such as written.
    pub(super) fn summary(&self, done: &str, kind: FluxKind, name: &str) -> Summary {
        match self {
            Self::Foreign => foreign(kind, name),
            Self::Unsuspended => {
                let message = format!(
                    "{} {name:?} cannot be {done}: its spec.suspend is not true, although it was just set; Flux would take \
                     away what it delivered: see which webhook or policy sets it back",
                    kind.kind()
                );
                Summary::new(ConditionReason::ApplyFailed, message)
            }
            Self::Refused(error) => {
                let message = format!("{} {name:?} cannot be {done}: {}", kind.kind(), words(error));
                Summary::new(ConditionReason::ApplyFailed, message)
            }
        }
    }

    /// How long the API server asks to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let Self::Refused(kube::Error::Api(status)) = self else { return None };
        let seconds = status.details.as_ref()?.retry_after_seconds;
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }

    /// Whether nothing stands there any more.
    fn is_of_none(&self) -> bool {
        matches!(self, Self::Refused(kube::Error::Api(status)) if status.is_not_found())
    }

    /// Whether the refusal may mean that something else stands there than was
    /// thought: another uid is answered as an invalid one.
    fn is_of_another(&self) -> bool {
        matches!(self, Self::Refused(kube::Error::Api(status)) if status.code == 409 || status.code == 422)
    }
}

/// Writes children, for all Applications.
pub(super) struct Writer {
    client: Client,
    turns: Turns,
}

impl Writer {
    /// Others wait for what is not answered for so long.
    pub(super) const fn new(client: Client, patience: Duration) -> Self {
        Self { client, turns: Turns::new(CONCURRENCY, patience) }
    }

    /// Makes a child that nobody has heard of: returns it as it is then, or
    /// nothing where what stands there is going.
    pub(super) async fn create(&self, wanted: &Wanted) -> Result<Option<Child>, Failure> {
        match self.apply_new(wanted).await {
            Err(failure) if failure.is_of_another() => self.look_and_write(wanted, None, failure).await,
            answer => answer.map(Some),
        }
    }

    /// Makes a child that is known what it should be.
    pub(super) async fn update(&self, wanted: &Wanted, child: &Child) -> Result<Option<Child>, Failure> {
        match self.apply_over(wanted, child).await {
            Err(failure) if failure.is_of_another() => {
                self.look_and_write(wanted, Some(&child.uid), failure).await
            }
            answer => answer.map(Some),
        }
    }

    /// Takes this child away, and what it delivered, unless that is let go of.
    pub(super) async fn take_away(&self, child: &Child, lets_go: bool) -> Result<Option<Child>, Failure> {
        if lets_go && FluxKind::POLICIES.contains(&child.kind) {
            self.let_go(child).await
        } else {
            self.delete(child).await
        }
    }

    /// Deletes exactly this child, unless it goes already: returns how it stands
    /// there, if it still does.
    async fn delete(&self, child: &Child) -> Result<Option<Child>, Failure> {
        if child.kind == FluxKind::HelmRelease && child.facts.state.suspended {
            self.delete_chart(child).await?;
        }
        if child.facts.is_going {
            return Ok(None);
        }
        // Not one that was made under its name meanwhile.
        let preconditions =
            Preconditions { uid: Some(child.uid.as_ref().to_owned()), ..Preconditions::default() };
        let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let api = self.api(child.kind, &child.namespace);
        match self.turns.take(api.delete(&child.name, &parameters)).await {
            Ok(answer) => {
                tracing::info!(kind = child.kind.kind(), namespace = %child.namespace, name = %child.name, "deleted");
                Ok(answer.left().map(|object| Child::of(child.kind, &object)))
            }
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(None),
            Err(error) => Err(Failure::Refused(error)),
        }
    }

    /// Deletes exactly this child and leaves what it delivered: Flux takes nothing
    /// away for what is suspended, also where it has begun to. Nothing is deleted
    /// that the API server does not say to be suspended.
    async fn let_go(&self, child: &Child) -> Result<Option<Child>, Failure> {
        let Some(suspended) = self.suspend(child).await? else { return Ok(None) };
        if !suspended.facts.state.suspended {
            return Err(Failure::Unsuspended);
        }
        let Child { kind, namespace, name, .. } = child;
        tracing::info!(kind = kind.kind(), %namespace, %name, "suspended: what it delivered stays");
        let left = self.delete(&suspended).await?;
        Ok(left.or(Some(suspended)))
    }

    /// Suspends exactly this child, whatever the watches say of it: returns it as
    /// it is then, or nothing where it is gone.
    async fn suspend(&self, child: &Child) -> Result<Option<Child>, Failure> {
        let patch = json!({"metadata": {"uid": child.uid}, "spec": {"suspend": true}});
        let parameters =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let api = self.api(child.kind, &child.namespace);
        let suspended = self.turns.take(api.patch(&child.name, &parameters, &Patch::Merge(&patch))).await;
        match suspended.map_err(Failure::Refused) {
            Ok(object) => Ok(Some(Child::of(child.kind, &object))),
            Err(failure) if failure.is_of_none() => Ok(None),
            Err(failure) if failure.is_of_another() => {
                let found = api.get_metadata_opt(&child.name).await.map_err(Failure::Refused)?;
                let is_there = found.is_some_and(|found| found.uid().as_deref() == Some(&child.uid));
                if is_there { Err(failure) } else { Ok(None) }
            }
            Err(failure) => Err(failure),
        }
    }

    /// Writes over what the API server has under the name, if that is ours. If
    /// it is what was meant in the first place, the write was refused for itself.
    async fn look_and_write(
        &self,
        wanted: &Wanted,
        meant: Option<&str>,
        refused: Failure,
    ) -> Result<Option<Child>, Failure> {
        let found = self.api(wanted.kind, &wanted.namespace).get_opt(&wanted.name).await;
        let Some(object) = found.map_err(Failure::Refused)? else {
            return self.apply_new(wanted).await.map(Some);
        };
        let child = Child::of(wanted.kind, &object);
        let owner = wanted.object.metadata.owner_references.iter().flatten().next();
        if !child.is_owned_by(owner.map(|owner| owner.uid.as_str())) {
            Err(Failure::Foreign)
        } else if meant == Some(&*child.uid) {
            Err(refused)
        } else if child.facts.is_going {
            Ok(None)
        } else if child.has(&wanted.object, &wanted.digest) {
            // Written before, but nobody heard the answer.
            Ok(Some(child))
        } else {
            self.apply_over(wanted, &child).await.map(Some)
        }
    }

    /// Applies what is new: refused where anything stands there.
    async fn apply_new(&self, wanted: &Wanted) -> Result<Child, Failure> {
        let mut object = wanted.object.clone();
        object.metadata.resource_version = Some(NONE_HAS.to_owned());
        self.apply(wanted, &object, false).await
    }

    /// Applies over that very object: refused where another one, or none, stands there.
    async fn apply_over(&self, wanted: &Wanted, child: &Child) -> Result<Child, Failure> {
        if child.facts.is_kurators {
            self.adopt(child).await?;
        }
        let mut object = wanted.object.clone();
        object.metadata.uid = Some(child.uid.as_ref().to_owned());
        self.apply(wanted, &object, true).await
    }

    /// Makes the fields ours that Kurator's client wrote. Flux may write the
    /// object at the same time: then it is looked at again.
    async fn adopt(&self, child: &Child) -> Result<(), Failure> {
        let api = self.api(child.kind, &child.namespace);
        let mut looks = 0;
        loop {
            let found = api.get_metadata_opt(&child.name).await.map_err(Failure::Refused)?;
            let found = found.filter(|found| found.uid().as_deref() == Some(&child.uid));
            let fields = found.as_ref().map(ResourceExt::managed_fields).unwrap_or_default();
            // If it is gone, or is another one by now, the apply finds that out.
            let Some(fields) = adopted(fields, &child.kind.api_version()) else { return Ok(()) };
            let version = found.and_then(|found| found.resource_version());
            let patch = json!({"metadata": {"resourceVersion": version, "managedFields": fields}});
            let (parameters, patch) = (PatchParams::default(), Patch::Merge(patch));
            match self.turns.take(api.patch_metadata(&child.name, &parameters, &patch)).await {
                Ok(_) => {
                    tracing::info!(kind = child.kind.kind(), namespace = %child.namespace, name = %child.name, "taken over from Kurator");
                    return Ok(());
                }
                Err(kube::Error::Api(status)) if status.is_conflict() && looks < MOST_LOOKS => looks += 1,
                Err(error) => return Err(Failure::Refused(error)),
            }
        }
    }

    async fn apply(&self, wanted: &Wanted, object: &DynamicObject, force: bool) -> Result<Child, Failure> {
        let api = self.api(wanted.kind, &wanted.namespace);
        let answer = self.turns.take(apply(api, (&wanted.name, Part::Object), object, force)).await;
        let object = answer.map_err(Failure::Refused)?;
        tracing::info!(
            kind = wanted.kind.kind(),
            namespace = wanted.namespace,
            name = wanted.name,
            "applied"
        );
        Ok(Child::of(wanted.kind, &object).answered(&wanted.digest))
    }

    fn api(&self, kind: FluxKind, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &kind.resource())
    }
}

#[cfg(test)]
mod tests;
