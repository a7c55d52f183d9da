//! Integration tests: laws, layers and whole walks.

mod api;
mod law2_wide_window;
mod store_conformance;
