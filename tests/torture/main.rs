//! Processes that die: at every fail point, and at random instants, by the thousand.
//!
//! After each death the survivors' next operations are timed, and what the segments hold is compared
//! with what was promised. `cargo test` runs this for some seconds; `ci/torture SECONDS` for as long
//! as one likes, which ends with one line: kills, recoveries, the longest pause of a survivor,
//! violations. The fail points need the feature `failpoints`; without it there are random kills only.

mod all_points;
mod arrays;
mod contest;
mod crew;
mod dict;
#[path = "../processes/experience.rs"]
#[expect(dead_code, reason = "the other test program checks batches by columns")]
mod experience;
mod footprint;
mod keeper;
mod ledger;
mod long;
#[path = "../processes/orders.rs"]
#[expect(
    dead_code,
    reason = "workers here are never told to do anything in words"
)]
mod orders;
mod pauses;
mod points;
mod pulse;
mod score;
#[path = "../processes/stage.rs"]
mod stage;
mod storm;
mod victim;
mod volumes;
mod worker;
#[cfg(feature = "workers")]
mod workers;

use std::process::ExitCode;

const PARTS: &[stage::Part] = &[points::PART, storm::PART, long::PART];

fn main() -> ExitCode {
    #[cfg(feature = "workers")]
    workers::begin();
    match (std::env::var(stage::ROLE), std::env::var(long::SECONDS)) {
        (Ok(name), _) => stage::play(PARTS, &name),
        (Err(_), Ok(_)) => long::direct(),
        (Err(_), Err(_)) => stage::direct(PARTS),
    }
}
