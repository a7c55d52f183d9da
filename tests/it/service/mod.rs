//! The use cases over a store in memory, and the laws they keep.

mod audit;
mod batch;
mod budget;
mod double_spend;
mod emergency;
mod environment;
mod fault;
mod findings;
pub(crate) mod fixture;
mod import;
mod mail_token;
pub(crate) mod notification;
mod pin;
mod profile;
mod proof;
mod random_walk;
mod reassign;
mod register;
mod remind;
mod restore;
mod resync;
mod scope;
mod stranger;
mod sweep;
mod user_import;
mod walk;
mod ways_in;
