//! Reading a cache line of atomics at once, or one by one on a processor without such an instruction.

use std::sync::atomic::AtomicU32;

/// Sixteen words that fill a cache line.
pub(crate) type Line = [AtomicU32; 16];

/// Reads sixteen words, in no particular order, each whole. Equivalent to sixteen relaxed loads, which
/// the compiler would not combine.
#[inline(always)]
pub(crate) fn load_line(line: &Line) -> [u32; 16] {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        // SAFETY: the 64 bytes that `line` borrows, which are atomics of 4 bytes.
        bytemuck::cast(unsafe { load_atomics(line.as_ptr().cast()) })
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    load_one_by_one(line)
}

/// Reads 64 bytes of atomics, in no particular order, each atomic whole.
///
/// # Safety
/// They are atomics of 4 or of 8 bytes, aligned, to which the caller has a reference.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
pub(super) unsafe fn load_atomics(from: *const u8) -> [u8; super::CACHE_LINE] {
    use core::arch::x86_64::__m128i;
    let (a, b, c, d): (__m128i, __m128i, __m128i, __m128i);
    // SAFETY: reads the 64 bytes that the caller has a reference to and nothing else, and SSE2 is part of
    // every x86-64 processor. Others may write the atomics meanwhile, with atomic stores; 4 or 8 aligned
    // bytes are never read in two halves, also as a part of a vector (Intel SDM, volume 3, section 9.1.1;
    // AMD's manual, volume 2, section 7.3.2), so the instructions do what relaxed loads would, and the
    // compiler sees no plain read that could race.
    unsafe {
        core::arch::asm!(
            "movdqu {a}, [{from}]",
            "movdqu {b}, [{from} + 16]",
            "movdqu {c}, [{from} + 32]",
            "movdqu {d}, [{from} + 48]",
            from = in(reg) from,
            a = out(xmm_reg) a,
            b = out(xmm_reg) b,
            c = out(xmm_reg) c,
            d = out(xmm_reg) d,
            options(nostack, preserves_flags, readonly)
        );
    }
    bytemuck::cast([a, b, c, d])
}

/// [`load_line`] on every other processor.
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
