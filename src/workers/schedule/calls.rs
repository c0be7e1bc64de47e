//! The calls that wait for answers, by their numbers.
//!
//! A number is a place in a list, and how often that place was given: so a call is found without a search, however
//! many wait, and one that has ended is not mistaken for the one that has its place now. Computes only.

use std::cell::RefCell;
use std::rc::Rc;

use super::dispatcher::Receiver;

/// What a call has its answers delivered to.
pub(crate) type SharedReceiver = Rc<RefCell<dyn Receiver>>;

/// The calls that wait.
#[derive(Default)]
pub(crate) struct Calls {
    places: Vec<Place>,
    /// Places without a call; the one that was left last is given first.
    free: Vec<u32>,
}

struct Place {
    /// How often this place was given.
    times: u32,
    receiver: Option<SharedReceiver>,
}

impl Calls {
    /// Adds a call, and returns its number.
    pub(crate) fn open(&mut self, receiver: SharedReceiver) -> u64 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place {
                times: 0,
                receiver: None,
            });
            (self.places.len() - 1) as u32
        });
        let given = &mut self.places[place as usize];
        given.times = given.times.wrapping_add(1);
        given.receiver = Some(receiver);
        u64::from(given.times) << 32 | u64::from(place)
    }

    /// Removes a call, if it still waits.
    pub(crate) fn close(&mut self, call: u64) {
        let place = call as u32;
        if self.get(call).is_some() {
            self.places[place as usize].receiver = None;
            self.free.push(place);
        }
    }

    /// Returns where the answers of a call go, if it still waits.
    #[inline]
    pub(crate) fn get(&self, call: u64) -> Option<&SharedReceiver> {
        let place = self.places.get(call as u32 as usize)?;
        let receiver = place.receiver.as_ref()?;
        (u64::from(place.times) == call >> 32).then_some(receiver)
    }
}
