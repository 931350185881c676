//! The floor: a client that only applies objects which were rendered before.

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use fleetgate_api::{Application, FIELD_MANAGER};
use fleetgate_plan::{FluxKind, Plan};
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt};

use super::counts::Counts;
use super::{Size, fleet, present};

/// Writes that are under way at the same time.
pub(super) const CONCURRENCY: usize = 16;

/// Where the floor's objects are.
const NAMESPACE: &str = "floor";

/// Writes before it counts: connections open, and the API server's memory grows.
const WARM_UP: usize = 500;

/// A client with the controller's rights, and what it applies.
pub(super) struct Floor {
    admin: Client,
    client: Client,
    objects: Vec<(FluxKind, DynamicObject)>,
}

/// One run of the floor.
pub(super) struct Run {
    pub(super) took: Duration,
    /// CPU of the API server for each write, in milliseconds.
    pub(super) cpu_ms_each: f64,
}

impl Floor {
    /// Renders what `size` Applications become. Those exist, as the objects belong to them.
    pub(super) async fn prepare(admin: &Client, kubeconfig: &Path, size: Size) -> anyhow::Result<Self> {
        fleet::create_namespace(admin, NAMESPACE).await?;
        let catalog = fleet::catalog(NAMESPACE, size.clusters)?;
        let applications = create_applications(admin, NAMESPACE, 0..size.applications).await?;
        let plans: Vec<Plan> =
            applications.iter().map(|application| Plan::of(application, &catalog)).collect();
        let objects = plans.iter().flat_map(Plan::objects).collect();
        let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        let this = Self { admin: admin.clone(), client: Client::try_from(config)?, objects };
        this.apply(WARM_UP).await?;
        this.clear().await?;
        Ok(this)
    }

    /// Applies all of them.
    pub(super) async fn run(&self) -> anyhow::Result<Run> {
        let before = Counts::of(&self.admin).await?;
        let took = self.apply(self.objects.len()).await?;
        let counts = Counts::of(&self.admin).await?.since(&before);
        self.clear().await?;
        Ok(Run { took, cpu_ms_each: counts.cpu_ms_each(counts.writes().total()) })
    }

    /// How long it takes to apply so many objects that belong to nobody. They stay, so each round has its own.
    pub(super) async fn run_with(&self, count: usize, round: usize) -> anyhow::Result<Duration> {
        let policies = self.objects.iter().filter(|(kind, _)| FluxKind::POLICIES.contains(kind));
        let objects = policies.skip(round * count).take(count).map(|(kind, object)| {
            let mut object = object.clone();
            (object.metadata.owner_references, object.metadata.labels) = (None, None);
            (*kind, object)
        });
        self.apply_all(objects.collect()).await
    }

    async fn apply(&self, count: usize) -> anyhow::Result<Duration> {
        self.apply_all(self.objects.iter().take(count).cloned().collect()).await
    }

    async fn apply_all(&self, objects: Vec<(FluxKind, DynamicObject)>) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let applied = stream::iter(objects).map(|(kind, object)| async move {
            let api: Api<DynamicObject> =
                Api::namespaced_with(self.client.clone(), NAMESPACE, &kind.resource());
            let parameters = PatchParams::apply(FIELD_MANAGER).force();
            api.patch(&object.name_any(), &parameters, &Patch::Apply(&object)).await.map(drop)
        });
        applied.buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
        Ok(start.elapsed())
    }

    /// Takes all away again: nobody is to watch them later.
    async fn clear(&self) -> anyhow::Result<()> {
        for kind in [FluxKind::Kustomization, FluxKind::GitRepository] {
            let api: Api<DynamicObject> =
                Api::namespaced_with(self.admin.clone(), NAMESPACE, &kind.resource());
            api.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
            present::reached(&self.admin, NAMESPACE, &[(kind, 0)]).await?;
        }
        Ok(())
    }

    /// Takes the Applications away, before someone delivers them.
    pub(super) async fn end(&self) -> anyhow::Result<()> {
        let applications: Api<Application> = Api::namespaced(self.admin.clone(), NAMESPACE);
        applications.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
        Ok(())
    }
}

/// Creates Applications by their numbers.
pub(super) async fn create_applications(
    client: &Client,
    namespace: &str,
    numbers: Range<usize>,
) -> anyhow::Result<Vec<Application>> {
    let applications = numbers.map(|number| fleet::application(namespace, number));
    create(client, namespace, applications.collect::<anyhow::Result<_>>()?).await
}

/// Creates Applications, as many at a time as the floor writes.
pub(super) async fn create(
    client: &Client,
    namespace: &str,
    applications: Vec<Application>,
) -> anyhow::Result<Vec<Application>> {
    let api = &Api::<Application>::namespaced(client.clone(), namespace);
    let created = stream::iter(applications)
        .map(|application| async move { api.create(&PostParams::default(), &application).await });
    let created = created.buffer_unordered(CONCURRENCY).try_collect().await;
    created.context("an Application cannot be created")
}
