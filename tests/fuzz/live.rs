//! Changes bytes of a pool while operations on it run in another thread: each operation is right or
//! an error, and none panics, hangs or leaves its mapping.

use std::fs::OpenOptions;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use memmap2::{MmapOptions, MmapRaw};
use millpond::{Pool, Sampler};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::image::{self, NAME, Step};

/// Bytes of the input for a step: what to do, where (3 bytes), and what to put there.
const STEP: usize = 12;

/// The first byte says whether bytes are changed between operations, or beside them.
pub fn run(input: &[u8]) {
    let Some((&mode, steps)) = input.split_first() else {
        return;
    };
    let pool = image::create_pool();
    let other = Pool::<Step>::open(NAME).expect("the pool was just made");
    let bytes = Bytes::of_the_segment();
    let steps: Vec<_> = steps.chunks_exact(STEP).take(200).collect();
    let is_change = |step: &[u8]| step[0] < 128;
    if mode % 2 == 0 {
        for step in &steps {
            match is_change(step) {
                true => bytes.change(step),
                false => operate([&pool, &other], step[0]),
            }
        }
    } else {
        thread::scope(|scope| {
            scope.spawn(|| {
                let changes = steps.iter().filter(|step| is_change(step));
                changes.for_each(|step| bytes.change(step));
            });
            let operations = steps.iter().filter(|step| !is_change(step));
            operations.for_each(|step| operate([&pool, &other], step[0]));
        });
    }
    let _ = pool.verify();
    drop((pool, other));
    let _ = millpond::unlink(NAME);
}

/// One operation, by one of two participants.
fn operate(pools: [&Pool<Step>; 2], what: u8) {
    let pool = pools[usize::from(what & 1)];
    let random = &mut StdRng::seed_from_u64(u64::from(what));
    match what >> 1 & 7 {
        0 => drop(pool.insert(&Step::ANY)),
        1 => drop(pool.insert_batch(&[Step::ANY; 70])),
        2 => {
            if let Ok(batch) = pool.sample(8, random) {
                let _ = batch.records().map(|step| step.reward).sum::<f32>();
                let _ = pools[0].update_priorities(batch.keys(), &[2.0; 8]);
            }
        }
        3 => drop(pool.sample_by(Sampler::uniform(), 8, random)),
        4 => drop(pool.update_priorities(&[0, 64, 100, 519, 520], &[1.0, 0.0, 3.0, 4.0, 5.0])),
        5 => drop(pool.reserve().map(|slot| slot.commit())),
        6 => drop(pool.verify()),
        _ => super::open::use_pool(pool),
    }
}

/// The segment's bytes, as somebody has them who writes where he should not.
struct Bytes {
    memory: MmapRaw,
    locks: std::ops::Range<usize>,
}

impl Bytes {
    fn of_the_segment() -> Self {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(image::path());
        let file = file.expect("the segment's file");
        let header = std::fs::read(image::path()).expect("the segment's file");
        let first = image::locks_at(&header);
        let memory = MmapOptions::new().map_raw(&file).expect("a mapping");
        Self {
            memory,
            locks: first..first + 2 * 64,
        }
    }

    /// Puts eight bytes somewhere behind the header, which nobody reads any more.
    fn change(&self, step: &[u8]) {
        let room = self.memory.len() - self.locks.start - 8;
        let offset = u32::from_le_bytes([step[1], step[2], step[3], 0]) as usize % room;
        for (at, value) in step[4..].iter().enumerate() {
            let offset = self.locks.start + offset + at;
            let mut value = *value;
            if self.locks.contains(&offset) && offset % 4 == 1 {
                // A lock that names a living participant is held by it, whoever wrote that. No entry
                // as high as this is in use.
                value |= 2;
            }
            let address = self.memory.as_mut_ptr().wrapping_add(offset);
            // SAFETY: the byte is inside the mapping, which outlives this, and is written whole.
            unsafe { AtomicU8::from_ptr(address) }.store(value, Ordering::Relaxed);
        }
    }
}
