//! A regular expression as an automaton that takes keys as a whole.
//!
//! `regex-automata` 0.4 determinises the expression; the newer versions no longer have `fst`'s trait (0.1 had it,
//! by its feature `transducer`, and is not kept any more), so it is implemented here.

use fst::Automaton;
use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::{primitives::StateID, syntax};
use regex_automata::{Anchored, MatchKind};

use crate::error::{Error, Result};

/// How large an automaton may be, in bytes.
const LARGEST: usize = 16 << 20;

/// Accepts what an expression matches from the beginning to the end.
pub(super) struct Whole {
    dfa: dense::DFA<Vec<u32>>,
    start: StateID,
}

impl Whole {
    pub(super) fn new(expression: &str) -> Result<Self> {
        let refused = |reason: String| {
            let expected = format!("one that can be searched for ({reason})");
            Error::invalid(
                "the regular expression",
                format!("`{expression}`"),
                expected,
            )
        };
        // All matches, not the leftmost-first one alone: `a|ab` matches `ab` as a whole.
        let config = dense::Config::new()
            .match_kind(MatchKind::All)
            .start_kind(StartKind::Anchored)
            .dfa_size_limit(Some(LARGEST))
            .determinize_size_limit(Some(LARGEST));
        let dfa = dense::Builder::new()
            .configure(config)
            .syntax(syntax::Config::new().utf8(false))
            .thompson(
                thompson::Config::new()
                    .utf8(false)
                    .nfa_size_limit(Some(LARGEST)),
            )
            .build(expression);
        let dfa = match dfa {
            Ok(dfa) => dfa,
            Err(error) => return refused(with_sources(&error)),
        };
        let start = regex_automata::util::start::Config::new().anchored(Anchored::Yes);
        match dfa.start_state(&start) {
            Ok(start) => Ok(Self { dfa, start }),
            Err(error) => refused(error.to_string()),
        }
    }
}

impl Automaton for Whole {
    type State = StateID;

    fn start(&self) -> StateID {
        self.start
    }

    fn is_match(&self, state: &StateID) -> bool {
        // A match shows one byte late: here after the end.
        let ended = self.dfa.next_eoi_state(*state);
        self.dfa.is_match_state(ended)
    }

    fn can_match(&self, state: &StateID) -> bool {
        !self.dfa.is_dead_state(*state)
    }

    fn accept(&self, state: &StateID, byte: u8) -> StateID {
        self.dfa.next_state(*state, byte)
    }
}

/// An error with what is behind it.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
