//! The `mintmark` program.

fn main() {}
