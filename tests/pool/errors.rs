//! Bad input: each is an error that says what was found, what is expected and what to do, and the
//! pool is as it was before.

use std::time::Duration;

use millpond::pool::Column;
use millpond::{Attach, Batch, Error, Pool, PoolOptions, Result, Sampler};
use rand::SeedableRng;
use rand::rngs::StdRng;

fn random() -> StdRng {
    StdRng::seed_from_u64(1)
}

/// Four records, of the priorities 0, 1, 2 and 3.
fn pool(options: PoolOptions) -> Pool<[f32; 4]> {
    let pool = Pool::anonymous(options.alpha(1.0)).unwrap();
    let records = [[0.0; 4], [1.0; 4], [2.0; 4], [3.0; 4]];
    pool.insert_batch_with_priorities(&records, &[0.0, 1.0, 2.0, 3.0])
        .unwrap();
    pool
}

#[track_caller]
fn refuse<T>(result: Result<T>, parts: &[&str]) -> Error {
    let error = result.err().expect("an error");
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
    error
}

#[test]
fn a_priority_that_is_no_priority_is_refused_and_changes_nothing() {
    let pool = pool(PoolOptions::new(100));
    let record = [9.0; 4];
    for bad in [
        f32::NAN,
        f32::INFINITY,
        -f32::INFINITY,
        -1.0,
        -1e-30,
        f32::MAX,
        1e30,
    ] {
        let number = format!("{bad}");
        let says = [
            &number,
            "number 0 of the call",
            "finite",
            "at least 0",
            "priority^alpha",
        ];
        let slot = pool.reserve().unwrap();
        let errors = [
            refuse(pool.insert_with_priority(&record, bad), &says),
            refuse(slot.commit_with_priority(bad), &says),
            refuse(pool.update_priorities(&[1], &[bad]), &says),
            refuse(
                pool.insert_batch_with_priorities(&[record; 3], &[1.0, 2.0, bad]),
                &["number 2 of the call"],
            ),
            refuse(
                pool.update_priorities(&[1, 2, 3], &[5.0, bad, 5.0]),
                &["number 1 of the call"],
            ),
        ];
        let invalid = |error: &Error| matches!(error, Error::InvalidPriority { .. });
        assert!(errors.iter().all(invalid));
    }
    assert_eq!((pool.len(), pool.total_priority()), (4, 6.0));
    pool.verify().unwrap();
}

#[test]
fn the_largest_and_the_smallest_priorities_are_fine() {
    let pool = Pool::<u64>::anonymous(PoolOptions::new(1000).alpha(1.0)).unwrap();
    let large = f32::MAX / 4_294_967_296.0;
    pool.insert_batch_with_priorities(&[0; 999], &[large; 999])
        .unwrap();
    pool.insert_with_priority(&1, 1e-45).unwrap();
    assert!(pool.total_priority().is_finite());
    pool.sample(1000, &mut random()).unwrap();
    // With an alpha below 1, larger ones are.
    let pool = Pool::<u64>::anonymous(PoolOptions::new(10).alpha(0.6)).unwrap();
    pool.insert_with_priority(&1, f32::MAX).unwrap();
    assert_eq!(pool.sample(1, &mut random()).unwrap().keys(), [0]);
    // With an alpha above 1, a small one keeps some weight.
    let pool = Pool::<u64>::anonymous(PoolOptions::new(10).alpha(3.0)).unwrap();
    pool.insert_with_priority(&1, 1e-30).unwrap();
    assert_eq!(pool.sample(1, &mut random()).unwrap().keys(), [0]);
}

#[test]
fn options_that_cannot_be_are_refused() {
    let create = |options| Pool::<u64>::anonymous(options);
    let new = || PoolOptions::new(10);
    refuse(
        create(PoolOptions::new(0)),
        &["the capacity of a pool is 0", "1 to 4294967294"],
    );
    let large = u32::MAX as usize;
    refuse(
        create(PoolOptions::new(large)),
        &["4294967295", "1 to 4294967294"],
    );
    for (alpha, shown) in [(-0.1, "-0.1"), (f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
        refuse(
            create(new().alpha(alpha)),
            &["alpha is", shown, "finite and at least 0"],
        );
    }
    refuse(create(new().leases(0)), &["leases is 0", "1 to"]);
    refuse(
        create(new().participants(0)),
        &["0 participants", "1 to 1022"],
    );
    refuse(
        create(new().participants(1023)),
        &["1023 participants", "1 to 1022"],
    );
    let pool = Pool::<[u64; 1 << 40]>::anonymous(PoolOptions::new(1 << 30));
    refuse(pool, &["larger than the address space"]);
}

#[test]
fn names_that_cannot_be_are_refused() {
    for (name, reason) in [
        ("", "empty"),
        ("a//b", "empty"),
        ("../a", "dot"),
        ("a b", "character"),
    ] {
        let error = refuse(Pool::<u64>::open(name), &["cannot name a segment", reason]);
        assert!(matches!(error, Error::InvalidName { .. }));
        refuse(
            Pool::<u64>::create(name, PoolOptions::new(1)),
            &["cartpole/replay"],
        );
        refuse(Pool::<u64>::open_with(name, &Attach::new()), &[reason]);
        refuse(millpond::unlink(name), &[reason]);
        refuse(millpond::unlink_all(name), &[reason]);
        refuse(millpond::list(Some(name)), &[reason]);
    }
}

#[test]
fn nothing_can_be_sampled_from_an_empty_pool() {
    let pool = Pool::<u64>::anonymous(PoolOptions::new(10)).unwrap();
    let says = [
        "the pool holds 0 records;",
        "insert some first",
        "wait_for_len",
    ];
    let error = refuse(pool.sample(1, &mut random()), &says);
    assert!(matches!(error, Error::NothingToSample { length: 0, .. }));
    refuse(pool.sample_by(Sampler::uniform(), 1, &mut random()), &says);
    let _slot = pool.reserve().unwrap();
    refuse(pool.sample_by(Sampler::uniform(), 1, &mut random()), &says);
    refuse(
        pool.wait_for_len(1, Duration::ZERO),
        &["1 records", "holds 0"],
    );
    refuse(
        pool.wait_for_len(11, Duration::ZERO),
        &["is 11", "capacity, 10"],
    );
    assert_eq!(pool.wait_for_len(0, Duration::ZERO).unwrap(), 0);
}

#[test]
fn records_of_priority_zero_are_sampled_uniformly_only() {
    let pool = pool(PoolOptions::new(4));
    pool.update_priorities(&[0, 1, 2, 3], &[0.0; 4]).unwrap();
    let error = refuse(
        pool.sample(1, &mut random()),
        &["holds 4 records, all of priority 0"],
    );
    assert!(matches!(
        error,
        Error::NothingToSample {
            length: 4,
            used_up: 0
        }
    ));
    assert_eq!(
        pool.sample_by(Sampler::uniform(), 8, &mut random())
            .unwrap()
            .len(),
        8
    );
    pool.update_priorities(&[2], &[1e-9]).unwrap();
    assert_eq!(pool.sample(2, &mut random()).unwrap().keys(), [2, 2]);
}

#[test]
fn a_batch_has_one_record_at_least() {
    let pool = pool(PoolOptions::new(4));
    let says = ["the size of a batch is 0", "1 or more"];
    refuse(pool.sample(0, &mut random()), &says);
    refuse(pool.sample_by(Sampler::uniform(), 0, &mut random()), &says);
}

#[test]
fn a_pool_of_held_slots_has_no_free_one() {
    let pool = pool(PoolOptions::new(4));
    let mut batches: Vec<Batch<_>> = Vec::new();
    let mut random = random();
    for _ in 0..20 {
        batches.push(pool.sample_by(Sampler::uniform(), 1, &mut random).unwrap());
    }
    let says = [
        "all 4 slots",
        "leased to batches or reserved",
        "drop some",
        "more capacity",
    ];
    let error = refuse(pool.insert(&[7.0; 4]), &says);
    assert!(matches!(error, Error::NoFreeSlot { capacity: 4 }));
    refuse(pool.insert_batch(&[[7.0; 4]; 2]), &says);
    refuse(pool.reserve(), &says);
    assert_eq!((pool.len(), pool.total_priority()), (4, 6.0));
    batches.clear();
    let slots = [(); 4].map(|()| pool.reserve().unwrap());
    refuse(pool.insert(&[7.0; 4]), &says);
    assert_eq!(pool.len(), 0);
    drop(slots);
    pool.insert(&[7.0; 4]).unwrap();
    pool.verify().unwrap();
}

#[test]
fn a_handle_has_so_many_leases_and_no_more() {
    let pool = pool(PoolOptions::new(4).leases(64));
    let random = &mut random();
    let error = refuse(
        pool.sample(65, random),
        &["a batch of 65", "64 leases", "0 are held", "more leases"],
    );
    assert!(matches!(
        error,
        Error::TooManyLeases {
            asked: 65,
            held: 0,
            limit: 64
        }
    ));
    let mut batch = pool.sample(60, random).unwrap();
    refuse(pool.sample(5, random), &["a batch of 5", "60 are held"]);
    // A batch that is filled again gives back first, and an error leaves it empty.
    pool.sample_into(64, random, &mut batch).unwrap();
    refuse(pool.sample_into(65, random, &mut batch), &["0 are held"]);
    assert!(batch.is_empty() && batch.keys().is_empty());
    pool.sample(64, random).unwrap();
}

#[test]
fn a_column_must_fit_its_field() {
    #[derive(Clone, Copy, millpond::Record)]
    #[repr(C)]
    struct Step {
        observation: [[f32; 2]; 3],
        action: u32,
    }
    let pool = Pool::<Step>::anonymous(PoolOptions::new(4)).unwrap();
    let step = Step {
        observation: [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
        action: 7,
    };
    pool.insert(&step).unwrap();
    let batch = pool.sample(2, &mut random()).unwrap();
    let mut floats = [0f32; 12];
    let mut actions = [0u32; 2];
    let mut gather = |column: Column<'_>| {
        let action = Column::new("action", &mut actions);
        batch.gather(&mut [action, column])
    };
    let unknown = gather(Column::new("reward", &mut floats));
    refuse(unknown, &["`reward`", "not a field", "observation, action"]);
    let mut doubles = [0f64; 12];
    let wrong = gather(Column::new("observation", &mut doubles));
    refuse(
        wrong,
        &["`observation`", "buffer of f64", "observation f32[3,2]"],
    );
    let short = gather(Column::new("observation", &mut floats[..11]));
    refuse(
        short,
        &["`observation`", "11 numbers", "2 records", "make 12"],
    );
    let mut rows = [[0f32; 5]; 2];
    let ragged = gather(Column::new("observation", &mut rows));
    refuse(ragged, &["10 numbers", "make 12"]);
    assert_eq!(actions, [0; 2], "nothing was copied");

    let mut arrays = [[[0f32; 2]; 3]; 2];
    let columns = &mut [Column::new("observation", &mut arrays)];
    batch.gather(columns).unwrap();
    assert_eq!(arrays, [step.observation; 2]);
}

#[test]
fn there_is_one_priority_for_each_key_and_record() {
    let pool = pool(PoolOptions::new(4));
    let updated = pool.update_priorities(&[0, 1], &[1.0]);
    refuse(
        updated,
        &["number of priorities is 1", "that of the keys, 2"],
    );
    let inserted = pool.insert_batch_with_priorities(&[[0.0; 4]], &[1.0, 2.0]);
    refuse(
        inserted,
        &["number of priorities is 2", "that of the records, 1"],
    );
    assert_eq!(pool.update_priorities(&[], &[]).unwrap(), 0);
    assert!(pool.insert_batch(&[]).unwrap().is_empty());
}

#[test]
fn keys_that_never_were_are_stale() {
    let pool = pool(PoolOptions::new(4));
    for key in [4, 1 << 61, (1 << 62) - 1, 1 << 62, u64::MAX] {
        assert_eq!(pool.get(key).unwrap(), None);
        assert_eq!(pool.update_priorities(&[key, 1], &[5.0, 1.0]).unwrap(), 1);
    }
    assert_eq!(pool.statistics().stale_updates, 5);
    assert_eq!(pool.total_priority(), 6.0);
}

#[test]
#[should_panic = "record 2 of 2"]
fn a_record_beyond_the_batch_is_a_panic() {
    let pool = pool(PoolOptions::new(4));
    pool.sample(2, &mut random()).unwrap().get(2);
}
