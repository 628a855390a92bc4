//! What a person reads of a run or a sweep, as plain text: the timeline, the ending with its reason, a state explained,
//! the shares of outcomes. The command line prints these texts; a notebook shows the same.

mod deeds;
pub mod diff;
pub mod ending;
pub mod explain;
pub mod explained;
pub mod shares;
pub mod storylines;
pub mod timeline;
pub mod why;
pub mod wording;

pub use wording::Unknown;
