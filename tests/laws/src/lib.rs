//! What holds of every answer, whatever was asked.
//!
//! ```text
//! tests/cases, examples ─▶ seeds ─┬─▶ laws ─▶ nothing, or a panic that says which law is broken
//! fuzz/regressions ───────────────┤
//! libFuzzer's mutations ──────────┘
//! ```
//!
//! **Invariant**: a law knows no rule. It says what a caller may rely on for
//! any input at all, so that a machine can look for one that breaks it
//! (`fuzz/run`), and every input that ever did is tried again by `cargo test`.

#![forbid(unsafe_code)]
#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a law that does not hold is told by a panic, to tests and to libFuzzer alike"
)]

mod cases;
mod check;
mod kubeconfig;
pub mod mutation;
pub mod request;
mod review;
pub mod seeds;
mod update;

pub use self::cases::{catalog, objects};
pub use self::check::check;
pub use self::kubeconfig::kubeconfig;
pub use self::review::review;
pub use self::update::update;

/// A law, by the name of what it is about.
pub type Law = (&'static str, fn(&[u8]));

/// Every law; `fuzz/fuzz_targets/` has one target for each.
pub const LAWS: [Law; 4] =
    [("check", check), ("kubeconfig", kubeconfig), ("patch", update), ("review", review)];
