//! Deaths: a fail point of a file that ships is an instant at which a thread of a model can be told to die.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use loom::thread::{self, ThreadId};

/// The step of a thread that does not die.
pub(crate) const NEVER: &str = "";

thread_local! {
    /// The threads that are to die, and where. All threads of a model are one thread of the system.
    static DEATHS: RefCell<Vec<(ThreadId, &'static str)>> = const { RefCell::new(Vec::new()) };
}

/// What unwinds a thread that dies.
struct Death;

/// Dies here, if the thread was told to.
pub(crate) fn fail_point(name: &'static str) {
    let dies = DEATHS.with_borrow(|deaths| {
        !deaths.is_empty() && deaths.contains(&(thread::current().id(), name))
    });
    if dies {
        resume_unwind(Box::new(Death));
    }
}

/// Runs `act` up to the fail point of this name. Returns nothing if the thread died there.
pub(crate) fn die_at<R>(name: &'static str, act: impl FnOnce() -> R) -> Option<R> {
    if name == NEVER {
        return Some(act());
    }
    let death = (thread::current().id(), name);
    DEATHS.with_borrow_mut(|deaths| deaths.push(death));
    let done = catch_unwind(AssertUnwindSafe(act));
    DEATHS.with_borrow_mut(|deaths| deaths.retain(|other| *other != death));
    done.map_err(|why: Box<dyn Any + Send>| {
        if !why.is::<Death>() {
            resume_unwind(why);
        }
    })
    .ok()
}
