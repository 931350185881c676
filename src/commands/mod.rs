//! The commands of whoever sits at a terminal.
//!
//! ```text
//! command line ─▶ completion, man
//! flags ─▶ connect ─▶ stored ─▶ status
//!                ├──▶ check, plan ─▶ diff
//!                └──▶ cluster ─▶ Secret, AttachedCluster, Fleet
//! ```
//!
//! **Invariant**: they read. Only `cluster` writes, and what it is asked to.

mod age;
pub(crate) mod cluster;
pub(crate) mod completion;
pub(crate) mod connect;
pub(crate) mod diff;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod golden;
pub(crate) mod man;
mod paint;
pub(crate) mod program;
pub(crate) mod status;
mod warnings;
