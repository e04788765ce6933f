//! Requests from the fuzzers' corpora, and changed ones: what the tests of the bindings read without a fuzzer.

use std::{fs, path::Path};

/// Changed requests that are tried on each run.
const MUTATIONS: usize = 2_000;

/// The seeds of a fuzz target, by name.
pub fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut seeds: Vec<_> = entries.map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect();
    seeds.sort();
    seeds
}

/// Calls `each` with changed requests, the same ones on every run. `words` are put in between, so that a change is more
/// often one that matters.
pub fn mutations(corpus: &[(String, Vec<u8>)], words: &[&str], mut each: impl FnMut(&[u8])) {
    let mut random = Random(0x5eed);
    for _ in 0..MUTATIONS {
        let (_, seed) = &corpus[random.below(corpus.len())];
        let mut body = seed.clone();
        for _ in 0..=random.below(4) {
            mutate(&mut body, corpus, words, &mut random);
        }
        each(&body);
    }
}

fn mutate(body: &mut Vec<u8>, corpus: &[(String, Vec<u8>)], words: &[&str], random: &mut Random) {
    let at = random.below(body.len() + 1);
    let end = at + random.below(body.len() - at + 1).min(40);
    match random.below(5) {
        0 => drop(body.drain(at..end)),
        1 => drop(body.splice(at..at, body[at..end].to_vec())),
        2 => drop(body.splice(at..at, words[random.below(words.len())].bytes())),
        3 => {
            let (_, other) = &corpus[random.below(corpus.len())];
            let from = random.below(other.len());
            let to = (from + random.below(80)).min(other.len());
            drop(body.splice(at..end, other[from..to].iter().copied()));
        }
        _ => {
            if let Some(byte) = body.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

/// SplitMix64: the same requests on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % bound.max(1) as u64).unwrap_or(0)
    }
}
