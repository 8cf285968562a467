//! Names carry no meaning: a town with other names has the same trouble.

use std::collections::BTreeMap;

use assay_diagnose::{Catalogue, Observed, diagnose};
use regex::Regex;
use serde_json::Value;

use crate::incidents::ALL;
use crate::town::NAMES;

const SEEDS: u64 = 12;

/// A small generator of our own, so that a seed means the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn word(&mut self) -> String {
        let letters = 6 + self.roll(5);
        (0..letters)
            .map(|_| char::from(b'a' + u8::try_from(self.roll(26)).unwrap()))
            .collect()
    }
}

fn new_names(seed: u64) -> BTreeMap<&'static str, String> {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut taken: Vec<String> = Vec::new();
    NAMES
        .into_iter()
        .map(|name| {
            let fresh = loop {
                let word = dice.word();
                if !taken.contains(&word) {
                    break word;
                }
            };
            taken.push(fresh.clone());
            (name, fresh)
        })
        .collect()
}

fn renamed(text: &str, names: &BTreeMap<&str, String>) -> String {
    let alternatives: Vec<String> = NAMES.iter().map(|name| regex::escape(name)).collect();
    let pattern = Regex::new(&format!(r"\b({})\b", alternatives.join("|"))).unwrap();
    pattern
        .replace_all(text, |found: &regex::Captures<'_>| names[&found[1]].clone())
        .into_owned()
}

fn answer(observed: &Observed) -> String {
    serde_json::to_string(&diagnose(observed, Catalogue::builtin())).unwrap()
}

#[test]
fn renaming_everything_renames_the_answer() {
    for (incident, observed) in ALL {
        let original = observed();
        let text = serde_json::to_string(&original).unwrap();
        for seed in 1..=SEEDS {
            let names = new_names(seed);
            let other: Observed = serde_json::from_str(&renamed(&text, &names)).unwrap();
            let expected: Value =
                serde_json::from_str(&renamed(&answer(&original), &names)).unwrap();
            let found: Value = serde_json::from_str(&answer(&other)).unwrap();
            assert_eq!(found, expected, "{incident}, seed {seed}");
        }
    }
}

#[test]
fn the_renaming_reaches_every_name() {
    let text: String = ALL
        .iter()
        .map(|(_, seen)| serde_json::to_string(&seen()).unwrap())
        .collect();
    let names = new_names(1);
    let other = renamed(&text, &names);
    for name in NAMES {
        assert!(text.contains(name), "{name} is in no fixture");
        assert!(
            !Regex::new(&format!(r"\b{}\b", regex::escape(name)))
                .unwrap()
                .is_match(&other)
        );
    }
}
