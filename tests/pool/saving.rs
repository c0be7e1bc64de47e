//! Saving while others go on: nothing that they do changes what belongs to the snapshot.

use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use millpond::pool::Remover;
use millpond::{Error, Pool, PoolOptions, Sampler};

use crate::snapshot::{Place, random};

/// Large enough that a snapshot has many blocks.
type Large = [u64; 512];

fn large(number: u64) -> Large {
    std::array::from_fn(|at| number.rotate_left(at as u32))
}

fn large_pool(options: PoolOptions) -> Pool<Large> {
    let pool = Pool::anonymous(options).unwrap();
    let capacity = pool.capacity() as u64;
    for number in 0..capacity + capacity / 3 {
        pool.insert(&large(number)).unwrap();
    }
    pool
}

/// The numbers of the records of a snapshot, in its order, all of them whole.
fn numbers(place: &Place) -> Vec<u64> {
    let loaded = Pool::<Large>::anonymous(PoolOptions::new(5000)).unwrap();
    let count = loaded.load(place.file()).unwrap().records;
    let number = |key| {
        let record = loaded.get(key).unwrap().unwrap();
        assert_eq!(record, large(record[0]), "a torn record");
        record[0]
    };
    (0..count as u64).map(number).collect()
}

#[test]
fn what_belongs_to_the_cut_is_saved_whatever_happens_meanwhile() {
    let place = Place::new("meanwhile");
    let pool = large_pool(PoolOptions::new(3000));
    let mut blocks = 0;
    thread::scope(|scope| {
        let mut next = 4000;
        pool.save_with(place.file(), |_, _| {
            blocks += 1;
            if blocks == 1 {
                let (pool, first) = (&pool, next);
                // Three laps of the ring: most of it has to wait.
                scope.spawn(move || {
                    for number in first..first + 9000 {
                        pool.insert(&large(number)).unwrap();
                    }
                });
                next += 9000;
                // What was removed is in the snapshot; it was there at the instant of the cut.
                pool.remove(&Vec::from_iter(1500..2500)).unwrap();
                // What was rewritten is there in its new form.
                let rewritten = |record: &mut Large| *record = large(3999 + (1 << 40));
                pool.rewrite(3999, Duration::from_secs(5), rewritten)
                    .unwrap();
            }
            thread::sleep(Duration::from_millis(1));
            ControlFlow::Continue(())
        })
        .unwrap();
    });
    assert!(blocks > 20, "{blocks} blocks");
    let expected = (1000..3999).chain([3999 + (1 << 40)]);
    assert_eq!(numbers(&place), Vec::from_iter(expected));
    pool.verify().unwrap();
    assert_eq!(pool.len(), 3000);
}

#[test]
fn removers_that_choose_go_round_what_is_saved() {
    for remover in [Remover::Uniform, Remover::Lowest, Remover::Nothing] {
        let place = Place::new("removers");
        let pool = Pool::<Large>::anonymous(PoolOptions::new(2000).remover(remover)).unwrap();
        for number in 0..2000 {
            let priority = 1.0 + (number * 7 % 100) as f32;
            pool.insert_with_priority(&large(number), priority).unwrap();
        }
        let held = pool.sample(64, &mut random()).unwrap();
        let inserted = thread::scope(|scope| {
            let mut writer = None;
            pool.save_with(place.file(), |_, _| {
                let (pool, held) = (&pool, &held);
                writer.get_or_insert_with(|| {
                    scope.spawn(move || {
                        let mut inserted = 0;
                        for number in 5000..6000 {
                            if remover == Remover::Nothing {
                                let key = number - 5000;
                                if held.keys().contains(&key) {
                                    continue;
                                }
                                pool.remove(&[key]).unwrap();
                            }
                            pool.insert(&large(number)).unwrap();
                            inserted += 1;
                        }
                        inserted
                    })
                });
                thread::sleep(Duration::from_millis(1));
                ControlFlow::Continue(())
            })
            .unwrap();
            writer.expect("a block").join().unwrap()
        });
        assert!(inserted > 900);
        let mut found = numbers(&place);
        found.sort();
        assert_eq!(found, Vec::from_iter(0..2000), "{remover:?}");
        pool.verify().unwrap();
        assert_eq!(pool.len(), 2000);
    }
}

#[test]
fn a_handle_whose_leases_are_taken_saves_with_what_is_left() {
    let place = Place::new("leases");
    let pool = large_pool(PoolOptions::new(500).leases(64));
    let mut held: Vec<_> = (0..63)
        .map(|_| pool.sample(1, &mut random()).unwrap())
        .collect();
    assert_eq!(pool.save(place.file()).unwrap().records, 500);
    held.push(pool.sample(1, &mut random()).unwrap());
    let refused = pool.save(place.file());
    assert!(
        matches!(refused, Err(Error::TooManyLeases { .. })),
        "{refused:?}"
    );
    drop(held);
    assert_eq!(numbers(&place), Vec::from_iter(166..666));
    assert_eq!(
        pool.sample_by(Sampler::uniform(), 64, &mut random())
            .unwrap()
            .len(),
        64
    );
}
