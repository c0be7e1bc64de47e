//! Forks in the middle of a call: of what the caller gives to it, one function forks once, and both processes come back
//! from the call.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;

use millpond::{Error, Result};
use nix::libc;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// A forked child that runs for so many seconds hangs, and is ended.
const HANG: u32 = 20;

/// Whether the next call of `fork_once` forks, and the child that it has forked.
static ARMED: AtomicBool = AtomicBool::new(false);
static CHILD: AtomicI32 = AtomicI32::new(0);

/// Forks; gives the child, or `None` in it.
pub fn fork_here() -> Option<Pid> {
    // SAFETY: the other threads of a trial hold no lock that the child needs, or the trial is about just that.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => Some(child),
        ForkResult::Child => {
            // SAFETY: sets a timer that ends this child where it hangs.
            unsafe { libc::alarm(HANG) };
            None
        }
    }
}

/// Ends this process, with nothing of its parent's run or flushed twice.
pub fn end(status: i32) -> ! {
    // SAFETY: takes a number and does not return.
    unsafe { libc::_exit(status) }
}

/// Forks, the first time in `with_a_child`. Says whether this is the child.
pub fn fork_once() -> bool {
    if !ARMED.swap(false, Ordering::Relaxed) {
        return false;
    }
    let child = fork_here();
    CHILD.store(child.map_or(0, Pid::as_raw), Ordering::Relaxed);
    child.is_none()
}

/// Runs `act`, in which something calls `fork_once`. In the child `check` looks at what it gives, or panics with, and
/// the child ends. Gives what it gives in the parent, after the child has ended well.
#[track_caller]
pub fn with_a_child<R>(act: impl FnOnce() -> R, check: impl FnOnce(thread::Result<R>)) -> R {
    let parent = process::id();
    ARMED.store(true, Ordering::Relaxed);
    let given = catch_unwind(AssertUnwindSafe(act));
    if process::id() != parent {
        let failed = catch_unwind(AssertUnwindSafe(|| check(given))).is_err();
        end(failed.into());
    }
    assert!(!ARMED.load(Ordering::Relaxed), "nothing forked");
    let child = Pid::from_raw(CHILD.load(Ordering::Relaxed));
    assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
    given.expect("the parent goes on")
}

/// Checks that the child gets [`Error::Forked`].
pub fn is_forked<R>(given: thread::Result<Result<R>>) {
    match given.expect("no panic in the child") {
        Err(Error::Forked { .. }) => {}
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("no error"),
    }
}

/// Checks that the child gets an error that says what to do.
pub fn is_refused<R>(given: thread::Result<Result<R>>) {
    match given.expect("no panic in the child") {
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains("fork") && text.contains("anew"), "{text}");
        }
        Ok(_) => panic!("no error"),
    }
}

/// Checks that what the child gets is the panic of a callback.
pub fn is_panic<R>(given: thread::Result<R>) {
    assert!(given.is_err(), "no panic");
}
