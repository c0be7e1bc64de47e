//! A bar on the terminal that shows how far a call is: `indicatif`'s, to which it is told seldom.
//!
//! It is drawn on the standard error, by the thread that advances it, and nowhere where that is no terminal.
//! Imports `os` to tell whose the bar is.

use std::fmt::Write;
use std::time::{Duration, Instant};

use indicatif::{
    HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};

use crate::os::Origin;

/// The bar is told of what was done this often at most. It draws no more often than that itself.
const TELL_EVERY: Duration = Duration::from_millis(50);

/// How far a call is. Where it is dropped before its end, the line stays as it was drawn last. A forked child draws
/// nothing: the line is its parent's, and another thread may have had the lock of the bar.
pub(crate) struct Progress {
    /// None where there is no terminal.
    shown: Option<Shown>,
}

struct Shown {
    bar: ProgressBar,
    /// Who draws it.
    origin: Origin,
    /// What was done since the bar was told.
    untold: u64,
    told: Instant,
}

impl Progress {
    /// Of `total` tasks, if it is said how many there are. It may be wrong: a bar that passes it shows a count.
    pub(crate) fn new(label: &str, total: Option<u64>) -> Self {
        Self::on(ProgressDrawTarget::stderr(), label, total)
    }

    fn on(target: ProgressDrawTarget, label: &str, total: Option<u64>) -> Self {
        if target.is_hidden() {
            return Progress { shown: None };
        }
        let bar = ProgressBar::with_draw_target(total, target)
            .with_style(style(total.is_some()))
            .with_prefix(label.to_owned());
        bar.tick(); // seen from the beginning on, also where the first task takes long
        let shown = Shown {
            bar,
            origin: Origin::here(),
            untold: 0,
            told: Instant::now(),
        };
        Progress { shown: Some(shown) }
    }

    /// So many more are done. Costs a look at the clock, and nothing where there is no terminal.
    #[inline]
    pub(crate) fn advance(&mut self, count: u64) {
        if let Some(shown) = &mut self.shown {
            shown.untold += count;
            if shown.told.elapsed() >= TELL_EVERY && shown.origin.is_here() {
                shown.tell();
            }
        }
    }

    /// All is done: the line stays, and shows that.
    pub(crate) fn finish(mut self) {
        if let Some(mut shown) = self.shown.take_if(|shown| shown.origin.is_here()) {
            shown.tell();
            if shown.bar.length().is_some() {
                shown.bar.set_length(shown.bar.position()); // fewer may have come than were said
            }
            shown.bar.finish();
        }
    }
}

impl Shown {
    fn tell(&mut self) {
        self.bar.inc(std::mem::take(&mut self.untold));
        if self
            .bar
            .length()
            .is_some_and(|said| said < self.bar.position())
        {
            self.bar.unset_length();
            self.bar.set_style(style(false));
        }
        self.told = Instant::now();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(mut shown) = self.shown.take() else {
            return;
        };
        match shown.origin.is_here() {
            true => {
                shown.tell();
                shown.bar.abandon();
            }
            // To drop it would draw it.
            false => std::mem::forget(shown),
        }
    }
}

/// As wide as the terminal, so that no line is longer than that.
fn style(total_known: bool) -> ProgressStyle {
    let template = match total_known {
        true => "{prefix} {wide_bar} {percent}% of {human_len}, {rate}, {time}",
        false => "{prefix} {spinner} {human_pos}, {rate}, {elapsed}",
    };
    // The templates are the two above: a test draws both.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", rate)
        .with_key("time", time)
}

fn rate(state: &ProgressState, text: &mut dyn Write) {
    // An error of the text has no way on from here; then the line lacks this part.
    let _ = write!(text, "{}/s", HumanCount(state.per_sec() as u64));
}

/// What is left of the time; at the end what was needed.
fn time(state: &ProgressState, text: &mut dyn Write) {
    let _ = match state.is_finished() {
        true => write!(text, "{:#}", HumanDuration(state.elapsed())),
        false => write!(text, "{:#} left", HumanDuration(state.eta())),
    };
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;

    use super::*;

    /// A terminal that keeps all that was written to it.
    #[derive(Clone, Debug, Default)]
    struct Paper(Arc<Mutex<String>>);

    impl TermLike for Paper {
        fn width(&self) -> u16 {
            120
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)?;
            self.write_str("\n")
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Paper {
        fn start(&self, total: Option<u64>) -> Progress {
            let target = ProgressDrawTarget::term_like(Box::new(self.clone()));
            Progress::on(target, "square", total)
        }

        /// What the line shows that was drawn last.
        fn last(&self) -> String {
            let text = self.0.lock().unwrap();
            text.rsplit("square").next().unwrap().trim().to_owned()
        }
    }

    #[test]
    fn a_bar_shows_all_when_it_is_finished() {
        let paper = Paper::default();
        let mut progress = paper.start(Some(1_000_000));
        for _ in 0..1000 {
            progress.advance(1000);
        }
        progress.finish();
        assert!(
            paper.last().contains("100% of 1,000,000, "),
            "{}",
            paper.last()
        );
    }

    #[test]
    fn a_call_of_unknown_length_shows_how_many_are_done() {
        let paper = Paper::default();
        let mut progress = paper.start(None);
        progress.advance(1234);
        progress.finish();
        assert!(paper.last().contains("1,234, "), "{}", paper.last());
    }

    #[test]
    fn a_call_with_more_inputs_than_were_said_shows_how_many_are_done() {
        let paper = Paper::default();
        let mut progress = paper.start(Some(5));
        progress.advance(1234);
        progress.finish();
        assert!(paper.last().contains("1,234, "), "{}", paper.last());
    }

    #[test]
    fn a_call_with_fewer_inputs_than_were_said_shows_how_many_there_were() {
        let paper = Paper::default();
        let mut progress = paper.start(Some(5000));
        progress.advance(1234);
        progress.finish();
        let last = paper.last();
        assert!(last.contains("100% of 1,234, "), "{last}");
    }

    #[test]
    fn what_is_dropped_half_way_shows_how_far_it_was() {
        let paper = Paper::default();
        let mut progress = paper.start(Some(200));
        progress.advance(50);
        drop(progress);
        assert!(paper.last().contains("25% of 200, "), "{}", paper.last());
    }

    #[test]
    fn the_beginning_is_shown_before_anything_is_done() {
        let paper = Paper::default();
        let _progress = paper.start(Some(200));
        assert!(paper.last().contains("0% of 200, "), "{}", paper.last());
    }

    #[test]
    fn nothing_is_kept_where_there_is_no_terminal() {
        let mut progress = Progress::on(ProgressDrawTarget::hidden(), "square", Some(2));
        progress.advance(1);
        assert!(progress.shown.is_none());
        progress.finish();
    }
}
