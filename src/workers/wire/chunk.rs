//! A chunk of tasks as bytes: the body of a frame, in which inputs lie one after another.
//!
//! | bytes | what |
//! |---|---|
//! | 0..4 | how many tasks |
//! | 4..8 | which task, as its index in the list that `Workers::begin` was given |
//! | then, for each task, 8 | the length of its input |
//! | … and | its input, filled up to a multiple of 8 |

use std::cell::Cell;

// The kinds of frames that a worker gets.

/// A chunk.
pub(crate) const CHUNK: u32 = 1;
/// A chunk whose answers say for each task how long it took.
pub(crate) const TIMED: u32 = 2;
/// The name of the shared objects. The worker answers it once.
pub(crate) const SHARE: u32 = 3;
/// The worker is to end. It does not answer.
pub(crate) const STOP: u32 = 4;

const HEAD: usize = 8;
/// Bytes of the length before an input.
pub(crate) const LENGTH: usize = 8;

/// A chunk that is being built.
#[derive(Default)]
pub(crate) struct ChunkBuilder {
    pub(crate) body: Vec<u8>,
    pub(crate) tasks: u32,
}

impl ChunkBuilder {
    /// Starts an empty chunk of a task, in the same memory.
    pub(crate) fn begin(&mut self, task: usize) {
        self.body.clear();
        self.tasks = 0;
        self.body.extend_from_slice(&0u32.to_le_bytes());
        self.body.extend_from_slice(&(task as u32).to_le_bytes());
    }

    /// Adds the input that `write` writes, unless it returns an error.
    #[inline]
    pub(crate) fn add(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), String>,
    ) -> Result<(), String> {
        let before = self.body.len();
        self.body.extend_from_slice(&[0; LENGTH]);
        if let Err(error) = write(&mut self.body) {
            self.body.truncate(before);
            return Err(error);
        }
        let length = (self.body.len() - before - LENGTH) as u64;
        self.body[before..before + LENGTH].copy_from_slice(&length.to_le_bytes());
        let padded = self.body.len().next_multiple_of(8);
        self.body.resize(padded, 0);
        self.tasks += 1;
        self.body[..4].copy_from_slice(&self.tasks.to_le_bytes());
        Ok(())
    }

    /// Removes the last input, which begins at `start`, and returns its bytes with the length before them.
    pub(crate) fn take_last(&mut self, start: usize) -> Vec<u8> {
        let last = self.body.split_off(start);
        self.tasks -= 1;
        self.body[..4].copy_from_slice(&self.tasks.to_le_bytes());
        last
    }

    /// Adds inputs as they lie in another chunk, with their lengths.
    pub(crate) fn add_all(&mut self, inputs: &[u8], tasks: u32) {
        self.body.extend_from_slice(inputs);
        self.tasks += tasks;
        self.body[..4].copy_from_slice(&self.tasks.to_le_bytes());
    }
}

/// The input that was found last in a chunk, and the position of its length.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    index: u32,
    offset: usize,
}

/// A chunk that was received.
#[derive(Clone, Copy)]
pub struct Chunk<'a> {
    pub(crate) tasks: u32,
    pub(crate) task: usize,
    inputs: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Reads the body of a frame.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, String> {
        let (head, inputs) = body
            .split_at_checked(HEAD)
            .ok_or("a chunk without a head")?;
        let number =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        Ok(Self {
            tasks: number(0),
            task: number(4) as usize,
            inputs,
        })
    }

    /// Returns an iterator over the inputs. An item is an error if its input does not lie inside the chunk.
    pub(crate) fn inputs(&self) -> Inputs<'a> {
        Inputs {
            left: self.tasks,
            bytes: self.inputs,
        }
    }

    /// Returns input `at`, or `None` if it does not lie inside the chunk. The search begins at `cursor`, so inputs that
    /// are asked for in their order are found without one.
    pub(crate) fn input(&self, at: u32, cursor: &Cell<Cursor>) -> Option<&'a [u8]> {
        let from = cursor.get();
        let from = if from.index <= at {
            from
        } else {
            Cursor::default()
        };
        let mut inputs = Inputs {
            left: self.tasks.checked_sub(from.index)?,
            bytes: self.inputs.get(from.offset..)?,
        };
        for _ in from.index..at {
            inputs.next()?.ok()?;
        }
        cursor.set(Cursor {
            index: at,
            offset: self.inputs.len() - inputs.bytes.len(),
        });
        inputs.next()?.ok()
    }

    /// Returns the bytes of inputs `from..to`, with the lengths before them.
    pub(crate) fn bytes(&self, from: u32, to: u32) -> Result<&'a [u8], String> {
        let mut inputs = self.inputs();
        for _ in 0..from {
            inputs
                .next()
                .unwrap_or_else(|| Err("a chunk is too short".into()))?;
        }
        let start = inputs.bytes;
        for _ in from..to {
            inputs
                .next()
                .unwrap_or_else(|| Err("a chunk is too short".into()))?;
        }
        Ok(&start[..start.len() - inputs.bytes.len()])
    }
}

/// The iterator that [`Chunk::inputs`] returns.
pub(crate) struct Inputs<'a> {
    left: u32,
    bytes: &'a [u8],
}

impl<'a> Iterator for Inputs<'a> {
    type Item = Result<&'a [u8], String>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let next = (|| {
            let (length, rest) = self.bytes.split_first_chunk::<LENGTH>()?;
            let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
            let input = rest.get(..length)?;
            self.bytes = rest.get(length.checked_next_multiple_of(8)?..)?;
            Some(input)
        })();
        Some(next.ok_or_else(|| "an input does not lie inside its chunk".to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_read_as_they_were_written_and_parts_can_be_sent_again() {
        let mut chunk = ChunkBuilder::default();
        chunk.begin(7);
        let inputs: Vec<Vec<u8>> = (0..20u8)
            .map(|length| vec![length; length as usize])
            .collect();
        for input in &inputs {
            let write = |out: &mut Vec<u8>| {
                out.extend_from_slice(input);
                Ok(())
            };
            chunk.add(write).unwrap();
        }
        let refused = chunk.add(|out| {
            out.push(1);
            Err("no".into())
        });
        assert!(refused.is_err());
        let chunk = Chunk::read(&chunk.body).unwrap();
        assert_eq!((chunk.task, chunk.tasks), (7, 20));
        let read: Vec<&[u8]> = chunk.inputs().map(Result::unwrap).collect();
        assert_eq!(read, inputs);
        let cursor = Cell::default();
        for at in [3, 4, 4, 9, 2, 0, 19] {
            assert_eq!(chunk.input(at, &cursor), Some(&inputs[at as usize][..]));
        }
        assert_eq!(chunk.input(20, &cursor), None);

        let mut again = ChunkBuilder::default();
        again.begin(7);
        again.add_all(chunk.bytes(5, 9).unwrap(), 4);
        let chunk = Chunk::read(&again.body).unwrap();
        let read: Vec<&[u8]> = chunk.inputs().map(Result::unwrap).collect();
        assert_eq!(read, inputs[5..9]);
    }

    #[test]
    fn any_bytes_are_a_chunk_or_an_error() {
        let mut chunk = ChunkBuilder::default();
        chunk.begin(0);
        for length in 0..5usize {
            let write = |out: &mut Vec<u8>| {
                out.resize(out.len() + length, 1);
                Ok(())
            };
            chunk.add(write).unwrap();
        }
        for at in 0..chunk.body.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bad = chunk.body.clone();
                bad[at] = value;
                if let Ok(chunk) = Chunk::read(&bad) {
                    assert!(chunk.inputs().take(100).map_while(Result::ok).count() <= 100);
                    let _ = chunk.bytes(1, 4);
                    let cursor = Cell::default();
                    let _ = [1, 4, 3, 9].map(|at| chunk.input(at, &cursor));
                }
            }
        }
        for length in 0..chunk.body.len() {
            if let Ok(chunk) = Chunk::read(&chunk.body[..length]) {
                assert!(chunk.inputs().any(|input| input.is_err()));
            }
        }
    }
}
