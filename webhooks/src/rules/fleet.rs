//! Rules about Fleets: which clusters belong to one, what is installed in them,
//! what an update takes away, and whether it may be deleted.

pub mod clusters;
pub mod in_use;
pub mod plugin;
pub mod removal;
