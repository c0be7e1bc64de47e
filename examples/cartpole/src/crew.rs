//! The processes of a run: the same executable, each with a role, started again when they die.

use std::env;
use std::io::{self, Read};
use std::process::{self, Child, Command, Stdio};
use std::thread;

/// A process and what it was started with.
struct Member {
    role: String,
    arguments: Vec<String>,
    child: Child,
}

/// All processes of a run. Dropping it ends them.
pub struct Crew {
    members: Vec<Member>,
}

impl Crew {
    /// Starts the learner, and so many simulators.
    pub fn start(run: &str, simulators: usize, seed: u64) -> io::Result<Self> {
        let mut crew = Self {
            members: Vec::new(),
        };
        crew.add("learner", vec![run.into(), seed.to_string()])?;
        for number in 0..simulators {
            let seed = seed + 1 + number as u64;
            let arguments = vec![run.into(), number.to_string(), seed.to_string()];
            crew.add("simulator", arguments)?;
        }
        Ok(crew)
    }

    fn add(&mut self, role: &str, arguments: Vec<String>) -> io::Result<()> {
        self.members.push(Member {
            child: start(role, &arguments)?,
            role: role.into(),
            arguments,
        });
        Ok(())
    }

    /// Kills the last simulator, as `kill -9` would.
    pub fn kill_one(&mut self) -> io::Result<()> {
        self.members
            .last_mut()
            .map_or(Ok(()), |member| member.child.kill())
    }

    /// Starts again whoever has ended; says who it was, and how. The learner is not started again:
    /// what it had learned is gone.
    pub fn revive(&mut self) -> io::Result<Option<String>> {
        for member in &mut self.members {
            if let Some(status) = member.child.try_wait()? {
                let ended = format!("{} {} ended ({status})", member.role, member.child.id());
                if member.role == "learner" {
                    return Err(io::Error::other(ended));
                }
                member.child = start(&member.role, &member.arguments)?;
                return Ok(Some(format!(
                    "{ended}; started again as {}",
                    member.child.id()
                )));
            }
        }
        Ok(None)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for member in &mut self.members {
            let _ = member.child.kill();
            let _ = member.child.wait();
        }
    }
}

/// Starts this executable in a role. Its standard input is a pipe that ends when this process does.
fn start(role: &str, arguments: &[String]) -> io::Result<Child> {
    Command::new(env::current_exe()?)
        .arg(role)
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn()
}

/// Ends this process when its parent has ended, however that happened.
pub fn end_with_parent() {
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        process::exit(0);
    });
}
