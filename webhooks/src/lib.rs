//! Admission: defaults, rules, the review, and the AdmissionReview protocol.
//!
//! ```text
//! AdmissionReview ─▶ review ─▶ judge ─▶ JSON patch + findings ─▶ AdmissionReview
//!                       ▲         ▲
//!                    Catalog   a file's object (`fleetgate check`), a stored one (the controllers)
//! ```
//!
//! **Invariant**: this crate reads the Catalog and never the API server. There
//! is no tokio, hyper or kube client in its tree; whoever listens hands it bytes.

mod address;
pub mod credentials;
pub mod defaults;
pub mod deletion;
pub mod field_path;
pub mod finding;
pub mod judge;
pub mod line;
pub mod names;
pub mod normalise;
mod ratchet;
pub mod redact;
pub mod rejudged;
pub mod review;
pub mod router;
pub mod rules;
pub mod schema;
#[cfg(test)]
mod test_fixtures;
mod typed;
mod uid;
pub mod unknown;

pub use field_path::FieldPath;
pub use finding::{Finding, Severity};
pub use judge::{Verdict, judge, judge_asked};
pub use review::{Endpoint, review};
pub use schema::Kind;
