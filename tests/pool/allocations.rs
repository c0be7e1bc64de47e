//! A learner's and a simulator's loops allocate nothing, once their buffers have their size.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use millpond::episode::{NStep, Step};
use millpond::pool::{Column, Fill, Windows};
use millpond::{Batch, Pool, PoolOptions, Sampler};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// The system's allocator, which counts what each thread asks of it.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: passes every call on to the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of this very call.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often `act` allocates.
fn count(act: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    act();
    ALLOCATIONS.get() - before
}

const SIZE: usize = 256;

fn pool() -> Pool<[f32; 84]> {
    let pool = Pool::anonymous(PoolOptions::new(10_000)).unwrap();
    pool.insert_batch(&[[1.0; 84]; 5000]).unwrap();
    pool
}

#[test]
fn the_counter_counts() {
    let allocate = || drop(std::hint::black_box(Vec::<u64>::with_capacity(100)));
    assert_eq!(count(allocate), 1);
}

#[test]
fn a_batch_that_is_used_again_allocates_nothing() {
    let pool = pool();
    let mut random = StdRng::seed_from_u64(1);
    let (mut batch, mut weights) = (Batch::new(&pool), Vec::new());
    let mut values = vec![[0f32; 84]; SIZE];
    let mut step = |uniform: bool| {
        match uniform {
            false => pool.sample_into(SIZE, &mut random, &mut batch).unwrap(),
            true => pool
                .sample_by_into(Sampler::uniform(), SIZE, &mut random, &mut batch)
                .unwrap(),
        }
        batch
            .gather(&mut [Column::new("value", &mut values)])
            .unwrap();
        batch.weights(0.4, &mut weights).unwrap();
        pool.update_priorities(batch.keys(), &weights).unwrap();
    };
    // The first time it has to.
    assert!(count(|| step(false)) > 0);
    step(true);
    assert_eq!(count(|| (0..100).for_each(|n| step(n % 2 == 0))), 0);
}

#[test]
fn an_insertion_allocates_nothing() {
    let pool = pool();
    let allocations = count(|| {
        for _ in 0..20_000 {
            pool.insert(&[2.0; 84]).unwrap();
            pool.insert_with_priority(&[3.0; 84], 0.5).unwrap();
            let mut slot = pool.reserve().unwrap();
            slot[0] = 4.0;
            slot.commit().unwrap();
        }
    });
    assert_eq!(allocations, 0);
}

#[test]
fn a_batch_insertion_allocates_its_keys_alone() {
    let pool = pool();
    let records = [[2.0; 84]; 1000];
    let insert = || drop(pool.insert_batch(&records).unwrap());
    assert_eq!(count(insert), 1);
}

#[test]
fn small_questions_allocate_nothing() {
    let pool = pool();
    let allocations = count(|| {
        assert!(pool.len() == 5000 && !pool.is_empty());
        assert!(pool.total_priority() > 0.0);
        assert_eq!(pool.statistics().inserted, 5000);
        pool.verify().unwrap();
    });
    assert_eq!(allocations, 0);
}

#[test]
fn windows_that_are_used_again_allocate_nothing() {
    let pool = Pool::anonymous(PoolOptions::new(10_000).linked(true)).unwrap();
    let mut episode = pool.episode().unwrap();
    let mut push = |count: usize| {
        for step in 0..count {
            match step % 50 {
                0 => episode.begin(&[1f32; 84]).unwrap(),
                _ => episode.push(&[2.0; 84], false).unwrap(),
            };
        }
    };
    push(5000);
    let mut random = StdRng::seed_from_u64(1);
    let mut windows = Windows::new(&pool);
    let (mut now, mut next) = (vec![[[0f32; 84]; 4]; 32], vec![[[0f32; 84]; 4]; 32]);
    let mut step = || {
        pool.sample_windows_into(32, 5, &mut random, &mut windows)
            .unwrap();
        let (now, next) = (
            Column::new("value", &mut now),
            Column::new("value", &mut next),
        );
        windows.stack(Fill::First, now, next).unwrap();
    };
    step();
    assert_eq!(count(|| (0..100).for_each(|_| step())), 0);
    assert_eq!(count(|| push(1000)), 0);
}

#[test]
fn folding_steps_allocates_nothing_once_the_queue_has_its_length() {
    let mut steps = NStep::new(5, 0.99).unwrap();
    let mut episode = || {
        for time in 0..20 {
            let step = Step {
                observation: [1f32; 84],
                action: time,
                reward: 1.0,
                next_observation: [2f32; 84],
                terminated: time == 19,
                truncated: false,
            };
            std::hint::black_box(steps.push(step).count());
        }
    };
    episode();
    assert_eq!(count(|| (0..100).for_each(|_| episode())), 0);
}
