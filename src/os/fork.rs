//! Descriptors that a forked child must not keep, and the count of forks.
//!
//! A lock on an open file description is shared with a forked child: while the child lives, its
//! dead parent would look alive. So every descriptor that carries such a lock is entered in a list,
//! and a handler that the C library runs in the child (`pthread_atfork(3)`) closes them there. The
//! same handler counts, so that a handle can tell with one load that it was made before a fork.
//!
//! The list is made of nodes that are never freed, so the handler can walk it without a lock; it
//! calls only `close(2)`, which is async-signal-safe.

use std::fs::File;
use std::hint;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, Ordering};

use nix::libc;

/// A node that holds no descriptor and may be taken.
const FREE: RawFd = -1;
/// A node whose descriptor was closed after a fork, and whose owner was not dropped yet.
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
/// Held while a descriptor is opened and entered, or taken out and closed, and by a thread that
/// forks: no child inherits a descriptor that is not in the list.
static ENTERING: AtomicBool = AtomicBool::new(false);

/// How many forks lie between the first process of this program and this one.
#[inline(always)]
pub(crate) fn forks() -> u64 {
    FORKS.load(Ordering::Relaxed)
}

/// An open file that is closed in every child that this process forks.
pub(crate) struct ParentOnly {
    node: &'static Node,
}

impl ParentOnly {
    /// Opens a file with `open` and enters it; no fork happens in between.
    pub(crate) fn open(open: impl FnOnce() -> io::Result<File>) -> io::Result<Self> {
        install_handlers();
        lock_entering();
        let entered = open().map(|file| enter(file.into_raw_fd()));
        unlock_entering();
        entered.map(|node| Self { node })
    }

    /// The open file, or `None` in a child that was forked since.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        let descriptor = self.node.descriptor.load(Ordering::Relaxed);
        // SAFETY: the node holds the descriptor of the file that was opened for `self`; only
        // `drop`, which needs `self` alone, and a fork, which shows as `CLOSED`, close it.
        (descriptor >= 0).then(|| unsafe { BorrowedFd::borrow_raw(descriptor) })
    }

    /// A `File` of its own for the same open file description.
    pub(crate) fn duplicate(&self) -> io::Result<File> {
        let descriptor = self.descriptor().ok_or(io::ErrorKind::NotFound)?;
        Ok(File::from(descriptor.as_fd().try_clone_to_owned()?))
    }
}

impl Drop for ParentOnly {
    fn drop(&mut self) {
        // A child that was forked between the two steps would keep a descriptor that no list has.
        lock_entering();
        let descriptor = self.node.descriptor.swap(FREE, Ordering::AcqRel);
        if descriptor >= 0 {
            // SAFETY: the node owned the descriptor, and the swap took it out for this call alone.
            drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
        }
        unlock_entering();
    }
}

/// Puts `descriptor` into a free node, or into a new one.
fn enter(descriptor: RawFd) -> &'static Node {
    let head = NODES.load(Ordering::Acquire);
    let mut at: *const Node = head;
    // SAFETY: nodes are leaked boxes, so every pointer in the list is null or valid for ever.
    while let Some(node) = unsafe { at.as_ref() } {
        let taken =
            node.descriptor
                .compare_exchange(FREE, descriptor, Ordering::AcqRel, Ordering::Relaxed);
        if taken.is_ok() {
            return node;
        }
        at = node.next;
    }
    // `ENTERING` is held, so nobody else pushes meanwhile.
    let node = Box::leak(Box::new(Node {
        descriptor: AtomicI32::new(descriptor),
        next: head,
    }));
    NODES.store(node, Ordering::Release);
    node
}

fn lock_entering() {
    while ENTERING
        .compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed)
        .is_err()
    {
        hint::spin_loop();
        std::thread::yield_now();
    }
}

fn unlock_entering() {
    ENTERING.store(false, Ordering::Release);
}

fn install_handlers() {
    static INSTALLED: Once = Once::new();
    // SAFETY: the three handlers are functions of this library, which is never unloaded while a
    // segment is attached, and are safe to call in a process that forks (see each).
    INSTALLED.call_once(|| unsafe {
        libc::pthread_atfork(
            Some(before_fork),
            Some(after_in_parent),
            Some(after_in_child),
        );
    });
}

extern "C" fn before_fork() {
    lock_entering();
}

extern "C" fn after_in_parent() {
    unlock_entering();
}

extern "C" fn after_in_child() {
    let mut at: *const Node = NODES.load(Ordering::Acquire);
    // SAFETY: nodes are leaked boxes, so every pointer in the list is null or valid for ever.
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
    unlock_entering();
}
