//! The reviewable data under `index/chart`, embedded, parsed once. Must not hold a range, a factor or a name in code.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::domain::Urgency;
use crate::domain::chart::{CVX, Concept, ICD10CM, LOINC, SNOMED, Sex};
use crate::domain::text::fold;

macro_rules! file {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/index/chart/", $name)),
        )
    };
}

/// Every embedded file: name and text.
const FILES: [(&str, &str); 8] = [
    file!("tests.toml"),
    file!("ranges.toml"),
    file!("critical.toml"),
    file!("panels.toml"),
    file!("units.toml"),
    file!("conditions.toml"),
    file!("medicines.toml"),
    file!("vaccines.toml"),
];

/// A test or vital sign.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// Its key in these files.
    pub key: String,
    /// Plain name.
    pub name: String,
    /// What it measures: completes "It measures …".
    pub measures: String,
    /// LOINC codes that mean the same thing.
    pub loinc: Vec<String>,
    /// UCUM unit in which ranges and trends are computed.
    #[serde(default)]
    pub unit: Option<String>,
    /// Patients' words for it, folded.
    pub words: Vec<String>,
    /// Words for retrieval.
    pub topics: Vec<String>,
    /// What a rising number is.
    #[serde(default)]
    pub more_means: Option<String>,
    /// What a falling number is.
    #[serde(default)]
    pub less_means: Option<String>,
    /// Why there is no usual range.
    #[serde(default)]
    pub no_range: Option<String>,
}

/// Several tests that patients name together.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its key.
    pub key: String,
    /// Patients' words for it, folded.
    pub words: Vec<String>,
    /// Keys of the tests, the most telling first.
    pub tests: Vec<String>,
}

/// A usual range of a test.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsualRange {
    /// Key of the test.
    pub test: String,
    /// UCUM unit of the bounds.
    pub unit: String,
    /// Lower bound, inclusive.
    #[serde(default)]
    pub low: Option<f64>,
    /// Upper bound, inclusive.
    #[serde(default)]
    pub high: Option<f64>,
    /// Upper bound, exclusive.
    #[serde(default)]
    pub below: Option<f64>,
    /// Lower bound, exclusive.
    #[serde(default)]
    pub above: Option<f64>,
    /// Only for this sex.
    #[serde(default)]
    pub sex: Option<Sex>,
    /// Youngest age in years.
    #[serde(default)]
    pub age_min: Option<i32>,
    /// Oldest age in years, inclusive.
    #[serde(default)]
    pub age_max: Option<i32>,
    /// Whether it holds in pregnancy.
    #[serde(default)]
    pub pregnancy: bool,
    /// The public source.
    pub source: String,
}

/// Values of a test that need care soon.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CriticalValue {
    /// Key of the test.
    pub test: String,
    /// UCUM unit of the bounds.
    pub unit: String,
    /// At or below this.
    #[serde(default)]
    pub at_or_below: Option<f64>,
    /// At or above this.
    #[serde(default)]
    pub at_or_above: Option<f64>,
    /// How soon.
    pub urgency: Urgency,
    /// Youngest age in years.
    #[serde(default)]
    pub age_min: Option<i32>,
    /// The public source.
    pub source: String,
}

/// Tests explained together.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// Its key.
    pub key: String,
    /// Plain name.
    pub name: String,
    /// LOINC codes of the panel.
    pub loinc: Vec<String>,
    /// Keys of the tests in it, in the order to explain them.
    pub members: Vec<String>,
}

/// A unit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// UCUM code.
    pub ucum: String,
    /// What a patient reads.
    pub shown: String,
    /// Other ways senders write it, folded, without spaces.
    pub also: Vec<String>,
}

/// A conversion: `to = from × factor + offset`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversion {
    /// UCUM code converted from.
    pub from: String,
    /// UCUM code converted to.
    pub to: String,
    /// Factor.
    pub factor: f64,
    /// Offset in the target unit.
    #[serde(default)]
    pub offset: f64,
    /// Keys of the tests it holds for; empty: any.
    pub tests: Vec<String>,
    /// Where the factor comes from.
    pub source: String,
}

/// A second unit shown beside the recorded one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlsoShown {
    /// Key of the test.
    pub test: String,
    /// UCUM code.
    pub unit: String,
    /// Decimals shown.
    pub decimals: usize,
}

/// A condition.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownCondition {
    /// Its key.
    pub key: String,
    /// Plain name.
    pub plain: String,
    /// SNOMED CT ids.
    pub snomed: Vec<String>,
    /// ICD-10-CM codes or categories.
    pub icd10cm: Vec<String>,
    /// How it is written in charts and questions, folded.
    pub words: Vec<String>,
    /// Keys of tests followed in it.
    pub tests: Vec<String>,
    /// Words for retrieval.
    pub topics: Vec<String>,
}

/// A class of medicines.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MedicineClass {
    /// Its key.
    pub key: String,
    /// Plain name with its article ("a statin").
    pub plain: String,
    /// What the class is used for: completes "… is used for …".
    pub used_for: String,
    /// Ingredients and brand words, folded.
    pub words: Vec<String>,
    /// Keys of conditions it is used in.
    pub conditions: Vec<String>,
    /// An allergy that names one of these concerns the class.
    pub allergy_words: Vec<String>,
}

/// A vaccine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vaccine {
    /// Its key.
    pub key: String,
    /// Plain name.
    pub plain: String,
    /// CVX codes.
    pub cvx: Vec<String>,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Knowledge {
    /// Tests.
    pub tests: Vec<Test>,
    /// Groups of tests.
    pub groups: Vec<Group>,
    /// Usual ranges.
    pub ranges: Vec<UsualRange>,
    /// Critical values.
    pub critical: Vec<CriticalValue>,
    /// Panels.
    pub panels: Vec<Panel>,
    /// Units.
    pub units: Vec<Unit>,
    /// Conversions.
    pub conversions: Vec<Conversion>,
    /// Second units.
    pub also_shown: Vec<AlsoShown>,
    /// Conditions.
    pub conditions: Vec<KnownCondition>,
    /// Medicine classes.
    pub classes: Vec<MedicineClass>,
    /// Vaccines.
    pub vaccines: Vec<Vaccine>,
    test_by_loinc: HashMap<String, usize>,
    condition_by_code: HashMap<String, usize>,
    unit_by_text: HashMap<String, usize>,
}

#[derive(Deserialize)]
struct TestsFile {
    test: Vec<Test>,
    group: Vec<Group>,
}
#[derive(Deserialize)]
struct RangesFile {
    range: Vec<UsualRange>,
}
#[derive(Deserialize)]
struct CriticalFile {
    critical: Vec<CriticalValue>,
}
#[derive(Deserialize)]
struct PanelsFile {
    panel: Vec<Panel>,
}
#[derive(Deserialize)]
struct UnitsFile {
    unit: Vec<Unit>,
    convert: Vec<Conversion>,
    also_shown: Vec<AlsoShown>,
}
#[derive(Deserialize)]
struct ConditionsFile {
    condition: Vec<KnownCondition>,
}
#[derive(Deserialize)]
struct MedicinesFile {
    class: Vec<MedicineClass>,
}
#[derive(Deserialize)]
struct VaccinesFile {
    vaccine: Vec<Vaccine>,
}

/// Why an embedded file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("index/chart/{file}: {reason}")]
pub struct KnowledgeError {
    /// The file.
    pub file: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

static KNOWLEDGE: LazyLock<Result<Knowledge, KnowledgeError>> = LazyLock::new(load);
static EMPTY: LazyLock<Knowledge> = LazyLock::new(Knowledge::default);

/// The knowledge; empty where a file is broken (see [`check`], which a start-up calls and a test guards).
pub fn knowledge() -> &'static Knowledge {
    match &*KNOWLEDGE {
        Ok(known) => known,
        Err(_) => &EMPTY,
    }
}

/// Whether all embedded files can be used.
///
/// # Errors
/// Names the file and what is wrong with it.
pub fn check() -> Result<(), KnowledgeError> {
    match &*KNOWLEDGE {
        Ok(_) => Ok(()),
        Err(error) => Err(error.clone()),
    }
}

/// SHA-256 over names and texts of all files.
pub(super) fn hash() -> String {
    let mut hasher = Sha256::new();
    for (name, text) in FILES {
        hasher.update(name.as_bytes());
        hasher.update([0]);
        hasher.update(text.as_bytes());
        hasher.update([0]);
    }
    hex::encode(hasher.finalize())
}

fn parse<T: serde::de::DeserializeOwned>(file: &'static str) -> Result<T, KnowledgeError> {
    let text = FILES
        .iter()
        .find(|(name, _)| *name == file)
        .map_or("", |(_, text)| *text);
    toml::from_str(text).map_err(|error| KnowledgeError {
        file,
        reason: error.to_string(),
    })
}

fn load() -> Result<Knowledge, KnowledgeError> {
    let TestsFile {
        test: tests,
        group: groups,
    } = parse("tests.toml")?;
    let UnitsFile {
        unit: units,
        convert: conversions,
        also_shown,
    } = parse("units.toml")?;
    let conditions = parse::<ConditionsFile>("conditions.toml")?.condition;
    let mut known = Knowledge {
        tests,
        groups,
        ranges: parse::<RangesFile>("ranges.toml")?.range,
        critical: parse::<CriticalFile>("critical.toml")?.critical,
        panels: parse::<PanelsFile>("panels.toml")?.panel,
        units,
        conversions,
        also_shown,
        conditions,
        classes: parse::<MedicinesFile>("medicines.toml")?.class,
        vaccines: parse::<VaccinesFile>("vaccines.toml")?.vaccine,
        ..Knowledge::default()
    };
    for (index, test) in known.tests.iter().enumerate() {
        for code in &test.loinc {
            known.test_by_loinc.insert(code.clone(), index);
        }
    }
    for (index, condition) in known.conditions.iter().enumerate() {
        for code in &condition.snomed {
            known.condition_by_code.insert(code.clone(), index);
        }
    }
    for (index, unit) in known.units.iter().enumerate() {
        known.unit_by_text.insert(unit_key(&unit.ucum), index);
        for text in &unit.also {
            known.unit_by_text.insert(text.clone(), index);
        }
    }
    Ok(known)
}

/// A unit as written, folded for lookup.
fn unit_key(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect()
}

impl Knowledge {
    /// The test a concept means.
    #[must_use]
    pub fn test_of(&self, concept: &Concept) -> Option<&Test> {
        let loinc = concept.codings.iter().filter(|c| c.system.as_deref() == Some(LOINC));
        let found = loinc.filter_map(|c| self.test_by_loinc.get(&c.code)).next();
        found.and_then(|index| self.tests.get(*index))
    }

    /// The test with this key.
    #[must_use]
    pub fn test(&self, key: &str) -> Option<&Test> {
        self.tests.iter().find(|test| test.key == key)
    }

    /// The panel a concept means.
    #[must_use]
    pub fn panel_of(&self, concept: &Concept) -> Option<&Panel> {
        let mut codes = concept.codings.iter().filter(|c| c.system.as_deref() == Some(LOINC));
        codes.find_map(|c| self.panels.iter().find(|panel| panel.loinc.contains(&c.code)))
    }

    /// The condition a concept means: by SNOMED CT code, then by the longest ICD-10-CM category.
    #[must_use]
    pub fn condition_of(&self, concept: &Concept) -> Option<&KnownCondition> {
        for coding in &concept.codings {
            if coding.system.as_deref() == Some(SNOMED)
                && let Some(found) = self
                    .condition_by_code
                    .get(&coding.code)
                    .and_then(|at| self.conditions.get(*at))
            {
                return Some(found);
            }
        }
        let icd = concept
            .codings
            .iter()
            .filter(|c| c.system.as_deref().is_some_and(is_icd10));
        icd.filter_map(|coding| self.condition_of_icd(&coding.code)).next()
    }

    fn condition_of_icd(&self, code: &str) -> Option<&KnownCondition> {
        let matches = self.conditions.iter().flat_map(|condition| {
            let covering = condition
                .icd10cm
                .iter()
                .filter(|category| code.starts_with(category.as_str()));
            covering.map(move |category| (category.len(), condition))
        });
        matches
            .max_by_key(|(length, _)| *length)
            .map(|(_, condition)| condition)
    }

    /// The condition with this key.
    #[must_use]
    pub fn condition(&self, key: &str) -> Option<&KnownCondition> {
        self.conditions.iter().find(|condition| condition.key == key)
    }

    /// The classes of a medicine, by the words of its names.
    #[must_use]
    pub fn classes_of(&self, medicine: &Concept) -> Vec<&MedicineClass> {
        let mut names: Vec<String> = medicine.text.iter().map(|text| fold(text)).collect();
        names.extend(medicine.codings.iter().filter_map(|c| c.display.as_deref()).map(fold));
        let has = |word: &str| names.iter().any(|name| contains_word(name, word));
        self.classes
            .iter()
            .filter(|class| class.words.iter().any(|word| has(word)))
            .collect()
    }

    /// The vaccine a concept means.
    #[must_use]
    pub fn vaccine_of(&self, concept: &Concept) -> Option<&Vaccine> {
        let code = concept.code_in(CVX)?;
        self.vaccines
            .iter()
            .find(|vaccine| vaccine.cvx.iter().any(|known| known == code))
    }

    /// The unit written as `text`.
    #[must_use]
    pub fn unit(&self, text: &str) -> Option<&Unit> {
        self.unit_by_text
            .get(&unit_key(text))
            .and_then(|index| self.units.get(*index))
    }
}

fn is_icd10(system: &str) -> bool {
    system == ICD10CM || system == "http://hl7.org/fhir/sid/icd-10"
}

/// Whether `text` holds `phrase` as whole words. Both folded.
#[must_use]
pub fn contains_word(text: &str, phrase: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(phrase).any(|(at, found)| {
        edge(text.get(..at).and_then(|before| before.chars().next_back()))
            && edge(text.get(at + found.len()..).and_then(|after| after.chars().next()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_files_can_all_be_used() {
        assert_eq!(check(), Ok(()));
        assert_eq!(hash().len(), 64);
    }

    #[test]
    fn every_key_that_is_named_exists_and_no_code_means_two_things() {
        let known = knowledge();
        let tests = known
            .groups
            .iter()
            .flat_map(|g| &g.tests)
            .chain(known.panels.iter().flat_map(|p| &p.members));
        let tests = tests
            .chain(known.ranges.iter().map(|r| &r.test))
            .chain(known.critical.iter().map(|c| &c.test));
        let tests = tests.chain(known.conditions.iter().flat_map(|c| &c.tests));
        let tests = tests.chain(known.conversions.iter().flat_map(|c| &c.tests));
        for key in tests {
            assert!(known.test(key).is_some(), "no test {key}");
        }
        for key in known.classes.iter().flat_map(|class| &class.conditions) {
            assert!(known.condition(key).is_some(), "no condition {key}");
        }
        let loinc: usize = known.tests.iter().map(|test| test.loinc.len()).sum();
        assert_eq!(loinc, known.test_by_loinc.len(), "a LOINC code stands in two tests");
        let snomed: usize = known.conditions.iter().map(|condition| condition.snomed.len()).sum();
        assert_eq!(
            snomed,
            known.condition_by_code.len(),
            "a SNOMED code stands in two conditions"
        );
    }

    #[test]
    fn every_bound_is_in_a_known_unit_that_converts_to_the_tests_own() {
        let known = knowledge();
        for (test, unit) in known
            .ranges
            .iter()
            .map(|r| (&r.test, &r.unit))
            .chain(known.critical.iter().map(|c| (&c.test, &c.unit)))
        {
            assert!(known.units.iter().any(|u| u.ucum == *unit), "{unit}");
            assert_eq!(known.test(test).and_then(|t| t.unit.as_ref()), Some(unit), "{test}");
        }
    }

    #[test]
    fn whole_words_are_found_and_parts_are_not() {
        assert!(contains_word("take lisinopril 10 mg", "lisinopril"));
        assert!(!contains_word("hbp", "bp"));
        assert!(contains_word("my bp?", "bp"));
        assert!(contains_word("é bp", "bp"));
    }
}
