//! What is left of a worker group that has ended.

use crate::error::{Error, Result};
use crate::open::Open;
use crate::workers::insights::Insights;
use crate::workers::wire::message::Message;
use crate::workers::worker::task::Task;

/// What is left of a worker group that was [finished](crate::Workers::finish).
#[derive(Debug)]
pub struct Finished {
    pub(super) insights: Insights,
    pub(super) exit: Option<&'static str>,
    pub(super) exited: Vec<(usize, Vec<u8>)>,
}

impl Finished {
    /// What the workers did with their time.
    pub fn insights(&self) -> &Insights {
        &self.insights
    }

    /// The outputs of the exit task, each with the number of its worker: one for each process that ran it.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a task that was not passed to [`WorkersOptions::exit`](crate::WorkersOptions::exit).
    pub fn exited<S, I, O>(&self, task: &Task<S, I, O>) -> Result<Vec<(usize, O::Value)>>
    where
        S: Open + 'static,
        I: Message,
        O: Message,
    {
        check_name(task.name, self.exit)?;
        read::<O>(&self.exited)
    }
}

/// Returns an error unless `asked` is the task that the options name.
pub(super) fn check_name(asked: &str, known: Option<&'static str>) -> Result<()> {
    match known {
        Some(known) if known == asked => Ok(()),
        _ => {
            let expected = known.map_or("none, as the options name none".into(), |known| {
                format!("`{known}`, as in the options")
            });
            Error::invalid("the task", format!("`{asked}`"), expected)
        }
    }
}

/// Reads outputs of an init or exit task.
pub(super) fn read<O: Message>(outputs: &[(usize, Vec<u8>)]) -> Result<Vec<(usize, O::Value)>> {
    let outputs = outputs.iter().map(|(worker, bytes)| {
        let value = O::value(bytes).map_err(|why| Error::WorkerFailed {
            worker: *worker,
            reason: format!("the output of its task cannot be read: {why}"),
        })?;
        Ok((*worker, value))
    });
    outputs.collect()
}
