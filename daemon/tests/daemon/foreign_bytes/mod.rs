//! Parsers against arbitrary bytes: the corpus in `fuzz/corpus`, and mutations of it. `SSOCTL_FOREIGN_BYTES=N` tries N mutations with
//! each parser. The same parsers run under a fuzzer: see `fuzz/README.md`.

mod parsers;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use test_support::speed::{number, seed};

/// The number of mutations for each parser in a quick run, and if all tests run.
const MUTATIONS: [usize; 2] = [1000, 3000];

/// Bytes that mutations insert, beside pieces of the corpus.
const SPLINTERS: &[&[u8]] = &[
    b"\0",
    b"\n",
    b"\r\n",
    b"\"",
    b"'",
    b"\\",
    b"[",
    b"]",
    b"{",
    b"}",
    b"=",
    b"#",
    b";",
    b"%",
    b"://",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"0",
    b"-1",
    b"1e999",
    b"18446744073709551615",
    b"9223372036854775807",
    b"null",
    b"true",
    b"[[",
    b"\"\"\"",
    b"  ",
    b"\t",
    b"/start#/",
];

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).expect("a file"))).collect()
}

#[test]
fn the_corpus_breaks_no_parser() {
    for (name, parse) in parsers::ALL {
        let corpus = corpus(name);
        assert!(corpus.len() >= 3, "{name} has hardly a corpus");
        for (path, bytes) in corpus {
            let outcome = catch_unwind(AssertUnwindSafe(|| parse(&bytes)));
            assert!(outcome.is_ok(), "{}", path.display());
        }
    }
}

#[test]
fn mutations_of_the_corpus_break_no_parser() {
    let (seed, mutations) = (seed(), number("SSOCTL_FOREIGN_BYTES", MUTATIONS[0], MUTATIONS[1]));
    let mut chance = fastrand::Rng::with_seed(seed);
    for (name, parse) in parsers::ALL {
        let corpus: Vec<Vec<u8>> = corpus(name).into_iter().map(|(_, bytes)| bytes).collect();
        for _ in 0..mutations {
            let bytes = mutated(&corpus, SPLINTERS, &mut chance);
            let outcome = catch_unwind(AssertUnwindSafe(|| parse(&bytes)));
            assert!(outcome.is_ok(), "{name}, seed {seed}: {:?}", String::from_utf8_lossy(&bytes));
        }
    }
}

/// A piece of the corpus, changed a few times, or as it is.
pub(crate) fn mutated<B: AsRef<[u8]>>(corpus: &[B], splinters: &[&[u8]], chance: &mut fastrand::Rng) -> Vec<u8> {
    let any = |chance: &mut fastrand::Rng| corpus[chance.usize(..corpus.len())].as_ref();
    let mut bytes = any(chance).to_vec();
    for _ in 0..chance.usize(..6) {
        let place = chance.usize(..=bytes.len());
        let end = chance.usize(place..=bytes.len());
        match chance.u8(0..7) {
            0 => bytes.truncate(place),
            1 => drop(bytes.drain(place..end)),
            2 => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << chance.u8(0..8);
                }
            }
            3 => {
                let splinter = splinters[chance.usize(..splinters.len())];
                bytes.splice(place..place, splinter.iter().copied());
            }
            4 => {
                let copy = bytes[place..end].repeat(chance.usize(1..30));
                bytes.splice(place..place, copy);
            }
            5 => {
                let other = any(chance);
                let from = chance.usize(..=other.len());
                bytes.splice(place..end, other[from..].iter().copied());
            }
            _ => {
                let splinter = splinters[chance.usize(..splinters.len())];
                bytes.splice(place..end, splinter.iter().copied());
            }
        }
    }
    bytes
}
