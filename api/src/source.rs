//! The kinds of source that an Application may have, each with the fields of its Flux object.
//!
//! Invariant: a kind holds the union of what Kurator's API and Flux's current API have, under the
//! looser constraint of the two, and leaves out what Fleetgate fills in itself.

mod bucket;
mod git;
mod helm_repository;
mod oci;

pub use self::bucket::{Bucket, BucketSts};
pub use self::git::{GitInclude, GitReference, GitRepository, GitVerification};
pub use self::helm_repository::HelmRepository;
pub use self::oci::{LayerSelector, OciReference, OciRepository, OciVerification, OidcIdentity};
