//! The use cases over a store in memory, and the laws they keep.

mod double_spend;
mod fixture;
mod import;
mod walk;
