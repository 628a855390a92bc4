//! Plain text for people about a run or a sweep: the timeline, the ending with its reason, the explanation of a state,
//! and the shares of outcomes. The command line prints these texts, and a notebook shows the same ones.

mod lines;
mod sentence;

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
