//! Where processes sleep on Windows until a word of shared memory changes.
//!
//! `WaitOnAddress` reaches one process only, so sleepers and wakers meet at a *door*: two named
//! semaphores. A segment has [`DOORS`] of them, and a word's cache line says which is its own.
//!
//! # The protocol
//! 1. A sleeper adds a ticket to `asleep`, looks at the word again, and then waits for `called`.
//! 2. A waker, whose caller has changed the word, takes one ticket, or all, and adds as many to
//!    `called`. Where there is no ticket it adds nothing, so no wake-up is left over for later.
//! 3. A sleeper that was not called takes a ticket back. If there is none, a waker has taken it, and
//!    the sleeper takes the call instead.
//!
//! *No process sleeps through a change.* The system changes a semaphore's count under a lock. If a
//! sleeper's step 1 comes before the waker's step 2 there, the waker finds the ticket. If it comes
//! after, the sleeper sees the changed word when it looks again.
//!
//! *What can go wrong costs time only.* A call goes to any process that waits at the door: the words of two
//! lines may share one, and a sleeper that has not reached its wait yet may lose its call to a newer
//! one. A process that dies leaves a ticket or a call too many, which wakes a sleeper needlessly
//! once, or takes a ticket or call with it. So a sleep is cut into slices, and between two the word is looked at.

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{WAIT_EVENT, WAIT_OBJECT_0, WAIT_TIMEOUT};
use windows_sys::Win32::System::Threading::{
    CreateSemaphoreW, ReleaseSemaphore, WaitForSingleObject,
};

use crate::os::cpu::CACHE_LINE;

/// Views begin at a multiple of 64 KiB in every process ("Creating a View Within a File"), so with
/// this many lines a word has the same door in all of them.
const DOORS: usize = 16;
/// The longest sleep between two checks of the word. The system's clock may make it a tick longer.
const SLICE: Duration = Duration::from_millis(5);
/// A sleep where there is no door, or a door's semaphore fails.
const NAP: Duration = Duration::from_millis(1);

/// The doors of one segment, opened when they are first used.
pub(crate) struct Channel {
    id: u64,
    doors: [OnceLock<Option<Door>>; DOORS],
}

impl Channel {
    /// `id` is the same in every process that shares the words, and no other segment's.
    pub(crate) fn new(id: u64) -> io::Result<Self> {
        Ok(Self {
            id,
            doors: Default::default(),
        })
    }

    /// Sleeps while `word` is `expected`, until woken or until `limit` has passed; may also return
    /// early for no reason.
    pub(crate) fn wait(&self, word: &AtomicU32, expected: u32, limit: Duration) {
        let door = self.door(word);
        let began = Instant::now();
        // Relaxed: the caller reads the word again, in the order that it needs.
        while word.load(Ordering::Relaxed) == expected {
            let left = limit.saturating_sub(began.elapsed());
            if left.is_zero() {
                return;
            }
            let slept = door.is_some_and(|door| door.sleep(word, expected, left.min(SLICE)));
            if !slept {
                thread::sleep(left.min(NAP));
            }
        }
    }

    /// Wakes one sleeper on `word`.
    pub(crate) fn wake_one(&self, word: &AtomicU32) {
        if let Some(door) = self.door(word)
            && take(&door.asleep)
        {
            add(&door.called, 1);
        }
    }

    /// Wakes every sleeper on `word`.
    pub(crate) fn wake_all(&self, word: &AtomicU32) {
        /// More than can be asleep at once; others that go on arriving must not hold the waker up.
        const MOST: i32 = 4096;
        if let Some(door) = self.door(word) {
            let tickets = (0..MOST).take_while(|_| take(&door.asleep)).count();
            if tickets > 0 {
                add(&door.called, tickets as i32);
            }
        }
    }

    /// The door of `word`; `None` where the system refuses to open it.
    fn door(&self, word: &AtomicU32) -> Option<&Door> {
        let number = word.as_ptr().addr() / CACHE_LINE % DOORS;
        self.doors[number]
            .get_or_init(|| Door::open(self.id, number).ok())
            .as_ref()
    }
}

/// A pair of semaphores that exist while some process has them open.
struct Door {
    /// A ticket for every sleeper that no waker has called.
    asleep: OwnedHandle,
    /// Calls that no sleeper has heard yet.
    called: OwnedHandle,
}

impl Door {
    fn open(id: u64, number: usize) -> io::Result<Self> {
        Ok(Self {
            asleep: semaphore(&format!("millpond-{id:016x}-{number}-asleep"))?,
            called: semaphore(&format!("millpond-{id:016x}-{number}-called"))?,
        })
    }

    /// Sleeps once, as steps 1 and 3 say; `false` where a semaphore fails.
    fn sleep(&self, word: &AtomicU32, expected: u32, limit: Duration) -> bool {
        if !add(&self.asleep, 1) {
            return false;
        }
        let milliseconds = limit.as_nanos().div_ceil(1_000_000) as u32;
        // Relaxed: the semaphore orders it after the ticket, see above.
        let changed = word.load(Ordering::Relaxed) != expected;
        let result = (!changed).then(|| wait_for(&self.called, milliseconds));
        if result != Some(WAIT_OBJECT_0) && !take(&self.asleep) {
            take(&self.called);
        }
        matches!(result, None | Some(WAIT_OBJECT_0 | WAIT_TIMEOUT))
    }
}

/// `CreateSemaphoreW`, which opens the semaphore where it exists. Its name is good for every session
/// of the machine ("Kernel object namespaces"), and its default access list for this user alone.
fn semaphore(name: &str) -> io::Result<OwnedHandle> {
    let name: Vec<u16> = format!("Global\\{name}\0").encode_utf16().collect();
    // SAFETY: the name ends with a zero and outlives the call; the attributes may be null.
    let handle = unsafe { CreateSemaphoreW(ptr::null(), 0, i32::MAX, name.as_ptr()) };
    if handle.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: an open handle, and no other code closes it.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// `ReleaseSemaphore`: raises the count.
fn add(semaphore: &OwnedHandle, count: i32) -> bool {
    // SAFETY: the handle is a semaphore's and open; the old count may be left out.
    unsafe { ReleaseSemaphore(semaphore.as_raw_handle(), count, ptr::null_mut()) != 0 }
}

/// Lowers the count, if it is not 0.
fn take(semaphore: &OwnedHandle) -> bool {
    wait_for(semaphore, 0) == WAIT_OBJECT_0
}

/// `WaitForSingleObject`.
fn wait_for(semaphore: &OwnedHandle, milliseconds: u32) -> WAIT_EVENT {
    // SAFETY: the handle is open.
    unsafe { WaitForSingleObject(semaphore.as_raw_handle(), milliseconds) }
}
