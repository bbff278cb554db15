//! What a question asks for: cues of the kinds of section, and phrases that say nothing.
//!
//! Must not: look at articles. The cues are data (`index/query/question_kinds.toml`).

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;

use super::words::Language;
use crate::domain::SectionKind;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kind: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    en: Vec<String>,
    es: Vec<String>,
    #[serde(default = "one")]
    weight: f32,
}

const fn one() -> f32 {
    1.0
}

struct Cue {
    words: Vec<String>,
    kind: SectionKind,
    weight: f32,
}

/// Cues by the first letters of their first word, so that a long message is read once.
type Cues = HashMap<String, Vec<Cue>>;

const KEY_CHARS: usize = 2;

static CUES: LazyLock<(Cues, Cues)> = LazyLock::new(|| {
    // The file is embedded and covered by a test; were it broken, questions would have no kind.
    let file: File =
        toml::from_str(include_str!("../../index/query/question_kinds.toml")).unwrap_or(File { kind: Vec::new() });
    let mut english = Cues::new();
    let mut spanish = Cues::new();
    for entry in file.kind {
        let Some(kind) = SectionKind::parse(&entry.name) else {
            continue;
        };
        for (cues, target) in [(entry.en, &mut english), (entry.es, &mut spanish)] {
            for cue in cues {
                let words: Vec<String> = cue.split_whitespace().map(str::to_owned).collect();
                let key = words.first().map(|w| key_of(w)).unwrap_or_default();
                target.entry(key).or_default().push(Cue {
                    words,
                    kind,
                    weight: entry.weight,
                });
            }
        }
    }
    (english, spanish)
});

fn key_of(word: &str) -> String {
    word.chars().take(KEY_CHARS).collect()
}

static CHATTER: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let text = include_str!("../../index/query/chatter_en.txt");
    let mut phrases: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
        .collect();
    phrases.sort_by_key(|p| std::cmp::Reverse(p.len()));
    phrases
});

fn matches(pattern: &str, word: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => word.starts_with(start),
        None => pattern == word,
    }
}

/// Whether "what are (the early)" is followed by another kind's own word: "what are symptoms of gout" asks for symptoms,
/// not for an overview.
fn asks_for_a_kind(rest: &[String], after: usize, cues: &HashMap<String, Vec<Cue>>) -> bool {
    const BETWEEN: [&str; 12] = [
        "the", "some", "early", "first", "common", "usual", "possible", "main", "typical", "my", "other", "long",
    ];
    let next = rest.iter().skip(after).find(|word| !BETWEEN.contains(&word.as_str()));
    let known = next.and_then(|word| cues.get(&key_of(word)).map(|cues| (word, cues)));
    known.is_some_and(|(word, cues)| {
        cues.iter()
            .any(|cue| cue.kind != SectionKind::Overview && cue.words.first().is_some_and(|first| matches(first, word)))
    })
}

/// How strongly a run of folded words asks for each kind, 0 to 1. Longer cues count more.
pub(crate) fn kinds_of(words: &[String], language: Language) -> BTreeMap<SectionKind, f32> {
    let cues = if language == Language::Spanish {
        &CUES.1
    } else {
        &CUES.0
    };
    let mut found: BTreeMap<SectionKind, f32> = BTreeMap::new();
    for at in 0..words.len() {
        let rest = words.get(at..).unwrap_or_default();
        let Some(first) = rest.first() else { continue };
        for cue in cues.get(&key_of(first)).map(Vec::as_slice).unwrap_or_default() {
            let hit = cue.words.len() <= rest.len() && cue.words.iter().zip(rest).all(|(p, w)| matches(p, w));
            if hit && !(cue.kind == SectionKind::Overview && asks_for_a_kind(rest, cue.words.len(), cues)) {
                let weight = cue.weight * if cue.words.len() > 1 { 1.0 } else { 0.85 };
                let value = found.entry(cue.kind).or_default();
                *value = value.max(weight);
            }
        }
    }
    found
}

/// Removes phrases without a topic from folded text.
pub(crate) fn without_chatter(folded: &str) -> String {
    let mut text = format!(" {} ", folded.split_whitespace().collect::<Vec<_>>().join(" "));
    for phrase in CHATTER.iter() {
        if text.contains(phrase) {
            text = replace_whole(&text, phrase);
        }
    }
    text.trim().to_owned()
}

/// Replaces a phrase only where it does not begin or end inside a word.
fn replace_whole(text: &str, phrase: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(phrase) {
        out.push_str(before);
        let inside = before.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric);
        out.push_str(if inside { phrase } else { " " });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::text::words;

    #[test]
    fn each_kind_is_asked_for_by_its_own_words() {
        for (question, kind) in [
            ("is strep contagious", SectionKind::Contagion),
            ("what are the symptoms", SectionKind::Symptoms),
            ("how do you treat it", SectionKind::Treatment),
            ("what are the side effects of statins", SectionKind::SideEffects),
            ("when should i see a doctor", SectionKind::WhenToGetHelp),
            ("how long does it last", SectionKind::Outlook),
        ] {
            let found = kinds_of(&words(question), Language::English);
            let best = found.values().copied().fold(0.0, f32::max);
            assert!(
                found.get(&kind).copied().unwrap_or(0.0) >= best,
                "{question}: {found:?}"
            );
        }
        assert!(kinds_of(&words("¿Se contagia la gripe?"), Language::Spanish).contains_key(&SectionKind::Contagion));
    }

    #[test]
    fn every_kind_has_cues() {
        for (kind, name) in SectionKind::ALL {
            assert!(CUES.0.values().flatten().any(|c| c.kind == kind), "{name}");
        }
    }

    #[test]
    fn greetings_go_and_words_stay_whole() {
        let left = without_chatter("good morning doctor, i want to know why");
        assert_eq!(left.split_whitespace().collect::<Vec<_>>(), ["doctor,", "why"]);
        assert_eq!(without_chatter("subject: gout"), "gout");
    }
}
