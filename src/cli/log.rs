//! The flags of every command: how it logs.

use clap::{Args, ValueEnum};

/// How much is logged, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logs")]
pub(crate) struct LogOptions {
    /// What is logged: a level, or directives such as `info,kube=debug`.
    #[arg(long, global = true, env = "FLEETGATE_LOG", default_value = "info", value_name = "FILTER")]
    pub(crate) log_level: String,
    /// The form of a log line.
    #[arg(long, global = true, env = "FLEETGATE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For machines, one object per line.
    Json,
}
