//! The console: dense, calm, searchable. One submodule for each noun.

pub mod batch;
pub mod drift;
pub mod import;
pub mod look;
pub mod notification;
pub mod operation;
pub mod resource;
pub mod token;
pub mod user;
pub mod user_import;
pub mod user_issue;
