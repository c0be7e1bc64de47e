//! The pool in one process, as its users see it: against models, with bad input, by hand-worked numbers,
//! from many threads, larger than the caches, saved and loaded, and with its allocations counted.

mod allocations;
mod dynamic;
mod episodes;
mod errors;
mod large;
mod limits;
mod messages;
mod model;
mod policies;
mod removers;
mod rewriting;
mod samplers;
mod saved_episodes;
mod saving;
mod snapshot;
mod threads;
mod used_up;
mod views;
mod weights;
mod windows;
