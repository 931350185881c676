//! A real Kubernetes fleet on one machine, without containers: control planes, Flux, a git repository
//! and Fleetgate, all on loopback, started in seconds and gone without a trace.
//!
//! ```text
//! tools ── builds ──► etcd, kube-apiserver …, kwok, kustomize-controller, helm-controller
//!                          │ process (starts, stops)
//!                          ▼
//!            plane: host ◄──────────── flux: kustomize-controller ──► plane: kurator-member1
//!              ▲    ▲    ▲                   helm-controller      └─► plane: kurator-member2
//!              │    │    │                     ▲
//!   manifests ─┘    │    └─ source stand-in ───┘ (archives over HTTP)
//!    (CRDs, RBAC,   │             ▲
//!     webhooks)     fleetgate     repository (git)
//! ```
//!
//! Invariant: nothing leaves the machine but Go module downloads while building, everything listens
//! on 127.0.0.1, and no process outlives the sandbox. `cargo sandbox` runs it for a person, the tests
//! of the workspace start it once per test binary.

mod balancer;
mod certificates;
#[cfg(feature = "collector")]
pub mod collector;
mod files;
mod fleetgate;
mod flux;
mod git;
mod helm;
mod kubeconfig;
mod kubectl;
mod manifests;
mod members;
mod plane;
mod ports;
mod process;
mod progress;
mod proxy;
pub mod refusals;
mod repository;
mod sandbox;
mod source;
pub mod tools;
pub mod wait;
mod workdir;

pub use balancer::Balancer;
pub use fleetgate::PAST_THE_GATE;
pub use helm::Helm;
pub use kubectl::{Answer, Kubectl};
pub use progress::Progress;
pub use proxy::{Action, Asked, Proxy, Rule, Verb};
pub use repository::GitRepositories;
pub use sandbox::{Options, Sandbox, Scope};
pub use workdir::base;
