//! The use cases over a store in memory, and the laws they keep.

mod fixture;
mod walk;
