//! What the table of providers, `.env.example` and the README say of a store is the same, and its signatures are those
//! that another implementation makes.

#![allow(clippy::unwrap_used, reason = "a test may fail that way")]

mod env_example;
mod example;
mod presigned;
mod readme;
