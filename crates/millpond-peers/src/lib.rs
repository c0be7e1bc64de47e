//! What the programs of a comparison share: the words that they are told, and the work that each does.

pub mod again;
#[path = "../../../examples/classify/bayes.rs"]
pub mod bayes;
pub mod measures;
pub mod side;
#[path = "../../../examples/classify/table.rs"]
pub mod table;
#[path = "../../../examples/classify/texts.rs"]
pub mod texts;
