//! What an operator asks of the configured bucket: the functions behind `leptos-aws-s3 cors`, `reap`, `lifecycle` and
//! `doctor`. An app with a command of its own may call them too.
//!
//! | module | job |
//! |---|---|
//! | [`connection`] | the bucket, also where its store is inside a server |
//! | [`report`] | what was looked at, what came of it, and what to do |
//! | [`cors`] | the rules that let the page upload: shown, set, and tried as a browser tries them |
//! | [`doctor`] | whether uploads will work, tried one thing at a time |
//! | [`reap`] | what was left unfinished: listed, and aborted |
//! | [`lifecycle`] | the rule by which the bucket does that itself |
//!
//! Nothing here is called by the server itself.

mod applied;
mod checksum;
pub mod connection;
mod content_md5;
pub mod cors;
mod doctor;
mod http;
pub mod lifecycle;
mod read_back;
pub mod reap;
pub mod report;
mod store_says;
mod trial;

pub use applied::Applied;
pub use connection::Connection;
pub use doctor::doctor;
pub use report::{Finding, Outcome, Report};
pub use store_says::CommandError;
