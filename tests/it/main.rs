//! Integration tests: laws, layers and whole walks.

mod cli;
mod law2_wide_window;
mod layers;
mod store_conformance;
