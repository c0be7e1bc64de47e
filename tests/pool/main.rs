//! The pool in one process, as its users see it: against a model, with bad input, by hand-worked
//! numbers, from many threads, and with its allocations counted.

mod allocations;
mod errors;
mod model;
mod threads;
mod weights;
