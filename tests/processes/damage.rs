//! Files that are no segments, or were changed by somebody: each is an error that says what was found,
//! and none is a panic or a crash, whatever bytes it holds.

use std::env;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use millpond::pool::Column;
use millpond::{Attach, Error, Pool, PoolOptions, Record, Result, Sampler};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "damage",
    trials: named![
        every_flipped_bit_of_the_header_is_an_error,
        a_header_that_lies_under_a_right_checksum_harms_nobody,
        a_shorter_or_longer_file_is_an_error,
        random_bytes_are_an_error,
        another_format_version_is_an_error_that_names_both,
        every_damaged_word_of_a_pool_harms_nobody,
        a_pool_of_random_words_harms_nobody,
        a_repair_does_not_believe_an_impossible_priority,
        a_damaged_segment_is_listed_and_can_be_removed,
    ],
    ..Part::EMPTY
};

pub const NAME: &str = "damaged";

#[derive(Clone, Copy, Debug, Record)]
#[repr(C)]
pub struct Step {
    observation: [f32; 2],
    action: u32,
    reward: f32,
}

/// Where the segment's file is.
pub fn path() -> PathBuf {
    let root = env::var_os("MILLPOND_DIR").expect("a directory");
    PathBuf::from(root).join(NAME).with_extension("pond")
}

/// The bytes of a pool in which there is something. 20 records do not fill a node of its tree.
fn image_of_a_pool() -> Vec<u8> {
    image_of_a_pool_of(20)
}

fn image_of_a_pool_of(capacity: usize) -> Vec<u8> {
    let options = PoolOptions::new(capacity).participants(2).leases(64);
    let pool = Pool::<Step>::create(NAME, options).unwrap();
    let records = [Step {
        observation: [1.0, 2.0],
        action: 3,
        reward: 4.0,
    }; 30];
    let priorities: Vec<f32> = (0..30).map(|n| n as f32).collect();
    pool.insert_batch_with_priorities(&records, &priorities)
        .unwrap();
    drop(pool);
    take_image()
}

pub fn take_image() -> Vec<u8> {
    let image = fs::read(path()).unwrap();
    millpond::unlink(NAME).unwrap();
    image
}

/// Where the header ends: after the text of the schema, whose length is its last number but one. Where that
/// lies, with the file at most.
fn header_end(image: &[u8]) -> usize {
    let schema: [u8; 8] = image[584..592].try_into().unwrap();
    let end = u64::from_le_bytes(schema).saturating_add(640);
    end.min(image.len() as u64) as usize
}

/// Opens a pool with these bytes.
fn open(image: &[u8]) -> Result<Pool<Step>> {
    fs::write(path(), image).unwrap();
    let opened = Pool::open(NAME);
    if opened.is_err() {
        let _ = fs::remove_file(path());
    }
    opened
}

#[track_caller]
fn refuse(image: &[u8]) -> Error {
    open(image).expect_err("an error")
}

#[track_caller]
pub fn assert_says(error: &Error, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
}

fn every_flipped_bit_of_the_header_is_an_error() {
    let image = image_of_a_pool();
    for at in 0..header_end(&image) {
        for flipped in (0..8).map(|bit| 1 << bit).chain([0xff]) {
            let mut bad = image.clone();
            bad[at] ^= flipped;
            let error = refuse(&bad);
            let expected = matches!(error, Error::Damaged { .. } | Error::WrongFormat { .. });
            assert!(expected, "byte {at}: {error}");
        }
    }
    assert_eq!(open(&image).unwrap().len(), 20);
}

/// Writes the checksum that the header should have: FNV-1a over the fixed part, with zeros in place
/// of the checksum, and the schema.
pub fn forge_checksum(image: &mut [u8]) {
    let end = header_end(image);
    image[16..24].fill(0);
    let sum = image[..end]
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    image[16..24].copy_from_slice(&sum.to_le_bytes());
}

fn a_header_that_lies_under_a_right_checksum_harms_nobody() {
    let image = image_of_a_pool();
    let mut same = image.clone();
    forge_checksum(&mut same);
    assert!(same == image, "this trial forges well");
    let lies = [
        0,
        1,
        63,
        64,
        1 << 16,
        1 << 31,
        1 << 32,
        1 << 62,
        1 << 63,
        u64::MAX,
    ];
    // From the length on, all is numbers of 8 bytes, or two of 4, or text.
    for at in (24..header_end(&image) - 8).step_by(4) {
        for lie in lies {
            for size in [4, 8] {
                let mut bad = image.clone();
                bad[at..at + size].copy_from_slice(&lie.to_le_bytes()[..size]);
                // The schema moves the checksum's end, but is not the last of the header here.
                if bad[..header_end(&image)].ends_with(b"reward f32 @12\n") {
                    forge_checksum(&mut bad);
                }
                fs::write(path(), &bad).unwrap();
                millpond::list(None).unwrap();
                if let Ok(pool) = open(&bad) {
                    use_all_of(&pool);
                }
            }
        }
    }
}

fn a_shorter_or_longer_file_is_an_error() {
    let image = image_of_a_pool();
    let lengths = (0..image.len()).chain([1, 64, 4096].map(|more| image.len() + more));
    for length in lengths {
        let mut bad = image.clone();
        bad.resize(length, 0);
        let error = refuse(&bad);
        assert!(matches!(error, Error::Damaged { .. }), "{length}: {error}");
        assert_says(&error, &[NAME, &length.to_string(), "unlink it"]);
    }
}

fn random_bytes_are_an_error() {
    let image = image_of_a_pool();
    let mut random = StdRng::seed_from_u64(1);
    for length in (0..5000).step_by(13) {
        let mut bad = vec![0; length];
        random.fill_bytes(&mut bad);
        assert_says(&refuse(&bad), &[NAME]);
        // Behind a beginning that looks well.
        let known = random.random_range(0..=length.min(192));
        bad[..known].copy_from_slice(&image[..known]);
        assert_says(&refuse(&bad), &[NAME]);
    }
}

fn another_format_version_is_an_error_that_names_both() {
    let image = image_of_a_pool();
    let version = u32::from_le_bytes(image[8..12].try_into().unwrap());
    let mut bad = image.clone();
    bad[8] += 1;
    let error = refuse(&bad);
    assert!(matches!(error, Error::WrongFormat { .. }), "{error}");
    let (found, expected) = (version + 1, version);
    assert_says(
        &error,
        &[&format!("version {found}"), &format!("reads {expected}")],
    );
    let mut bad = image;
    bad[12..16].reverse();
    assert_says(&refuse(&bad), &["byte order"]);
}

/// Does everything with a pool that may be damaged; errors are as good as results.
fn use_all_of(pool: &Pool<Step>) {
    let record = bytemuck::Zeroable::zeroed();
    let mut random = StdRng::seed_from_u64(1);
    let _ = (pool.len(), pool.total_priority(), pool.statistics());
    let _ = pool.participants();
    let _ = pool.wait_for_len(1, Duration::ZERO);
    for _ in 0..3 {
        for drawn in [
            pool.sample(8, &mut random),
            pool.sample_by(Sampler::uniform(), 8, &mut random),
        ] {
            let Ok(batch) = drawn else { continue };
            let _ = batch.records().map(|record| record.reward).sum::<f32>();
            let gathered = batch.gather(&mut [Column::new("action", &mut [0u32; 8])]);
            gathered.unwrap();
            let _ = pool.insert(&record);
            let _ = pool.update_priorities(batch.keys(), &[0.5; 8]);
        }
        let _ = pool.insert_batch(&[record; 25]);
        let _ = pool.reserve().map(|slot| slot.commit());
        drop(pool.reserve());
        let _ = pool.verify();
        (0..60).for_each(|key| drop(pool.get(key)));
    }
}

/// Runs `act` with each damaged image; says which of them made it panic.
pub fn assert_harmless(images: impl Iterator<Item = (String, Vec<u8>)>, act: impl Fn(&[u8])) {
    let mut harmful = Vec::new();
    for (what, image) in images {
        if catch_unwind(AssertUnwindSafe(|| act(&image))).is_err() {
            harmful.push(what);
        }
    }
    let (count, some) = (harmful.len(), harmful.iter().take(20));
    assert!(
        count == 0,
        "{count} panics: {:#?}",
        some.collect::<Vec<_>>()
    );
}

/// Images of which one word behind the header is another one.
pub fn damaged_words(image: &[u8]) -> impl Iterator<Item = (String, Vec<u8>)> {
    let mut random = StdRng::seed_from_u64(1);
    let nan = u64::from(f32::NAN.to_bits());
    let negative = u64::from((-1f32).to_bits());
    let words = (192..image.len() / 8 * 8).step_by(8).flat_map(move |at| {
        let values = [0, 1, u64::MAX, nan << 32 | nan, negative << 32 | negative];
        let random = [(); 3].map(|()| random.random());
        values
            .into_iter()
            .chain(random)
            .map(move |value| (at, value))
    });
    words.map(|(at, value)| {
        let mut bad = image.to_vec();
        bad[at..at + 8].copy_from_slice(&u64::to_le_bytes(value));
        (format!("{value:#x} at byte {at}"), bad)
    })
}

fn use_pool(image: &[u8]) {
    if let Ok(pool) = open(image) {
        use_all_of(&pool);
    }
}

fn every_damaged_word_of_a_pool_harms_nobody() {
    assert_harmless(damaged_words(&image_of_a_pool()), use_pool);
}

fn a_pool_of_random_words_harms_nobody() {
    // One shard, and several.
    for (image, rounds) in [
        (image_of_a_pool_of(20), 1000),
        (image_of_a_pool_of(1100), 100),
    ] {
        harm_with_random_words(&image, rounds);
        millpond::unlink(NAME).unwrap();
    }
}

fn harm_with_random_words(image: &[u8], rounds: u64) {
    let random = (0..rounds).map(|seed| {
        let mut bad = image.to_vec();
        StdRng::seed_from_u64(seed).fill_bytes(&mut bad[header_end(image)..]);
        (format!("seed {seed}"), bad)
    });
    assert_harmless(random, use_pool);
}

fn a_repair_does_not_believe_an_impossible_priority() {
    let mut image = image_of_a_pool();
    // The leaf of the record with priority 20 becomes infinite, and the lock says that a repair is due.
    let leaf = 20f32.powf(0.6).to_le_bytes();
    let at = image.windows(4).position(|bytes| bytes == leaf);
    let at = at.expect("the leaf of priority 20");
    image[at..at + 4].copy_from_slice(&f32::INFINITY.to_le_bytes());
    let dirty = header_end(&image).next_multiple_of(64) + 8;
    image[dirty] = 1;
    let pool = open(&image).unwrap();
    let any = Step {
        observation: [0.0; 2],
        action: 0,
        reward: 0.0,
    };
    pool.insert(&any).unwrap();
    let statistics = pool.statistics();
    assert_eq!(statistics.repairs, 1);
    assert!((28.9..29.1).contains(&statistics.highest_priority));
    pool.verify().unwrap();
}

fn a_damaged_segment_is_listed_and_can_be_removed() {
    let mut bad = image_of_a_pool();
    bad[100] ^= 1;
    fs::write(path(), &bad).unwrap();
    let listed = millpond::list(None).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((&*listed[0].name, &*listed[0].kind), (NAME, "damaged"));
    let asked = millpond::info(NAME).unwrap_err();
    assert!(
        matches!(&asked, Error::Damaged { name, .. } if name == NAME),
        "{asked}"
    );
    assert!(matches!(
        millpond::info("absent"),
        Err(Error::NotFound { .. })
    ));
    let create = || Pool::<Step>::create(NAME, PoolOptions::new(10));
    let error = create().unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
    // Nobody waits for a damaged segment to become whole.
    let attach = Attach::new().wait(Duration::from_secs(1000));
    let error = Pool::<Step>::open_with(NAME, &attach).unwrap_err();
    assert_says(&error, &["is damaged", "unlink it and create it again"]);
    millpond::unlink(NAME).unwrap();
    create().unwrap();
}
