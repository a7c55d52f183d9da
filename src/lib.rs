//! Mintmark: imports the seed files of hardware OATH tokens, assigns them, lets users confirm the
//! token they received and brings drifted tokens back.
//!
//! The layers and who may use whom are drawn in `docs/ARCHITECTURE.md` and checked by
//! `tests/it/layers.rs`.

pub mod cli;
pub mod config;
pub mod device;
pub mod http;
pub mod jobs;
pub mod mail;
pub mod model;
pub mod seedfile;
pub mod service;
pub mod store;
pub mod telemetry;
pub mod vault;
pub mod words;

pub use mintmark_engine::{clock, oath, secret};
