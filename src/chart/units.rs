//! One unit to another, only by a factor that `index/chart/units.toml` states. Must not guess a unit.

use super::knowledge::{Test, knowledge};
use crate::domain::chart::Quantity;

/// The UCUM code of a quantity's unit, as far as it is known: from its UCUM code, else from the unit as shown.
#[must_use]
pub fn ucum_of(quantity: &Quantity) -> Option<&'static str> {
    let known = knowledge();
    let texts = [quantity.ucum.as_deref(), quantity.unit.as_deref()];
    texts
        .into_iter()
        .flatten()
        .find_map(|text| known.unit(text))
        .map(|unit| unit.ucum.as_str())
}

/// The unit as a patient reads it: the plain form of a known UCUM code, else the record's own text.
#[must_use]
pub fn shown(quantity: &Quantity) -> String {
    let own = quantity.unit.as_deref().unwrap_or_default();
    let known = knowledge();
    // What the sender wrote for people stays, unless it is a bare UCUM code.
    let is_code = quantity.unit.is_none() || known.units.iter().any(|unit| unit.ucum == own);
    match (
        is_code,
        known
            .units
            .iter()
            .find(|unit| unit.ucum == own || Some(&unit.ucum) == quantity.ucum.as_ref()),
    ) {
        (true, Some(unit)) => unit.shown.clone(),
        _ if own.starts_with(['{', '(']) => own.trim_matches(['{', '}', '(', ')']).to_owned(),
        _ => own.to_owned(),
    }
}

/// What a patient reads for a UCUM code.
#[must_use]
pub fn shown_code(ucum: &str) -> String {
    knowledge()
        .units
        .iter()
        .find(|unit| unit.ucum == ucum)
        .map_or_else(|| ucum.to_owned(), |unit| unit.shown.clone())
}

/// `value` in `from` as a value in `to` (UCUM codes); `None` where no conversion is known for this test.
#[must_use]
pub fn convert(value: f64, from: &str, to: &str, test: Option<&Test>) -> Option<f64> {
    if from == to {
        return Some(value);
    }
    let fits = |tests: &[String]| tests.is_empty() || test.is_some_and(|test| tests.contains(&test.key));
    let known = &knowledge().conversions;
    if let Some(rule) = known
        .iter()
        .find(|rule| rule.from == from && rule.to == to && fits(&rule.tests))
    {
        return Some(value.mul_add(rule.factor, rule.offset));
    }
    let rule = known
        .iter()
        .find(|rule| rule.from == to && rule.to == from && fits(&rule.tests))?;
    Some((value - rule.offset) / rule.factor)
}

/// A quantity as a value in `to`. A quantity without any unit is taken to be in `to` already only where the caller
/// says so (a bound of a range that came with a value).
#[must_use]
pub fn in_unit(quantity: &Quantity, to: &str, test: Option<&Test>) -> Option<f64> {
    convert(quantity.value, ucum_of(quantity)?, to, test)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 0.008 * right.abs().max(1.0)
    }

    #[test]
    fn published_pairs_convert() {
        let known = knowledge();
        for (test, value, from, to, expected) in [
            ("glucose", 5.5, "mmol/L", "mg/dL", 99.0),
            ("ldl", 2.59, "mmol/L", "mg/dL", 100.0),
            ("triglycerides", 1.69, "mmol/L", "mg/dL", 150.0),
            ("creatinine", 88.4, "umol/L", "mg/dL", 1.0),
            ("creatinine", 1.0, "mg/dL", "umol/L", 88.4),
            ("a1c", 48.0, "mmol/mol", "%", 6.5),
            ("a1c", 7.0, "%", "mmol/mol", 53.0),
            ("temperature", 98.6, "[degF]", "Cel", 37.0),
            ("temperature", 37.0, "Cel", "[degF]", 98.6),
            ("weight", 220.0, "[lb_av]", "kg", 99.8),
            ("height", 70.0, "[in_i]", "cm", 177.8),
            ("uacr", 3.4, "mg/mmol", "mg/g", 30.0),
            ("vitamin_d", 50.0, "nmol/L", "ng/mL", 20.0),
            ("hemoglobin", 140.0, "g/L", "g/dL", 14.0),
        ] {
            let found = convert(value, from, to, known.test(test)).unwrap();
            assert!(
                close(found, expected),
                "{test}: {value} {from} is {found}, not {expected} {to}"
            );
        }
    }

    #[test]
    fn molar_units_of_an_unknown_test_do_not_convert() {
        assert_eq!(convert(5.0, "mmol/L", "mg/dL", None), None);
        assert_eq!(convert(5.0, "mmol/L", "mg/dL", knowledge().test("sodium")), None);
    }

    #[test]
    fn units_are_known_by_their_many_spellings() {
        for (text, ucum) in [
            ("MG/DL", "mg/dL"),
            ("K/uL", "10*3/uL"),
            ("10*9/L", "10*3/uL"),
            ("mL/min/1.73 m2", "mL/min/{1.73_m2}"),
            ("uIU/mL", "m[IU]/L"),
            ("°F", "[degF]"),
            ("lbs", "[lb_av]"),
            ("mEq/L", "mmol/L"),
        ] {
            assert_eq!(
                knowledge().unit(text).map(|unit| unit.ucum.as_str()),
                Some(ucum),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_same_value(value in 0.01f64..10_000.0) {
            let known = knowledge();
            for rule in &known.conversions {
                let test = rule.tests.first().and_then(|key| known.test(key));
                let there = convert(value, &rule.from, &rule.to, test).unwrap();
                let back = convert(there, &rule.to, &rule.from, test).unwrap();
                prop_assert!((back - value).abs() < 1e-6 * value.max(1.0), "{} {}", rule.from, rule.to);
            }
        }
    }
}
