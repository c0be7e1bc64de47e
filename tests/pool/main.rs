//! The pool in one process, as its users see it: against a model, with bad input, by hand-worked
//! numbers, from many threads, larger than the caches, and with its allocations counted.

mod allocations;
mod errors;
mod large;
mod model;
mod threads;
mod weights;
