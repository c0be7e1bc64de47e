//! The progress bar of a call, by `indicatif`.
//!
//! The thread that advances it draws it on the standard error. It is not drawn if that is no terminal.

use std::fmt::Write;
use std::time::{Duration, Instant};

use indicatif::{
    HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};

use crate::os::Origin;

/// Interval at which the bar is updated, at most. `indicatif` draws no more often itself.
const UPDATE_EVERY: Duration = Duration::from_millis(50);

/// The progress of a call. If it is dropped before its end, the line stays as it was drawn last. A forked child draws
/// nothing: the line is its parent's, and another thread may have held the lock of the bar.
pub(crate) struct Progress {
    /// `None` without a terminal.
    shown: Option<Shown>,
}

struct Shown {
    bar: ProgressBar,
    /// The process that draws it.
    origin: Origin,
    /// Tasks that were done since the last update.
    unshown: u64,
    updated: Instant,
}

impl Progress {
    /// The progress of `total` tasks, if that is known. It may be wrong: a bar that passes it shows a count.
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
        bar.tick(); // drawn at the beginning, also if the first task takes long
        let shown = Shown {
            bar,
            origin: Origin::here(),
            unshown: 0,
            updated: Instant::now(),
        };
        Progress { shown: Some(shown) }
    }

    /// Counts more tasks as done. Costs one read of the clock, and nothing without a terminal.
    #[inline]
    pub(crate) fn advance(&mut self, count: u64) {
        if let Some(shown) = &mut self.shown {
            shown.unshown += count;
            if shown.updated.elapsed() >= UPDATE_EVERY && shown.origin.is_here() {
                shown.update();
            }
        }
    }

    /// Shows that all is done. The line stays.
    pub(crate) fn finish(mut self) {
        if let Some(mut shown) = self.shown.take_if(|shown| shown.origin.is_here()) {
            shown.update();
            if shown.bar.length().is_some() {
                shown.bar.set_length(shown.bar.position()); // there may have been fewer than `total`
            }
            shown.bar.finish();
        }
    }
}

impl Shown {
    fn update(&mut self) {
        self.bar.inc(std::mem::take(&mut self.unshown));
        if self
            .bar
            .length()
            .is_some_and(|said| said < self.bar.position())
        {
            self.bar.unset_length();
            self.bar.set_style(style(false));
        }
        self.updated = Instant::now();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(mut shown) = self.shown.take() else {
            return;
        };
        match shown.origin.is_here() {
            true => {
                shown.update();
                shown.bar.abandon();
            }
            // A drop would draw it.
            false => std::mem::forget(shown),
        }
    }
}

/// Returns a style as wide as the terminal, so that no line is longer.
fn style(total_known: bool) -> ProgressStyle {
    let template = match total_known {
        true => "{prefix} {wide_bar} {percent}% of {human_len}, {rate}, {time}",
        false => "{prefix} {spinner} {human_pos}, {rate}, {elapsed}",
    };
    // The templates are valid: a test draws both.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", rate)
        .with_key("time", time)
}

fn rate(state: &ProgressState, text: &mut dyn Write) {
    // An error cannot be returned from here; the line then lacks this part.
    let _ = write!(text, "{}/s", HumanCount(state.per_sec() as u64));
}

/// Writes the time that is left, and at the end the time that was needed.
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

    /// A terminal that keeps all that is written to it.
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

        /// Returns the line that was drawn last.
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
