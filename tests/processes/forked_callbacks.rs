//! What a caller gives to a call may fork: closures, iterators, generators, what writes and checks a value. The child
//! comes back into the call with a copy of everything; it must write nothing, and gets an error.

use std::convert::Infallible;
use std::env;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use millpond::readonly::{LookupBuilder, Place, PublishOptions};
use millpond::{
    Archive, ArrayDict, DictOptions, Lookup, Pool, PoolOptions, Sampler, SharedValue, ValueOptions,
};
use rand::rngs::StdRng;
use rand::{SeedableRng, TryRng};

use crate::experience::{Experience, check_batch};
use crate::forking::{fork_once, is_forked, is_panic, is_refused, with_a_child};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "forked_callbacks",
    trials: named![
        a_generator_that_forks_samples_in_the_parent_alone,
        a_change_of_a_record_that_forks_is_made_by_the_parent_alone,
        progress_that_forks_goes_on_in_the_parent_alone,
        a_change_of_a_row_that_forks_is_made_by_the_parent_alone,
        pairs_that_fork_are_inserted_by_the_parent_alone,
        a_child_that_panics_leaves_its_parents_lock_alone,
        a_change_of_a_value_that_forks_is_an_error_in_the_child,
        pairs_that_fork_are_published_by_the_parent_alone,
        a_value_that_forks_is_archived_by_the_parent_alone,
    ],
    ..Part::EMPTY
};

const CAPACITY: usize = 5_000;
const LONG: Duration = Duration::from_secs(20);

/// Where this trial may put files.
fn place() -> PathBuf {
    let root = env::var_os("MILLPOND_DIR").expect("a directory for segments");
    Path::new(&root).parent().expect("the trial's own").into()
}

fn fill(pool: &Pool<Experience>, count: usize) {
    for sequence in 0..count as u64 {
        let mut slot = pool.reserve().unwrap();
        *slot = Experience::new(slot.key(), 0, sequence);
        slot.commit().unwrap();
    }
}

fn create(name: &str, options: PoolOptions) -> Pool<Experience> {
    let pool = Pool::create(name, options).unwrap();
    fill(&pool, CAPACITY / 2);
    pool
}

/// Forks when the `after`-th number is drawn.
struct Forking {
    inner: StdRng,
    after: usize,
}

impl Forking {
    fn after(after: usize) -> Self {
        Self {
            inner: StdRng::seed_from_u64(3),
            after,
        }
    }

    fn draw(&mut self) -> &mut StdRng {
        self.after = self.after.saturating_sub(1);
        if self.after == 0 {
            fork_once();
        }
        &mut self.inner
    }
}

impl TryRng for Forking {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.draw().try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.draw().try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.draw().try_fill_bytes(bytes)
    }
}

fn a_generator_that_forks_samples_in_the_parent_alone() {
    let pool = create("forks/pool", PoolOptions::new(CAPACITY));
    for sampler in [
        Sampler::stratified(),
        Sampler::uniform(),
        Sampler::newest(),
        Sampler::oldest(),
    ] {
        for after in [1, 50] {
            let sample = || pool.sample_by(sampler, 100, &mut Forking::after(after));
            let batch = with_a_child(sample, is_forked).unwrap();
            assert_eq!(batch.len(), 100);
            check_batch(&batch);
        }
    }
    assert_eq!(pool.statistics().sampled, 8 * 100, "the child sampled, too");
    pool.verify().unwrap();

    // A limited one: each record once.
    let queue = create("forks/queue", PoolOptions::queue(CAPACITY).unwrap());
    let mut keys = Vec::new();
    for after in [1, 3, 70] {
        let sample = || queue.sample(100, &mut Forking::after(after));
        keys.extend_from_slice(with_a_child(sample, is_forked).unwrap().keys());
    }
    assert!(keys.iter().copied().eq(0..300), "{keys:?}");
    assert_eq!(queue.len(), CAPACITY / 2 - 300);
    queue.verify().unwrap();

    let linked = Pool::<u64>::create("forks/linked", PoolOptions::new(100).linked(true)).unwrap();
    let mut previous = None;
    for number in 0..100 {
        previous = Some(linked.insert_after(previous, &number).unwrap());
    }
    let sample = || linked.sample_windows(10, 4, &mut Forking::after(5));
    let windows = with_a_child(sample, is_forked).unwrap();
    assert_eq!(windows.len(), 10);
    drop(windows);
    // No lease stays that would keep records for ever.
    linked.insert_batch(&[7; 300]).unwrap();
    assert_eq!(linked.len(), 100);
    linked.verify().unwrap();
}

fn a_change_of_a_record_that_forks_is_made_by_the_parent_alone() {
    let pool = Pool::<[u64; 8]>::create("forks/pool", PoolOptions::new(CAPACITY)).unwrap();
    let key = pool.insert(&[1; 8]).unwrap();
    let rewrite = || {
        pool.rewrite(key, LONG, |record| {
            *record = if fork_once() { [3; 8] } else { [2; 8] };
        })
    };
    assert!(with_a_child(rewrite, is_forked).unwrap());
    assert_eq!(pool.get(key).unwrap(), Some([2; 8]));
    assert!(pool.rewrite(key, LONG, |record| record[0] = 9).unwrap());
    pool.verify().unwrap();
}

fn progress_that_forks_goes_on_in_the_parent_alone() {
    let pool = create("forks/pool", PoolOptions::new(CAPACITY));
    let path = place().join("snapshot");
    let total = pool.save(&path).unwrap().bytes;
    // At the first of many blocks, and in the middle.
    for at in [1, total / 2] {
        let save = || {
            pool.save_with(&path, |done, _| {
                if done >= at {
                    fork_once();
                }
                ControlFlow::Continue(())
            })
        };
        let saved = with_a_child(save, is_forked).unwrap();
        assert_eq!(saved.records, CAPACITY / 2);
        // The total is twice the length: all is read two times.
        for at in [at, total + at] {
            let other = Pool::<Experience>::create("forks/other", PoolOptions::new(CAPACITY));
            let other = other.unwrap();
            let load = || {
                other.load_with(&path, |done, _| {
                    if done >= at {
                        fork_once();
                    }
                    ControlFlow::Continue(())
                })
            };
            let loaded = with_a_child(load, is_forked).unwrap();
            assert_eq!((loaded.records, loaded.left_out), (CAPACITY / 2, 0));
            assert_eq!(other.len(), CAPACITY / 2, "the child loaded, too");
            other.verify().unwrap();
            drop(other);
            millpond::unlink("forks/other").unwrap();
        }
    }
    fill(&pool, 2 * CAPACITY);
    pool.verify().unwrap();
}

fn rows(dict: &ArrayDict<u64, [u64; 5]>) -> Vec<(u64, [u64; 5])> {
    let reader = dict.read().unwrap();
    reader.iter().map(|(key, row)| (*key, *row)).collect()
}

fn a_change_of_a_row_that_forks_is_made_by_the_parent_alone() {
    let dict = ArrayDict::<u64, [u64; 5]>::create("forks/dict", DictOptions::new(100)).unwrap();
    dict.insert(1, &[1; 5]).unwrap();
    let change = |row: &mut [u64; 5]| *row = if fork_once() { [3; 5] } else { [2; 5] };
    assert!(with_a_child(|| dict.update(&1, change), is_forked).unwrap());
    assert_eq!(dict.get(&1).unwrap(), Some([2; 5]));
    let checked_out = || dict.checkout()?.update(&1, change);
    assert!(with_a_child(checked_out, is_forked).unwrap());
    let modified = || {
        let mut checkout = dict.checkout().unwrap();
        assert!(checkout.entry(1).and_modify(change).is_present());
    };
    with_a_child(modified, is_panic);
    let row = || {
        fork_once();
        [4; 5]
    };
    let inserted = || dict.checkout()?.entry(2).or_insert_with(row).copied();
    assert_eq!(with_a_child(inserted, is_forked).unwrap(), [4; 5]);
    assert_eq!(rows(&dict), [(1, [2; 5]), (2, [4; 5])]);
    assert!(!dict.checkout().unwrap().was_interrupted());
}

fn pairs_that_fork_are_inserted_by_the_parent_alone() {
    // More than fit into the first size, so that it grows while they come.
    const KEYS: u64 = 3_000;
    for at in [0, 1, 1_500, KEYS - 1] {
        let dict = ArrayDict::<u64, [u64; 5]>::create("forks/dict", DictOptions::new(16)).unwrap();
        let pairs = || {
            (0..KEYS).map(move |key| {
                if key == at {
                    fork_once();
                }
                (key, [key; 5])
            })
        };
        with_a_child(|| dict.extend(pairs()), is_forked).unwrap();
        with_a_child(|| dict.checkout()?.extend(pairs()), is_forked).unwrap();
        assert!(
            rows(&dict)
                .into_iter()
                .eq((0..KEYS).map(|key| (key, [key; 5])))
        );
        drop(dict);
        millpond::unlink("forks/dict").unwrap();
    }
}

fn a_child_that_panics_leaves_its_parents_lock_alone() {
    let dict = ArrayDict::<u64, [u64; 5]>::create("forks/dict", DictOptions::new(100)).unwrap();
    dict.insert(1, &[1; 5]).unwrap();
    let value = SharedValue::<u64>::create("forks/value", ValueOptions::new()).unwrap();
    let pool = Pool::<u64>::create("forks/pool", PoolOptions::new(10)).unwrap();
    let key = pool.insert(&1).unwrap();
    let panic = || assert!(!fork_once(), "the child panics");
    let update = || {
        dict.update(&1, |row| {
            panic();
            // The child is gone, or not; the lock is this process's.
            let other = ArrayDict::<u64, [u64; 5]>::open("forks/dict").unwrap();
            assert_eq!(other.get(&1).unwrap(), Some([1; 5]));
            row[0] = 2;
        })
    };
    assert!(with_a_child(update, is_panic).unwrap());
    assert!(!dict.checkout().unwrap().was_interrupted());
    let change = || {
        value.update(|value| {
            panic();
            *value += 1;
        })
    };
    with_a_child(change, is_panic).unwrap();
    assert_eq!(value.get().unwrap(), 1, "and not unfinished");
    let rewrite = || {
        pool.rewrite(key, LONG, |record| {
            panic();
            *record = 2;
        })
    };
    assert!(with_a_child(rewrite, is_panic).unwrap());
    assert_eq!(pool.get(key).unwrap(), Some(2));
}

fn a_change_of_a_value_that_forks_is_an_error_in_the_child() {
    let value = SharedValue::<u64>::create("forks/value", ValueOptions::new()).unwrap();
    let change = || {
        value.update(|value| {
            if !fork_once() {
                *value += 1;
            }
            *value
        })
    };
    assert_eq!(with_a_child(change, is_forked).unwrap(), 1);
    assert_eq!(value.update(|value| *value).unwrap(), 1);
}

/// Irregular numbers.
fn scramble(number: u64) -> u64 {
    let mixed = (number ^ number >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 29
}

fn pairs_that_fork_are_published_by_the_parent_alone() {
    // More than a draft's buffer holds, and than the temporary files'.
    const KEYS: u64 = 150_000;
    let pairs = |at: u64| {
        (0..KEYS).map(move |key| {
            if key == at {
                fork_once();
            }
            (scramble(key), scramble(!key))
        })
    };
    let options = PublishOptions::new().memory(256 << 10);
    for place in [
        Place::Name("forks/table".into()),
        Place::File(place().join("table")),
        Place::Memory,
    ] {
        for at in [KEYS / 2, KEYS - 1] {
            let publish = || Lookup::<u64, u64>::publish_with(place.clone(), &options, pairs(at));
            let table = with_a_child(publish, is_refused).unwrap();
            assert_eq!(table.len(), KEYS);
            table.verify().unwrap();
            assert!((0..KEYS).all(|key| table.get(&scramble(key)) == Some(&scramble(!key))));
            let mut builder = LookupBuilder::<u64, u64>::new(&options);
            with_a_child(|| builder.extend(pairs(KEYS / 2)), is_refused).unwrap();
            let table = builder.publish(place.clone()).unwrap();
            assert_eq!(table.len(), KEYS);
            table.verify().unwrap();
        }
    }
    // What is in memory alone is a copy of the child's own, which it may publish.
    let publish = || Lookup::<u64, u64>::publish("forks/both", pairs(5).take(1_000));
    let table = with_a_child(publish, |given| {
        assert_eq!(given.unwrap().unwrap().len(), 1_000);
    });
    let mut table = table.unwrap();
    table.refresh().unwrap();
    assert_eq!((table.version(), table.len()), (2, 1_000));
}

/// Forks when it is serialised, or checked.
#[derive(rkyv::Archive, rkyv::Serialize)]
struct Twice {
    numbers: Vec<u64>,
    forks: Fork,
}

/// Forks when it is serialised.
struct Fork;

impl rkyv::Archive for Fork {
    type Archived = ();
    type Resolver = ();

    fn resolve(&self, (): (), _: rkyv::Place<()>) {
        fork_once();
    }
}

impl<S: rkyv::rancor::Fallible + ?Sized> rkyv::Serialize<S> for Fork {
    fn serialize(&self, _: &mut S) -> Result<(), S::Error> {
        Ok(())
    }
}

fn a_value_that_forks_is_archived_by_the_parent_alone() {
    let value = Twice {
        numbers: (0..300_000).map(scramble).collect(),
        forks: Fork,
    };
    for place in [
        Place::Name("forks/archive".into()),
        Place::File(place().join("archive")),
        Place::Memory,
    ] {
        let publish = || Archive::publish(place.clone(), &value);
        let archive = with_a_child(publish, is_refused).unwrap();
        assert!(
            archive
                .numbers
                .iter()
                .zip(&value.numbers)
                .all(|(one, other)| one == other)
        );
        assert!(catch_unwind(AssertUnwindSafe(|| archive.numbers.len())).is_ok());
    }
}
