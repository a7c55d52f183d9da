//! Writes what the targets begin with: the real answers that `device/tests/hostile.rs` begins with, too.

#[path = "../device/tests/seeds/mod.rs"]
mod seeds;

use std::fs;
use std::path::Path;

use mintmark_device::parsers;

fn main() -> std::io::Result<()> {
    let seeds = seeds::seeds();
    for (target, _) in parsers::ALL {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        fs::create_dir_all(&corpus)?;
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(corpus.join(format!("seed-{number:03}")), seed)?;
        }
    }
    Ok(())
}
