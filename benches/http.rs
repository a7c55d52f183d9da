//! Checks of codes per second over HTTP, beside the fixed answer of the same server.
//!
//! `cargo bench --bench http [-- SECONDS]`, 3 seconds for each run without an argument. The server is the
//! real router behind its listener on threads of this process, with a store on disk; 64 threads of
//! this process are the clients, each with one kept connection and requests made beforehand. Runs of
//! `GET /healthz` and of `POST /api/v1/tokens/{serial}/check` alternate; medians are compared.
//!
//! Three of five codes are those of event tokens, two of clock tokens. Three of four (clock tokens: two of
//! three) are right and move a floor durably; the others are wrong and are counted durably. Every answer
//! is compared with the expected one. The asker is a `verifier` key, as an integration has.
//!
//! `cargo bench --bench http -- search`: tokens whose clocks are off by anything up to a year are brought back one
//! after another; then people sign in with password and code while four desks search for codes that fit nowhere,
//! as fast as they are answered.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use mintmark::clock::{Clock, ManualClock, SystemClock, UnixTime};
use mintmark::http::{AppState, Exposure, HttpSettings, router, serve::serve_tcp};
use mintmark::jobs::Jobs;
use mintmark::model::{Actor, AssignmentKind, Login, ResourceName, Role, TokenSerial};
use mintmark::oath::{Generator, HashAlg, MovingFactor};
use mintmark::secret::{Passphrase, Seed};
use mintmark::service::{AssignRequest, ImportRequest, MailMode, NewUser, Service, StoreMark};
use mintmark::store::{RedbStore, Store};
use mintmark::vault::RootKey;

const CONNECTIONS: usize = 64;
/// Tokens of each connection and kind; each is checked by one connection only.
const TOKENS: usize = 200;
const RUNS: usize = 5;
/// Of those who sign in.
const PASSWORD: &str = "a long password for the bench";
/// The part of the fixed answer's rate that checks must reach.
const BOUND: f64 = 0.3;

/// One request and what its answer must hold.
struct Ask {
    bytes: Vec<u8>,
    expected: &'static [u8],
    /// The event token of its connection whose counter a right answer moves, and to where.
    moves: Option<(usize, u64)>,
}

/// A token as its connection knows it.
struct Token {
    serial: String,
    generator: Generator,
    /// Next counter, or codes shown in this run.
    next: u64,
}

impl Token {
    fn new(serial: String) -> Self {
        let generator = Generator::new(&Seed::new(secret(&serial)), HashAlg::Sha1);
        Self { serial, generator, next: 0 }
    }

    fn code(&self, factor: u64) -> u32 {
        self.generator.truncated(MovingFactor(factor)) % 1_000_000
    }

    /// A code that no position near `factor` has.
    fn wrong(&self, factor: u64) -> u32 {
        let near: Vec<u32> = (factor.saturating_sub(12)..factor + 24).map(|at| self.code(at)).collect();
        (0..1_000_000).find(|code| !near.contains(code)).expect("most codes are wrong")
    }
}

/// Twenty bytes that differ for each serial.
fn secret(serial: &str) -> Vec<u8> {
    let fold = |start: u64| {
        serial.bytes().fold(start, |state, byte| {
            let mixed = (state ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed ^ (mixed >> 29)
        })
    };
    [fold(1), fold(2), fold(3)].iter().flat_map(|part| part.to_be_bytes()).take(20).collect()
}

fn serial(kind: char, connection: usize, n: usize) -> String {
    format!("{kind}{connection:02}-{n:05}")
}

struct Server {
    address: SocketAddr,
    clock: Arc<ManualClock>,
    /// Of an integration.
    key: String,
    /// Of an operator's desk.
    desk: String,
    runtime: tokio::runtime::Runtime,
}

#[expect(clippy::disallowed_methods, reason = "a caller sends its key")]
fn serve(dir: &std::path::Path, with_people: bool) -> Server {
    let clock = Arc::new(ManualClock::new(UnixTime::from_secs(1_800_000_010)));
    let root = RootKey::generate().expect("random");
    let store: Arc<dyn Store> = Arc::new(RedbStore::create(dir).expect("created"));
    Service::initialise(&*store, &root, &*clock, StoreMark::default()).expect("a new store");
    let shared = Arc::clone(&clock) as Arc<dyn Clock>;
    let service = Service::open(store, &root, shared, MailMode::None).map(Arc::new).expect("opens");
    let actor = Actor::local(0);
    let mut lines = String::new();
    for connection in 0..CONNECTIONS {
        for n in 0..TOKENS {
            for (kind, word, last) in [('H', "HOTP", 0), ('T', "TOTP", 30)] {
                let serial = serial(kind, connection, n);
                write!(lines, "{serial},").expect("writing to a string");
                for byte in secret(&serial) {
                    write!(lines, "{byte:02x}").expect("writing to a string");
                }
                writeln!(lines, ",{word},6,{last}").expect("writing to a string");
            }
        }
    }
    let request =
        ImportRequest { commit: true, ..ImportRequest::new("tokens.csv", Seed::new(lines.into_bytes())) };
    let task = service.begin_import(&actor, request).expect("accepted");
    service.run_import(&task);
    let tokens = service.import(&Actor::local(0), task.import).expect("there").import.counts.new;
    assert_eq!(tokens, 2 * (CONNECTIONS * TOKENS) as u64);
    println!("{tokens} tokens, {CONNECTIONS} connections");
    let key = |name, role| {
        let key = service.add_api_key(&actor, name, role, None).expect("a key").key;
        String::from_utf8(key.expose().to_vec()).expect("text")
    };
    let (key, desk) = (key("bench", Role::Verifier), key("desk", Role::Helpdesk));
    if with_people {
        people(&service, &actor);
    }
    let jobs = Arc::new(Jobs::start(&service, None).expect("workers"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("an address");
    let settings = HttpSettings {
        public_url: format!("http://{address}"),
        allowed_hosts: vec![address.to_string()],
        trusted_proxies: Vec::new(),
        secure: false,
        exposure: Exposure::Everything,
    };
    let routes = router(AppState::new(service, jobs, settings));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    runtime.spawn(async move {
        serve_tcp(listener, routes, stopped).await;
        drop(stop);
    });
    Server { address, clock, key, desk, runtime }
}

/// One person for each event token of the first connection, on *VPN*, with a password.
fn people(service: &Service, actor: &Actor) {
    let vpn = ResourceName::parse("VPN").expect("a name");
    service.add_resource(actor, &vpn).expect("made");
    for n in 0..TOKENS {
        let login = Login::parse(&format!("user{n}")).expect("a login");
        let password = Some(Passphrase::from_text(PASSWORD.to_owned()));
        let new = NewUser { login: login.to_string(), password, ..NewUser::default() };
        service.add_user(actor, new).expect("made");
        let request = AssignRequest {
            kind: AssignmentKind::TokenWithUser,
            user: Some(login),
            token: Some(TokenSerial::parse(&serial('H', 0, n)).expect("a serial")),
        };
        service.assign(actor, &vpn, &request).expect("assigned");
    }
}

/// Requests of one connection for one run.
fn checks(server: &Server, hotp: &mut [Token], totp: &mut [Token], count: usize, number: usize) -> Vec<Ask> {
    let step = u64::try_from(server.clock.now().secs()).expect("after 1970") / 30;
    for token in totp.iter_mut() {
        token.next = 0;
    }
    // Which token comes next; all once, then all again, each at its own turn with a wrong code.
    let (mut at_hotp, mut at_totp) = (0, 0);
    (0..count)
        .map(|n| {
            // Two codes of a clock token are ahead in its window, and it is asked three times.
            let is_clock = n % 5 >= 3 && at_totp < totp.len() * 3;
            let (tokens, at) = if is_clock { (&mut *totp, &mut at_totp) } else { (&mut *hotp, &mut at_hotp) };
            let (place, turn) = (*at % tokens.len(), *at / tokens.len());
            *at += 1;
            let token = &mut tokens[place];
            // Once in a million a clock token shows the same code twice in a row, and the second is a replay.
            let twins = is_clock && token.code(step) == token.code(step + 1);
            let spent = is_clock && token.next > 1;
            let wrong = (place + turn + number).is_multiple_of(4) || spent || twins;
            let factor = token.next + if is_clock { step } else { 0 };
            let code = if wrong { token.wrong(factor) } else { token.code(factor) };
            if !wrong {
                // A right code shuts out all positions of the window that have it too.
                let ahead = if is_clock { 0 } else { 9 };
                let last = (0..=ahead).rev().find(|at| token.code(factor + at) == code).unwrap_or(0);
                token.next += 1 + last;
            }
            let body = format!("{{\"otp\":\"{code:06}\"}}");
            let bytes = format!(
                "POST /api/v1/tokens/{}/check HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                token.serial,
                server.address,
                server.key,
                body.len()
            );
            let expected: &[u8] = if wrong { b"\"wrong\"" } else { b"\"accepted\"" };
            let moves = (!is_clock && !wrong).then_some((place, token.next));
            Ask { bytes: bytes.into_bytes(), expected, moves }
        })
        .collect()
}

/// Sends one request and reads its answer, whose body it gives.
fn exchange<'a>(stream: &mut TcpStream, ask: &Ask, buffer: &'a mut [u8]) -> &'a [u8] {
    stream.write_all(&ask.bytes).expect("sent");
    let mut have = 0;
    loop {
        let count = stream.read(&mut buffer[have..]).expect("an answer");
        assert!(count > 0, "the server closed the connection");
        have += count;
        let Some(end) = buffer[..have].windows(4).position(|part| part == b"\r\n\r\n") else { continue };
        let name = b"content-length: ";
        let at = buffer[..end].windows(name.len()).position(|part| part == name).expect("a length");
        let digits = buffer[at + name.len()..end].iter().take_while(|byte| byte.is_ascii_digit());
        let length = digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
        if have >= end + 4 + length {
            return &buffer[end + 4..have];
        }
    }
}

/// How one run went.
struct Run {
    /// Requests answered each second.
    rate: f64,
    /// CPU time that one took, client and server together, in microseconds.
    cpu_us: f64,
    /// What one wrote to the disk, in KiB.
    disk_kib: f64,
    /// How many each connection sent.
    counts: Vec<u32>,
}

/// Lets all connections send, each its own `asks` (over again when `again`).
fn run(address: SocketAddr, asks: &[Vec<Ask>], time: Duration, again: bool) -> Run {
    let (start, over) = (Barrier::new(CONNECTIONS + 1), AtomicBool::new(false));
    let clock = SystemClock::new();
    thread::scope(|scope| {
        let clients: Vec<_> = asks
            .iter()
            .map(|asks| {
                let (start, over) = (&start, &over);
                scope.spawn(move || {
                    let mut stream = TcpStream::connect(address).expect("listens");
                    stream.set_nodelay(true).expect("a socket");
                    let mut buffer = [0; 4 << 10];
                    start.wait();
                    let mut count = 0_u32;
                    while !over.load(Ordering::Relaxed) {
                        let at = usize::try_from(count).expect("small");
                        let ask = if again { &asks[at % asks.len()] } else { &asks[at] };
                        let body = exchange(&mut stream, ask, &mut buffer);
                        let fits = body.windows(ask.expected.len()).any(|part| part == ask.expected);
                        assert!(fits, "{}", String::from_utf8_lossy(body));
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        start.wait();
        let (began, cpu, disk) = (clock.monotonic(), cpu_secs(), disk_kib());
        #[expect(clippy::disallowed_methods, reason = "a run lasts a time")]
        thread::sleep(time);
        over.store(true, Ordering::Relaxed);
        let counts: Vec<u32> =
            clients.into_iter().map(|client| client.join().expect("none failed")).collect();
        let secs = clock.monotonic().saturating_sub(began).as_secs_f64();
        let count = f64::from(counts.iter().sum::<u32>());
        let (cpu_us, disk_kib) = ((cpu_secs() - cpu) * 1e6 / count, (disk_kib() - disk) / count);
        Run { rate: count / secs, cpu_us, disk_kib, counts }
    })
}

/// CPU time of this process so far, clients and server together, in seconds.
fn cpu_secs() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u32 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
    f64::from(ticks) / 100.0
}

/// What this process has written to disks so far, in KiB; the system's cache counts as the disk.
fn disk_kib() -> f64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let bytes = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    bytes.and_then(|bytes| bytes.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// A request with a JSON body.
fn post(server: &Server, key: &str, path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        server.address,
        body.len()
    )
    .into_bytes()
}

/// Sends a request; gives how long the answer took, in milliseconds.
fn timed(stream: &mut TcpStream, clock: &SystemClock, bytes: Vec<u8>, expected: &'static [u8]) -> f64 {
    let mut buffer = [0; 16 << 10];
    let began = clock.monotonic();
    let body = exchange(stream, &Ask { bytes, expected, moves: None }, &mut buffer);
    let took = clock.monotonic().saturating_sub(began).as_secs_f64() * 1e3;
    let fits = body.windows(expected.len()).any(|part| part == expected);
    assert!(fits, "{}", String::from_utf8_lossy(body));
    took
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address).expect("listens");
    stream.set_nodelay(true).expect("a socket");
    stream
}

/// The 50th, 95th and 99th percentile.
fn percentiles(mut figures: Vec<f64>) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    [50, 95, 99].map(|part| figures[(figures.len() * part / 100).min(figures.len() - 1)])
}

/// A year to either side, in steps.
const YEAR: u64 = 1_051_920;

fn resync(server: &Server, serial: &str, codes: [u32; 3]) -> Vec<u8> {
    let [one, two, three] = codes;
    let body = format!(
        "{{\"otps\":[\"{one:06}\",\"{two:06}\",\"{three:06}\"],\"reason\":\"bench\",\
         \"window\":{{\"past\":{YEAR},\"future\":{YEAR}}}}}"
    );
    post(server, &server.desk, &format!("/api/v1/tokens/{serial}/resync"), &body)
}

/// Tokens far off are brought back; people sign in meanwhile.
fn searches(server: &Server) {
    let clock = SystemClock::new();
    let step = |server: &Server| u64::try_from(server.clock.now().secs()).expect("after 1970") / 30;
    let mut stream = connect(server);
    let back = (0..TOKENS).map(|n| {
        let token = Token::new(serial('T', 0, n));
        let away = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) % (2 * YEAR - 20) + 10;
        let there = step(server) - YEAR + away;
        let codes = [2, 1, 0].map(|before| token.code(there - before));
        timed(&mut stream, &clock, resync(server, &token.serial, codes), b"\"synchronized\"")
    });
    let [half, most, nearly] = percentiles(back.collect());
    println!(
        "resync over a year to either side: {half:.1} ms at the median, 95 %: {most:.1}, 99 %: {nearly:.1}"
    );
    for (pass, desks) in [(0, 0), (1, 4)] {
        let (over, asked) = (AtomicBool::new(false), std::sync::atomic::AtomicUsize::new(0));
        let took = thread::scope(|scope| {
            for desk in 0..desks {
                let (over, asked) = (&over, &asked);
                scope.spawn(move || {
                    let (clock, mut stream) = (SystemClock::new(), connect(server));
                    for n in 0.. {
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                        // Codes of a device that is not from here: the year is searched, then they are read in other ways.
                        let serial = serial('T', 1 + desk * 8 + n / TOKENS, n % TOKENS);
                        let stranger = Token::new(format!("STRANGER-{serial}"));
                        let codes = [2, 1, 0].map(|before| stranger.code(step(server) - before));
                        timed(&mut stream, &clock, resync(server, &serial, codes), b"\"not_found\"");
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let took = (0..TOKENS).map(|n| {
                let token = Token::new(serial('H', 0, n));
                let code = token.code(pass);
                let body =
                    format!("{{\"user\":\"user{n}\",\"password\":\"{PASSWORD}\",\"otp\":\"{code:06}\"}}");
                let bytes = post(server, &server.key, "/api/v1/resources/VPN/authenticate", &body);
                timed(&mut stream, &clock, bytes, b"\"accepted\"")
            });
            let took = took.collect();
            over.store(true, Ordering::Relaxed);
            took
        });
        let [half, most, nearly] = percentiles(took);
        println!(
            "sign-in with password and code beside {desks} desks ({} searches meanwhile): \
             {half:.1} ms at the median, 95 %: {most:.1}, 99 %: {nearly:.1}",
            asked.into_inner()
        );
    }
}

fn main() {
    let is_search = std::env::args().any(|text| text == "search");
    let secs = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(3);
    let time = Duration::from_secs(secs);
    let dir = tempfile::tempdir().expect("a directory");
    let server = serve(dir.path(), is_search);
    if is_search {
        searches(&server);
        server.runtime.shutdown_background();
        return;
    }
    let own = |kind: char| -> Vec<Vec<Token>> {
        let of = |connection| (0..TOKENS).map(|n| Token::new(serial(kind, connection, n))).collect();
        (0..CONNECTIONS).map(of).collect()
    };
    let (mut hotp, mut totp) = (own('H'), own('T'));
    // The cheapest request of this route that is not limited as a stranger's: it brings a form cookie.
    let fixed = format!(
        "GET /healthz HTTP/1.1\r\nhost: {}\r\ncookie: mintmark-form=0123456789abcdef\r\n\r\n",
        server.address
    );
    let (mut health, mut check) = (Vec::new(), Vec::new());
    // The first run is not counted: tokens that were never used and an index that is still being
    // folded after the import cost a little more.
    for number in 0..=RUNS {
        let asks = |_| vec![Ask { bytes: fixed.clone().into_bytes(), expected: b"ok", moves: None }];
        let asks: Vec<_> = (0..CONNECTIONS).map(asks).collect();
        let one = run(server.address, &asks, time, true);
        // Every run has a window of its own, in which all clock tokens show fresh codes.
        server.clock.advance(Duration::from_secs(150));
        let most = usize::try_from(secs).expect("small") * 1_500;
        let before: Vec<Vec<u64>> = hotp.iter().map(|own| own.iter().map(|t| t.next).collect()).collect();
        let asks =
            hotp.iter_mut().zip(&mut totp).map(|(hotp, totp)| checks(&server, hotp, totp, most, number));
        let asks: Vec<_> = asks.collect();
        let other = run(server.address, &asks, time, false);
        println!(
            "run {number}: /healthz {:.0}/s ({:.0} us of CPU each), check {:.0}/s ({:.0} us, {:.1} KiB to disk), \
             ratio {:.3}",
            one.rate,
            one.cpu_us,
            other.rate,
            other.cpu_us,
            other.disk_kib,
            other.rate / one.rate
        );
        if number > 0 {
            health.push(one.rate);
            check.push(other.rate);
        }
        // Codes that were prepared and not sent are not lost to their tokens.
        for (connection, own) in hotp.iter_mut().enumerate() {
            own.iter_mut().zip(&before[connection]).for_each(|(token, next)| token.next = *next);
            let sent = usize::try_from(other.counts[connection]).expect("small");
            for (place, next) in asks[connection][..sent].iter().filter_map(|ask| ask.moves) {
                own[place].next = next;
            }
        }
    }
    let (health, check) = (median(health), median(check));
    println!(
        "medians: /healthz {health:.0}/s, check {check:.0}/s, ratio {:.3} (bound {BOUND})",
        check / health
    );
    server.runtime.shutdown_background();
    assert!(check / health >= BOUND, "checks are slower than the bound");
}
