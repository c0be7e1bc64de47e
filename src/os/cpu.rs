//! What differs between processors: asking for cache lines ahead of their use, reading and writing a
//! whole line of atomics at once (`line.rs`, `words.rs`), and storing past the cache (`stream.rs`).
//!
//! A prefetch is a hint; on a processor that has no such hint it does nothing.

mod line;
mod stream;
mod words;

pub(crate) use line::{Line, load_line};
pub(crate) use stream::copy_past_cache;
pub(crate) use words::{LINE_WORDS, load_words, store_words};

/// The size of a cache line that regions are aligned to, in bytes.
///
/// Apple's processors have lines of 128 bytes. There, 64 costs some false sharing, but never correctness.
pub(crate) const CACHE_LINE: usize = 64;

/// Asks the processor to bring the cache line at `address` near. `address` is never dereferenced,
/// so it need not be valid.
#[inline(always)]
pub(crate) fn prefetch<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: PREFETCHT0 never faults, whatever the address (Intel SDM, volume 2), and SSE
        // is part of every x86-64 processor.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    {
        // SAFETY: PRFM is a hint that never faults (Arm ARM, C6.2), reads no memory as far as the
        // program can tell, and touches neither the stack nor the flags.
        unsafe {
            core::arch::asm!(
                "prfm pldl1keep, [{address}]",
                address = in(reg) address,
                options(nostack, preserves_flags, readonly)
            );
        }
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = address;
}

/// Like [`prefetch`], but only into the second-level cache, which holds a whole batch.
#[inline(always)]
pub(crate) fn prefetch_far<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use core::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: as for `prefetch`.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) };
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    {
        // SAFETY: as for `prefetch`.
        unsafe {
            core::arch::asm!(
                "prfm pldl2keep, [{address}]",
                address = in(reg) address,
                options(nostack, preserves_flags, readonly)
            );
        }
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = address;
}

/// Prefetches every cache line of the `length` bytes from `address` on, as [`prefetch_far`] does.
#[inline(always)]
pub(crate) fn prefetch_range(address: *const u8, length: usize) {
    let mut offset = 0;
    while offset < length {
        prefetch_far(address.wrapping_add(offset));
        offset += CACHE_LINE;
    }
}
