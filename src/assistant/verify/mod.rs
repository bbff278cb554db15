//! Decides whether a model's sentence (a claim) may be shown beside the guidance sentence it rewords.
//!
//! Every check is deterministic and errs on the side of "no": a dropped sentence costs a patient nothing, since the
//! quote it came from is already on the page. Nothing here calls a model, and nothing here changes a claim.

mod form;
mod meaning;
mod tokens;
mod words;

pub use words::{Words, WordsError};

use crate::domain::{Support, text};
use tokens::Reading;

/// What a claim is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The cited sentence, or the computed fact.
    pub sentence: &'a str,
    /// The article's title: its words may be used to name the subject.
    pub subject: &'a str,
}

/// The share of a claim's content words that must stand in its source, as such or by another name. Together with the
/// rule that every other word must be neutral.
const MIN_SUPPORT: f32 = 0.6;
/// The share of the source's content words that the claim must keep.
const MIN_KEPT: f32 = 0.75;
/// The same for a source that names a number or tells the reader to do something.
const MIN_KEPT_STRICT: f32 = 0.85;
/// Explanations are written for this reading grade (Flesch–Kincaid) or below.
pub const MAX_GRADE: f64 = 8.0;

/// Checks claims against their sources.
#[derive(Debug)]
pub struct Verifier {
    words: Words,
}

impl Verifier {
    /// With the embedded word lists.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn embedded() -> Result<Self, WordsError> {
        Ok(Self {
            words: Words::embedded()?,
        })
    }

    /// SHA-256 of the word lists.
    #[must_use]
    pub fn hash(&self) -> &str {
        self.words.hash()
    }

    /// The verdict on one claim. The name of the first check that failed is given with [`Support::Unsupported`].
    #[must_use]
    pub fn check(&self, claim: &str, source: &Source<'_>) -> Support {
        match self.examine(claim, source) {
            Ok(score) => Support::Supported { score },
            Err(check) => Support::Unsupported {
                check: check.to_owned(),
            },
        }
    }

    fn examine(&self, claim: &str, source: &Source<'_>) -> Result<f32, &'static str> {
        form::check(claim)?;
        let said = Reading::of(claim);
        let cited = Reading::of(source.sentence);
        let subject = Reading::of(source.subject);
        meaning::numbers(&said, &cited)?;
        meaning::comparisons(&said, &cited)?;
        meaning::direction(&said, &cited)?;
        meaning::negation(&self.words.canonical(&said), &self.words.canonical(&cited))?;
        meaning::modality(&said, &cited)?;
        meaning::person(&said, &cited)?;
        meaning::directive(&said, &cited)?;
        let support = self.words.compare(&said, &cited, &subject);
        if support.foreign {
            return Err("term");
        }
        if support.claim_share < MIN_SUPPORT {
            return Err("support");
        }
        let strict = cited.has_number() || meaning::is_directive(&cited);
        if support.source_share < if strict { MIN_KEPT_STRICT } else { MIN_KEPT } {
            return Err("dropped");
        }
        if said.nearly_repeats(&cited) {
            return Err("copy");
        }
        if text::flesch_kincaid_grade(claim) > MAX_GRADE {
            return Err("grade");
        }
        Ok(support.claim_share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(source: &str, claim: &str) -> String {
        let Ok(verifier) = Verifier::embedded() else {
            return "word lists cannot be read".to_owned();
        };
        match verifier.check(
            claim,
            &Source {
                sentence: source,
                subject: "High blood pressure",
            },
        ) {
            Support::Supported { .. } => "supported".to_owned(),
            Support::Unsupported { check } => check,
        }
    }

    #[test]
    fn a_faithful_plainer_sentence_is_supported() {
        for (source, claim) in [
            (
                "Hypertension often causes no symptoms, so many people are not aware that they have it.",
                "High blood pressure often causes no symptoms, so many people do not know they have it.",
            ),
            (
                "An A1C of 6.5% or higher on two separate tests means diabetes.",
                "If two tests show an A1C of 6.5% or higher, that means diabetes.",
            ),
            (
                "Contact a physician promptly if a fever is above 103°F for 3 days.",
                "Call a doctor right away if a fever is above 103°F for 3 days.",
            ),
            (
                "Most colds improve within 7 to 10 days.",
                "Most colds get better within 7 to 10 days.",
            ),
        ] {
            assert_eq!(verdict(source, claim), "supported", "{claim}");
        }
    }

    #[test]
    fn changed_numbers_units_and_comparisons_are_not_supported() {
        let source = "Call 911 if blood pressure is above 180/120 and you have chest pain.";
        for (claim, check) in [
            ("Call 911 if blood pressure is high and you have chest pain.", "number"),
            (
                "Call 911 if blood pressure is above 140/90 and you have chest pain.",
                "number",
            ),
            (
                "Call 911 if blood pressure is below 180/120 and you have chest pain.",
                "comparison",
            ),
            (
                "Call 911 if your blood pressure is 180/120 and you have chest pain.",
                "comparison",
            ),
        ] {
            assert_eq!(verdict(source, claim), check, "{claim}");
        }
        assert_eq!(
            verdict(
                "Most colds improve within 7 to 10 days.",
                "Most colds get better within 7 to 10 weeks."
            ),
            "unit"
        );
        assert_eq!(
            verdict(
                "People with an A1C of 6.5% or higher have diabetes.",
                "People with an A1C above 6.5% have diabetes."
            ),
            "comparison"
        );
    }

    #[test]
    fn turned_hedges_negations_and_directions_are_not_supported() {
        for (source, claim, check) in [
            (
                "Lisinopril may cause a dry cough.",
                "Lisinopril causes a dry cough.",
                "modality",
            ),
            (
                "Some people with asthma wheeze at night.",
                "People with asthma wheeze at night.",
                "modality",
            ),
            (
                "Antibiotics do not help a cold.",
                "Antibiotics help a cold.",
                "negation",
            ),
            (
                "Antibiotics help strep throat.",
                "Antibiotics do not help strep throat.",
                "negation",
            ),
            (
                "Salt raises blood pressure.",
                "Salt lowers blood pressure.",
                "direction",
            ),
            (
                "Adults should get a flu shot each year.",
                "Adults must get a flu shot each year.",
                "modality",
            ),
            (
                "Statins are often taken at night.",
                "Statins are always taken at night.",
                "modality",
            ),
        ] {
            assert_eq!(verdict(source, claim), check, "{claim}");
        }
    }

    #[test]
    fn added_terms_people_and_advice_are_not_supported() {
        for (source, claim, check) in [
            (
                "ACE inhibitors relax blood vessels.",
                "Lisinopril relaxes blood vessels.",
                "term",
            ),
            (
                "People with an A1C of 6.5% or higher have diabetes.",
                "You have diabetes with an A1C of 6.5% or higher.",
                "person",
            ),
            (
                "Walking helps the heart.",
                "Walk every day to help the heart.",
                "modality",
            ),
            (
                "Water helps the kidneys.",
                "Drink water to help the kidneys.",
                "directive",
            ),
            (
                "Ibuprofen can hurt the kidneys.",
                "Ibuprofen can hurt the kidneys and the liver.",
                "term",
            ),
        ] {
            assert_eq!(verdict(source, claim), check, "{claim}");
        }
    }

    #[test]
    fn debris_copies_and_meta_talk_never_pass() {
        let source = "Salt raises blood pressure in many people.";
        for (claim, check) in [
            ("", "form"),
            ("Salt raises blood pressure in many people.", "copy"),
            ("salt raises blood pressure in many people", "form"),
            ("The sentence says salt raises blood pressure in many people.", "meta"),
            ("Salt raises <|im_end|> blood pressure in many people.", "form"),
            ("Salt raises [blood pressure](http://x.y) in many people.", "form"),
            (
                "Salt raises blood pressure, raises blood pressure in many people.",
                "repetition",
            ),
        ] {
            assert_eq!(verdict(source, claim), check, "{claim}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(claim in ".{0,120}", source in ".{0,120}") {
            let _ = verdict(&source, &claim);
        }

        #[test]
        fn a_claim_with_a_foreign_number_is_never_supported(number in 200u32..99_999) {
            let claim = format!("High blood pressure often shows no signs in {number} people.");
            proptest::prop_assert_ne!(verdict("Hypertension often causes no symptoms in people.", &claim), "supported");
        }
    }
}
