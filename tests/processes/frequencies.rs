use crate::stage::Part;
pub const PART: Part = Part::EMPTY;
