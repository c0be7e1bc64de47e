//! Snapshots: what is saved is what is loaded, also into other pools; and a file that is not whole is refused.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use millpond::pool::{Loaded, Patience, Remover, ViewOptions};
use millpond::{Error, Pool, PoolOptions};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// A directory for one test, gone when it is dropped.
pub struct Place(PathBuf);

impl Place {
    pub fn new(test: &str) -> Self {
        let name = format!("millpond-{test}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn file(&self) -> PathBuf {
        self.0.join("pool.snapshot")
    }

    /// The names of the files here.
    fn files(&self) -> Vec<String> {
        let files = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn random() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn pool(options: PoolOptions) -> Pool<u64> {
    Pool::anonymous(options.alpha(1.0)).unwrap()
}

/// The records, in the order of their keys.
fn records(pool: &Pool<u64>) -> Vec<u64> {
    let last = pool.insert_with_priority(&u64::MAX, 0.0).unwrap();
    let records = (0..last).filter_map(|key| pool.get(key).unwrap());
    let records = records.collect();
    pool.remove(&[last]).unwrap();
    records
}

/// The `priority^alpha` of each record, as draws tell it; none of records that are not drawn.
fn leaves(pool: &Pool<u64>) -> Vec<(u64, f32)> {
    let batch = pool.sample(1000, &mut random()).unwrap();
    let total = pool.total_priority();
    let records = batch.records().zip(batch.probabilities());
    let mut leaves: Vec<_> = records
        .map(|(&record, odds)| (record, odds * total))
        .collect();
    leaves.sort_by_key(|(record, _)| *record);
    leaves.dedup_by_key(|(record, _)| *record);
    leaves
}

#[track_caller]
fn assert_near(found: &[(u64, f32)], expected: &[(u64, f32)]) {
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((record, leaf), (other, wanted)) in found.iter().zip(expected) {
        assert_eq!(record, other);
        assert!(
            (leaf / wanted - 1.0).abs() < 1e-4,
            "{record}: {leaf}, not {wanted}"
        );
    }
}

#[test]
fn what_was_saved_is_loaded_with_its_priorities_and_in_its_order() {
    let place = Place::new("round-trip");
    let saved = pool(PoolOptions::new(10));
    // Six records go, and the ring begins anew in the middle.
    let priorities: Vec<f32> = (0..16).map(|n| (n % 8) as f32).collect();
    let numbers: Vec<u64> = (0..16).collect();
    saved
        .insert_batch_with_priorities(&numbers, &priorities)
        .unwrap();
    saved.remove(&[9]).unwrap();
    let said = saved.save(place.file()).unwrap();
    assert_eq!(said.records, 9);
    assert_eq!(said.bytes, fs::metadata(place.file()).unwrap().len());
    assert_eq!(place.files(), ["pool.snapshot"]);

    let loaded = pool(PoolOptions::new(10));
    let counted = loaded.load(place.file()).unwrap();
    assert_eq!((counted.records, counted.left_out), (9, 0));
    loaded.verify().unwrap();
    assert_eq!(leaves(&loaded), leaves(&saved));
    let statistics = (loaded.statistics(), saved.statistics());
    assert_eq!(statistics.0.highest_priority, statistics.1.highest_priority);
    assert_eq!(records(&loaded), [6, 7, 8, 10, 11, 12, 13, 14, 15]);
}

#[test]
fn a_snapshot_goes_into_larger_and_smaller_pools_and_adds_to_what_they_hold() {
    let place = Place::new("sizes");
    let saved = pool(PoolOptions::new(1000));
    saved.insert_batch(&(0..700).collect::<Vec<_>>()).unwrap();
    saved.save(place.file()).unwrap();
    let larger = pool(PoolOptions::new(5000));
    larger.insert_batch(&[7000, 7001]).unwrap();
    let count = |loaded: Loaded| (loaded.records, loaded.left_out);
    assert_eq!(count(larger.load(place.file()).unwrap()), (700, 0));
    assert_eq!(
        records(&larger),
        Vec::from_iter([7000, 7001].into_iter().chain(0..700))
    );
    let smaller = pool(PoolOptions::new(300));
    smaller.insert(&7000).unwrap();
    assert_eq!(count(smaller.load(place.file()).unwrap()), (300, 400));
    smaller.verify().unwrap();
    assert_eq!(records(&smaller)[1..], Vec::from_iter(402..700));
    // Where nothing goes, as many as there is room for.
    let full = pool(PoolOptions::new(300).remover(Remover::Nothing));
    full.insert(&7000).unwrap();
    assert_eq!(count(full.load(place.file()).unwrap()), (299, 401));
    assert_eq!((full.get(0).unwrap(), full.len()), (Some(7000), 300));
}

#[test]
fn priorities_stay_where_alpha_is_another() {
    let place = Place::new("alpha");
    let saved = Pool::<u64>::anonymous(PoolOptions::new(10).alpha(0.5)).unwrap();
    saved
        .insert_batch_with_priorities(&[0, 1, 2], &[0.0, 4.0, 9.0])
        .unwrap();
    saved.save(place.file()).unwrap();
    for (alpha, expected) in [(1.0, [4.0, 9.0]), (2.0, [16.0, 81.0]), (0.0, [1.0, 1.0])] {
        let loaded = Pool::<u64>::anonymous(PoolOptions::new(10).alpha(alpha)).unwrap();
        loaded.load(place.file()).unwrap();
        assert_near(&leaves(&loaded), &[(1, expected[0]), (2, expected[1])]);
        let again = loaded.insert(&3).unwrap();
        assert_eq!(again, 3);
        let highest = loaded.statistics().highest_priority;
        let wanted = if alpha == 0.0 { 1.0 } else { 9.0 };
        assert!((highest / wanted - 1.0).abs() < 1e-4, "{highest}");
    }
}

#[test]
fn views_are_found_by_their_names() {
    let place = Place::new("views");
    let view = || ViewOptions::new().alpha(1.0);
    let saved = pool(PoolOptions::new(10).view("one", view()).view("two", view()));
    saved
        .insert_into_views(&7, &[Some(1.0), None, Some(5.0)])
        .unwrap();
    saved
        .insert_into_views(&8, &[Some(2.0), Some(3.0), None])
        .unwrap();
    saved.save(place.file()).unwrap();
    let options = PoolOptions::new(10)
        .view("two", view())
        .view("three", view());
    let loaded = pool(options);
    loaded.load(place.file()).unwrap();
    loaded.verify().unwrap();
    assert_near(&leaves(&loaded), &[(7, 1.0), (8, 2.0)]);
    assert_near(&leaves(&loaded.view("two").unwrap()), &[(7, 5.0)]);
    assert_near(
        &leaves(&loaded.view("three").unwrap()),
        &[(7, 1.0), (8, 1.0)],
    );
    // What is not in a view comes into it by no update.
    let two = loaded.view("two").unwrap();
    two.update_priorities(&[0, 1], &[5.0, 5.0]).unwrap();
    assert_near(&leaves(&two), &[(7, 5.0)]);
}

#[test]
fn a_queue_goes_on_where_it_was() {
    let place = Place::new("queue");
    let saved = Pool::<u64>::anonymous(PoolOptions::queue(4).unwrap()).unwrap();
    saved.insert_batch(&[0, 1, 2]).unwrap();
    saved.sample(1, &mut random()).unwrap();
    saved.insert_batch(&[3, 4]).unwrap();
    saved.save(place.file()).unwrap();
    let loaded = Pool::<u64>::anonymous(PoolOptions::queue(4).unwrap()).unwrap();
    loaded.load(place.file()).unwrap();
    let loaded = loaded.with_patience(Patience::new().limit(Duration::from_millis(20)));
    assert!(matches!(loaded.insert(&5), Err(Error::TimedOut { .. })));
    assert!(
        loaded
            .sample(3, &mut random())
            .unwrap()
            .records()
            .eq(&[1, 2, 3])
    );
    loaded.insert(&5).unwrap();
    assert!(
        loaded
            .sample(2, &mut random())
            .unwrap()
            .records()
            .eq(&[4, 5])
    );
    assert!(loaded.sample(1, &mut random()).is_err());
}

#[test]
fn every_damaged_byte_and_every_length_is_refused_and_changes_nothing() {
    let place = Place::new("damage");
    let saved = pool(
        PoolOptions::new(8)
            .view("one", ViewOptions::new())
            .linked(true),
    );
    saved
        .insert_batch_with_priorities(&[1, 2, 3], &[1.0, 2.0, 3.0])
        .unwrap();
    saved.save(place.file()).unwrap();
    let whole = fs::read(place.file()).unwrap();
    let damaged = place.0.join("damaged");
    let target = pool(PoolOptions::new(100));
    target.insert(&7).unwrap();
    let before = target.statistics();
    let refuse = |bytes: &[u8], what: String| {
        fs::write(&damaged, bytes).unwrap();
        match target.load(&damaged) {
            Err(error @ Error::WrongSnapshot { .. }) => {
                let text = error.to_string();
                assert!(text.contains("; "), "no advice for {what}: {text}");
            }
            other => panic!("{what}: {other:?}"),
        }
        assert_eq!(target.statistics(), before, "{what}");
    };
    for at in 0..whole.len() {
        for flip in [1, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            refuse(&bytes, format!("byte {at} with {flip:#x}"));
        }
        refuse(&whole[..at], format!("{at} bytes"));
    }
    refuse(&[&whole[..], &[0]].concat(), "one byte more".into());
    refuse(&whole.repeat(2), "twice the same".into());
    target.load(place.file()).unwrap();
    assert_eq!(target.len(), 4);
}

#[test]
fn other_records_are_refused_and_shown() {
    let place = Place::new("records");
    pool(PoolOptions::new(8)).save(place.file()).unwrap();
    let other = Pool::<[f32; 2]>::anonymous(PoolOptions::new(8)).unwrap();
    let error = other.load(place.file()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::WrongSnapshot { .. }));
    for part in ["other records", "f32[2]", "u64", "use the same record type"] {
        assert!(text.contains(part), "{text}");
    }
    let missing = other.load(place.0.join("missing")).unwrap_err();
    assert!(matches!(missing, Error::System { .. }), "{missing}");
}

#[test]
fn one_saves_at_a_time_and_who_is_cancelled_leaves_nothing() {
    let place = Place::new("cancelled");
    let pool = pool(PoolOptions::new(100));
    pool.insert_batch(&[1, 2, 3]).unwrap();
    pool.save(place.file()).unwrap();
    let old = fs::read(place.file()).unwrap();
    pool.insert(&4).unwrap();
    let other = Pool::<u64>::anonymous(PoolOptions::new(10)).unwrap();
    let cancelled = pool.save_with(place.file(), |done, total| {
        assert!(done <= total);
        let second = pool.save(place.0.join("second")).unwrap_err();
        assert!(second.to_string().contains("save again"), "{second}");
        assert!(matches!(second, Error::AlreadySaving { .. }));
        // Nor do two save to one path.
        let second = other.save(place.file()).unwrap_err();
        assert!(matches!(second, Error::AlreadySaving { .. }));
        ControlFlow::Break(())
    });
    assert!(matches!(cancelled, Err(Error::Cancelled { .. })));
    assert_eq!(fs::read(place.file()).unwrap(), old);
    assert_eq!(place.files(), ["pool.snapshot"]);
    // What a killed one left is in nobody's way.
    fs::write(place.0.join("pool.snapshot.saving"), vec![7; 10_000]).unwrap();
    assert_eq!(pool.save(place.file()).unwrap().records, 4);
    assert_eq!(place.files(), ["pool.snapshot"]);
    let cancelled = other.load_with(place.file(), |_, _| ControlFlow::Break(()));
    assert!(matches!(cancelled, Err(Error::Cancelled { .. })));
    assert!(other.is_empty());
    // A panic ends the save as well.
    let panics = || pool.save_with(place.file(), |_, _| panic!("on purpose"));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).unwrap_err();
    assert_eq!(pool.save(place.file()).unwrap().records, 4);
}

#[test]
fn a_directory_that_is_missing_is_an_error_that_names_it() {
    let place = Place::new("missing");
    let pool = pool(PoolOptions::new(100));
    for path in [place.0.join("no/where"), place.0.clone()] {
        let error = pool.save(&path).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::System { .. }), "{text}");
        assert!(text.contains(&*path.to_string_lossy()), "{text}");
    }
    pool.insert(&1).unwrap();
}

/// A record that was in one view only is in no pool without that view, and so is left out.
#[test]
fn what_no_view_of_the_pool_has_is_not_loaded() {
    let options = || PoolOptions::new(300).alpha(1.0);
    let pool = Pool::<u64>::anonymous(options().view("expert", ViewOptions::new())).unwrap();
    for number in 0..200 {
        let priorities = match number % 5 {
            0 => [None, Some(1.0)],
            1 => [Some(2.0), Some(3.0)],
            _ => [Some(4.0), None],
        };
        pool.insert_into_views(&number, &priorities).unwrap();
    }
    let path = std::env::temp_dir().join(format!("millpond-nowhere-{}", std::process::id()));
    pool.save(&path).unwrap();
    let plain = Pool::<u64>::anonymous(options()).unwrap();
    let loaded = plain.load(&path).unwrap();
    assert_eq!((loaded.records, loaded.left_out), (160, 40));
    assert_eq!(
        (plain.len(), plain.total_priority()),
        (160, 40.0 * 2.0 + 120.0 * 4.0)
    );
    for key in 0..160 {
        assert_ne!(plain.get(key).unwrap().unwrap() % 5, 0);
    }
    plain.verify().unwrap();
    let same = Pool::<u64>::anonymous(options().view("expert", ViewOptions::new())).unwrap();
    assert_eq!(same.load(&path).unwrap().records, 200);
    std::fs::remove_file(&path).unwrap();
}
