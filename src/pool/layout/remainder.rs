//! Remainders without a division. Computes only.

/// 2^64 divided by `divisor`, rounded down; one less where the division comes out even.
pub(crate) fn reciprocal_of(divisor: u64) -> u64 {
    u64::MAX / divisor
}

/// `number % divisor` by a multiplication with the divisor's reciprocal (Granlund and Montgomery
/// 1994, "Division by invariant integers using multiplication").
///
/// The reciprocal is short of 2^64 / divisor by at most 1, so the product's upper half is short of
/// number / divisor by less than 1 before it is rounded down, and of the quotient by at most 1 after.
#[inline(always)]
pub(crate) fn remainder(number: u64, divisor: u64, reciprocal: u64) -> u64 {
    let quotient = (u128::from(number) * u128::from(reciprocal)) >> 64;
    let rest = number - quotient as u64 * divisor;
    match rest >= divisor {
        true => rest - divisor,
        false => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remainder_is_what_a_division_gives() {
        let divisors = (0..64).flat_map(|bit| [1u64 << bit, (1 << bit) + 1, (1 << bit) - 1]);
        for divisor in divisors.filter(|&divisor| divisor > 0) {
            let reciprocal = reciprocal_of(divisor);
            let near = |multiple: u64| {
                let multiple = multiple.wrapping_mul(divisor);
                [multiple.wrapping_sub(1), multiple, multiple.wrapping_add(1)]
            };
            let far = [u64::MAX, u64::MAX - 1, u64::MAX / 2, u64::MAX / 3];
            for number in (0..100).flat_map(near).chain(far) {
                assert_eq!(remainder(number, divisor, reciprocal), number % divisor);
            }
        }
    }
}
