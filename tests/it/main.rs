//! Integration tests: laws, layers and whole walks.

mod law2_wide_window;
mod service;
mod store_conformance;
