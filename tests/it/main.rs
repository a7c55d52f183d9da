//! Integration tests.

mod store_conformance;
