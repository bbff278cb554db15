//! Text as every stage sees it: sentences, words, folded words, readability.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// Abbreviations after which a full stop does not end a sentence.
const ABBREVIATIONS: [&str; 20] = [
    "dr", "mr", "mrs", "ms", "vs", "e.g", "i.e", "etc", "st", "no", "u.s", "approx", "fig", "dept", "prof", "inc",
    "jr", "sr", "a.m", "p.m",
];

/// Splits a paragraph into sentences. A full stop inside a number, after an initial or an abbreviation, or
/// before a lower-case letter does not split.
#[must_use]
pub fn sentences(paragraph: &str) -> Vec<String> {
    let chars: Vec<char> = paragraph.chars().collect();
    let mut found = Vec::new();
    let mut current = String::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        current.push(c);
        at += 1;
        if !matches!(c, '.' | '!' | '?' | '…') {
            continue;
        }
        while let Some(&after) = chars
            .get(at)
            .filter(|c| matches!(c, '.' | '!' | '?' | '"' | '”' | '’' | ')'))
        {
            current.push(after);
            at += 1;
        }
        let next = chars
            .get(at..)
            .unwrap_or_default()
            .iter()
            .find(|c| !c.is_whitespace())
            .copied();
        let gap = chars.get(at).is_none_or(|c| c.is_whitespace());
        let starts =
            next.is_none_or(|n| n.is_uppercase() || n.is_numeric() || matches!(n, '"' | '“' | '¿' | '¡' | '('));
        if gap && starts && !(c == '.' && ends_in_abbreviation(&current)) {
            push_trimmed(&mut found, &current);
            current.clear();
        }
    }
    push_trimmed(&mut found, &current);
    found
}

fn push_trimmed(found: &mut Vec<String>, text: &str) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !text.is_empty() {
        found.push(text);
    }
}

fn ends_in_abbreviation(text: &str) -> bool {
    let last = text
        .trim_end_matches('.')
        .rsplit(|c: char| c.is_whitespace() || c == '(')
        .next()
        .unwrap_or("");
    let folded = last.to_lowercase();
    let initial = last.chars().count() == 1
        && last.chars().all(char::is_uppercase)
        && !matches!(last, "A" | "B" | "C" | "D" | "E" | "K" | "I");
    initial || ABBREVIATIONS.contains(&folded.as_str())
}

/// Lower case, accents removed, typographic quotes made plain.
#[must_use]
pub fn fold(text: &str) -> String {
    text.nfd()
        .filter(|c| !('\u{0300}'..='\u{036f}').contains(c))
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            '’' | '‘' | '´' | '`' => '\'',
            '“' | '”' => '"',
            '–' | '—' | '−' => '-',
            other => other,
        })
        .collect()
}

/// The words of a text, folded (see [`fold`]), numbers with their decimal point kept whole.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    fold(text).unicode_words().map(str::to_owned).collect()
}

/// Flesch–Kincaid grade level (Kincaid et al. 1975): 0.39 · words/sentences + 11.8 · syllables/words − 15.59.
/// 0 for a text without words.
#[must_use]
pub fn flesch_kincaid_grade(text: &str) -> f64 {
    let sentence_count = sentences(text).len().max(1);
    let all: Vec<&str> = text
        .unicode_words()
        .filter(|w| w.chars().any(char::is_alphabetic))
        .collect();
    if all.is_empty() {
        return 0.0;
    }
    let syllable_count: usize = all.iter().map(|w| syllables(w)).sum();
    #[expect(clippy::cast_precision_loss, reason = "texts are short")]
    let (words, sentences, syllables) = (all.len() as f64, sentence_count as f64, syllable_count as f64);
    (0.39 * words / sentences + 11.8 * syllables / words - 15.59).max(0.0)
}

/// Common words of the library whose vowel groups mislead.
const SYLLABLE_EXCEPTIONS: [(&str, usize); 10] = [
    ("diabetes", 4),
    ("diabetic", 4),
    ("prediabetes", 5),
    ("prediabetic", 5),
    ("diarrhea", 4),
    ("pneumonia", 4),
    ("area", 3),
    ("areas", 3),
    ("herpes", 2),
    ("rabies", 2),
];

/// Syllables of an English word by its vowel groups: silent final "e" and "es"/"ed" do not count, at least one.
#[must_use]
pub fn syllables(word: &str) -> usize {
    let word = fold(word);
    let letters: Vec<char> = word.chars().filter(char::is_ascii_alphabetic).collect();
    if letters.len() <= 3 {
        return 1;
    }
    if let Some((_, count)) = SYLLABLE_EXCEPTIONS.iter().find(|(known, _)| *known == word) {
        return *count;
    }
    let vowel = |c: char| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u' | 'y');
    let mut count = 0;
    let mut before = false;
    for &c in &letters {
        let now = vowel(c);
        if now && !before {
            count += 1;
        }
        before = now;
    }
    let tail: String = letters.iter().rev().take(2).rev().collect();
    let third = letters.iter().rev().nth(2).copied().unwrap_or(' ');
    let silent = match tail.as_str() {
        "le" => vowel(third),
        "ed" => !matches!(third, 't' | 'd') && !vowel(third),
        "es" => !matches!(third, 's' | 'x' | 'z' | 'c' | 'g') && !vowel(third),
        _ => tail.ends_with('e') && !tail.starts_with(vowel),
    };
    if silent && count > 1 {
        count -= 1;
    }
    count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_initials_and_abbreviations_do_not_split_sentences() {
        let text = "An A1C of 6.5% or higher means diabetes. See Dr. Smith vs. waiting? Yes! Vitamin D. It helps.";
        assert_eq!(
            sentences(text),
            [
                "An A1C of 6.5% or higher means diabetes.",
                "See Dr. Smith vs. waiting?",
                "Yes!",
                "Vitamin D.",
                "It helps."
            ]
        );
    }

    #[test]
    fn folding_drops_case_accents_and_curly_quotes() {
        assert_eq!(fold("Mi papá NO’s"), "mi papa no's");
    }

    #[test]
    fn syllables_follow_ordinary_words() {
        for (word, count) in [
            ("the", 1),
            ("blood", 1),
            ("pressure", 2),
            ("diabetes", 4),
            ("little", 2),
            ("needed", 2),
            ("asked", 1),
            ("medicine", 3),
            ("apple", 2),
        ] {
            assert_eq!(syllables(word), count, "{word}");
        }
    }
}
