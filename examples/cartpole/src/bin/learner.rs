//! One learner, to be started by hand, before or after its simulators:
//!
//!     cargo run --release --package cartpole --bin learner -- RUN

use std::error::Error;
use std::time::Instant;

use cartpole::learner;

fn main() -> Result<(), Box<dyn Error>> {
    let run = std::env::args().nth(1).ok_or("usage: learner RUN")?;
    println!("learner of {run}; end it with Ctrl-C, or kill it");
    let began = Instant::now();
    learner::run(&run, u64::from(std::process::id()), |updates| {
        if updates % 1_000 == 0 {
            let rate = updates as f64 / began.elapsed().as_secs_f64();
            println!("{updates} updates, {rate:.0}/s");
        }
    })
}
