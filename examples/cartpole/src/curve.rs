//! The learning curve as a picture.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

/// Draws the mean return over the steps taken.
pub fn draw(path: &Path, curve: &[(f64, f32)], solved_at: f32) -> Result<(), Box<dyn Error>> {
    let steps = curve.last().map_or(1.0, |point| point.0.max(1.0));
    let area = SVGBackend::new(path, (800, 400)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(
            "CartPole-v1 by 3 simulators and 1 learner",
            ("sans-serif", 20),
        )
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..steps, 0f32..500.0)?;
    chart
        .configure_mesh()
        .light_line_style(BLACK.mix(0.05))
        .x_desc("environment steps")
        .y_desc("mean return of 100 episodes")
        .y_label_formatter(&|mean| format!("{mean:.0}"))
        .x_label_formatter(&|steps| format!("{:.0} k", steps / 1000.0))
        .draw()?;
    let solved = [(0.0, solved_at), (steps, solved_at)];
    chart.draw_series(LineSeries::new(solved, GREEN.mix(0.6).stroke_width(2)))?;
    let line = LineSeries::new(curve.iter().copied(), BLUE.stroke_width(2));
    chart.draw_series(line)?;
    area.present()?;
    Ok(())
}
