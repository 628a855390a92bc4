//! The page: one HTML file that shows a run, a sweep or two futures, and needs nothing but a browser.
//!
//! What the page shows is data in the shape of the tables, beside what the analysis says of the states on the way. The
//! program that draws it is written in TypeScript in the folder `page/`; its bundle is part of the crate.

mod data;
mod document;
mod error;
mod history;
pub mod limits;
mod subject;

pub use document::document;
pub use error::PageError;
pub use subject::{Subject, read};
