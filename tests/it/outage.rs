//! Webhooks and API servers come and go while Applications are created.

mod api_server;
mod conversion;
mod replicas;
mod vanished;

/// Creates a second.
const PER_SECOND: u32 = 200;
