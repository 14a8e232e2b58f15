//! The whole server over real HTTP: the router, its server functions, and the embedded store.

#![allow(clippy::unwrap_used, reason = "a test may fail that way")]

mod any_input;
mod companion;
mod companion_clients;
mod companion_refusals;
mod completing;
mod embedded_cleanup;
mod embedded_limits;
mod embedded_multipart;
mod embedded_slots;
mod embedded_store;
mod fake_store;
mod form;
mod guards;
mod hosts;
mod immutability;
mod integrity;
mod multipart;
mod multipart_refusals;
mod names_and_types;
mod object_headers;
mod page;
#[cfg(target_os = "linux")]
mod power_loss;
mod quirks;
mod quirky_store;
mod refusals;
mod slow_bodies;
mod store_calls;
mod sts;
mod support;
mod temporary_credentials;
mod unreliable_store;
mod upload_secret;
mod uploads;
