//! Simulators and learners as processes, at once on one pool.
//!
//! Each says `ready` once it is attached, starts when it is told for how many seconds, and says how
//! many records a second it moved.

use millpond::Pool;

use millpond_benches::plain;
use millpond_benches::transitions::{BATCH, CHUNK, Transition};
use millpond_peers::again::Again;
use millpond_peers::side::{Outcome, answer, rate};

use crate::Learner;

const SIMULATORS: usize = 4;
const LEARNERS: usize = 2;

/// Starts them all, lets them run, and adds up what the simulators inserted and the learners sampled.
pub fn measure(pool: &str, seconds: f64) -> Outcome<String> {
    let roles = [["simulator"; SIMULATORS].as_slice(), &["learner"; LEARNERS]].concat();
    let mut workers = Vec::new();
    for role in roles {
        workers.push((role, Again::start(&[role, pool])?));
    }
    for (role, worker) in &mut workers {
        match worker.line()?.as_str() {
            "ready" => {}
            line => return Err(format!("a {role} said {line:?} for \"ready\"").into()),
        }
    }
    for (_, worker) in &mut workers {
        worker.tell(&seconds.to_string())?;
    }
    let (mut inserted, mut sampled) = (0.0, 0.0);
    for (role, worker) in &mut workers {
        let moved: f64 = worker.line()?.parse()?;
        match *role {
            "simulator" => inserted += moved,
            _ => sampled += moved,
        }
    }
    Ok(format!("{inserted} {sampled}"))
}

/// Inserts 64 records at a time.
pub fn simulate(pool: &str) -> Outcome<()> {
    let pool = Pool::<Transition>::open(pool)?;
    let records = plain::chunk();
    let seconds = wait_for_order()?;
    let moved = rate(seconds, CHUNK, || {
        pool.insert_batch(&records).expect("free slots");
    });
    Ok(answer(&moved.to_string())?)
}

/// Samples 256 records as columns, and updates the priorities of the same 256.
pub fn learn(pool: &str) -> Outcome<()> {
    let pool = Pool::<Transition>::open(pool)?;
    let mut learner = Learner::new(&pool, u64::from(std::process::id()));
    let priority_lists = learner.priority_lists();
    let mut priorities = priority_lists.iter().cycle();
    let seconds = wait_for_order()?;
    let moved = rate(seconds, BATCH, || {
        let priorities = priorities.next().expect("an endless list");
        learner.sample();
        pool.update_priorities(learner.batch.keys(), priorities)
            .expect("valid priorities");
    });
    Ok(answer(&moved.to_string())?)
}

fn wait_for_order() -> Outcome<f64> {
    answer("ready")?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim().parse()?)
}
