//! Integration tests: laws, layers and whole walks.

mod desk;
mod law2_wide_window;
mod store_conformance;
