//! Webhooks and API servers come and go while Applications are created.

mod api_server;
mod replicas;
