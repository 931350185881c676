//! The webhook's certificate: made, agreed on, trusted, rotated, and whatever may happen to it.

mod clock;
mod entries;
mod folder;
mod made;
mod rotation;
pub(crate) mod stage;
mod trouble;
pub(crate) mod webhook;
