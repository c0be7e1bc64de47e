//! Three simulators and a learner, as processes, learn to balance a pole through shared memory.
//!
//!     cargo run --release --package cartpole [-- --seed N] [--kill] [--updates N]
//!                                            [--snapshot FILE] [--resume FILE]
//!
//! `--kill` kills a simulator in the middle, as `kill -9` would: it is started again, and the others
//! do not notice. `--updates` ends the run after so many updates, solved or not.
//!
//! `--snapshot` saves the pool, and the weights as `FILE.weights`, when the run ends or is stopped by
//! Ctrl-C; `--resume` begins with them. Learning rate, optimizer and exploration begin anew.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use cartpole::crew::{self, Crew};
use cartpole::score::Score;
use cartpole::settings::Settings;
use cartpole::{curve, learner, saved, segments, simulator};

const PICTURE: &str = "cartpole.svg";
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What the command line asks for.
#[derive(Default)]
struct Request {
    seed: u64,
    kill: bool,
    updates: Option<u64>,
    snapshot: Option<PathBuf>,
    resume: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["learner", run, seed] => {
            crew::end_with_parent();
            learner::run(run, seed.parse()?, |_| ())
        }
        ["simulator", run, number, seed] => {
            crew::end_with_parent();
            Ok(simulator::run(run, number.parse()?, seed.parse()?, |_| ())?)
        }
        _ => train(parse(&words)?),
    }
}

fn parse(words: &[&str]) -> Result<Request, Box<dyn Error>> {
    let mut request = Request::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or("a value must follow the last word");
        match *word {
            "--seed" => request.seed = value()?.parse()?,
            "--updates" => request.updates = Some(value()?.parse()?),
            "--kill" => request.kill = true,
            "--snapshot" => request.snapshot = Some(value()?.into()),
            "--resume" => request.resume = Some(value()?.into()),
            other => {
                let words = "--seed N, --kill, --updates N, --snapshot FILE or --resume FILE";
                return Err(format!("{other}? try {words}").into());
            }
        }
    }
    Ok(request)
}

/// Creates the segments, starts the processes, and watches them until the task is solved.
fn train(request: Request) -> Result<(), Box<dyn Error>> {
    let settings = Settings::default();
    let run = format!("cartpole-{}", std::process::id());
    let pool = segments::replay(&run, "parent", &settings)?;
    let weights = segments::weights(&run, "parent")?;
    if let Some(path) = &request.resume {
        println!("{}", saved::resume(&pool, &weights, path)?);
    }
    let mut score = Score::new(&run, settings.simulators, settings.solved_episodes)?;
    let stopped = Arc::new(AtomicBool::new(false));
    let stop = stopped.clone();
    ctrlc::set_handler(move || stop.store(true, Ordering::Relaxed))?;

    let mut crew = Crew::start(&run, settings.simulators, request.seed * 1_000)?;
    let bar = ProgressBar::new(settings.solved_return as u64);
    bar.set_style(ProgressStyle::with_template(
        "average return {wide_bar:.green} {pos:>3}/{len}\n{msg}",
    )?);
    let mut curve = Vec::new();
    let (mut before, mut looked) = (pool.statistics(), Instant::now());
    let mut lines = 0;
    let mut to_kill = request.kill;
    let outcome = loop {
        // Ctrl-C reaches the crew as well, on every system, and some may end before this process hears
        // of it. So it gets a while between finding out and complaining.
        let revived = crew.revive();
        thread::sleep(LOOK_EVERY);
        if stopped.load(Ordering::Relaxed) {
            break "stopped";
        }
        if let Some(news) = revived? {
            bar.suspend(|| println!("{news}"));
        }
        score.look()?;
        let now = pool.statistics();
        let seconds = looked.elapsed().as_secs_f64();
        looked = Instant::now();
        let rate = |now: u64, before: u64| (now - before) as f64 / seconds;
        bar.set_position(score.mean() as u64);
        bar.set_message(format!(
            "{} episodes · inserted {:.0}/s · sampled {:.0}/s · weights {} · {} processes alive",
            score.episodes,
            rate(now.inserted, before.inserted),
            rate(now.sampled, before.sampled),
            weights.version(),
            pool.participants()?.len(),
        ));
        // Where there is no terminal to draw on, a line every ten seconds.
        if bar.is_hidden() && bar.elapsed().as_secs() / 10 > lines {
            lines += 1;
            println!("average return {:.0} · {}", score.mean(), bar.message());
        }
        curve.push((now.inserted as f64, score.mean()));
        before = now;
        if to_kill && weights.version() > 100 {
            to_kill = false;
            crew.kill_one()?;
        }
        if score.reaches(settings.solved_return) {
            break "solved";
        }
        let updates = weights.version() * settings.publish_every;
        if updates >= request.updates.unwrap_or(settings.max_updates) {
            break "not solved";
        }
    };
    drop(crew);
    bar.abandon();
    if let Some(path) = &request.snapshot {
        println!("{}", saved::save(&pool, &weights, path)?);
    }
    curve::draw(Path::new(PICTURE), &curve, settings.solved_return)?;
    println!(
        "{outcome}: average return {:.0} over {} episodes, after {} steps and {:.0} s\n\
         the learning curve is in {PICTURE}",
        score.mean(),
        settings.solved_episodes,
        before.inserted,
        bar.elapsed().as_secs_f64(),
    );
    Ok(())
}
