//! What browsers and other programs talk to. Translates; decides nothing.

pub mod page;
