//! Simulators and a learner, as processes of their own, learn to balance a pole through shared memory.
//!
//! `main.rs` starts them all; `bin/` has the same roles, to be started by hand. Begin to read at
//! `segments.rs`, which says what the processes share, then `simulator.rs` and `learner.rs`.

pub mod adam;
pub mod crew;
pub mod curve;
pub mod double_dqn;
pub mod environment;
pub mod learner;
pub mod network;
pub mod saved;
pub mod score;
pub mod segments;
pub mod settings;
pub mod simulator;
