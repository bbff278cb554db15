//! Which words of a claim its source supports: the same stem, another way to say it, or a neutral word.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::tokens::Reading;

const LISTS: &str = include_str!("../../../index/verify/words.toml");

/// Why the word lists cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WordsError {
    /// Not TOML of the right shape.
    #[error("index/verify/words.toml: {0}")]
    Parse(#[from] toml::de::Error),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    neutral: String,
    synonyms: Vec<String>,
}

/// The word lists, ready for comparing.
#[derive(Debug)]
pub struct Words {
    neutral: BTreeSet<String>,
    /// First stem of a way to the ways that begin with it: (group, stems).
    ways: HashMap<String, Vec<(usize, Vec<String>)>>,
    hash: String,
}

/// How far a claim and its source agree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Agreement {
    /// Whether the claim holds a word that is neither in the source nor neutral.
    pub(super) foreign: bool,
    /// Share of the claim's content words found in the source.
    pub(super) claim_share: f32,
    /// Share of the source's content words found in the claim.
    pub(super) source_share: f32,
}

impl Words {
    pub(super) fn embedded() -> Result<Self, WordsError> {
        let file: File = toml::from_str(LISTS)?;
        let neutral = file
            .neutral
            .split_whitespace()
            .flat_map(|word| Reading::of(word).tokens)
            .map(|token| token.stem)
            .collect();
        let mut ways: HashMap<String, Vec<(usize, Vec<String>)>> = HashMap::new();
        for (group, line) in file.synonyms.iter().enumerate() {
            for way in line.split('|') {
                let stems: Vec<String> = Reading::of(way).tokens.into_iter().map(|token| token.stem).collect();
                if let Some(first) = stems.first() {
                    ways.entry(first.clone()).or_default().push((group, stems));
                }
            }
        }
        Ok(Self {
            neutral,
            ways,
            hash: hex::encode(Sha256::digest(LISTS)),
        })
    }

    pub(super) fn hash(&self) -> &str {
        &self.hash
    }

    pub(super) fn compare(&self, claim: &Reading, source: &Reading, subject: &Reading) -> Agreement {
        let said = self.found(claim);
        let cited = self.found(source);
        let groups = |found: &[BTreeSet<usize>]| -> BTreeSet<usize> { found.iter().flatten().copied().collect() };
        let (said_groups, cited_groups) = (groups(&said), groups(&cited));
        let stems =
            |reading: &Reading| -> BTreeSet<String> { reading.tokens.iter().map(|token| token.stem.clone()).collect() };
        let (said_stems, cited_stems, subject_stems) = (stems(claim), stems(source), stems(subject));
        let mut foreign = false;
        let (mut content, mut backed) = (0usize, 0usize);
        for (token, groups) in claim.tokens.iter().zip(&said) {
            let here = cited_stems.contains(&token.stem) || !groups.is_disjoint(&cited_groups);
            if self.neutral.contains(&token.stem) {
                continue;
            }
            content += 1;
            if here {
                backed += 1;
            } else if !subject_stems.contains(&token.stem) && !is_hedge(&token.text) {
                foreign = true;
            }
        }
        let (mut wanted, mut kept) = (0usize, 0usize);
        for (token, groups) in source.tokens.iter().zip(&cited) {
            if self.neutral.contains(&token.stem) {
                continue;
            }
            wanted += 1;
            kept += usize::from(said_stems.contains(&token.stem) || !groups.is_disjoint(&said_groups));
        }
        Agreement {
            foreign,
            claim_share: share(backed, content),
            source_share: share(kept, wanted),
        }
    }

    /// The reading with each word that is a whole way of a group under the group's own name, so that "no signs" and "no
    /// symptoms" deny the same thing.
    pub(super) fn canonical(&self, reading: &Reading) -> Reading {
        let group_of = |stem: &str| {
            let ways = self.ways.get(stem)?;
            ways.iter()
                .find(|(_, way)| way.len() == 1)
                .map(|(group, _)| format!("#{group}"))
        };
        let tokens = reading
            .tokens
            .iter()
            .map(|token| super::tokens::Token {
                stem: group_of(&token.stem).unwrap_or_else(|| token.stem.clone()),
                ..token.clone()
            })
            .collect();
        Reading { tokens }
    }

    /// For each token, the groups of which it is part of a whole way.
    fn found(&self, reading: &Reading) -> Vec<BTreeSet<usize>> {
        let mut found = vec![BTreeSet::new(); reading.tokens.len()];
        for at in 0..reading.tokens.len() {
            let Some(token) = reading.tokens.get(at) else { continue };
            for (group, way) in self.ways.get(&token.stem).into_iter().flatten() {
                let run = reading.tokens.get(at..at + way.len()).unwrap_or_default();
                if run.len() == way.len() && run.iter().map(|token| &token.stem).eq(way.iter()) {
                    for places in found.iter_mut().skip(at).take(way.len()) {
                        places.insert(*group);
                    }
                }
            }
        }
        found
    }
}

/// Hedges, limits and negations are decided by the checks of meaning, not by the word lists.
fn is_hedge(word: &str) -> bool {
    matches!(
        word,
        "no" | "not"
            | "never"
            | "none"
            | "without"
            | "may"
            | "might"
            | "can"
            | "could"
            | "should"
            | "must"
            | "you"
            | "your"
            | "more"
            | "less"
            | "some"
            | "sometimes"
            | "often"
            | "usually"
            | "or"
            | "at"
            | "least"
            | "higher"
            | "lower"
            | "above"
            | "below"
            | "over"
            | "under"
            | "between"
    )
}

fn share(part: usize, whole: usize) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "sentences are short")]
    let ratio = if whole == 0 { 1.0 } else { part as f32 / whole as f32 };
    ratio
}
