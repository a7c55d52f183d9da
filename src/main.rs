//! The `mintmark` program.

fn main() -> std::process::ExitCode {
    mintmark::cli::run()
}
