//! What a side of a comparison that is written in Rust does with the orders that it gets.
//!
//! `run` starts a program, writes orders to it and reads what came out, a line each. The first line says
//! which measures it knows; an order is a measure and the seconds to spend on it, such as `sample 0.25`; the
//! answer is one number or several.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// One side of the comparison.
pub trait Side {
    /// The measures it knows.
    const MEASURES: &'static str;

    /// What a measure gave, as the answer to an order.
    fn measure(&mut self, name: &str, seconds: f64) -> Outcome<String>;

    /// Carries out orders until there are no more.
    fn serve(mut self) -> Outcome<()>
    where
        Self: Sized,
    {
        answer(&format!("ready {}", Self::MEASURES))?;
        for order in std::io::stdin().lines() {
            let order = order?;
            let (name, seconds) = order.split_once(' ').ok_or("an order is MEASURE SECONDS")?;
            let outcome = self.measure(name, seconds.parse()?)?;
            answer(&outcome)?;
        }
        Ok(())
    }
}

pub fn answer(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Calls for so many seconds, and says how many records a second that makes.
pub fn rate(seconds: f64, records_a_call: usize, mut call: impl FnMut()) -> f64 {
    let (began, mut calls) = (Instant::now(), 0);
    loop {
        call();
        calls += 1;
        let elapsed = began.elapsed().as_secs_f64();
        if elapsed >= seconds {
            return (calls * records_a_call) as f64 / elapsed;
        }
    }
}
