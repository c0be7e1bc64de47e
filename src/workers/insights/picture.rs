//! Insights as a picture in SVG, which is written as text. A library for drawing (`plotters`) would place the same
//! rectangles with as many lines of code, and would be one more dependency.

use std::fmt::Write;
use std::time::Duration;

use super::{Insights, KINDS, SlowTask, WorkerInsights, cut, share, shown};

const WIDTH: f64 = 900.0;
/// The bars lie between these, from left to right.
const LEFT: f64 = 90.0;
const RIGHT: f64 = 860.0;
/// The top of the first bar, the height of a bar, and the distance from one to the next.
const TOP: f64 = 70.0;
const BAR: f64 = 22.0;
const STEP: f64 = 30.0;
/// The distance between two lines of text.
const LINE: f64 = 18.0;
/// One colour for each kind of time.
const COLOURS: [&str; 5] = ["#54a0da", "#185fa5", "#d5d8dd", "#2c8c58", "#c43a31"];
const MOST_TICKS: f64 = 10.0;

/// Returns the whole picture.
pub(super) fn draw(insights: &Insights) -> String {
    let longest = insights.workers.iter().map(WorkerInsights::total).max();
    // Any length will do if there is nothing to show.
    let seconds = longest
        .filter(|total| !total.is_zero())
        .unwrap_or(Duration::from_secs(1))
        .as_secs_f64();
    let scale = (RIGHT - LEFT) / seconds;
    let bottom = TOP + STEP * insights.workers.len() as f64;
    let height = bottom + 56.0 + LINE * (insights.slowest.len() + 1) as f64;

    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13" fill="#2d323a">
<rect width="100%" height="100%" fill="#ffffff"/>
"##
    );
    text(&mut svg, (LEFT, 26.0), "start", "What the workers did");
    legend(&mut svg);
    axis(&mut svg, (seconds, scale), bottom);
    for (worker, y) in insights
        .workers
        .iter()
        .zip((0..).map(|at| TOP + STEP * f64::from(at)))
    {
        bar(&mut svg, worker, scale, y);
    }
    list(&mut svg, &insights.slowest, bottom + 62.0);
    svg + "</svg>\n"
}

fn legend(svg: &mut String) {
    for ((kind, colour), at) in KINDS.iter().zip(COLOURS).zip(0..) {
        let x = LEFT + 100.0 * f64::from(at);
        rectangle(svg, (x, 40.0), (12.0, 12.0), colour, kind);
        text(svg, (x + 18.0, 50.0), "start", kind);
    }
}

/// Draws lines behind the bars, marked in seconds.
fn axis(svg: &mut String, (seconds, scale): (f64, f64), bottom: f64) {
    let step = tick(seconds);
    let digits = (-step.log10().floor()).max(0.0) as usize;
    for at in 0..=(seconds / step) as u32 {
        let second = f64::from(at) * step;
        let x = LEFT + second * scale;
        let line = format!(
            r##"<path d="M{x:.2} {TOP}V{bottom}" stroke="#46505f" stroke-opacity="0.2"/>"##
        );
        svg.push_str(&line);
        svg.push('\n');
        text(
            svg,
            (x, bottom + 16.0),
            "middle",
            &format!("{second:.digits$}"),
        );
    }
    text(
        svg,
        ((LEFT + RIGHT) / 2.0, bottom + 36.0),
        "middle",
        "seconds",
    );
}

/// Returns the smallest step of 1, 2 or 5 times a power of ten that needs no more than [`MOST_TICKS`] lines.
fn tick(seconds: f64) -> f64 {
    let least = seconds / MOST_TICKS;
    let power = 10f64.powf(least.log10().floor());
    let enough = |factor: &f64| factor * power >= least;
    power * [1.0, 2.0, 5.0].into_iter().find(enough).unwrap_or(10.0)
}

fn bar(svg: &mut String, worker: &WorkerInsights, scale: f64, y: f64) {
    let name = format!("worker {}", worker.worker);
    text(svg, (LEFT - 10.0, y + 15.0), "end", &name);
    let mut x = LEFT;
    for ((time, kind), colour) in worker.times().into_iter().zip(KINDS).zip(COLOURS) {
        let width = time.as_secs_f64() * scale;
        let title = format!(
            "{name}: {kind} {}, {}",
            shown(time),
            share(time, worker.total())
        );
        rectangle(svg, (x, y), (width, BAR), colour, &title);
        x += width;
    }
}

/// Writes the slowest tasks, one a line.
fn list(svg: &mut String, slowest: &[SlowTask], mut y: f64) {
    for slow in slowest {
        let (time, input) = (shown(slow.time), cut(&slow.input));
        let line = format!("{time} in worker {}: {} of {input}", slow.worker, slow.task);
        text(svg, (LEFT, y), "start", &line);
        y += LINE;
    }
}

/// Draws a rectangle, with a title that is shown when the mouse points at it.
fn rectangle(
    svg: &mut String,
    (x, y): (f64, f64),
    (width, height): (f64, f64),
    fill: &str,
    title: &str,
) {
    let title = escaped(title);
    let _ = writeln!(
        svg,
        r#"<rect x="{x:.2}" y="{y}" width="{width:.2}" height="{height}" fill="{fill}"><title>{title}</title></rect>"#
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    let text = escaped(text);
    let _ = writeln!(
        svg,
        r#"<text x="{x:.2}" y="{y}" text-anchor="{anchor}">{text}</text>"#
    );
}

/// Returns text as it may stand between tags. Characters that XML does not allow become spaces.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\u{FFFE}' | '\u{FFFF}' => escaped.push(' '),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_few_and_round_steps() {
        for (seconds, step) in [
            (0.03, 0.005),
            (0.9, 0.1),
            (1.0, 0.1),
            (12.0, 2.0),
            (4000.0, 500.0),
        ] {
            assert!((tick(seconds) / step - 1.0).abs() < 1e-9, "{seconds}");
        }
    }

    #[test]
    fn text_cannot_end_its_element() {
        let text = escaped("a < b && c > d\0\n\u{FFFF}");
        assert_eq!(text, "a &lt; b &amp;&amp; c &gt; d   ");
    }
}
