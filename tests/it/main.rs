//! Integration tests, one binary.

mod law2_wide_window;
