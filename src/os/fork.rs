//! Forked children: the descriptors that are closed in a child, the count of forks, and the periods in which no
//! thread forks.
//!
//! A lock on an open file description is shared with a forked child: while the child lives, its dead parent would
//! look alive. A pipe has no end while a child holds its write end, and a file without a name keeps its space. So
//! every descriptor that the library keeps beyond one call is entered in a list ([`ParentOnly`]), and a handler that
//! the C library runs in the child (`pthread_atfork(3)`) closes them there. The same handler counts, so that a value
//! can tell with one load that it was made before a fork.
//!
//! The list is made of nodes that are never freed, so the handler can walk it without a lock; it calls only
//! `close(2)`, which is async-signal-safe.
//!
//! A child has one thread, the one that forked. A lock that another thread of the parent held at that moment is
//! held forever in the child. So a lock that a child may need is held only under [`hold_forks`], and a fork waits
//! for that.

use std::cell::Cell;
use std::fs::File;
use std::hint;
use std::io;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, Ordering};

use nix::libc;

/// A node that holds no descriptor and may be taken.
const FREE: RawFd = -1;
/// A node whose descriptor was closed after a fork, and whose owner is not dropped yet.
const CLOSED: RawFd = -2;

struct Node {
    descriptor: AtomicI32,
    next: *const Node,
}

// SAFETY: `next` is set before a node is published and never changed, and what it points to is
// never freed; the rest is an atomic.
unsafe impl Sync for Node {}

static NODES: AtomicPtr<Node> = AtomicPtr::new(std::ptr::null_mut());
static FORKS: AtomicU64 = AtomicU64::new(0);
/// Held by a thread that holds off forks. A thread that forks takes it too: no child inherits a descriptor that is
/// not in the list.
static HELD: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The number of times that this thread holds off forks.
    /// A thread that starts a process while it does may fork to do so.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Returns the number of forks between the process that first called [`count_forks`] and this one.
#[inline(always)]
pub(crate) fn forks() -> u64 {
    FORKS.load(Ordering::Relaxed)
}

/// Like [`forks`], and starts the count if it was not started before.
pub(crate) fn count_forks() -> u64 {
    install_handlers();
    forks()
}

/// A guard: no other thread of this process forks while it lives.
pub(crate) struct HeldForks(PhantomData<*const ()>);

/// Waits until no other thread forks or holds off forks, and then holds them off. The same thread may call it again.
pub(crate) fn hold_forks() -> HeldForks {
    install_handlers();
    hold();
    HeldForks(PhantomData)
}

impl Drop for HeldForks {
    fn drop(&mut self) {
        release();
    }
}

/// An open file that is closed in every child that this process forks.
pub(crate) struct ParentOnly {
    /// Closed by `drop`, unless it was closed after a fork.
    file: ManuallyDrop<File>,
    node: &'static Node,
}

impl ParentOnly {
    /// Opens a file with `open` and enters it; no other thread forks in between.
    pub(crate) fn open(open: impl FnOnce() -> io::Result<File>) -> io::Result<Self> {
        Self::open_with(|| Ok((open()?, ()))).map(|(file, ())| file)
    }

    /// Like [`open`](Self::open), for an `open` that returns a second value.
    pub(crate) fn open_with<R>(
        open: impl FnOnce() -> io::Result<(File, R)>,
    ) -> io::Result<(Self, R)> {
        let _held = hold_forks();
        let (file, rest) = open()?;
        let node = enter(file.as_raw_fd());
        let file = ManuallyDrop::new(file);
        Ok((Self { file, node }, rest))
    }

    /// Returns the open file, or an error in a child that was forked since.
    pub(crate) fn get(&self) -> io::Result<&File> {
        // Relaxed: only a fork closes a file that is borrowed, and its child has one thread.
        match self.node.descriptor.load(Ordering::Relaxed) {
            CLOSED => Err(io::Error::other(
                "this process was forked after its parent had opened the file, which is the parent's alone; open, or \
                 begin, anew in this process",
            )),
            _ => Ok(&self.file),
        }
    }
}

impl Drop for ParentOnly {
    fn drop(&mut self) {
        // A child that was forked between the two steps would keep a descriptor that no list has.
        let _held = hold_forks();
        if self.node.descriptor.swap(FREE, Ordering::AcqRel) >= 0 {
            // SAFETY: it is dropped here only; the swap shows that no fork closed its descriptor before.
            unsafe { ManuallyDrop::drop(&mut self.file) };
        }
    }
}

/// Puts `descriptor` into a free node, or into a new one. The caller holds off forks.
fn enter(descriptor: RawFd) -> &'static Node {
    let head = NODES.load(Ordering::Acquire);
    let mut at: *const Node = head;
    // SAFETY: nodes are leaked boxes, so every pointer in the list is null or valid forever.
    while let Some(node) = unsafe { at.as_ref() } {
        let taken =
            node.descriptor
                .compare_exchange(FREE, descriptor, Ordering::AcqRel, Ordering::Relaxed);
        if taken.is_ok() {
            return node;
        }
        at = node.next;
    }
    // Forks are held off, so no other thread pushes at the same time.
    let node = Box::leak(Box::new(Node {
        descriptor: AtomicI32::new(descriptor),
        next: head,
    }));
    NODES.store(node, Ordering::Release);
    node
}

fn hold() {
    if DEPTH.get() == 0 {
        while HELD
            .compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            hint::spin_loop();
            std::thread::yield_now();
        }
    }
    DEPTH.set(DEPTH.get() + 1);
}

fn release() {
    DEPTH.set(DEPTH.get() - 1);
    if DEPTH.get() == 0 {
        HELD.store(false, Ordering::Release);
    }
}

/// Installs the handlers, which then run at every fork. If two threads come here first, or a child is forked in
/// between, they are installed twice, which does no harm. Waiting for the other thread would do harm in that child.
fn install_handlers() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if INSTALLED.load(Ordering::Acquire) {
        return;
    }
    // SAFETY: the three handlers are functions of this library, which is never unloaded while a
    // segment is attached, and are safe to call in a process that forks (see each).
    let refused = unsafe {
        libc::pthread_atfork(
            Some(before_fork),
            Some(after_in_parent),
            Some(after_in_child),
        )
    };
    assert_eq!(refused, 0, "there is no memory for the fork handlers");
    INSTALLED.store(true, Ordering::Release);
}

/// Waits only for other threads, none of which waits for this one while it holds off forks.
extern "C" fn before_fork() {
    hold();
}

extern "C" fn after_in_parent() {
    release();
}

/// Only stores to atomics and a thread-local number, and closes descriptors.
extern "C" fn after_in_child() {
    let mut at: *const Node = NODES.load(Ordering::Acquire);
    // SAFETY: nodes are leaked boxes, so every pointer in the list is null or valid forever.
    while let Some(node) = unsafe { at.as_ref() } {
        let descriptor = node.descriptor.load(Ordering::Relaxed);
        if descriptor >= 0 {
            node.descriptor.store(CLOSED, Ordering::Relaxed);
            // SAFETY: the node owned this descriptor, and it is marked closed before anyone in
            // this process, which has one thread now, can use it again.
            unsafe { libc::close(descriptor) };
        }
        at = node.next;
    }
    FORKS.fetch_add(1, Ordering::Relaxed);
    release();
}
