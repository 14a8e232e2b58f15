//! The command as an operator runs it: the real binary, against stores that really answer.

#![allow(clippy::unwrap_used, reason = "a test may fail that way")]

mod cors;
mod cors_apply;
mod cors_check;
mod doctor;
mod lifecycle;
mod reap;
mod serve;
#[cfg(target_os = "linux")]
mod slow_clients;
mod support;
