//! The only code that sees credentials. It signs and confirms; no byte of a file passes through it.
//!
//! | module | job |
//! |---|---|
//! | [`config`] | the environment, read once, every problem in one message |
//! | [`provider`] | what S3-compatible stores do differently, one table row each |
//! | [`presign`] | `PutObject`, `UploadPart`, `GetObject` and POST policies, on AWS's own signer |
//! | [`token`] | the state of an upload, sealed, in the browser's keeping: no replica remembers anything |
//! | [`service`] | what the server functions call: sign, begin, complete, confirm, open, discard |
//! | [`http`] | who the visitor is, same-origin guard, headers, limits |
//! | `companion` | the same service in Companion's protocol, for Uppy |
//! | [`router`] | all of it as one axum router round a Leptos app |
//! | [`command`] | what an operator asks of the bucket: its CORS rules, its health, what was left unfinished |
//! | `connections` | what both ports accept, until when, and how it ends |
//! | [`embedded`] | an S3 store inside this process, for when no other is configured |
//!
//! What is absent: a database, an upload's bytes, and the browser's choice of key.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail that way"))]

mod before_signing;
mod causes;
pub mod command;
mod companion;
pub mod config;
mod connections;
mod content_type;
mod credentials;
#[cfg(feature = "embedded-s3")]
pub mod embedded;
pub mod http;
mod limits;
mod log;
mod metadata;
pub mod presign;
pub mod provider;
mod random;
pub mod router;
mod serve;
pub mod service;
pub mod token;
mod visitor;

pub use config::{Config, ConfigError};
pub use limits::{AllowedTypes, Limits};
pub use metadata::AllowedMeta;
pub use serve::{Server, StartError};
pub use service::UploadService;
pub use visitor::Visitor;
