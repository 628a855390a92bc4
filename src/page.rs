//! The page: a single HTML file that shows a run, a sweep or two runs, and needs only a browser.
//!
//! The data of a page are the tables of the folder and, for a run, the analysis of its states. The program that draws
//! them is written in TypeScript in the folder `page/`; its bundle is embedded in the crate.

mod data;
mod document;
mod error;
mod history;
pub mod limits;
mod subject;

pub use document::document;
pub use error::PageError;
pub use subject::{Subject, read};
