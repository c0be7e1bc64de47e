use crate::stage::Part;
pub const OWN: Part = Part::EMPTY;
pub const STRANGERS: Part = Part::EMPTY;
