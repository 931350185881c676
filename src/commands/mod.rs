//! The commands of whoever sits at a terminal.
//!
//! ```text
//! command line ─▶ completion, man
//! ```
//!
//! **Invariant**: they read. Nothing here writes to a cluster.

pub(crate) mod completion;
pub(crate) mod man;
pub(crate) mod program;
