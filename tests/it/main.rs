//! Integration tests: laws, layers and whole walks.

mod api;
mod audit_log;
mod cli;
mod console;
mod desk;
mod http_rules;
mod keypad;
mod kill;
mod law2_wide_window;
mod layers;
mod leak;
mod look;
mod mail;
mod own_token;
mod profile;
mod restore;
mod service;
mod store_conformance;
mod tls;
mod user_import;
mod walk_cli;
mod ways;
mod webhook;
mod wire;
mod words;
mod wrong_file;
