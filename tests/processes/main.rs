//! Millpond across real processes, many of which end without warning.
//!
//! Every trial is a process of its own with a segment directory of its own, and starts further
//! processes in their roles; all of them are this program (`stage.rs` says how). The usual arguments
//! of `cargo test` work, and `cargo nextest` too. What the trials measured is printed at the end.

mod array_model;
mod arrays;
#[cfg(target_os = "linux")]
mod attaching;
mod board;
mod child;
mod cleaning;
#[cfg(target_os = "linux")]
mod clocks;
#[cfg(target_os = "linux")]
mod containers;
mod counts;
mod creation;
mod damage;
mod damaged_board;
mod dict;
mod dict_damage;
mod dict_owners;
mod dynamic_arrays;
mod dynamic_atomics;
mod dynamic_board;
mod dynamic_dict;
mod dynamic_lookup;
mod dynamic_pool;
mod dynamic_values;
#[cfg(unix)]
mod entries;
mod experience;
mod family;
#[cfg(unix)]
mod fork;
#[cfg(unix)]
mod forked_callbacks;
#[cfg(unix)]
mod forked_descriptors;
#[cfg(unix)]
mod forked_dynamic;
#[cfg(unix)]
mod forked_siblings;
#[cfg(unix)]
mod forked_threads;
#[cfg(unix)]
mod forking;
mod frequencies;
#[cfg(target_os = "linux")]
mod full;
#[cfg(target_os = "linux")]
mod group;
mod guest;
mod kills;
mod leases;
mod lifetime;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(unix)]
mod locked;
#[cfg(unix)]
mod masks;
mod mismatch;
mod names;
#[cfg(target_os = "linux")]
mod namespaces;
#[cfg(target_os = "linux")]
mod no_size;
mod observing;
mod orders;
#[cfg(target_os = "linux")]
mod overlay;
mod pages;
#[cfg(unix)]
mod permission;
mod queue;
mod snapshots;
mod stage;
#[cfg(unix)]
mod stopped;
#[cfg(unix)]
mod targets;
mod used_up;
mod volumes;
mod waiting;
mod whole;
mod windows;
#[cfg(feature = "workers")]
mod workers;

use std::process::ExitCode;

const PARTS: &[stage::Part] = &[
    guest::PART,
    whole::PART,
    kills::PART,
    leases::PART,
    windows::PART,
    frequencies::PART,
    board::PART,
    family::PART,
    arrays::PART,
    array_model::PART,
    observing::PART,
    volumes::PART,
    counts::PART,
    creation::PART,
    lifetime::PART,
    names::PART,
    queue::PART,
    used_up::PART,
    cleaning::PART,
    waiting::PART,
    snapshots::PART,
    damage::PART,
    damaged_board::PART,
    dict::PART,
    dict_damage::PART,
    dict_owners::PART,
    dynamic_arrays::PART,
    dynamic_atomics::PART,
    dynamic_board::PART,
    dynamic_dict::PART,
    dynamic_lookup::PART,
    dynamic_pool::PART,
    #[cfg(unix)]
    entries::PART,
    dynamic_values::PART,
    mismatch::PART,
    pages::PART,
    #[cfg(unix)]
    fork::PART,
    #[cfg(unix)]
    forked_callbacks::PART,
    #[cfg(unix)]
    forked_descriptors::PART,
    #[cfg(unix)]
    forked_dynamic::PART,
    #[cfg(unix)]
    forked_siblings::PART,
    #[cfg(unix)]
    forked_threads::PART,
    #[cfg(unix)]
    stopped::PART,
    #[cfg(unix)]
    locked::PART,
    #[cfg(unix)]
    masks::PART,
    #[cfg(target_os = "linux")]
    limits::PART,
    #[cfg(unix)]
    permission::OWN,
    #[cfg(unix)]
    permission::STRANGERS,
    #[cfg(unix)]
    targets::OWN,
    #[cfg(unix)]
    targets::ROOT,
    #[cfg(target_os = "linux")]
    overlay::PART,
    #[cfg(target_os = "linux")]
    group::PART,
    #[cfg(target_os = "linux")]
    full::PART,
    #[cfg(target_os = "linux")]
    no_size::PART,
    #[cfg(target_os = "linux")]
    containers::PART,
    #[cfg(target_os = "linux")]
    clocks::PART,
    #[cfg(target_os = "linux")]
    attaching::PART,
    #[cfg(feature = "workers")]
    workers::ONCE,
    #[cfg(feature = "workers")]
    workers::LIMITS,
    #[cfg(feature = "workers")]
    workers::ENDS,
    #[cfg(feature = "workers")]
    workers::SHARED,
    #[cfg(feature = "workers")]
    workers::MANY,
    #[cfg(feature = "workers")]
    workers::STARTED,
    #[cfg(all(unix, feature = "workers"))]
    workers::CHILDREN,
    #[cfg(all(unix, feature = "workers"))]
    workers::FORKING,
];

fn main() -> ExitCode {
    #[cfg(feature = "workers")]
    workers::begin();
    match std::env::var(stage::ROLE) {
        Ok(name) => stage::play(PARTS, &name),
        Err(_) => stage::direct(PARTS),
    }
}
