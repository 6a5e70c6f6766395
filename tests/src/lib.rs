//! Placeholder.

pub mod fixtures;
pub mod frames;
