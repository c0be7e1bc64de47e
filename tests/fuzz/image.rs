//! Bytes of segments that are in order, and how to put them back after they were changed.

use std::env;
use std::fs;
use std::path::PathBuf;

use millpond::{Board, BoardOptions, Pool, PoolOptions, Record};

/// The segment that everything here is about.
pub const NAME: &str = "fuzzed";
/// Slots of the pool: two shards, and a last run that is not whole.
pub const CAPACITY: usize = 520;
pub const BOARD_LENGTH: usize = 10;
/// Bytes of a header without its schema.
pub const HEADER: usize = 640;
/// How many of the pool's records are linked.
const EPISODE: usize = 50;

#[derive(Clone, Copy, Debug, Record)]
#[repr(C)]
pub struct Step {
    pub observation: [f32; 2],
    pub action: u32,
    pub reward: f32,
}

impl Step {
    pub const ANY: Self = Self {
        observation: [1.0, 2.0],
        action: 3,
        reward: 4.0,
    };
}

/// Where the segment's file is.
pub fn path() -> PathBuf {
    let root = env::var_os("MILLPOND_DIR").expect("MILLPOND_DIR says where segments are");
    PathBuf::from(root).join(NAME).with_extension("pond")
}

/// A new pool with records of many priorities in most of its slots.
pub fn create_pool() -> Pool<Step> {
    let options = PoolOptions::new(CAPACITY).participants(3).leases(64);
    let pool = Pool::create(NAME, options.linked(true)).expect("a pool");
    let mut episode = pool.episode().expect("a pool with links");
    for _ in 0..EPISODE {
        episode.push(&Step::ANY, false).expect("a free slot");
    }
    let priorities: Vec<f32> = (0..CAPACITY - EPISODE - 20)
        .map(|n| (n % 7) as f32)
        .collect();
    let records = vec![Step::ANY; priorities.len()];
    let keys = pool.insert_batch_with_priorities(&records, &priorities);
    assert_eq!(keys.expect("free slots").len(), records.len());
    pool
}

/// The bytes of such a pool, and of a board.
pub fn images() -> [Vec<u8>; 2] {
    let _ = millpond::unlink(NAME); // of a fuzzer that was stopped
    drop(create_pool());
    let pool = take();
    let options = BoardOptions::new(BOARD_LENGTH).participants(2);
    let board = Board::<u64>::create(NAME, options).expect("a board");
    board.publish(&[7; BOARD_LENGTH]).expect("a publication");
    drop(board);
    [pool, take()]
}

fn take() -> Vec<u8> {
    let bytes = fs::read(path()).expect("the segment's file");
    millpond::unlink(NAME).expect("the segment is there");
    bytes
}

/// Makes each lock name an entry that is not in use, if it names any. A lock that names a living
/// participant is held by it, whoever wrote that.
pub fn free_locks(image: &mut [u8]) {
    let first = locks_at(image);
    for lock in (first..first + 16 * 64).step_by(64) {
        // The lower ten bits of `word` and of `seat` are the number of an entry.
        for word in [lock, lock + 4] {
            if let Some([low, high]) = image.get_mut(word..word + 2)
                && (*low, *high & 3) != (0, 0)
            {
                *high |= 2;
            }
        }
    }
}

/// Where the locks are: on the first line behind the header and the schema.
pub fn locks_at(image: &[u8]) -> usize {
    schema_end(image).next_multiple_of(64)
}

/// Where the schema ends, as the header says; somewhere behind the file's end where it lies.
fn schema_end(image: &[u8]) -> usize {
    let schema = u64::from_le_bytes(image[584..592].try_into().expect("eight bytes"));
    HEADER + schema.min(image.len() as u64) as usize
}

/// A good file with changes: for each an offset of 3 bytes, and 8 bytes that go there.
pub fn changed(good: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut image = good.to_vec();
    for change in changes.chunks_exact(11) {
        let offset = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize;
        let offset = offset % (image.len() - 8);
        image[offset..offset + 8].copy_from_slice(&change[3..]);
    }
    image
}

/// Gives the header the length of the file and the checksum that it should have, so that what is wrong
/// with the rest is looked at. Does nothing to what is shorter than a header.
pub fn mend_header(image: &mut [u8]) {
    if image.len() < HEADER {
        return;
    }
    let length = image.len() as u64;
    image[24..32].copy_from_slice(&length.to_le_bytes());
    image[16..24].fill(0);
    let end = schema_end(image).min(image.len());
    let sum = image[..end]
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    image[16..24].copy_from_slice(&u64::to_le_bytes(sum));
}
