//! The webhook's serving certificate.
//!
//! ```text
//! Secret, webhook configurations ──watch──▶ View ──step──▶ Action ──▶ Secret (by resourceVersion)
//!                                            │  └─lacking─▶ caBundle of our webhooks
//!                                            ▼
//! --cert-dir ──read again by content──▶ Serving ──▶ rustls: every new connection
//! ```
//!
//! An authority signs one certificate, and its key is thrown away: who reads the Secret can serve, and
//! cannot issue. A rotation has two steps, so that no API server ever meets a certificate that it does
//! not trust yet: first the next authority joins the bundle; then, once every configuration has it and
//! a settling time has passed, its certificate is served. An authority stays in the bundle until the
//! certificate that it signed has expired: by then no replica can serve it.
//!
//! **Invariant**: what a folder holds is read, and nothing else. What is in the cluster is decided by
//! pure functions of what the watches told, the API server's clock, and a clock that nobody sets; nothing
//! here knows what the certificate is for.

#![forbid(unsafe_code)]

mod bundle;
mod certificate;
mod clock;
mod cluster;
mod complaints;
mod configuration;
mod folder;
mod issue;
mod keeper;
mod leaps;
mod rests;
mod serving;
mod step;
mod stored;
mod timing;
mod view;

pub use self::certificate::Fault;
pub use self::cluster::Place;
pub use self::folder::{FolderError, in_folder};
pub use self::keeper::in_cluster;
pub use self::serving::{Lack, Serving};
pub use self::timing::{Timing, TimingError};
