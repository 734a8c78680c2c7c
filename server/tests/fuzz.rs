//! The fuzz targets on a stable compiler: every input of the kept corpus, and a bounded number of
//! mutations of it. `ROUNDSMAN_FUZZ_INPUTS` says how many per target, `ROUNDSMAN_FUZZ_SEED` from
//! where; an input that panics is written to a file, whose name is printed. `fuzz/README.md` tells
//! how to go on for longer, with coverage.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a test says where its input is")]

#[path = "../../fuzz/src/targets.rs"]
#[allow(unreachable_pub, reason = "public where cargo-fuzz uses it")]
mod targets;

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
};

/// Inputs per target when nothing else is said: some seconds in all.
const INPUTS: u64 = 3_000;

/// The longest input, bytes.
const MAX_INPUT_BYTES: usize = 64 << 10;

/// What the formats turn on, to be put in anywhere.
const TOKENS: [&str; 55] = [
    "\n",
    "\r\n",
    " ",
    "\t",
    "\0",
    ":",
    "=",
    "\"",
    "'",
    "[",
    "]",
    "[[host]]\n",
    "[[group]]\n",
    "[defaults]\n",
    "[[alert]]\n",
    "[[channel]]\n",
    "[[route]]\n",
    "kind = ",
    "15m",
    "{host}",
    "*",
    " and not ",
    " > 5 MiB",
    "avg(load_1, 5 m)",
    "{",
    "}",
    ",",
    "#",
    "[0-9]",
    "[1-20000]",
    "-",
    "0",
    "1",
    "-1",
    "18446744073709551615",
    "18446744073709551616",
    "4294967296",
    "9999999999999999999999",
    "1.5",
    "kB",
    "\\040",
    "\\",
    "cpu",
    "some avg10=",
    "Tcp: ",
    "(",
    ")",
    "\u{e4}",
    "\u{2028}",
    "\u{202e}",
    "\r\n\r\n",
    "\r\nAuthorization: Bearer ",
    "\r\nCookie: roundsman=",
    "\r\nContent-Length: ",
    "\r\nTransfer-Encoding: chunked\r\n",
];

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From zero to under `end`, which is not zero.
    fn under(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(end).unwrap()).unwrap()
    }

    /// A short piece of `bytes`.
    fn piece(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let from = self.under(bytes.len() + 1);
        let to = (from + self.under(64)).min(bytes.len());
        from..to
    }
}

/// Changes an input in one to eight places.
fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], dice: &mut Dice) {
    for _ in 0..=dice.under(8) {
        let at = dice.under(input.len() + 1);
        match dice.under(8) {
            0 if at < input.len() => input[at] ^= 1 << dice.under(8),
            1 if at < input.len() => input[at] = u8::try_from(dice.under(256)).unwrap(),
            2 => input.truncate(at),
            3 => drop(input.drain(dice.piece(input))),
            4 => {
                let token = TOKENS[dice.under(TOKENS.len())];
                drop(input.splice(at..at, token.bytes()));
            }
            5 => {
                let piece = input[dice.piece(input)].repeat(1 + dice.under(4));
                drop(input.splice(at..at, piece));
            }
            6 => {
                let other = &corpus[dice.under(corpus.len())];
                let piece = other[dice.piece(other)].to_vec();
                drop(input.splice(at..at, piece));
            }
            _ => {
                let other = &corpus[dice.under(corpus.len())];
                let from = dice.under(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
    }
    input.truncate(MAX_INPUT_BYTES);
}

fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |text| text.parse().unwrap())
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Runs one input; one that panics is kept and named.
fn run(name: &str, target: fn(&[u8]), input: &[u8], number: u64) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}-{number}"));
        fs::write(&file, input).unwrap();
        eprintln!("input {number} of {name} panics: {}", file.display());
        resume_unwind(panic);
    }
}

fn fuzz(name: &str, target: fn(&[u8])) {
    let corpus = corpus(name);
    assert!(corpus.len() >= 4, "the corpus of {name} is gone");
    for (number, input) in (0..).zip(&corpus) {
        run(name, target, input, number);
    }
    let mut dice = Dice(number("ROUNDSMAN_FUZZ_SEED", 1));
    // What was mutated is mutated further, for a few generations.
    let mut input = Vec::new();
    for number in 0..number("ROUNDSMAN_FUZZ_INPUTS", INPUTS) {
        if dice.under(4) == 0 || input.is_empty() {
            input.clone_from(&corpus[dice.under(corpus.len())]);
        }
        mutate(&mut input, &corpus, &mut dice);
        run(name, target, &input, number);
    }
}

#[test]
fn any_inventory_is_taken_or_refused() {
    fuzz("inventory", targets::inventory);
}

#[test]
fn any_file_of_rules_is_taken_or_refused() {
    fuzz("alerts", targets::alerts);
}

#[test]
fn any_answer_is_decoded_or_refused() {
    fuzz("answer", targets::answer);
}

#[test]
fn whatever_is_sent_before_it_is_known_who_sends_it_is_refused_and_learns_nothing() {
    fuzz("http", targets::http);
    targets::stop_http();
}

#[test]
fn any_procfs_file_is_read_or_reported() {
    fuzz("procfs", targets::procfs);
}
