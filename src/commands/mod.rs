//! The commands of whoever sits at a terminal.
//!
//! ```text
//! command line ─▶ completion, man
//! flags ─▶ connect ─▶ stored ─▶ status
//! ```
//!
//! **Invariant**: they read. Nothing here writes to a cluster.

mod age;
pub(crate) mod completion;
pub(crate) mod connect;
#[cfg(test)]
mod golden;
pub(crate) mod man;
pub(crate) mod program;
pub(crate) mod status;
pub(crate) mod stored;
