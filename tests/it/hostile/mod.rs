//! What an enemy sends, over TLS, to a webhook of the test's own: each gets an
//! answer or a closed connection, memory stays bounded, and the next good
//! request is served within a second.

mod bodies;
mod connections;
mod crowds;
mod floods;
mod request;
mod stopping;
mod streams;
mod watch;
mod webhook;
