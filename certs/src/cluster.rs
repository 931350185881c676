//! The API server: what is watched there, and what is written.

use std::time::Duration;

use futures::future::join_all;
use futures::stream::{BoxStream, SelectAll, StreamExt};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, ObjectMeta, Patch, PatchParams, PostParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watch_object};
use kube::{Api, Client, ResourceExt};
use tokio::time::timeout;

use crate::bundle::Bundle;
use crate::clock::Clock;
use crate::configuration::Configuration;
use crate::stored::Stored;
use crate::view::{FORMAT, Found, Kind, LABEL, OUR_FORMAT};

/// The field manager of the bundles.
const MANAGER: &str = "fleetgate-certificates";

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The namespace of the Secret.
    pub namespace: String,
    /// The name of the Secret.
    pub secret: String,
    /// The name of both webhook configurations.
    pub configuration: String,
    /// The Service, in the same namespace: the bundle of every webhook in them that is asked there is kept.
    pub service: String,
    /// The DNS names that the certificate is for.
    pub names: Vec<String>,
}

/// Why something was not written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The API server says why, or cannot be reached.
    #[error("{}", in_words(.0))]
    Refused(#[from] kube::Error),
    /// It says nothing.
    #[error("the API server has not answered for {} s", PATIENCE.as_secs())]
    Silence,
}

impl Trouble {
    /// Someone else wrote it between our look and our write: the watch tells.
    pub(crate) fn is_overtaken(&self) -> bool {
        matches!(self, Self::Refused(kube::Error::Api(status)) if status.code == 409)
    }

    /// What was to be changed is not there any more: the watch tells. (To make something this says that its
    /// namespace is not there.)
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Refused(kube::Error::Api(status)) if status.code == 404)
    }
}

/// What a watch tells, or the answer to what was written.
pub(crate) enum Event {
    Secret(Option<Secret>),
    Configuration(Kind, Option<DynamicObject>),
}

/// All that watches tell, over and over again.
pub(crate) type Events = SelectAll<BoxStream<'static, Result<Event, watcher::Error>>>;

/// The API server.
pub(crate) struct Cluster {
    client: Client,
    place: Place,
    clock: Clock,
}

impl Cluster {
    pub(crate) fn new(client: Client, place: Place) -> Self {
        let clock = Clock::default();
        Self { client: clock.listen(client), place, clock }
    }

    /// What time it is there.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Watches the Secret and both configurations, each by its name.
    pub(crate) fn events(&self) -> Events {
        let secret = watch_object(self.secrets(), &self.place.secret).default_backoff();
        let mut events = SelectAll::new();
        events.push(secret.map(|event| event.map(Event::Secret)).boxed());
        for kind in Kind::ALL {
            let watched =
                watch_object(self.configurations(kind), &self.place.configuration).default_backoff();
            events.push(watched.map(move |event| event.map(|it| Event::Configuration(kind, it))).boxed());
        }
        events
    }

    /// All that watches tell of as it is now, whatever they have told. What cannot be read takes nothing from the
    /// rest.
    pub(crate) async fn look(&self) -> [Result<Event, Trouble>; 3] {
        let configuration = async |kind| {
            let object = answered(self.configurations(kind).get_opt(&self.place.configuration)).await?;
            Ok(Event::Configuration(kind, object))
        };
        let secret = async { Ok(Event::Secret(self.secret().await?)) };
        let (mutating, validating) = (configuration(Kind::Mutating), configuration(Kind::Validating));
        tokio::join!(mutating, validating, secret).into()
    }

    async fn secret(&self) -> Result<Option<Secret>, Trouble> {
        answered(self.secrets().get_opt(&self.place.secret)).await
    }

    /// Writes the Secret: in the place of nothing, or of exactly what was found there. What else is in it stays.
    /// Says what it is then.
    pub(crate) async fn write(&self, found: &Found, stored: &Stored) -> Result<Event, Trouble> {
        let (secrets, parameters) = (self.secrets(), PostParams::default());
        let (mut there, is_new) = match found {
            Found::Faulty(there, _) | Found::Stored(there, _) => (there.clone(), false),
            Found::Nothing | Found::Foreign | Found::Later(_) => (self.empty(), true),
        };
        there.annotations_mut().insert(FORMAT.to_owned(), OUR_FORMAT.to_string());
        let mut data = there.data.unwrap_or_default();
        data.extend(stored.data());
        let secret = Secret { data: Some(data), ..there };
        let written = if is_new {
            answered(secrets.create(&parameters, &secret)).await?
        } else {
            answered(secrets.replace(&self.place.secret, &parameters, &secret)).await?
        };
        Ok(Event::Secret(Some(written)))
    }

    /// Has configurations trust what the Secret holds now; says what each is then that had to be written. They
    /// were read before the Secret, and are written only if they are still the same: so no replica that has heard
    /// late puts back what another has replaced.
    pub(crate) async fn inject(
        &self,
        lacking: Vec<(Kind, Configuration)>,
    ) -> Result<Vec<(Kind, Result<Event, Trouble>)>, Trouble> {
        let found = Found::read(self.secret().await?);
        let Some(stored) = found.stored() else { return Ok(Vec::new()) };
        let lacking = lacking.into_iter().filter(|(_, configuration)| !configuration.has(&stored.bundle));
        let write =
            async |(kind, configuration)| (kind, self.tell(kind, &configuration, &stored.bundle).await);
        Ok(join_all(lacking.map(write)).await)
    }

    async fn tell(
        &self,
        kind: Kind,
        configuration: &Configuration,
        bundle: &Bundle,
    ) -> Result<Event, Trouble> {
        let patch = Patch::Strategic(configuration.patch(bundle));
        let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let name = &self.place.configuration;
        let object = answered(self.configurations(kind).patch(name, &parameters, &patch)).await?;
        Ok(Event::Configuration(kind, Some(object)))
    }

    fn empty(&self) -> Secret {
        let (label, value) = LABEL;
        Secret {
            metadata: ObjectMeta {
                name: Some(self.place.secret.clone()),
                namespace: Some(self.place.namespace.clone()),
                labels: Some([(label.to_owned(), value.to_owned())].into()),
                ..ObjectMeta::default()
            },
            type_: Some("kubernetes.io/tls".to_owned()),
            ..Secret::default()
        }
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.place.namespace)
    }

    fn configurations(&self, kind: Kind) -> Api<DynamicObject> {
        Api::all_with(self.client.clone(), &kind.resource())
    }
}

impl Kind {
    fn resource(self) -> ApiResource {
        match self {
            Self::Mutating => ApiResource::erase::<MutatingWebhookConfiguration>(&()),
            Self::Validating => ApiResource::erase::<ValidatingWebhookConfiguration>(&()),
        }
    }

    /// Its name, for whoever reads a log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Mutating => "MutatingWebhookConfiguration",
            Self::Validating => "ValidatingWebhookConfiguration",
        }
    }
}

async fn answered<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, Trouble> {
    timeout(PATIENCE, request).await.map_err(|_| Trouble::Silence)?.map_err(Trouble::from)
}

fn in_words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        error => error.to_string(),
    }
}
