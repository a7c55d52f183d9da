//! How many lines of seed files are read in a second: `cargo bench --bench seedfile`.

use std::fmt::Write;
use std::ops::ControlFlow;
use std::time::Duration;

use mintmark::clock::{Clock, SystemClock};
use mintmark::seedfile::{Problem, ReadOptions, SeedRecord, Sink, read};

/// Counts and drops.
#[derive(Default)]
struct Count {
    records: u64,
    problems: u64,
}

impl Sink for Count {
    fn record(&mut self, _: SeedRecord) -> ControlFlow<()> {
        self.records += 1;
        ControlFlow::Continue(())
    }

    fn problem(&mut self, _: Problem) -> ControlFlow<()> {
        self.problems += 1;
        ControlFlow::Continue(())
    }
}

/// Twenty bytes that differ from line to line, in hex.
fn secret(line: u64) -> String {
    let mixed = |salt: u64| (line + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) ^ salt;
    format!("{:016x}{:016x}{:08x}", mixed(1), mixed(!7), line)
}

fn measure(name: &str, text: &str, clock: &impl Clock) {
    let mut best = Duration::MAX;
    let mut count = Count::default();
    for _ in 0..5 {
        count = Count::default();
        let start = clock.monotonic();
        read(text.as_bytes(), &ReadOptions::default(), &mut count).expect("a file that can be read");
        best = best.min(clock.monotonic().saturating_sub(start));
    }
    let rows = count.records + count.problems;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = rows as f64 / best.as_secs_f64();
    #[expect(clippy::print_stdout, reason = "the result of a bench")]
    {
        println!(
            "{name}: {rate:.0} lines/s ({} records, {} problems, {best:?})",
            count.records, count.problems
        );
    }
}

fn main() {
    let clock = SystemClock::new();
    let (mut good, mut broken, mut pskc) = (String::new(), String::new(), String::new());
    for line in 0..1_000_000 {
        writeln!(good, "EXTT{line:08}, {}, totp, 6, 30", secret(line)).expect("a text");
    }
    for line in 0..100_000 {
        writeln!(broken, "EXTT{line:08}, {}, totp, 6, 30", &secret(line)[1..]).expect("a text");
    }
    pskc.push_str("<KeyContainer Version=\"1.0\" xmlns=\"urn:ietf:params:xml:ns:keyprov:pskc\">\n");
    for line in 0..100_000u64 {
        let key = "<Key Id=\"1\" Algorithm=\"urn:ietf:params:xml:ns:keyprov:pskc:totp\"><AlgorithmParameters><ResponseFormat Length=\"6\" Encoding=\"DECIMAL\"/></AlgorithmParameters>";
        let plain = "<TimeInterval><PlainValue>30</PlainValue></TimeInterval>";
        let secret = secret(line).replace(|c: char| !c.is_ascii_alphanumeric(), "");
        writeln!(
            pskc,
            "<KeyPackage><DeviceInfo><Manufacturer>Example</Manufacturer><SerialNo>EXTT{line:08}</SerialNo></DeviceInfo>{key}<Data><Secret><PlainValue>{secret}</PlainValue></Secret>{plain}</Data></Key></KeyPackage>"
        )
        .expect("a text");
    }
    pskc.push_str("</KeyContainer>\n");
    measure("OATH CSV, 1,000,000 lines", &good, &clock);
    measure("OATH CSV, 100,000 broken lines", &broken, &clock);
    measure("PSKC, 100,000 plain packages", &pskc, &clock);
}
