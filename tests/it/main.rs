//! Integration tests: laws, layers and whole walks.

mod law2_wide_window;
mod layers;
mod store_conformance;
