//! Integration tests: laws, layers and whole walks.

mod console;
mod law2_wide_window;
mod store_conformance;
