//! The pool of records that are known at run time beside the pool of a type: the same calls, with the same random
//! numbers, give the same keys, records, probabilities and files.

use std::time::Duration;

use millpond::pool::{Column, DynPool, Fill, InputColumn, Patience, ViewOptions};
use millpond::record::Scalar;
use millpond::{Error, Pool, PoolOptions, Record, Sampler, Schema};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

#[derive(Clone, Copy, Record, Debug, PartialEq)]
#[repr(C)]
struct Step {
    observation: [[f32; 3]; 2],
    reward: f64,
    action: u16,
    done: u8,
    _padding: [u8; 5],
}

const CAPACITY: usize = 500;

fn schema() -> Schema {
    let text = "size 40 align 8\nobservation f32[2,3] @0\nreward f64 @24\naction u16 @32\ndone u8 @34\n_padding u8[5] @35\n";
    Schema::parse(text).unwrap()
}

fn step(random: &mut StdRng) -> Step {
    Step {
        observation: random.random(),
        reward: random.random(),
        action: random.random(),
        done: random.random_range(0..2),
        _padding: [0; 5],
    }
}

fn options() -> PoolOptions {
    let view = ViewOptions::new().sampled_at_most(3);
    PoolOptions::new(CAPACITY)
        .ordered(true)
        .linked(true)
        .view("view", view.sampler(Sampler::oldest()))
}

/// Two pools of the same records, by the same calls.
fn pools(seed: u64) -> (Pool<Step>, DynPool) {
    let typed = Pool::<Step>::anonymous(options()).unwrap();
    let dynamic = DynPool::anonymous(&schema(), options()).unwrap();
    assert_eq!(dynamic.schema(), &Schema::of::<Step>());
    let random = &mut StdRng::seed_from_u64(seed);
    let mut previous = None;
    for number in 0..CAPACITY * 2 {
        let record = step(random);
        let bytes = bytemuck::bytes_of(&record);
        let priority = random.random_range(0.0..9.0);
        let keys = match number % 4 {
            0 => (typed.insert(&record), dynamic.insert(bytes)),
            1 => (
                typed.insert_with_priority(&record, priority),
                dynamic.insert_with_priority(bytes, priority),
            ),
            2 => (
                typed.insert_after_with_priority(previous, &record, priority),
                dynamic.insert_after_with_priority(previous, bytes, priority),
            ),
            _ => (
                typed.insert_into_views(&record, &[Some(priority), None]),
                dynamic.insert_into_views(bytes, &[Some(priority), None]),
            ),
        };
        let (typed, dynamic) = (keys.0.unwrap(), keys.1.unwrap());
        assert_eq!(typed, dynamic);
        previous = Some(typed);
    }
    (typed, dynamic)
}

fn numbers_of(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

#[test]
fn all_samplers_give_the_same() {
    let (typed, dynamic) = pools(1);
    let samplers = [
        Sampler::stratified(),
        Sampler::independent().without_replacement(),
        Sampler::uniform(),
        Sampler::newest(),
        Sampler::oldest(),
        Sampler::highest(),
        Sampler::lowest(),
        Sampler::ranked(),
    ];
    for (seed, sampler) in (0..).zip(samplers) {
        let one = typed.sample_by(sampler, 64, &mut numbers_of(seed)).unwrap();
        let other = dynamic
            .sample_by(sampler, 64, &mut numbers_of(seed))
            .unwrap();
        assert_eq!(one.keys(), other.keys());
        assert_eq!(one.probabilities(), other.probabilities());
        assert!(one.records().map(bytemuck::bytes_of).eq(other.records()));
        let (mut typed, mut bytes) = ([0f64; 64], [0u8; 64 * 8]);
        one.gather(&mut [Column::new("reward", &mut typed)])
            .unwrap();
        let column = Column::from_bytes("reward", Scalar::F64, &mut bytes);
        other.gather(&mut [column]).unwrap();
        assert_eq!(bytemuck::cast_slice::<f64, u8>(&typed), bytes);
    }
    let (one, other) = (typed.view("view").unwrap(), dynamic.view("view").unwrap());
    for seed in 0..30 {
        let one = one.sample(10, &mut numbers_of(seed)).unwrap();
        let other = other.sample(10, &mut numbers_of(seed)).unwrap();
        assert_eq!(one.keys(), other.keys());
    }
    assert_eq!(typed.statistics(), dynamic.statistics());
}

#[test]
fn windows_and_stacks_are_the_same() {
    let (typed, dynamic) = (
        Pool::<Step>::anonymous(options()).unwrap(),
        DynPool::anonymous(&schema(), options()).unwrap(),
    );
    let (mut one, mut other) = (typed.episode().unwrap(), dynamic.episode().unwrap());
    let random = &mut numbers_of(7);
    for number in 0..900 {
        let (record, last) = (step(random), number % 23 == 22);
        let bytes = bytemuck::bytes_of(&record);
        let keys = match one.previous() {
            None => (one.begin(&record), other.begin(bytes)),
            Some(_) => (one.push(&record, last), other.push(bytes, last)),
        };
        assert_eq!(keys.0.unwrap(), keys.1.unwrap());
    }
    let one = typed.sample_windows(40, 5, &mut numbers_of(1)).unwrap();
    let other = dynamic.sample_windows(40, 5, &mut numbers_of(1)).unwrap();
    assert!(one.lengths().eq(other.lengths()));
    for (one, other) in one.iter().zip(other.iter()) {
        assert!(one.keys().eq(other.keys()));
        assert!(one.records().map(bytemuck::bytes_of).eq(other.records()));
    }
    let gather = |windows: &millpond::pool::DynWindows| {
        let mut gathered = vec![[[[0f32; 3]; 2]; 5]; 40];
        let columns = &mut [Column::new("observation", &mut gathered)];
        windows.gather(Fill::First, columns).unwrap();
        let (mut now, mut next) = (vec![[0u16; 4]; 40], vec![[0u16; 4]; 40]);
        let (a, b) = (
            Column::new("action", &mut now),
            Column::new("action", &mut next),
        );
        windows.stack(Fill::Zero, a, b).unwrap();
        (gathered, now, next)
    };
    assert_eq!(gather(&one), gather(&other));
}

#[test]
fn each_face_loads_what_the_other_saved() {
    let (typed, dynamic) = pools(3);
    let folder = std::env::temp_dir().join(format!("millpond-dynamic-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (one, other) = (folder.join("typed"), folder.join("dynamic"));
    typed.save(&one).unwrap();
    dynamic.save(&other).unwrap();
    assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&other).unwrap());
    let loaded = DynPool::anonymous(&schema(), options()).unwrap();
    loaded.load(&one).unwrap();
    let again = Pool::<Step>::anonymous(options()).unwrap();
    again.load(&other).unwrap();
    assert_eq!((loaded.len(), again.len()), (CAPACITY, CAPACITY));
    assert_eq!(loaded.total_priority(), again.total_priority());
    let other_schema = Schema::parse("size 4 align 4\nreward f32 @0\n").unwrap();
    let smaller = DynPool::anonymous(&other_schema, PoolOptions::new(9)).unwrap();
    let refused = smaller.load(&one).unwrap_err().to_string();
    assert!(
        refused.contains("record      4 bytes") && refused.contains("observation f32[2,3]"),
        "{refused}"
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn records_are_got_replaced_and_removed_by_key() {
    let (typed, dynamic) = pools(5);
    let mut bytes = [0; 40];
    for key in 0..2 * CAPACITY as u64 + 2 {
        let record = typed.get(key).unwrap();
        assert_eq!(dynamic.get(key, &mut bytes).unwrap(), record.is_some());
        if let Some(record) = record {
            assert_eq!(bytemuck::bytes_of(&record), bytes);
        }
    }
    let (key, limit) = (700, std::time::Duration::ZERO);
    assert!(dynamic.replace(key, limit, &[9; 40]).unwrap());
    assert!(dynamic.get(key, &mut bytes).unwrap());
    assert_eq!(bytes, [9; 40]);
    assert!(!dynamic.replace(1, limit, &[9; 40]).unwrap());
    assert_eq!(dynamic.remove(&[key, 1]).unwrap(), 1);
    dynamic.verify().unwrap();
}

/// More than a claim, in odd numbers, and more than once round the ring.
#[test]
fn rows_and_columns_are_what_records_are() {
    let (typed, rows, columns) = (
        Pool::<Step>::anonymous(options()).unwrap(),
        DynPool::anonymous(&schema(), options()).unwrap(),
        DynPool::anonymous(&schema(), options()).unwrap(),
    );
    let random = &mut numbers_of(11);
    for count in [1, 63, 64, 65, 200, 331, 0, 17] {
        let records: Vec<Step> = (0..count).map(|_| step(random)).collect();
        let priorities: Vec<f32> = (0..count).map(|_| random.random()).collect();
        let keys = typed
            .insert_batch_with_priorities(&records, &priorities)
            .unwrap();
        let mut of_rows = Vec::new();
        rows.insert_batch(
            bytemuck::cast_slice(&records),
            Some(&priorities),
            &mut of_rows,
        )
        .unwrap();
        assert_eq!(keys, of_rows);
        let observations: Vec<_> = records.iter().map(|record| record.observation).collect();
        let rewards: Vec<_> = records.iter().map(|record| record.reward).collect();
        let actions: Vec<_> = records.iter().map(|record| record.action).collect();
        let dones: Vec<_> = records.iter().map(|record| record.done).collect();
        // Bytes that begin anywhere.
        let mut shifted = vec![0];
        shifted.extend_from_slice(bytemuck::cast_slice(&rewards));
        let inputs = &mut [
            InputColumn::new("done", &dones),
            InputColumn::from_bytes("reward", Scalar::F64, &shifted[1..]),
            InputColumn::new("observation", &observations),
            InputColumn::new("action", &actions),
        ];
        assert_eq!(
            columns.insert_columns(inputs, Some(&priorities)).unwrap(),
            keys
        );
        if count > 0 {
            let mut slots = columns.reserve(count).unwrap();
            slots.write_columns(inputs).unwrap();
            let reserved = slots.keys().to_vec();
            slots.commit(Some(&priorities)).unwrap();
            let mut again = Vec::new();
            rows.insert_batch(
                bytemuck::cast_slice(&records),
                Some(&priorities),
                &mut again,
            )
            .unwrap();
            assert_eq!(reserved, again);
            typed
                .insert_batch_with_priorities(&records, &priorities)
                .unwrap();
        }
    }
    let mut bytes = [0; 40];
    for key in 0..1500 {
        let record = typed.get(key).unwrap();
        for pool in [&rows, &columns] {
            assert_eq!(pool.get(key, &mut bytes).unwrap(), record.is_some());
            assert!(record.is_none_or(|record| bytemuck::bytes_of(&record) == bytes));
        }
    }
    assert_eq!(typed.total_priority(), columns.total_priority());
}

#[test]
fn reservations_of_many_slots_are_linked_and_given_up() {
    let pool = DynPool::anonymous(&schema(), options()).unwrap();
    let mut slots = pool.reserve(150).unwrap();
    for index in 0..150 {
        slots.get_mut(index).fill(index as u8);
    }
    let keys = slots.keys().to_vec();
    let previous: Vec<_> = (0..150)
        .map(|at: usize| at.checked_sub(1).map(|at| keys[at]))
        .collect();
    slots.commit_after(&previous, None).unwrap();
    let windows = pool.sample_windows(5, 4, &mut numbers_of(1)).unwrap();
    for window in windows.iter() {
        let last = window.get(window.len() - 1)[0];
        let expected = last.saturating_sub(3)..=last;
        assert!(window.records().map(|record| record[0]).eq(expected));
    }
    drop(pool.reserve(300).unwrap());
    assert_eq!(pool.len(), 150);
    pool.verify().unwrap();
    for count in [0, CAPACITY + 1] {
        let refused = pool.reserve(count).unwrap_err().to_string();
        assert!(refused.contains("1 to 500"), "{refused}");
    }
}

#[test]
fn wrong_bytes_and_columns_are_refused_in_words() {
    let pool = DynPool::anonymous(&schema(), options()).unwrap();
    let refused = pool.insert(&[0; 39]).unwrap_err().to_string();
    assert!(
        refused.contains("39 bytes") && refused.contains("40"),
        "{refused}"
    );
    let refused = pool.insert_batch(&[0; 81], None, &mut Vec::new());
    assert!(refused.unwrap_err().to_string().contains("81 bytes"));
    let (rewards, actions) = ([1f64; 2], [1u16; 3]);
    let reward = || InputColumn::new("reward", &rewards);
    let refuse = |columns: &mut [InputColumn<'_>]| match pool.insert_columns(columns, None) {
        Err(Error::WrongColumn { field, reason }) => format!("{field} {reason}"),
        other => panic!("{other:?}"),
    };
    let refused = refuse(&mut [reward()]);
    assert!(refused.starts_with("observation is missing"), "{refused}");
    assert_eq!(refuse(&mut [reward(), reward()]), "reward comes twice");
    let refused = refuse(&mut [reward(), InputColumn::new("action", &actions)]);
    assert!(
        refused.contains("buffer of 3 numbers, and 2 records"),
        "{refused}"
    );
    let refused = refuse(&mut [InputColumn::new("reward", &[1f32])]);
    assert!(refused.contains("buffer of f32"), "{refused}");
    let refused = refuse(&mut [InputColumn::new("rewards", &rewards)]);
    assert!(refused.contains("not a field"), "{refused}");
    let mut slots = pool.reserve(3).unwrap();
    assert!(slots.write_columns(&mut [reward()]).is_err());
    assert!(slots.commit(Some(&[1.0])).is_err());
    assert!(pool.is_empty());
    let wrong = pool.typed::<u64>().unwrap_err().to_string();
    assert!(wrong.contains("observation f32[2,3]"), "{wrong}");
}

#[test]
fn a_reservation_that_fails_half_way_gives_all_back() {
    let numbers = Schema::of::<u64>();
    let patience = || Patience::new().limit(Duration::ZERO);
    let queue = DynPool::anonymous(&numbers, PoolOptions::queue(100).unwrap()).unwrap();
    let queue = queue.with_patience(patience());
    let bytes = |count: usize| vec![7; count * 8];
    queue
        .insert_batch(&bytes(20), None, &mut Vec::new())
        .unwrap();
    for _ in 0..30 {
        // More than a claim; 80 are allowed.
        assert!(matches!(queue.reserve(90), Err(Error::TimedOut { .. })));
        drop(queue.reserve(80).unwrap());
        let reserved = queue.reserve(70).unwrap();
        let refused = queue.insert_batch(&bytes(11), None, &mut Vec::new());
        assert!(matches!(refused, Err(Error::TimedOut { .. })));
        // Ten of the eleven found a slot.
        assert_eq!(queue.len(), 30);
        assert!(
            reserved.commit(Some(&[1.0; 69])).is_err(),
            "one priority is missing"
        );
        let mut reserved = queue.reserve(70).unwrap();
        for index in 0..70 {
            reserved
                .get_mut(index)
                .copy_from_slice(&index.to_le_bytes()[..8]);
        }
        reserved.commit(None).unwrap();
        let all = queue.sample(100, &mut numbers_of(1)).unwrap();
        assert!(
            all.records()
                .skip(30)
                .enumerate()
                .all(|(at, record)| record == at.to_le_bytes())
        );
        drop(all);
        assert!(queue.is_empty());
        queue.verify().unwrap();
        queue
            .insert_batch(&bytes(20), None, &mut Vec::new())
            .unwrap();
    }
}

#[test]
fn a_reservation_finds_no_slots_where_batches_hold_them() {
    let pool = DynPool::anonymous(&Schema::of::<u64>(), PoolOptions::new(100)).unwrap();
    let records: Vec<u64> = (0..100).collect();
    let bytes = bytemuck::cast_slice(&records);
    pool.insert_batch(bytes, None, &mut Vec::new()).unwrap();
    let held = pool
        .sample_by(Sampler::newest(), 50, &mut numbers_of(1))
        .unwrap();
    assert!(matches!(pool.reserve(51), Err(Error::NoFreeSlot { .. })));
    assert!(held.keys().iter().rev().copied().eq(50..100));
    assert_eq!(pool.len(), 50);
    let slots = pool.reserve(50).unwrap();
    slots.commit(None).unwrap();
    assert_eq!(pool.len(), 100);
    drop(held);
    pool.verify().unwrap();
    assert_eq!(pool.reserve(100).unwrap().len(), 100);
    assert!(pool.is_empty());
    pool.verify().unwrap();
}
