//! What differs between processors: asking for cache lines ahead of their use, and reading a whole
//! line of atomics at once.
//!
//! To ask is a hint; on a processor that has no such hint it does nothing. Imports nothing.

use std::sync::atomic::AtomicU32;

/// The size of a cache line that regions are aligned to, in bytes.
///
/// Apple's processors have lines of 128 bytes; 64 there costs some sharing, never correctness.
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

/// As [`prefetch`], but only into the second cache, which holds a whole batch.
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

/// Asks for every cache line of the `length` bytes from `address` on, as [`prefetch_far`] does.
#[inline(always)]
pub(crate) fn prefetch_range(address: *const u8, length: usize) {
    let mut offset = 0;
    while offset < length {
        prefetch_far(address.wrapping_add(offset));
        offset += CACHE_LINE;
    }
}

/// Sixteen words that fill a cache line.
pub(crate) type Line = [AtomicU32; 16];

/// Reads sixteen words, in no particular order, each whole: what sixteen relaxed loads do, which
/// the compiler would leave one by one.
#[inline(always)]
pub(crate) fn load_line(line: &Line) -> [u32; 16] {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use core::arch::x86_64::__m128i;
        let (a, b, c, d): (__m128i, __m128i, __m128i, __m128i);
        // SAFETY: reads the 64 bytes that `line` borrows and nothing else, and SSE2 is part of every
        // x86-64 processor. Others may write the words meanwhile, with atomic stores; a word of
        // 4 aligned bytes is never read in two halves, also as a part of a vector (Intel SDM,
        // volume 3, section 9.1.1; AMD's manual, volume 2, section 7.3.2), so the instructions do what
        // relaxed loads of the words would, and the compiler sees no plain read that could race.
        unsafe {
            core::arch::asm!(
                "movdqu {a}, [{line}]",
                "movdqu {b}, [{line} + 16]",
                "movdqu {c}, [{line} + 32]",
                "movdqu {d}, [{line} + 48]",
                line = in(reg) line.as_ptr(),
                a = out(xmm_reg) a,
                b = out(xmm_reg) b,
                c = out(xmm_reg) c,
                d = out(xmm_reg) d,
                options(nostack, preserves_flags, readonly)
            );
        }
        bytemuck::cast([a, b, c, d])
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    load_one_by_one(line)
}

/// [`load_line`] on every processor that has nothing better.
#[cfg(any(test, miri, not(target_arch = "x86_64")))]
fn load_one_by_one(line: &Line) -> [u32; 16] {
    line.each_ref()
        .map(|word| word.load(std::sync::atomic::Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_as_its_words_do() {
        let words: Vec<AtomicU32> = (0..80u32)
            .map(|n| AtomicU32::new(n.wrapping_mul(0x9E37_79B9)))
            .collect();
        for start in 0..64 {
            let line: &Line = words[start..start + 16].try_into().unwrap();
            assert_eq!(load_line(line), load_one_by_one(line));
        }
    }
}
