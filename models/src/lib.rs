//! `loom` runs every interleaving, within its bounds, of millpond's protocols: the lock, its readers, the
//! event, participants, leases, rewriting in place, snapshots, quotas, windows, chunks, dictionaries, the board,
//! and the rings of workers.
//!
//! What is modelled are the files that ship, compiled here once more with loom's atomics (that is why
//! this is a crate of its own). Run by `cargo test`.

#![cfg(test)]
#![allow(dead_code, unused_imports)]
// A model does not spin, so the spinning loop of the lock has no rounds.
#![allow(clippy::reversed_empty_ranges)]

#[path = "../../src/array/chunk_claims.rs"]
mod chunk_claims;
#[path = "../../src/segment/entry.rs"]
mod entry;
#[path = "../../src/pool/layout/lease.rs"]
mod lease;
#[path = "../../src/pool/layout/link.rs"]
mod link;
#[path = "../../src/pool/layout/quota.rs"]
mod quota;
#[path = "../../src/pool/layout/rewriting.rs"]
mod rewriting;
#[path = "../../src/workers/wire/ring.rs"]
mod ring;
#[path = "../../src/pool/layout/save_words.rs"]
mod save_words;
#[path = "../../src/dict/seqlock.rs"]
mod seqlock;
#[path = "../../src/pool/layout/slot.rs"]
mod slot;
#[path = "../../src/board/slots.rs"]
mod slots;
#[path = "../../src/sync/mod.rs"]
mod sync;
#[path = "../../src/pool/layout/tally.rs"]
mod tally;
#[path = "../../src/tree/shards.rs"]
mod tree;

mod os;

mod chunks;
mod dict;
mod leases;
mod limits;
mod lock_and_event;
mod participants;
mod quotas;
mod readers;
mod rewritten;
mod rings;
mod snapshot;
mod tallies;
mod versions;
mod windows;

/// Where loom tries the threads in all orders in which they come here.
///
/// Of an atomic loom keeps the last access alone. So where a thread loads a word and then stores into it, loom does not
/// try that store before what others have loaded earlier, unless the threads come by a branch.
struct Branch(loom::sync::atomic::AtomicU32);

impl Branch {
    fn new() -> Self {
        Self(loom::sync::atomic::AtomicU32::new(0))
    }

    /// Orders nothing.
    fn here(&self) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

/// A branch where it is dropped.
struct BranchAtEnd<'a>(&'a Branch);

impl Drop for BranchAtEnd<'_> {
    fn drop(&mut self) {
        self.0.here();
    }
}

/// Runs `run` in every interleaving with at most so many preemptions.
fn model(preemptions: usize, run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(run);
}
