//! The engine under virtual time.
//!
//! - Stories: one file a subject, one test a rule, told in a [`world::World`]; [`world_in_parts`] is what it says of parts.
//! - [`tiny_worlds`]: every sequence of a few calls, however senseless.
//! - [`simulation`]: long random lives with every kind of fault; then the faults stop, and all must end well.
//! - [`many_pages`]: the same of files that change while no page is there; [`contents`] says what they contain.
//!
//! The last two live in a [`trial::Trial`], with a [`store::Store`] and a driver's [`journal::Journal`]; [`answers`] is what its server and store say. A [`referee::Referee`] watches after every call, and [`pacing::Pacing`] when requests start. [`marks`] shows that every fault was reached.
#![allow(clippy::unwrap_used)]

mod answers;
mod chance;
mod changing;
mod checksums;
mod clocks;
mod completing;
mod confirming;
mod contents;
mod creating;
mod events;
mod fairness;
mod faults;
mod journal;
mod many_files;
mod many_pages;
mod marks;
mod offline;
mod options;
mod pacing;
mod parts;
mod pausing;
mod progress;
mod referee;
mod removing;
mod restricting;
mod resuming;
mod retrying;
mod sending;
mod signing;
mod simulation;
mod store;
mod tiny_worlds;
mod trial;
mod verifying;
mod world;
mod world_in_parts;
