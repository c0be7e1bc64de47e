//! A logarithmic axis: where a value lies, and which values are labelled. Knows nothing of pictures.

/// From pixel to pixel, from value to value.
pub struct Axis {
    pixels: (f64, f64),
    values: (f64, f64),
}

impl Axis {
    pub fn new(pixels: (i32, i32), values: (f64, f64)) -> Self {
        Self {
            pixels: (pixels.0.into(), pixels.1.into()),
            values,
        }
    }

    /// An axis around these values, from one tick to another.
    pub fn around(pixels: (i32, i32), values: impl Iterator<Item = f64> + Clone) -> Self {
        let lowest = values.clone().fold(f64::INFINITY, f64::min);
        let highest = values.fold(0.0, f64::max);
        let below = ticks().rfind(|tick| *tick <= lowest);
        let above = ticks().find(|tick| *tick >= highest);
        let ends = (below.unwrap_or(lowest), above.unwrap_or(highest));
        Self::new(pixels, ends)
    }

    /// The pixel of a value.
    pub fn pixel(&self, value: f64) -> i32 {
        let (first, last) = (self.values.0.ln(), self.values.1.ln());
        let share = (value.ln() - first) / (last - first);
        (self.pixels.0 + share * (self.pixels.1 - self.pixels.0)).round() as i32
    }

    /// The values to be labelled.
    pub fn ticks(&self) -> impl Iterator<Item = f64> {
        let (first, last) = self.values;
        ticks().filter(move |tick| (first..=last).contains(tick))
    }
}

/// 1, 2, 5, 10, 20, 50 and so on, up and down.
fn ticks() -> impl DoubleEndedIterator<Item = f64> {
    (-3..7).flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(decade)))
}
