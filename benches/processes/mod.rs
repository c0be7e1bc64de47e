//! Processes that use one pool at the same time, and the times of their calls.

pub mod crew;
pub mod histogram;
pub mod worker;
