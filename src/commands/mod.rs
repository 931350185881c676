//! The commands of whoever sits at a terminal.
//!
//! ```text
//! command line ─▶ completion, man
//! flags ─▶ connect ─▶ stored ─▶ status
//!                └──▶ check, plan ─▶ diff
//! ```
//!
//! **Invariant**: they read. Nothing here writes to a cluster.

mod age;
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
pub(crate) mod stored;
