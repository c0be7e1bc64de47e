//! The pool against a plain model: after any sequence of calls both hold the same records under the
//! same keys with the same priorities, and the sum of these is the same to the bit.

use std::collections::HashSet;

use millpond::pool::Reservation;
use millpond::{Batch, Error, Pool, PoolOptions, Sampler};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand::SeedableRng;
use rand::rngs::StdRng;

type Record = [u64; 9];

/// One call. Numbers that choose something are taken modulo what there is to choose from.
#[derive(Clone, Debug)]
enum Call {
    Insert(u64, Option<f32>),
    InsertBatch(Vec<(u64, f32)>, bool),
    Reserve,
    Commit(usize, u64, Option<f32>),
    GiveUp(usize),
    Update(Vec<(u64, f32)>),
    Sample(usize, bool, u64),
    Release(usize),
    Get(u64),
}

fn priority() -> impl Strategy<Value = f32> {
    prop_oneof![Just(0.0), Just(1.0), 0.0..10f32, 1e-9..1e-3f32, 1e3..1e9f32]
}

fn call() -> impl Strategy<Value = Call> {
    let some_priority = || proptest::option::of(priority());
    prop_oneof![
        3 => (any::<u64>(), some_priority()).prop_map(|(seed, given)| Call::Insert(seed, given)),
        2 => (vec((any::<u64>(), priority()), 0..100), any::<bool>())
            .prop_map(|(records, given)| Call::InsertBatch(records, given)),
        1 => Just(Call::Reserve),
        1 => (any::<usize>(), any::<u64>(), some_priority())
            .prop_map(|(which, seed, given)| Call::Commit(which, seed, given)),
        1 => any::<usize>().prop_map(Call::GiveUp),
        3 => vec((any::<u64>(), priority()), 0..300).prop_map(Call::Update),
        3 => (1..40usize, any::<bool>(), any::<u64>())
            .prop_map(|(count, uniform, seed)| Call::Sample(count, uniform, seed)),
        2 => any::<usize>().prop_map(Call::Release),
        1 => any::<u64>().prop_map(Call::Get),
    ]
}

fn record(seed: u64) -> Record {
    std::array::from_fn(|at| seed.rotate_left(at as u32))
}

#[derive(Clone, Copy)]
struct Entry {
    key: u64,
    record: Record,
    leaf: f32,
}

/// The pool as it should be, and what the test holds of the real one.
struct Model<'a> {
    pool: &'a Pool<Record>,
    alpha: f32,
    ring: Vec<Option<Entry>>,
    /// No key was used that is not below this.
    next_key: u64,
    highest: f32,
    reserved: Vec<Reservation<'a, Record>>,
    held: Vec<(Batch<Record>, Vec<Record>)>,
}

impl<'a> Model<'a> {
    fn new(pool: &'a Pool<Record>) -> Self {
        Self {
            pool,
            alpha: pool.alpha(),
            ring: vec![None; pool.capacity()],
            next_key: 0,
            highest: 1.0,
            reserved: Vec::new(),
            held: Vec::new(),
        }
    }

    fn slot(&self, key: u64) -> usize {
        (key % self.ring.len() as u64) as usize
    }

    fn find(&self, key: u64) -> Option<&Entry> {
        let entry = self.ring[self.slot(key)].as_ref();
        entry.filter(|entry| entry.key == key)
    }

    fn leaf(&self, priority: f32) -> f32 {
        match priority {
            0.0 => 0.0,
            _ => priority.powf(self.alpha).max(f32::MIN_POSITIVE),
        }
    }

    /// Slots that no writer may take.
    fn passed_over(&self) -> HashSet<usize> {
        let leased = self.held.iter().flat_map(|(batch, _)| batch.keys());
        let reserved = self.reserved.iter().map(|slot| slot.key());
        let keys = leased.copied().chain(reserved);
        keys.map(|key| self.slot(key)).collect()
    }

    /// Notes that a writer took `key`, and checks that it passed over no slot that was free.
    fn take(&mut self, key: u64) {
        assert!(key >= self.next_key, "key {key} was used before");
        let held = self.passed_over();
        assert!(!held.contains(&self.slot(key)), "key {key} was not free");
        for skipped in self.next_key..key {
            assert!(held.contains(&self.slot(skipped)), "key {skipped} was free");
        }
        self.next_key = key + 1;
        let slot = self.slot(key);
        self.ring[slot] = None;
    }

    fn put(&mut self, key: u64, record: Record, priority: Option<f32>) {
        let leaf = priority.map_or(self.highest, |priority| self.leaf(priority));
        self.highest = self.highest.max(leaf);
        let slot = self.slot(key);
        self.ring[slot] = Some(Entry { key, record, leaf });
    }

    /// A key that was used, or would be next, or is far off.
    fn some_key(&self, number: u64) -> u64 {
        match number % 50 {
            0 => number,
            1 => u64::MAX,
            _ => number % (self.next_key + 2),
        }
    }

    fn apply(&mut self, call: Call) {
        let everything_is_held = self.passed_over().len() == self.ring.len();
        match call {
            Call::Insert(..) | Call::InsertBatch(..) | Call::Reserve if everything_is_held => {
                let refused = self.pool.insert(&record(0));
                let capacity = self.ring.len();
                assert!(matches!(refused, Err(Error::NoFreeSlot { capacity: c }) if c == capacity));
                // Every key was looked at in vain.
                self.next_key += capacity as u64;
            }
            Call::Insert(seed, priority) => {
                let inserted = match priority {
                    None => self.pool.insert(&record(seed)),
                    Some(priority) => self.pool.insert_with_priority(&record(seed), priority),
                };
                let key = inserted.unwrap();
                self.take(key);
                self.put(key, record(seed), priority);
            }
            Call::InsertBatch(records, given) => self.insert_batch(records, given),
            Call::Reserve => {
                let slot = self.pool.reserve().unwrap();
                self.take(slot.key());
                self.reserved.push(slot);
            }
            Call::Commit(which, seed, priority) if !self.reserved.is_empty() => {
                let mut slot = self.reserved.swap_remove(which % self.reserved.len());
                *slot = record(seed);
                let committed = match priority {
                    None => slot.commit(),
                    Some(priority) => slot.commit_with_priority(priority),
                };
                self.put(committed.unwrap(), record(seed), priority);
            }
            Call::GiveUp(which) if !self.reserved.is_empty() => {
                self.reserved.swap_remove(which % self.reserved.len());
            }
            Call::Update(updates) => self.update(updates),
            Call::Sample(count, uniform, seed) if self.held.len() < 8 => {
                self.sample(count, uniform, seed);
            }
            Call::Release(which) if !self.held.is_empty() => {
                let (batch, copies) = self.held.swap_remove(which % self.held.len());
                assert!(batch.records().eq(&copies), "a held record changed");
            }
            Call::Get(number) => {
                let key = self.some_key(number);
                let expected = self.find(key).map(|entry| entry.record);
                assert_eq!(self.pool.get(key).unwrap(), expected);
            }
            Call::Commit(..) | Call::GiveUp(..) | Call::Sample(..) | Call::Release(..) => {}
        }
    }

    fn insert_batch(&mut self, new: Vec<(u64, f32)>, given: bool) {
        let records: Vec<_> = new.iter().map(|&(seed, _)| record(seed)).collect();
        let priorities: Vec<_> = new.iter().map(|&(_, priority)| priority).collect();
        let keys = match given {
            false => self.pool.insert_batch(&records),
            true => self
                .pool
                .insert_batch_with_priorities(&records, &priorities),
        };
        let keys = keys.unwrap();
        assert_eq!(keys.len(), records.len());
        for (at, key) in keys.into_iter().enumerate() {
            self.take(key);
            self.put(key, records[at], given.then_some(priorities[at]));
        }
    }

    fn update(&mut self, updates: Vec<(u64, f32)>) {
        let keys: Vec<u64> = updates.iter().map(|&(n, _)| self.some_key(n)).collect();
        let priorities: Vec<f32> = updates.iter().map(|&(_, priority)| priority).collect();
        let stale = keys.iter().filter(|key| self.find(**key).is_none()).count();
        let found = self.pool.update_priorities(&keys, &priorities).unwrap();
        assert_eq!(found, stale);
        for (&key, &priority) in keys.iter().zip(&priorities) {
            if self.find(key).is_some() {
                let (slot, leaf) = (self.slot(key), self.leaf(priority));
                self.ring[slot].as_mut().expect("found before").leaf = leaf;
                self.highest = self.highest.max(leaf);
            }
        }
    }

    fn sample(&mut self, count: usize, uniform: bool, seed: u64) {
        let random = &mut StdRng::seed_from_u64(seed);
        let sampled = match uniform {
            true => self.pool.sample_by(Sampler::uniform(), count, random),
            false => self.pool.sample(count, random),
        };
        let (length, total) = (self.ring.iter().flatten().count(), self.total());
        if length == 0 || !uniform && total == 0.0 {
            assert!(
                matches!(sampled, Err(Error::NothingToSample { length: l, .. }) if l == length)
            );
            return;
        }
        let batch = sampled.unwrap();
        assert_eq!(batch.len(), count);
        let mut last = (0, 0);
        for (at, (&key, drawn)) in batch.keys().iter().zip(batch.records()).enumerate() {
            let entry = self.find(key).expect("a key of the pool");
            assert_eq!(*drawn, entry.record);
            let probability = match uniform {
                true => 1.0 / length as f32,
                false => entry.leaf / total,
            };
            // A positive priority that vanishes beside the sum still has a probability.
            let probability = probability.max(f32::MIN_POSITIVE);
            assert_eq!(batch.probabilities()[at], probability);
            let here = (self.shard(self.slot(key)), self.slot(key));
            assert!(
                uniform || here >= last,
                "stratified: in the order of shards"
            );
            last = here;
        }
        let copies = batch.records().copied().collect();
        self.held.push((batch, copies));
    }

    /// The shard of a slot: runs of 64 are dealt to 1 to 16 shards.
    fn shard(&self, slot: usize) -> usize {
        let shards = 1 << (self.ring.len() / 256).clamp(1, 16).ilog2();
        slot / 64 % shards
    }

    /// The sum of the leaves; each shard is summed as a tree.
    fn total(&self) -> f32 {
        let mut leaves = vec![Vec::new(); 16];
        for (slot, entry) in self.ring.iter().enumerate() {
            leaves[self.shard(slot)].push(entry.map_or(0.0, |entry| entry.leaf));
        }
        leaves.retain(|shard| !shard.is_empty());
        let totals = leaves.into_iter().map(Self::total_of_shard);
        totals.map(f64::from).sum::<f64>() as f32
    }

    /// The sum of leaves, as a tree of sixteen children a node sums them.
    fn total_of_shard(mut level: Vec<f32>) -> f32 {
        loop {
            let sum = |node: &[f32]| node.iter().map(|&child| f64::from(child)).sum::<f64>();
            level = level.chunks(16).map(|node| sum(node) as f32).collect();
            if let [total] = level[..] {
                return total;
            }
        }
    }

    fn check(&self) {
        self.pool.verify().unwrap();
        assert_eq!(self.pool.len(), self.ring.iter().flatten().count());
        let (found, expected) = (self.pool.total_priority(), self.total());
        assert_eq!(found.to_bits(), expected.to_bits(), "{found}, {expected}");
        for entry in self.ring.iter().flatten() {
            assert_eq!(self.pool.get(entry.key).unwrap(), Some(entry.record));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_sequence_of_calls_leaves_what_the_model_says(
        capacity in prop_oneof![1..=40usize, 60..=300usize, 500..=1100usize],
        alpha in prop_oneof![Just(0.0f32), Just(0.6), Just(1.0), 0.0..2f32],
        calls in vec(call(), 1..80),
    ) {
        let options = PoolOptions::new(capacity).alpha(alpha).leases(4096);
        let pool = Pool::anonymous(options).unwrap();
        let mut model = Model::new(&pool);
        for call in calls {
            model.apply(call);
            model.check();
        }
    }
}
