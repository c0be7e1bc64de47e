//! One simulator, to be started by hand, as many as wanted, before or after a learner:
//!
//!     cargo run --release --package cartpole --bin simulator -- RUN [NUMBER]
//!
//! Give each simulator of a run another number: it explores less the higher its number is.

use std::error::Error;

use cartpole::simulator;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let run = words.next().ok_or("usage: simulator RUN [NUMBER]")?;
    let number = words.next().map_or(Ok(0), |word| word.parse())?;
    println!("simulator {number} of {run}; end it with Ctrl-C, or kill it");
    simulator::run(&run, number, u64::from(std::process::id()), |returns| {
        if returns.finished % 100 == 0 {
            let mean = returns.last.iter().sum::<f32>() / returns.last.len() as f32;
            println!(
                "{} episodes, the last 100 returned {mean:.0}",
                returns.finished
            );
        }
    })?;
    Ok(())
}
