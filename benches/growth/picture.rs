//! A sweep as a picture: logarithmic axes, one line for each thing that was measured, its name where
//! it ends.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::axis::Axis;
use crate::sweep::{Kind, Line, Sweep};

const SIZE: (i32, i32) = (900, 530);
/// The corners of the field with the lines. Names stand to its right.
const LEFT_TOP: (i32, i32) = (74, 98);
const RIGHT_BOTTOM: (i32, i32) = (690, 460);
/// Between two names, at least.
const NAME_HEIGHT: i32 = 20;

const TEXT: RGBColor = RGBColor(45, 50, 58);
const QUIET: RGBColor = RGBColor(110, 116, 126);

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

/// Draws all lines of a sweep.
pub fn draw(path: &Path, sweep: &Sweep) -> Drawn {
    let mut places = sweep.places.iter().map(|(at, _)| *at);
    let values = sweep.lines.iter().flat_map(|line| &line.points);
    let (Some(first), Some(last)) = (places.clone().next(), places.next_back()) else {
        return Err(format!("nothing to draw in {}", path.display()).into());
    };
    let picture = Picture {
        canvas: SVGBackend::new(path, (SIZE.0 as u32, SIZE.1 as u32)).into_drawing_area(),
        x: Axis::new((LEFT_TOP.0 + 24, RIGHT_BOTTOM.0 - 24), (first, last)),
        y: Axis::around(
            (RIGHT_BOTTOM.1, LEFT_TOP.1),
            values.map(|(_, value)| *value),
        ),
    };
    picture.canvas.fill(&WHITE)?;
    picture.draw_titles(sweep)?;
    picture.draw_grid(sweep)?;
    // Ours lie over plain memory.
    let (plain, ours): (Vec<_>, Vec<_>) = sweep.lines.iter().partition(|line| line.is_plain());
    for line in plain.into_iter().chain(ours) {
        picture.draw_line(line)?;
    }
    picture.draw_names(sweep)?;
    picture.canvas.present()?;
    Ok(())
}

impl Line {
    fn is_plain(&self) -> bool {
        matches!(self.kind, Kind::PlainCopy | Kind::PlainGather)
    }

    fn colour(&self) -> RGBColor {
        match self.kind {
            Kind::InsertOne => RGBColor(84, 160, 218),
            Kind::Insert => RGBColor(24, 95, 165),
            Kind::Sample => RGBColor(236, 151, 40),
            Kind::SampleAndGather => RGBColor(196, 58, 49),
            Kind::Update => RGBColor(44, 140, 88),
            Kind::PlainCopy => RGBColor(168, 172, 180),
            Kind::PlainGather => RGBColor(112, 117, 125),
        }
    }
}

struct Picture<'a> {
    canvas: Canvas<'a>,
    x: Axis,
    y: Axis,
}

impl Picture<'_> {
    fn text(&self, text: &str, at: (i32, i32), size: i32, colour: RGBColor, pos: Pos) -> Drawn {
        let style = ("sans-serif", size).into_font().color(&colour).pos(pos);
        Ok(self.canvas.draw(&Text::new(text.to_owned(), at, style))?)
    }

    fn path(&self, points: Vec<(i32, i32)>, style: ShapeStyle) -> Drawn {
        Ok(self.canvas.draw(&PathElement::new(points, style))?)
    }

    fn draw_titles(&self, sweep: &Sweep) -> Drawn {
        let titles = sweep.titles;
        let left = Pos::new(HPos::Left, VPos::Center);
        let (x, y) = (LEFT_TOP.0 - 54, LEFT_TOP.1);
        self.text(titles.title, (x, 26), 21, TEXT, left)?;
        self.text(titles.subtitle, (x, 48), 14, QUIET, left)?;
        self.text(titles.y, (x, y - 18), 14, TEXT, left)
    }

    fn draw_grid(&self, sweep: &Sweep) -> Drawn {
        let (left, right) = (LEFT_TOP.0, RIGHT_BOTTOM.0);
        let beside = Pos::new(HPos::Right, VPos::Center);
        for tick in self.y.ticks() {
            let y = self.y.pixel(tick);
            let is_decade = tick.log10().fract().abs() < 1e-9;
            let shade = RGBColor(70, 80, 95).mix(if is_decade { 0.3 } else { 0.12 });
            self.path(vec![(left, y), (right, y)], shade.stroke_width(1))?;
            self.text(&tick.to_string(), (left - 10, y), 13, QUIET, beside)?;
        }
        let (below, bottom) = (Pos::new(HPos::Center, VPos::Center), RIGHT_BOTTOM.1);
        let mut lowest = bottom;
        for (at, label) in &sweep.places {
            let x = self.x.pixel(*at);
            self.path(vec![(x, bottom), (x, bottom + 5)], QUIET.stroke_width(1))?;
            for (part, y) in label.split(", ").zip((bottom + 16..).step_by(17)) {
                self.text(part, (x, y), 13, QUIET, below)?;
                lowest = y;
            }
        }
        self.text(
            sweep.titles.x,
            ((left + right) / 2, lowest + 22),
            14,
            TEXT,
            below,
        )
    }

    fn draw_line(&self, line: &Line) -> Drawn {
        let pixel = |(at, value): &(f64, f64)| (self.x.pixel(*at), self.y.pixel(*value));
        let points: Vec<_> = line.points.iter().map(pixel).collect();
        let colour = line.colour();
        self.stroke(points.clone(), line)?;
        for point in points {
            self.canvas.draw(&Circle::new(point, 4, WHITE.filled()))?;
            self.canvas.draw(&Circle::new(point, 3, colour.filled()))?;
        }
        Ok(())
    }

    fn stroke(&self, points: Vec<(i32, i32)>, line: &Line) -> Drawn {
        let style = line
            .colour()
            .stroke_width(if line.is_plain() { 2 } else { 3 });
        match line.dashed {
            false => self.path(points, style),
            true => {
                let dashes = DashedPathElement::new(points, 7, 5, style);
                Ok(self.canvas.draw(&dashes)?)
            }
        }
    }

    /// Names in the order in which the lines end, each as near to its end as there is room.
    fn draw_names(&self, sweep: &Sweep) -> Drawn {
        let end = |line: &&Line| line.points.last().map(|(_, value)| self.y.pixel(*value));
        let mut lines: Vec<_> = sweep
            .lines
            .iter()
            .filter(|line| end(line).is_some())
            .collect();
        lines.sort_by_key(end);
        let mut heights: Vec<i32> = lines.iter().filter_map(end).collect();
        spread(&mut heights);
        let left = Pos::new(HPos::Left, VPos::Center);
        for (line, height) in lines.iter().zip(heights) {
            let x = RIGHT_BOTTOM.0 + 8;
            self.stroke(vec![(x, height), (x + 22, height)], line)?;
            self.text(line.name, (x + 29, height), 14, line.colour(), left)?;
        }
        Ok(())
    }
}

/// Moves rising heights apart, each as little as it goes: what would overlap becomes a group around
/// its middle.
fn spread(heights: &mut [i32]) {
    for _ in 0..100 {
        for at in 1..heights.len() {
            let missing = NAME_HEIGHT - (heights[at] - heights[at - 1]);
            if missing > 0 {
                heights[at - 1] -= missing / 2;
                heights[at] += missing - missing / 2;
            }
        }
    }
}
