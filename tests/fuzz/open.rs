//! Opens segments of arbitrary bytes, and of good ones with some bytes changed, and uses what opens:
//! each call is right or an error, and none panics, hangs or leaves its mapping.

use std::fs;
use std::time::Duration;

use millpond::board::BoardReader;
use millpond::pool::{Column, Fill, Patience};
use millpond::{Board, Pool, Sampler};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::image::{self, BOARD_LENGTH, NAME, Step};

/// The first byte says what the rest is: a whole file; or changes to a good pool or board, as an offset
/// of 3 bytes and 8 bytes that go there, each.
pub fn run(input: &[u8], good: &[Vec<u8>; 2]) {
    let Some((&kind, rest)) = input.split_first() else {
        return;
    };
    let mut image = match kind % 4 {
        0 => rest.to_vec(),
        1 => {
            let mut whole = rest.to_vec();
            image::mend_header(&mut whole);
            whole
        }
        of => {
            let mut image = image::changed(&good[usize::from(of) - 2], rest);
            image::mend_header(&mut image);
            image
        }
    };
    if image.len() > image::HEADER {
        image::free_locks(&mut image);
    }
    fs::write(image::path(), image).expect("room for a small file");
    if let Ok(pool) = Pool::<Step>::open(NAME) {
        use_pool(&pool);
    }
    if let Ok(reader) = BoardReader::<u64>::open(NAME) {
        let _ = reader.wait_newer(3, Duration::ZERO);
        let _ = reader.fetch(&mut [0; BOARD_LENGTH]);
    }
    if let Ok(board) = Board::<u64>::open(NAME) {
        use_board(&board);
    }
    let _ = millpond::list(None);
    let _ = millpond::unlink(NAME);
}

/// Everything that can be done with a pool, once.
pub fn use_pool(pool: &Pool<Step>) {
    // A rate limiter that the input made up waits for processes that there are not.
    let pool = &pool.with_patience(Patience::new().limit(Duration::ZERO));
    let mut random = StdRng::seed_from_u64(1);
    let _ = (pool.len(), pool.total_priority(), pool.statistics());
    let _ = pool.participants();
    let _ = pool.wait_for_len(1, Duration::ZERO);
    let samples = [
        pool.sample(8, &mut random),
        pool.sample_by(Sampler::uniform(), 8, &mut random),
    ];
    for batch in samples.into_iter().flatten() {
        let _ = batch.records().map(|step| step.reward).sum::<f32>();
        let mut actions = [0u32; 8];
        let gathered = batch.gather(&mut [Column::new("action", &mut actions)]);
        gathered.expect("a column that fits");
        let _ = pool.update_priorities(batch.keys(), &[0.5; 8]);
    }
    if let Ok(windows) = pool.sample_windows(4, 6, &mut random) {
        let mut actions = [0u32; 4 * 6];
        let gathered = windows.gather(Fill::Zero, &mut [Column::new("action", &mut actions)]);
        gathered.expect("a column that fits");
        let end = windows.ends().keys()[0];
        let _ = (pool.previous(end), pool.insert_after(Some(end), &Step::ANY));
    }
    let _ = pool.insert(&Step::ANY);
    let _ = pool.insert_batch(&[Step::ANY; 70]);
    let _ = pool.reserve().map(|slot| slot.commit());
    drop(pool.reserve());
    let _ = pool.verify();
    for key in [0, 1, 63, 64, 500, u64::MAX] {
        let _ = pool.get(key);
    }
}

/// Everything that can be done with a board, once.
fn use_board(board: &Board<u64>) {
    let _ = board.fetch(&mut [0; BOARD_LENGTH]);
    let _ = board.wait_newer(3, Duration::ZERO);
    let _ = board.participants();
    let lease = board.lease();
    for _ in 0..4 {
        let _ = board.publish(&[8; BOARD_LENGTH]);
    }
    let _ = lease.map(|lease| lease.iter().fold(0, |sum, number| sum ^ number));
    let _ = board.fetch(&mut [0; BOARD_LENGTH]);
}
