//! Integration tests: laws, layers and whole walks.

mod api;
mod audit_log;
mod cli;
mod console;
mod desk;
#[path = "../../hil/mod.rs"]
mod hil;
mod http_rules;
mod keypad;
mod kill;
mod law2_wide_window;
mod layers;
mod leak;
mod letters;
mod look;
mod mail;
mod own_token;
mod profile;
mod profiles;
mod restore;
mod run_cli;
mod runs;
mod service;
mod session_data;
mod station;
mod store_conformance;
mod tls;
mod unread;
mod user_import;
mod walk_cli;
mod ways;
mod webhook;
mod whose;
mod wire;
mod words;
mod wrong_file;
