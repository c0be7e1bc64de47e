//! The ends of an episode's sequences, for pools that store each step once.

use crate::error::{Error, Result};

/// Sequences of a fixed length that overlap, as R2D2 replays them (Kapturowski et al. 2019, "Recurrent
/// experience replay in distributed reinforcement learning": 80 steps, of which 40 are those of the sequence
/// before).
///
/// The steps of an episode are stored once, and a sequence is sampled by its last step: so all other steps get
/// priority 0. A sequence ends at step `length - 1`, counted from 0, at every `length - overlap` steps from
/// there on, and at the last step of the episode, so that no step is left out. The sequence of that one
/// overlaps the one before it by more; where the episode has fewer steps than `length`, it is shorter.
///
/// ```
/// use millpond::episode::Sequences;
///
/// let sequences = Sequences::new(80, 40)?;
/// let ends = (0..150).filter(|&step| sequences.ends_here(step, step == 149));
/// assert!(ends.eq([79, 119, 149]));
/// # Ok::<(), millpond::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sequences {
    length: u64,
    /// The distance from the end of one sequence to the end of the next.
    period: u64,
}

impl Sequences {
    /// Sequences of one step each.
    pub(crate) const EVERY_STEP: Self = Self {
        length: 1,
        period: 1,
    };

    /// Sequences of `length` steps, the first `overlap` of which are the last of the sequence before.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] unless `overlap` is less than `length`.
    pub fn new(length: usize, overlap: usize) -> Result<Self> {
        if overlap >= length {
            return Err(Error::InvalidArgument {
                what: "the overlap of sequences",
                found: overlap.to_string(),
                expected: format!("less than their length, {length}"),
            });
        }
        Ok(Self {
            length: length as u64,
            period: (length - overlap) as u64,
        })
    }

    /// Returns `true` if a sequence ends at a step, counted from 0 in its episode, which may be the `last`.
    pub fn ends_here(&self, step: u64, last: bool) -> bool {
        let after_first = (step + 1).checked_sub(self.length);
        last || after_first.is_some_and(|steps| steps % self.period == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(length: usize, overlap: usize, steps: u64) -> Vec<u64> {
        let sequences = Sequences::new(length, overlap).unwrap();
        let ends_here = |&step: &u64| sequences.ends_here(step, step + 1 == steps);
        (0..steps).filter(ends_here).collect()
    }

    #[test]
    fn sequences_end_where_a_hand_says_so() {
        assert_eq!(ends(80, 40, 80), [79]);
        assert_eq!(ends(80, 40, 81), [79, 80]);
        assert_eq!(ends(80, 40, 200), [79, 119, 159, 199]);
        assert_eq!(ends(80, 40, 30), [29]);
        assert_eq!(ends(80, 40, 1), [0]);
        assert_eq!(ends(4, 0, 10), [3, 7, 9]);
        assert_eq!(ends(4, 3, 7), [3, 4, 5, 6]);
        assert_eq!(ends(1, 0, 3), [0, 1, 2]);
    }

    #[test]
    fn no_step_of_an_episode_is_left_out() {
        for (length, overlap, steps) in (1..9)
            .flat_map(|length| (0..length).map(move |overlap| (length, overlap)))
            .flat_map(|(length, overlap)| (1..40).map(move |steps| (length, overlap, steps)))
        {
            let mut covered = 0;
            for end in ends(length, overlap, steps) {
                let begin = (end + 1).saturating_sub(length as u64);
                assert!(begin <= covered, "{length} {overlap} {steps}: before {end}");
                covered = end + 1;
            }
            assert_eq!(covered, steps);
        }
    }

    #[test]
    fn an_overlap_as_long_as_the_sequence_is_refused() {
        for (length, overlap) in [(0, 0), (3, 3), (3, 4)] {
            let refused = Sequences::new(length, overlap);
            assert!(matches!(refused, Err(Error::InvalidArgument { .. })));
        }
    }
}
