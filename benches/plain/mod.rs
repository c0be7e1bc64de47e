//! The baselines of the pool: what the same bytes cost one process that shares nothing.

pub mod wide;

use std::fs::OpenOptions;
use std::io::{self, Read};

use bytemuck::{AnyBitPattern, NoUninit};
use memmap2::MmapMut;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::transitions::{BATCH, CHUNK, Columns, Transition};

/// Rows ahead of the one being copied that are asked for.
const PREFETCH_DISTANCE: usize = 8;
/// Bytes ahead of the row being copied that a tape asks for; one row at least. Measured: up to 128
/// KiB makes no difference for large rows, and more than this is slower for rows of 64 bytes.
const TAPE_PREFETCH: usize = 1 << 10;
/// Row numbers that are drawn in advance. So many rows do not fit into a cache.
const DRAWS: usize = 1 << 22;

/// A shared mapping that is written from one end to the other, and again; or read at random rows.
pub struct Tape {
    mapping: MmapMut,
    position: usize,
}

impl Tape {
    /// Maps a file without a name of so many bytes, and touches all of it.
    pub fn new(bytes: usize) -> io::Result<Self> {
        let shared_memory = std::path::Path::new("/dev/shm");
        let directory = match shared_memory.is_dir() {
            true => shared_memory.into(),
            false => std::env::temp_dir(),
        };
        let path = directory.join(format!("millpond-bench-{}.tape", std::process::id()));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        file.set_len(bytes as u64)?;
        // SAFETY: the file is new, and nobody else knows of it.
        let mapping = unsafe { MmapMut::map_mut(&file) };
        // Some systems keep the name of a mapped file; then it stays.
        let _ = std::fs::remove_file(&path);
        let mut mapping = mapping?;
        // A full file system is an error here, and would be a fatal signal in the line after.
        io::copy(&mut io::repeat(1).take(bytes as u64), &mut file)?;
        mapping.fill(1);
        Ok(Self {
            mapping,
            position: 0,
        })
    }

    /// Writes records after those of the last call, in one copy.
    pub fn write<T: NoUninit>(&mut self, records: &[T]) {
        let bytes: &[u8] = bytemuck::cast_slice(records);
        if self.position + bytes.len() > self.mapping.len() {
            self.position = 0;
        }
        self.mapping[self.position..][..bytes.len()].copy_from_slice(bytes);
        self.position += bytes.len();
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.mapping.len()
    }

    /// Copies the rows of these numbers, asking for rows ahead of their use.
    pub fn gather<T: AnyBitPattern>(&self, draw: &[u32], into: &mut [T]) {
        let rows: &[T] = bytemuck::cast_slice(&self.mapping);
        let distance = (TAPE_PREFETCH / size_of::<T>()).clamp(1, draw.len());
        for &row in &draw[..distance] {
            prefetch(&rows[row as usize]);
        }
        for (at, (&row, into)) in draw.iter().zip(into).enumerate() {
            if let Some(&ahead) = draw.get(at + distance) {
                prefetch(&rows[ahead as usize]);
            }
            *into = rows[row as usize];
        }
    }
}

/// Row numbers in batches, drawn in advance. Batches are stratified, as a pool's are: in the order
/// of the rows.
pub struct Draws {
    rows: Vec<u32>,
    batch: usize,
    position: usize,
}

impl Draws {
    /// Draws from `count` rows, so many a batch.
    pub fn new(count: usize, batch: usize) -> Self {
        let mut random = StdRng::seed_from_u64(11);
        let mut draw =
            |stratum| (f64::from(stratum) + random.random::<f64>()) / batch as f64 * count as f64;
        let strata = (0..batch as u32).cycle().take(DRAWS - DRAWS % batch);
        Self {
            rows: strata.map(|stratum| draw(stratum) as u32).collect(),
            batch,
            position: 0,
        }
    }

    /// The next batch; after the last one, the first again.
    pub fn next(&mut self) -> &[u32] {
        if self.position == self.rows.len() {
            self.position = 0;
        }
        self.position += self.batch;
        &self.rows[self.position - self.batch..self.position]
    }
}

/// A row as far from the next one as in a pool: 704 bytes.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Row(Transition);

/// A plain array of rows, and random row numbers to gather.
pub struct Rows {
    rows: Vec<Row>,
    draws: Draws,
}

impl Rows {
    /// An array of `count` rows.
    pub fn new(count: usize) -> Self {
        Self {
            draws: Draws::new(count, BATCH),
            rows: (0..count)
                .map(|number| Row(Transition::numbered(number)))
                .collect(),
        }
    }

    /// Gathers the next draw into the columns, asking for rows ahead of their use.
    pub fn gather_prefetched(&mut self, columns: &mut Columns) {
        gather_prefetched(&self.rows, self.draws.next(), columns);
    }

    /// Gathers rows into the columns, asking for rows ahead of their use.
    pub fn gather_ahead(&self, draw: &[u32], columns: &mut Columns) {
        gather_prefetched(&self.rows, draw, columns);
    }

    /// Gathers rows into the columns, as a program does that does not ask ahead.
    pub fn gather(&self, draw: &[u32], columns: &mut Columns) {
        for (at, &row) in draw.iter().enumerate() {
            columns.put(at, &self.rows[row as usize].0);
        }
    }
}

impl Columns {
    #[inline(always)]
    fn put(&mut self, at: usize, record: &Transition) {
        self.observations[at] = record.observation;
        self.actions[at] = record.action;
        self.rewards[at] = record.reward;
        self.next_observations[at] = record.next_observation;
        self.done[at] = record.done;
    }
}

fn gather_prefetched(rows: &[Row], draw: &[u32], columns: &mut Columns) {
    for &row in &draw[..PREFETCH_DISTANCE] {
        prefetch(&rows[row as usize]);
    }
    for (at, &row) in draw.iter().enumerate() {
        if let Some(&ahead) = draw.get(at + PREFETCH_DISTANCE) {
            prefetch(&rows[ahead as usize]);
        }
        columns.put(at, &rows[row as usize].0);
    }
}

/// Asks the processor for every cache line of a row.
#[inline(always)]
fn prefetch<T>(row: &T) {
    #[cfg(target_arch = "x86_64")]
    for offset in (0..size_of::<T>()).step_by(64) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let line = std::ptr::from_ref(row).cast::<i8>().wrapping_add(offset);
        // SAFETY: a prefetch never faults, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = row;
}

/// The textbook's sum tree: two children a node, one draw and one update at a time.
pub struct BinaryTree {
    /// The root at 1, the children of `n` at `2n` and `2n + 1`.
    sums: Vec<f32>,
}

impl BinaryTree {
    /// A tree with `count` leaves, a power of two, of priorities from a fixed seed.
    pub fn new(count: usize) -> Self {
        assert!(count.is_power_of_two());
        let mut random = StdRng::seed_from_u64(7);
        let mut sums = vec![0.0; 2 * count];
        sums[count..].fill_with(|| random.random_range(0.1f32..2.0));
        for node in (1..count).rev() {
            sums[node] = sums[2 * node] + sums[2 * node + 1];
        }
        Self { sums }
    }

    /// Draws a leaf from each of equal parts of the sum.
    pub fn draw(&self, random: &mut StdRng, leaves: &mut [u32]) {
        let (count, share) = (self.sums.len() / 2, self.sums[1] / leaves.len() as f32);
        for (stratum, leaf) in leaves.iter_mut().enumerate() {
            let mut wanted = (stratum as f32 + random.random::<f32>()) * share;
            let mut node = 1;
            while node < count {
                node *= 2;
                if wanted >= self.sums[node] {
                    wanted -= self.sums[node];
                    node += 1;
                }
            }
            *leaf = (node - count) as u32;
        }
    }

    /// Sets leaves, and recomputes the sums above each of them.
    pub fn update(&mut self, leaves: &[u32], priorities: &[f32]) {
        for (&leaf, &priority) in leaves.iter().zip(priorities) {
            let mut node = self.sums.len() / 2 + leaf as usize;
            self.sums[node] = priority;
            while node > 1 {
                node /= 2;
                self.sums[node] = self.sums[2 * node] + self.sums[2 * node + 1];
            }
        }
    }
}

/// The same records again and again, as a simulator's buffer that stays in the cache.
pub fn chunk() -> Vec<Transition> {
    (0..CHUNK).map(Transition::numbered).collect()
}
