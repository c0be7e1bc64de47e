//! Worker processes: a worker is this program again, which becomes one at the head of `main`, before it looks for
//! a role.

#[cfg(unix)]
mod children;
mod ends;
#[cfg(unix)]
mod forking;
mod limits;
mod living;
mod many;
mod once;
mod shared;
mod started;

use std::env;
use std::process::exit;

use millpond::Workers;

#[cfg(unix)]
pub use children::PART as CHILDREN;
pub use ends::PART as ENDS;
#[cfg(unix)]
pub use forking::PART as FORKING;
pub use limits::PART as LIMITS;
pub use many::PART as MANY;
pub use once::PART as ONCE;
pub use shared::PART as SHARED;
pub use started::PART as STARTED;

/// What is wrong with this program's `main`, for the trials of that; every worker inherits it.
const MAIN: &str = "MILLPOND_TEST_MAIN";
/// It says nothing of tasks.
const WITHOUT_BEGIN: &str = "without begin";
/// It ends before it says anything of tasks, where this is a worker.
const ENDS_EARLY: &str = "ends early";
/// It says something else of tasks, where this is a worker.
const OTHER_TASKS: &str = "other tasks";

/// Becomes a worker where this process was started as one.
pub fn begin() {
    let tasks = [
        once::TASKS,
        limits::TASKS,
        ends::TASKS,
        shared::TASKS,
        many::TASKS,
        started::TASKS,
        #[cfg(unix)]
        children::TASKS,
        #[cfg(unix)]
        forking::TASKS,
    ]
    .concat();
    let is_worker = env::args()
        .nth(1)
        .is_some_and(|word| word == "millpond-worker");
    match env::var(MAIN) {
        Ok(wrong) if wrong == WITHOUT_BEGIN => {}
        Ok(wrong) if wrong == ENDS_EARLY && is_worker => exit(7),
        Ok(wrong) if wrong == OTHER_TASKS && is_worker => Workers::begin(many::TASKS),
        _ => Workers::begin(&tasks),
    }
}

/// Runs tasks in the thread that asks for them.
#[cfg(unix)]
pub fn use_in_this_thread() {
    let options = millpond::WorkersOptions::new(1).start(millpond::workers::Start::Inline);
    forking::number_some(&Workers::start(options).expect("a worker in this thread"));
}
