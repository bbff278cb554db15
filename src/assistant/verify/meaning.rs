//! What a claim says beyond its words: numbers with units, comparisons, direction, negation, how sure, to whom.
//!
//! Each check fails with its name. Where a source hedges, limits or forbids, the claim must do the same.

use std::collections::BTreeSet;

use super::tokens::Reading;

type Verdict = Result<(), &'static str>;

/// Units, by stem, that change what a number means.
const UNITS: [&str; 40] = [
    "percent", "mg", "mcg", "g", "kg", "lb", "pound", "ounc", "dl", "ml", "l", "liter", "mmol", "mol", "mm", "hg",
    "cm", "inch", "feet", "degre", "f", "c", "second", "minut", "hour", "day", "week", "month", "year", "time", "dose",
    "point", "cup", "glass", "drink", "calori", "beat", "step", "mile", "pack",
];

/// Every number of one side stands on the other, with the same unit after it.
pub(super) fn numbers(said: &Reading, cited: &Reading) -> Verdict {
    let all = |reading: &Reading| -> BTreeSet<String> {
        reading
            .tokens
            .iter()
            .filter(|token| token.number)
            .map(|token| token.text.clone())
            .collect()
    };
    if all(said) != all(cited) {
        return Err("number");
    }
    let with_units = |reading: &Reading| -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        for (at, token) in reading.tokens.iter().enumerate().filter(|(_, token)| token.number) {
            // "7 to 10 days": the unit stands after the second number and counts for both.
            let unit = reading
                .tokens
                .iter()
                .skip(at + 1)
                .take(4)
                .find(|next| UNITS.contains(&next.stem.as_str()));
            if let Some(unit) = unit {
                found.insert((token.text.clone(), unit.stem.clone()));
            }
        }
        found
    };
    if with_units(said) == with_units(cited) {
        Ok(())
    } else {
        Err("unit")
    }
}

/// Which comparisons with a number a sentence makes: `>`, `>=`, `<`, `<=`, `between`, `exactly`.
fn comparison_signs(reading: &Reading) -> BTreeSet<&'static str> {
    const PHRASES: [(&str, &str); 34] = [
        ("at least", ">="),
        ("or more", ">="),
        ("or higher", ">="),
        ("or above", ">="),
        ("or older", ">="),
        ("or greater", ">="),
        ("or longer", ">="),
        ("and older", ">="),
        ("and up", ">="),
        ("minimum", ">="),
        ("above", ">"),
        ("over", ">"),
        ("more than", ">"),
        ("higher than", ">"),
        ("greater than", ">"),
        ("longer than", ">"),
        ("older than", ">"),
        ("exceeds", ">"),
        ("past", ">"),
        ("at most", "<="),
        ("or less", "<="),
        ("or lower", "<="),
        ("or below", "<="),
        ("or fewer", "<="),
        ("or younger", "<="),
        ("up to", "<="),
        ("within", "<="),
        ("below", "<"),
        ("under", "<"),
        ("less than", "<"),
        ("lower than", "<"),
        ("fewer than", "<"),
        ("shorter than", "<"),
        ("younger than", "<"),
    ];
    let mut signs = BTreeSet::new();
    for (phrase, sign) in PHRASES {
        if reading.has_phrase(phrase) {
            signs.insert(sign);
        }
    }
    // "5.7% to 6.4%" reads as 5.7 percent to 6.4 percent: units do not stand between the ends of a range.
    let without_units: Vec<_> = reading
        .tokens
        .iter()
        .filter(|token| !UNITS.contains(&token.stem.as_str()))
        .collect();
    let range = without_units.windows(3).any(|run| {
        matches!(run, [low, word, high] if low.number && high.number && matches!(word.text.as_str(), "to" | "and" | "through"))
    }) || reading.tokens.windows(2).any(|run| matches!(run, [low, high] if low.number && high.number));
    if range || reading.has("between") {
        signs.insert("between");
    }
    signs
}

/// A sentence with numbers compares the same way as its source.
pub(super) fn comparisons(said: &Reading, cited: &Reading) -> Verdict {
    if !cited.has_number() || comparison_signs(said) == comparison_signs(cited) {
        Ok(())
    } else {
        Err("comparison")
    }
}

const UP: [&str; 14] = [
    "high", "higher", "raise", "rais", "increas", "rise", "more", "gain", "faster", "above", "over", "greater",
    "worsen", "wors",
];
const DOWN: [&str; 14] = [
    "low", "lower", "reduc", "decreas", "fall", "less", "lose", "loss", "slower", "below", "under", "fewer", "improv",
    "better",
];

/// A claim says "up" or "down" only where its source does, and does not turn one into the other.
pub(super) fn direction(said: &Reading, cited: &Reading) -> Verdict {
    let points = |reading: &Reading, words: &[&str]| {
        reading
            .tokens
            .iter()
            .any(|token| words.contains(&token.stem.as_str()) || words.contains(&token.text.as_str()))
            || (words.contains(&"increas")
                && (reading.has_phrase("go up")
                    || reading.has_phrase("goes up")
                    || reading.has("hypertension")
                    || reading.has("hyperglycemia")))
            || (words.contains(&"improv")
                && [
                    "heal",
                    "heals",
                    "recover",
                    "recovers",
                    "clear",
                    "clears",
                    "hypoglycemia",
                ]
                .iter()
                .any(|word| reading.has(word)))
            || (words.contains(&"improv") && (reading.has_phrase("go away") || reading.has_phrase("goes away")))
    };
    for words in [&UP, &DOWN] {
        if points(said, words) && !points(cited, words) {
            return Err("direction");
        }
    }
    let turned = (points(cited, &UP) && !points(said, &UP) && points(said, &DOWN))
        || (points(cited, &DOWN) && !points(said, &DOWN) && points(said, &UP));
    if turned { Err("direction") } else { Ok(()) }
}

const NEGATIONS: [&str; 14] = [
    "no", "not", "never", "none", "without", "neither", "nor", "nobody", "nothing", "unless", "except", "unlikely",
    "unable", "stop",
];

/// As many negations as the source, and of the same things.
pub(super) fn negation(said: &Reading, cited: &Reading) -> Verdict {
    let places = |reading: &Reading| -> Vec<usize> {
        reading
            .tokens
            .iter()
            .enumerate()
            .filter(|(_, token)| token.text != "stop" && NEGATIONS.contains(&token.text.as_str()))
            .map(|(at, _)| at)
            .collect()
    };
    let (ours, theirs) = (places(said), places(cited));
    if ours.len() != theirs.len() {
        return Err("negation");
    }
    let scope = |reading: &Reading, at: usize| -> BTreeSet<String> {
        let content = reading
            .tokens
            .iter()
            .skip(at + 1)
            .filter(|token| token.text.len() > 3 || token.number);
        content.take(4).map(|token| token.stem.clone()).collect()
    };
    let negated = |reading: &Reading, places: &[usize]| -> BTreeSet<String> {
        places.iter().flat_map(|at| scope(reading, *at)).collect()
    };
    if ours.is_empty() {
        return Ok(());
    }
    let (ours, theirs) = (negated(said, &ours), negated(cited, &theirs));
    if ours.is_empty() || theirs.is_empty() || ours.intersection(&theirs).next().is_some() {
        Ok(())
    } else {
        Err("negation")
    }
}

const RARE: [&str; 7] = ["rare", "rarely", "seldom", "few", "hardly", "uncommon", "unlikely"];
const SOME: [&str; 4] = ["some", "sometimes", "certain", "occasionally"];
const POSSIBLE: [&str; 7] = ["may", "might", "can", "could", "possible", "possibly", "perhaps"];
/// Limits that change what a sentence is about when they are left out or put in.
const LIMITS: [&str; 12] = [
    "alone", "except", "unless", "until", "before", "after", "during", "while", "falsely", "too", "enough", "without",
];
const OFTEN: [&str; 16] = [
    "often",
    "usually",
    "most",
    "many",
    "commonly",
    "common",
    "typically",
    "generally",
    "likely",
    "tend",
    "tends",
    "frequently",
    "mostly",
    "mainly",
    "usual",
    "several",
];
const ALWAYS: [&str; 9] = [
    "always", "all", "every", "will", "only", "any", "each", "everyone", "per",
];
const MUST: [&str; 6] = ["must", "need", "needs", "required", "requires", "necessary"];
const SHOULD: [&str; 9] = [
    "should",
    "ought",
    "recommend",
    "recommends",
    "recommended",
    "advise",
    "advised",
    "advises",
    "best",
];

/// A claim is neither surer nor less sure than its source, nor of more or fewer people.
pub(super) fn modality(said: &Reading, cited: &Reading) -> Verdict {
    let any = |reading: &Reading, words: &[&str]| words.iter().any(|word| reading.has(word));
    for words in [&RARE[..], &SOME, &POSSIBLE, &OFTEN, &ALWAYS, &MUST, &SHOULD] {
        if any(said, words) != any(cited, words) {
            return Err("modality");
        }
    }
    if LIMITS.iter().any(|word| said.has(word) != cited.has(word)) {
        return Err("limit");
    }
    // Within "often" and "some" the words are not all alike: "most" is not "many", "some" is not "may".
    for word in ["most", "many", "some", "only", "all"] {
        if said.has(word) && !cited.has(word) {
            return Err("modality");
        }
    }
    Ok(())
}

/// A claim speaks to "you" only where its source does, and says "you have" or "you are" only in the source's words.
pub(super) fn person(said: &Reading, cited: &Reading) -> Verdict {
    let to_reader = |reading: &Reading| ["you", "your", "yours"].iter().any(|word| reading.has(word));
    let first = ["i", "we", "our", "us", "my", "me"]
        .iter()
        .any(|word| said.has(word) && !cited.has(word));
    if first || (to_reader(said) && !to_reader(cited) && !is_directive(cited)) {
        return Err("person");
    }
    for phrase in [
        "you have", "you are", "you had", "you got", "you will", "you do", "you can",
    ] {
        if said.has_phrase(phrase) && !cited.has_phrase(phrase) {
            return Err("person");
        }
    }
    Ok(())
}

/// Verbs that tell the reader to do something when a sentence or a clause begins with them.
const ORDERS: [&str; 58] = [
    "call", "take", "do", "avoid", "ask", "get", "go", "drink", "eat", "use", "talk", "tell", "see", "keep", "try",
    "stop", "start", "wash", "rest", "check", "wear", "limit", "seek", "contact", "make", "follow", "bring", "stay",
    "put", "apply", "learn", "plan", "bathe", "cover", "clean", "change", "choose", "let", "walk", "sit", "move",
    "write", "read", "work", "find", "quit", "cut", "never", "always", "return", "wait", "watch", "exercise", "give",
    "store", "sleep", "remove", "measure",
];

/// Whether a sentence tells the reader to do something.
pub(super) fn is_directive(reading: &Reading) -> bool {
    let first = reading
        .tokens
        .first()
        .is_some_and(|token| ORDERS.contains(&token.text.as_str()));
    let after_comma_if = reading.has("if") || reading.has("when") || reading.has("please");
    let inner = after_comma_if
        && [
            "call", "seek", "go", "get", "talk", "tell", "ask", "contact", "see", "stop",
        ]
        .iter()
        .any(|word| reading.has(word));
    first || inner
}

/// A claim tells the reader to do something only where its source does.
pub(super) fn directive(said: &Reading, cited: &Reading) -> Verdict {
    let asks = |reading: &Reading| MUST.iter().chain(&SHOULD).any(|word| reading.has(word));
    if is_directive(said) && !is_directive(cited) && !asks(cited) {
        Err("directive")
    } else {
        Ok(())
    }
}
