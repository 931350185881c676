//! The webhook's certificate: made, agreed on, trusted, rotated, and whatever may happen to it.

mod clock;
mod folder;
mod made;
mod rotation;
mod stage;
mod trouble;
mod webhook;
