//! The participant table: who is attached to a segment, and who is alive.
//!
//! Every attachment owns one entry. An operating-system lock on a byte of the segment's file, far
//! past its end, says that the entry's process lives; the system drops it however the process ends.
//! A second byte, the entry's gate, is locked by a process that takes the entry or cleans it up after a dead
//! participant: so the first one is never locked by a process that is not the entry's participant, and a dead
//! participant does not look alive while its entry is cleaned up. The protocol is at the head of `entry.rs`.

use std::io;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::arena::{Region, Shared};
use super::entry::{COUNTERS, Entry, ROLE_WORDS};
use crate::os::{self, ByteLocks, Origin, fail_point};
use crate::sync::{Owner, Peers};

/// The byte that is locked for entry 0; the others follow it. Segments are never as long.
const FIRST_BYTE: u64 = 1 << 62;
/// The byte that is locked while a segment has no name yet; it follows those of the entries.
const BUILDER_BYTE: u64 = FIRST_BYTE + Owner::MAX_ENTRIES as u64;
/// The byte that the first observer locks; the others follow it. An observer has no entry.
const FIRST_OBSERVER: u64 = BUILDER_BYTE + 1;
/// How many may observe a segment at once.
pub(super) const MOST_OBSERVERS: usize = 1 << 20;
/// The byte that is the gate of entry 0; the others follow it.
const FIRST_GATE: u64 = FIRST_OBSERVER + MOST_OBSERVERS as u64;

// SAFETY: made of atomic integers.
unsafe impl Shared for Entry {}

/// A living participant of a segment, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Participant {
    /// The process id, as the participant's own system counts it.
    pub process: u32,
    /// What the participant said it is.
    pub role: String,
    /// When it attached, by its own clock.
    pub joined: SystemTime,
}

/// This process's place in a participant table.
pub(crate) struct Membership {
    table: Region<Entry>,
    owner: Owner,
    /// `None` for memory of one process, which is alive by definition.
    locks: Option<ByteLocks>,
    /// Byte locks do not exclude threads of one process, so cleaning takes this as well.
    cleaning: Mutex<()>,
    origin: Origin,
}

impl Membership {
    /// Takes a free entry; `Ok(None)` where living processes have them all. `reset` is called with
    /// the entry's number before it is used: the structure forgets what the last owner left.
    pub(crate) fn join(
        table: Region<Entry>,
        locks: Option<ByteLocks>,
        role: &str,
        reset: impl Fn(usize),
    ) -> io::Result<Option<Self>> {
        let taken = match &locks {
            Some(locks) => take_entry(locks, &table)?,
            None => Some(0),
        };
        let Some(number) = taken else {
            return Ok(None);
        };
        fail_point("join.locked");
        reset(number);
        fail_point("join.reset");
        table[number].describe(role);
        let generation = table[number].occupy();
        fail_point("join.done");
        Ok(Some(Self {
            owner: Owner::new(number, generation),
            table,
            locks,
            cleaning: Mutex::new(()),
            origin: Origin::here(),
        }))
    }

    /// Who this is, for locks and claims.
    #[inline(always)]
    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    /// Whether this process is the one that joined, and not a child that it forked.
    #[inline(always)]
    pub(crate) fn is_ours(&self) -> bool {
        self.origin.is_here()
    }

    /// This participant's counters. Written by: its own threads.
    #[inline(always)]
    pub(crate) fn counters(&self) -> &[AtomicU64; COUNTERS] {
        &self.table[self.owner.entry()].counters
    }

    /// Counter `index`, summed over everybody who is or was attached.
    pub(crate) fn total(&self, index: usize) -> u64 {
        let count = |entry: &Entry| entry.counters[index].load(Ordering::Relaxed);
        self.table.iter().map(count).fold(0, u64::wrapping_add)
    }

    /// Everybody who is attached and alive, and what each has counted.
    pub(crate) fn participants(&self) -> Vec<(Participant, [u64; COUNTERS])> {
        let described = self.table.iter().enumerate().filter_map(|(number, entry)| {
            let generation = entry.generation()?;
            if !self.is_alive(Owner::new(number, generation)) {
                return None;
            }
            let participant = entry.read();
            // Nothing where it left meanwhile, and what was read may be another's.
            let counted = entry.counted(generation)?;
            Some((participant, counted))
        });
        described.collect()
    }

    /// Whether the participant that has this entry now is alive.
    pub(crate) fn is_entry_alive(&self, number: usize) -> bool {
        let generation = self.table[number].generation();
        generation.is_some_and(|generation| self.is_alive(Owner::new(number, generation)))
    }

    /// The process id of the participant that has this entry, or had it last.
    pub(crate) fn process_of(&self, number: usize) -> u32 {
        let entry = self.table.get(number);
        entry.map_or(0, |entry| entry.process.load(Ordering::Relaxed))
    }

    /// Whether somebody has this entry, or died with it and was not cleaned up after.
    #[inline]
    pub(crate) fn is_taken(&self, number: usize) -> bool {
        self.table[number].generation().is_some()
    }

    /// Frees the entries of the dead, calling `reset` for each. Says how many there were.
    pub(crate) fn clean(&self, reset: impl Fn(usize)) -> usize {
        let Some(locks) = &self.locks else { return 0 };
        let mut freed = 0;
        let _alone = self.cleaning.lock().unwrap_or_else(PoisonError::into_inner);
        for number in 0..self.table.len() {
            let is_dead = self.is_taken(number) && number != self.owner.entry();
            // An error counts as a participant: one that cannot be asked about is not dead.
            let gate = is_dead.then(|| Gate::lock(locks, number).ok().flatten());
            let Some(gate) = gate.flatten() else { continue };
            fail_point("clean.locked");
            if self.is_taken(number) {
                self.table[number].retire();
                fail_point("clean.retired");
                reset(number);
                fail_point("clean.reset");
                freed += 1;
            }
            drop(gate);
        }
        freed
    }

    /// Gives the entry back. After this, only [`Self::was_last`] and `drop` may follow.
    pub(crate) fn leave(&self) {
        self.table[self.owner.entry()].retire();
        fail_point("leave.retired");
        if let Some(locks) = &self.locks {
            let _ = locks.unlock(byte_of(self.owner.entry()), 1);
        }
    }

    /// Whether nobody is left after this participant.
    pub(crate) fn was_last(&self) -> bool {
        self.locks.as_ref().is_none_or(|locks| !is_attached(locks))
    }

    /// The segment that this participant built has its name now.
    pub(crate) fn end_building(&self) -> io::Result<()> {
        match &self.locks {
            Some(locks) => locks.unlock(BUILDER_BYTE, 1),
            None => Ok(()),
        }
    }

    /// The file that the byte locks live on.
    pub(crate) fn file(&self) -> Option<io::Result<&std::fs::File>> {
        self.locks.as_ref().map(ByteLocks::file)
    }
}

impl Peers for Membership {
    fn is_alive(&self, owner: Owner) -> bool {
        if owner == self.owner {
            return true;
        }
        let number = owner.entry();
        if number >= self.table.len() {
            return false;
        }
        let locked = |locks: &ByteLocks| locks.is_locked_elsewhere(byte_of(number), 1);
        self.table[number].is_held_by(owner, || {
            self.locks
                .as_ref()
                .is_some_and(|locks| locked(locks).unwrap_or(true))
        })
    }
}

/// How many of the first `entries` participants of a file are alive.
pub(crate) fn count_living(locks: &ByteLocks, entries: usize) -> usize {
    count_living_among(locks, 0, entries)
}

/// Halves what has a living participant, so that many entries without any cost one question.
fn count_living_among(locks: &ByteLocks, first: usize, entries: usize) -> usize {
    let is_locked = || locks.is_locked_elsewhere(byte_of(first), entries as u64);
    if entries == 0 || !is_locked().unwrap_or(true) {
        return 0;
    }
    match entries / 2 {
        0 => 1,
        half => {
            count_living_among(locks, first, half)
                + count_living_among(locks, first + half, entries - half)
        }
    }
}

/// Whether anybody is attached to a file, observes it or builds it, through another open file than
/// `locks`.
pub(crate) fn is_attached(locks: &ByteLocks) -> bool {
    let bytes = FIRST_OBSERVER + MOST_OBSERVERS as u64 - FIRST_BYTE;
    locks.is_locked_elsewhere(FIRST_BYTE, bytes).unwrap_or(true)
}

/// Says that this process observes a file, for as long as it lives or until [`end_observing`] with the
/// number that this gives. `None` where there are about as many observers as may be.
pub(super) fn begin_observing(locks: &ByteLocks) -> io::Result<Option<usize>> {
    /// At random, so that nobody goes through all who are there while others wait for the root. By the system's
    /// generator, or all forked children of a process would try the same places.
    const ATTEMPTS: usize = 64;
    const { assert!(MOST_OBSERVERS.is_power_of_two()) };
    for _ in 0..ATTEMPTS {
        let number = os::random()? as usize % MOST_OBSERVERS;
        if locks.try_lock(FIRST_OBSERVER + number as u64, 1)? {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// Takes that back.
pub(super) fn end_observing(locks: &ByteLocks, number: usize) {
    let _ = locks.unlock(FIRST_OBSERVER + number as u64, 1);
}

/// Whether somebody is building a file, through another open file than `locks`.
pub(crate) fn is_being_built(locks: &ByteLocks) -> bool {
    locks.is_locked_elsewhere(BUILDER_BYTE, 1).unwrap_or(true)
}

/// Marks a file as being built, for as long as the process lives or until
/// [`Membership::end_building`].
pub(crate) fn begin_building(locks: &ByteLocks) -> io::Result<()> {
    match locks.try_lock(BUILDER_BYTE, 1)? {
        true => Ok(()),
        false => Err(io::ErrorKind::AlreadyExists.into()),
    }
}

/// Takes a free entry, which may still be that of a dead participant: locks its byte. The entry is retired then.
fn take_entry(locks: &ByteLocks, table: &[Entry]) -> io::Result<Option<usize>> {
    for (number, entry) in table.iter().enumerate() {
        if let Some(_gate) = Gate::lock(locks, number)? {
            fail_point("join.gated");
            entry.retire();
            fail_point("join.retired");
            // Only a process that has the gate locks the byte.
            if locks.try_lock(byte_of(number), 1)? {
                return Ok(Some(number));
            }
        }
    }
    Ok(None)
}

/// The gate of an entry that has no living participant, locked.
struct Gate<'a> {
    locks: &'a ByteLocks,
    byte: u64,
}

impl<'a> Gate<'a> {
    /// Locks the gate; `None` where the entry has a living participant, or another process has the gate.
    fn lock(locks: &'a ByteLocks, entry: usize) -> io::Result<Option<Self>> {
        let is_alive = || locks.is_locked_elsewhere(byte_of(entry), 1);
        let byte = FIRST_GATE + entry as u64;
        if is_alive()? || !locks.try_lock(byte, 1)? {
            return Ok(None);
        }
        let gate = Self { locks, byte };
        // Since the first look a process may have taken the entry.
        Ok((!is_alive()?).then_some(gate))
    }
}

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        let _ = self.locks.unlock(self.byte, 1);
    }
}

fn byte_of(entry: usize) -> u64 {
    FIRST_BYTE + entry as u64
}

impl Entry {
    /// Writes what others read of this process.
    fn describe(&self, role: &str) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_micros() as u64;
        self.process.store(process::id(), Ordering::Relaxed);
        self.joined.store(now, Ordering::Relaxed);
        fail_point("join.half");
        let mut text = [0; 8 * ROLE_WORDS];
        let shown = role.floor_char_boundary(text.len());
        text[..shown].copy_from_slice(&role.as_bytes()[..shown]);
        for (word, bytes) in self.role.iter().zip(text.chunks_exact(8)) {
            word.store(bytemuck::pod_read_unaligned(bytes), Ordering::Relaxed);
        }
    }

    fn read(&self) -> Participant {
        let words = self
            .role
            .each_ref()
            .map(|word| word.load(Ordering::Relaxed));
        let text: Vec<u8> = bytemuck::bytes_of(&words)
            .iter()
            .copied()
            .take_while(|&byte| byte != 0)
            .collect();
        let joined = Duration::from_micros(self.joined.load(Ordering::Relaxed));
        Participant {
            process: self.process.load(Ordering::Relaxed),
            role: String::from_utf8_lossy(&text).into_owned(),
            joined: UNIX_EPOCH.checked_add(joined).unwrap_or(UNIX_EPOCH),
        }
    }
}
