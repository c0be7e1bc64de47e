//! What no public call shows of windows: a mark that passes while links are followed.

use std::convert::Infallible;
use std::sync::atomic::Ordering;

use rand::rngs::StdRng;
use rand::{SeedableRng, TryRng};

use crate::pool::layout::slot::Slot;
use crate::pool::{Pool, PoolOptions, Sampler};

/// A generator that does something before each of its numbers, which it is told.
struct Before<F: FnMut(usize)>(StdRng, usize, F);

impl<F: FnMut(usize)> Before<F> {
    fn count(&mut self) -> &mut StdRng {
        (self.2)(self.1);
        self.1 += 1;
        &mut self.0
    }
}

impl<F: FnMut(usize)> TryRng for Before<F> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.count().try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.count().try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.count().try_fill_bytes(bytes)
    }
}

/// Three windows are asked for, and while the first round looks for them a writer has marked the record that two of
/// them need; then it passes that record over.
#[test]
fn a_window_that_was_lost_to_a_passing_mark_is_drawn_again() {
    for sampler in [
        Sampler::oldest(),
        Sampler::newest(),
        Sampler::highest(),
        Sampler::uniform().without_replacement(),
    ] {
        let options = PoolOptions::new(8).linked(true).ordered(true);
        let pool = Pool::<u64>::anonymous(options.sampler(sampler)).unwrap();
        let mut episode = pool.episode().unwrap();
        for step in 0..3 {
            episode.push(&step, false).unwrap();
        }
        let word = &pool.inner.parts().words[0];
        let writer = |number| match number {
            0 => word.store(Slot::Marked(0).to_word(), Ordering::Release),
            3 => word.store(Slot::Committed(0).to_word(), Ordering::Release),
            _ => {}
        };
        let random = &mut Before(StdRng::seed_from_u64(1), 0, writer);
        let windows = pool.sample_windows(3, 2, random).unwrap();
        for (window, end) in windows.iter().zip(windows.ends().keys()) {
            let first = end.saturating_sub(1);
            assert!(window.keys().eq(first..=*end), "{window:?}");
        }
        let mut ends = windows.ends().keys().to_vec();
        ends.sort_unstable();
        assert_eq!(ends, [0, 1, 2], "by {sampler:?}");
    }
}
