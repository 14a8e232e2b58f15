//! The whole server over real HTTP: the router, its server functions, and the embedded store.

#![allow(clippy::unwrap_used, reason = "a test may fail that way")]

mod embedded_store;
mod form;
mod guards;
mod refusals;
mod support;
mod uploads;
