//! Copying with stores that go past the cache (non-temporal stores), or a plain copy on a processor without them.

#[cfg(any(test, all(target_arch = "x86_64", not(miri))))]
use super::CACHE_LINE;

/// Copies `length` bytes for each pair of addresses (from, to) with stores that go past the cache:
/// whole lines are sent to memory, and none is fetched before it is overwritten. The bytes behind the `length`
/// bytes in the last line of each copy become 0, or stay.
///
/// Faster for large writes that no process reads soon. Once this has returned, any thread may touch the copies, in
/// the usual order.
///
/// # Safety
/// For each pair: `from` has `length` bytes to read. `to` is the beginning of a cache line, and may
/// be written up to the end of the line that the last byte falls into. No other code touches either
/// of them until this returns, and they do not overlap.
#[inline(never)] // a call for a large batch, so that small ones have less code around them
pub(crate) unsafe fn copy_past_cache(
    copies: impl Iterator<Item = (*const u8, *mut u8)>,
    length: usize,
) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        let _arrival = Arrival;
        for (from, to) in copies {
            // SAFETY: the caller promises the conditions of `stream`, and `_arrival` fences before
            // any other code runs, also if `copies` panics.
            unsafe { stream(from, to, length) };
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    for (from, to) in copies {
        // SAFETY: the caller promises it.
        unsafe { core::ptr::copy_nonoverlapping(from, to, length) };
    }
}

/// A guard that waits, when it is dropped, until all stores of this thread past the cache have arrived.
///
/// For Rust's memory model such stores happen "asynchronously in a background thread" until the thread
/// that made them calls `_mm_sfence`, so that even its own accesses would race with them; after it they
/// are ordered as any other store (`core::arch::x86_64::_mm_sfence`, "Safety of non-temporal stores").
#[cfg(all(target_arch = "x86_64", not(miri)))]
struct Arrival;

#[cfg(all(target_arch = "x86_64", not(miri)))]
impl Drop for Arrival {
    fn drop(&mut self) {
        // SAFETY: SSE is part of every x86-64 processor.
        unsafe { core::arch::x86_64::_mm_sfence() };
    }
}

/// Copies `length` bytes line by line, past the cache. The last line is stored whole, too: batches whose
/// last lines were stored partly past the cache and partly into it took ten times as long.
///
/// # Safety
/// As for [`copy_past_cache`], and an [`Arrival`] is dropped before any other code touches `to`.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
unsafe fn stream(from: *const u8, to: *mut u8, length: usize) {
    debug_assert!(
        to.addr().is_multiple_of(CACHE_LINE),
        "{to:p} is inside a line"
    );
    let whole = length - length % CACHE_LINE;
    for offset in (0..whole).step_by(CACHE_LINE) {
        let (from, to) = (from.wrapping_add(offset), to.wrapping_add(offset));
        // SAFETY: the line lies inside the `length` bytes that the caller promises at both ends.
        unsafe { stream_line(from, to) };
    }
    if whole < length {
        let mut line = [0; CACHE_LINE];
        let rest = from.wrapping_add(whole);
        // SAFETY: `length - whole` bytes are left at `from`, fewer than a line has.
        unsafe { core::ptr::copy_nonoverlapping(rest, line.as_mut_ptr(), length - whole) };
        // SAFETY: the caller promises that the last line may be written to its end.
        unsafe { stream_line(line.as_ptr(), to.wrapping_add(whole)) };
    }
}

/// Stores one line past the cache.
///
/// # Safety
/// As for [`stream`], with a `length` of one line.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
unsafe fn stream_line(from: *const u8, to: *mut u8) {
    use core::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};
    for part in 0..CACHE_LINE / size_of::<__m128i>() {
        let from = from.cast::<__m128i>().wrapping_add(part);
        let to = to.cast::<__m128i>().wrapping_add(part);
        // SAFETY: SSE2 is part of every x86-64 processor, and the caller promises the bytes. They
        // need no alignment.
        let bytes = unsafe { _mm_loadu_si128(from) };
        // SAFETY: the caller promises the line, and that it is fenced. It is aligned to more than
        // 16 bytes.
        unsafe { _mm_stream_si128(to, bytes) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A buffer whose lines are lines of the cache.
    #[repr(C, align(64))]
    struct Lines([u8; 1024]);

    #[test]
    fn copies_of_every_length_from_every_alignment_are_equal() {
        let source: Vec<u8> = (0..700).map(|number: u32| (number * 7 + 3) as u8).collect();
        for length in (0..=320_usize).chain([511, 512, 513, 600]) {
            for shift in [0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 31, 63] {
                let mut lines = Lines([0xEE; 1024]);
                let end = CACHE_LINE + length.next_multiple_of(CACHE_LINE);
                let copy = (
                    source[shift..].as_ptr(),
                    lines.0[CACHE_LINE..end].as_mut_ptr(),
                );
                // SAFETY: `from` has 700 - 63 bytes at least; `to` is the second line of the buffer,
                // as far as the slice goes; no other code has either.
                unsafe { copy_past_cache([copy].into_iter(), length) };
                let (before, copied) = (&lines.0[..CACHE_LINE], &lines.0[CACHE_LINE..]);
                assert!(
                    copied[..length] == source[shift..][..length],
                    "{length} from {shift}"
                );
                let rest = &lines.0[CACHE_LINE + length..end];
                assert!(
                    rest.iter().all(|byte| [0, 0xEE].contains(byte)),
                    "{length} from {shift}"
                );
                let outside = before.iter().chain(&lines.0[end..]);
                assert!(
                    outside.copied().all(|byte| byte == 0xEE),
                    "{length} from {shift}"
                );
            }
        }
    }

    #[test]
    fn many_copies_go_to_their_places() {
        let mut lines = Lines([0; 1024]);
        let start = lines.0.as_mut_ptr();
        let sources: Vec<[u8; 100]> = (1..=5).map(|number| [number; 100]).collect();
        let places = [4, 0, 6, 2, 8].map(|line| line * CACHE_LINE);
        let copies = sources.iter().zip(places);
        let copies = copies.map(|(from, place)| (from.as_ptr(), start.wrapping_add(place)));
        // SAFETY: each place is a line of the buffer, two lines from the next; no other code has it.
        unsafe { copy_past_cache(copies, 100) };
        for (source, place) in sources.iter().zip(places) {
            assert_eq!(lines.0[place..][..100], source[..]);
        }
    }
}
