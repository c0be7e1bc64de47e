//! The text of a task's panic.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};

thread_local! {
    /// `true` while this thread runs a task whose panic is caught.
    static CATCHES: Cell<bool> = const { Cell::new(false) };
    /// The text of the panic, and its place in the source.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs a task.
///
/// # Errors
/// The text of the panic, if it panics. In a worker's process the text says also where.
pub(super) fn catch<R>(run: impl FnOnce() -> R) -> Result<R, String> {
    CATCHES.set(true);
    let ended = panic::catch_unwind(AssertUnwindSafe(run));
    CATCHES.set(false);
    ended.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let kept = PANIC.take().or(text);
        kept.unwrap_or_else(|| "something that is no text".into())
    })
}

/// Installs a hook that keeps the panic of a task for [`catch`], and does not print it.
pub(super) fn keep_panics() {
    if cfg!(panic = "abort") {
        return; // no panic is ever caught
    }
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !CATCHES.get() {
            return usual(panic);
        }
        let text = panic
            .payload_as_str()
            .unwrap_or("something that is no text");
        let place = panic.location().map(|place| format!(", at {place}"));
        PANIC.set(Some(format!("{text}{}", place.unwrap_or_default())));
    }));
}
