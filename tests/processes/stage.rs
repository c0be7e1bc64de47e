//! The stage: runs each trial in a process and a directory of its own, and gives processes their
//! roles.
//!
//! The director (the program without a role) starts a trial, waits for it, ends whatever the trial
//! may have left running, and reports what it said. A trial and its children are this program again,
//! with the name of a function in the environment.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};

/// The variable that names the function that a process is to run, such as `whole::writer`.
pub const ROLE: &str = "MILLPOND_TEST_ROLE";

/// A trial that takes longer hangs: so many seconds, unless the variable says another number. Where
/// another system is emulated, starting a process takes a while.
const LONGEST_TRIAL: u64 = 90;
const LONGEST_TRIAL_VARIABLE: &str = "MILLPOND_LONGEST_TRIAL";

/// Functions with their names; see [`named`].
pub type Named = &'static [(&'static str, fn())];

/// What one file of trials brings to the stage.
pub struct Part {
    pub name: &'static str,
    /// Says why the trials cannot run on this machine, if they cannot.
    pub obstacle: fn() -> Option<String>,
    /// Trials that run beside others.
    pub trials: Named,
    /// Trials that want all processors.
    pub alone: Named,
    /// What their children do.
    pub roles: Named,
}

impl Part {
    /// A part without trials, that runs everywhere; for `..Part::EMPTY`.
    pub const EMPTY: Self = Self {
        name: "",
        obstacle: || None,
        trials: &[],
        alone: &[],
        roles: &[],
    };
}

/// Functions with their names.
macro_rules! named {
    ($($(#[$attribute:meta])* $function:ident),* $(,)?) => {
        &[$($(#[$attribute])* (stringify!($function), $function as fn())),*]
    };
}
pub(crate) use named;

/// Runs the function that `name` stands for.
pub fn play(parts: &[Part], name: &str) -> ExitCode {
    let (part, function) = name.split_once("::").expect("the name of a role");
    let part = parts.iter().find(|found| found.name == part);
    let part = part.expect("a role of a part");
    let find = |named: Named| named.iter().find(|(found, _)| *found == function);
    if let Some((_, role)) = find(part.roles) {
        role();
    } else {
        let (_, trial) = find(part.trials).or(find(part.alone)).expect("a trial");
        let longest =
            env::var(LONGEST_TRIAL_VARIABLE).map_or(Ok(LONGEST_TRIAL), |text| text.parse());
        let longest = Duration::from_secs(longest.expect("a number of seconds"));
        thread::spawn(move || {
            thread::sleep(longest);
            eprintln!("the trial hangs: it has run for {longest:?}");
            process::abort();
        });
        trial();
    }
    ExitCode::SUCCESS
}

/// Runs the trials that the command line asks for.
pub fn direct(parts: &[Part]) -> ExitCode {
    let arguments = Arguments::from_args();
    let theatre = Arc::new(Theatre::new().expect("a directory for the segments"));
    let mut trials = Vec::new();
    for part in parts {
        let obstacle = (part.obstacle)();
        if let Some(why) = &obstacle {
            theatre.report(format!("{} is ignored: {why}\n", part.name));
        }
        let quiet = part.trials.iter().map(|trial| (trial, false));
        let alone = part.alone.iter().map(|trial| (trial, true));
        for ((function, _), alone) in quiet.chain(alone) {
            let (name, theatre) = (format!("{}::{function}", part.name), theatre.clone());
            let run = {
                let name = name.clone();
                move || theatre.run(&name, alone)
            };
            trials.push(Trial::test(name, run).with_ignored_flag(obstacle.is_some()));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list {
        for report in theatre.reports.lock().unwrap().iter() {
            println!("{report}");
        }
    }
    conclusion.exit_code()
}

/// Where the trials run. Its directory goes when it is dropped.
struct Theatre {
    directory: PathBuf,
    /// What the trials had to say.
    reports: Mutex<Vec<String>>,
    /// Held for reading by trials that run beside others, for writing by those that do not.
    quiet: RwLock<()>,
}

impl Theatre {
    fn new() -> io::Result<Self> {
        let shared_memory = Path::new("/dev/shm");
        let parent = match cfg!(unix) && shared_memory.is_dir() {
            true => shared_memory.to_path_buf(),
            false => env::temp_dir(),
        };
        let directory = parent.join(format!("millpond-trials-{}", process::id()));
        // What an earlier process of this number left, if it was killed.
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory)?;
        Ok(Self {
            directory,
            reports: Mutex::default(),
            quiet: RwLock::default(),
        })
    }

    fn run(&self, name: &str, alone: bool) -> Result<(), Failed> {
        let _others = (!alone).then(|| self.quiet.read().unwrap());
        let _nobody = alone.then(|| self.quiet.write().unwrap());
        let place = self.directory.join(name.replace("::", "-"));
        fs::create_dir(&place)?;
        let (said, complained) = (place.join("said"), place.join("complained"));
        let mut command = Command::new(env::current_exe()?);
        command
            .env(ROLE, name)
            .env("MILLPOND_DIR", place.join("pond"))
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null())
            .stdout(File::create(&said)?)
            .stderr(File::create(&complained)?);
        let status = run_to_the_end(command)?;
        let (said, complained) = (fs::read_to_string(&said)?, fs::read_to_string(&complained)?);
        let _ = fs::remove_dir_all(&place);
        if !status.success() {
            return Err(format!("{status}\n{said}{complained}").into());
        }
        if !said.is_empty() {
            self.report(format!("{name}:\n{said}"));
        }
        Ok(())
    }

    fn report(&self, text: String) {
        self.reports.lock().unwrap().push(text);
    }
}

impl Drop for Theatre {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Runs a trial, and then ends every process that it started and did not end itself.
#[cfg(unix)]
fn run_to_the_end(mut command: Command) -> io::Result<ExitStatus> {
    use nix::sys::signal::{Signal, killpg};
    use std::os::unix::process::CommandExt;

    let mut trial = command.process_group(0).spawn()?;
    let status = trial.wait()?;
    let group = nix::unistd::Pid::from_raw(trial.id() as i32);
    // An error says that nobody is left.
    let _ = killpg(group, Signal::SIGKILL);
    Ok(status)
}

/// Runs a trial. Its children end when their standard input does.
#[cfg(not(unix))]
fn run_to_the_end(mut command: Command) -> io::Result<ExitStatus> {
    spawn(&mut command)?.wait()
}

/// Starts a process. Wine sometimes cannot, on a busy machine, and says that it is an internal error of its
/// own: then it is asked again.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    const ERROR_INTERNAL_ERROR: i32 = 1359;
    let mut started = command.spawn();
    for _ in 0..5 {
        match &started {
            Err(error) if error.raw_os_error() == Some(ERROR_INTERNAL_ERROR) => {}
            _ => break,
        }
        started = command.spawn();
    }
    started
}
