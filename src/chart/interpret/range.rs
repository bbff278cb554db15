//! A value against a range: which range applies, what its bounds are, on which side the value lies.
//! Must not word anything and must not guess where several ranges could apply.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::chart::knowledge::{Test, UsualRange, knowledge};
use crate::chart::records::{Reading, is_pregnant};
use crate::chart::{plain, units};
use crate::domain::chart::{Chart, Concept, Quantity, ReferenceRange, Sex};
use crate::domain::text::fold;

/// Where a value stands against its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Under the range.
    Below,
    /// Within the range.
    Within,
    /// Over the range.
    Above,
    /// Not the expected text ("Positive" where "Negative" is expected).
    Different,
    /// It cannot be said.
    Unclear,
}

/// One end of a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// The number, in the range's unit.
    pub value: f64,
    /// Whether the number itself belongs to the range.
    pub inclusive: bool,
    /// The number as it is shown.
    pub text: String,
}

/// A range with numbers; an absent end is open.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bounds {
    /// Lower end.
    pub low: Option<Bound>,
    /// Upper end.
    pub high: Option<Bound>,
    /// UCUM code of both; `None`: the unit of the value it came with.
    pub ucum: Option<String>,
}

impl Bounds {
    /// "4.0% to 5.6%", "below 5.7%", "60 mL/min or more".
    #[must_use]
    pub fn words(&self, unit: &str) -> String {
        match (&self.low, &self.high) {
            (Some(low), Some(high)) if high.inclusive => {
                let close = unit == "%" || unit.is_empty();
                let first = if close {
                    plain::with_unit(&low.text, unit)
                } else {
                    low.text.clone()
                };
                format!("{first} to {}", plain::with_unit(&high.text, unit))
            }
            (Some(low), Some(high)) => format!("{} to below {}", low.text, plain::with_unit(&high.text, unit)),
            (Some(low), None) if low.inclusive => format!("{} or more", plain::with_unit(&low.text, unit)),
            (Some(low), None) => format!("above {}", plain::with_unit(&low.text, unit)),
            (None, Some(high)) if high.inclusive => format!("{} or less", plain::with_unit(&high.text, unit)),
            (None, Some(high)) => format!("below {}", plain::with_unit(&high.text, unit)),
            (None, None) => String::new(),
        }
    }

    /// Where `value` (with its comparator) stands; `Unclear` where the comparator leaves it open.
    #[must_use]
    pub fn standing(&self, value: f64, comparator: Option<&str>) -> Standing {
        // The true value lies in [least, most]; `open` ends do not contain the number itself.
        let (least, least_open, most, most_open) = match comparator {
            Some("<") => (f64::NEG_INFINITY, true, value, true),
            Some("<=") => (f64::NEG_INFINITY, true, value, false),
            Some(">") => (value, true, f64::INFINITY, true),
            Some(">=") => (value, false, f64::INFINITY, true),
            _ => (value, false, value, false),
        };
        let under = |number: f64, open: bool, bound: &Bound| {
            number < bound.value || (number == bound.value && (open || !bound.inclusive))
        };
        let over = |number: f64, open: bool, bound: &Bound| {
            number > bound.value || (number == bound.value && (open || !bound.inclusive))
        };
        if self.low.as_ref().is_some_and(|low| under(most, most_open, low)) {
            return Standing::Below;
        }
        if self.high.as_ref().is_some_and(|high| over(least, least_open, high)) {
            return Standing::Above;
        }
        let low_fine = self
            .low
            .as_ref()
            .is_none_or(|low| least > low.value || (least == low.value && (low.inclusive || least_open)));
        let high_fine = self
            .high
            .as_ref()
            .is_none_or(|high| most < high.value || (most == high.value && (high.inclusive || most_open)));
        if low_fine && high_fine {
            Standing::Within
        } else {
            Standing::Unclear
        }
    }
}

/// The range that applies to a reading.
#[derive(Debug, Clone, PartialEq)]
pub enum Applicable {
    /// Numbers that came with the result.
    Came(Bounds),
    /// Only words came with the result ("Negative").
    CameAsText(String),
    /// Several ranges came, and the chart does not say which one applies.
    Several,
    /// None came; a usual range with its source.
    Usual(Bounds, String),
    /// None came and there is none to use; why, where that is known.
    None(Option<String>),
}

/// The range that applies to this reading of this patient.
#[must_use]
pub fn applicable(chart: &Chart, reading: &Reading<'_>, test: Option<&Test>, today: Date) -> Applicable {
    let day = reading
        .date()
        .and_then(crate::domain::chart::FhirDate::first_day)
        .unwrap_or(today);
    let person = Whom {
        age: chart.age_years(day),
        sex: chart.sex(),
        pregnant: is_pregnant(chart, day),
    };
    let fitting: Vec<&ReferenceRange> = most_specific(reading.ranges(), &person);
    let mut found: Vec<Applicable> = Vec::new();
    for range in &fitting {
        let read = read(range);
        if let Some(read) = read
            && !found.contains(&read)
        {
            found.push(read);
        }
    }
    match found.len() {
        0 if !reading.ranges().is_empty() && fitting.is_empty() => usual(
            test,
            &person,
            Some("The ranges that came with this result are for other people."),
        ),
        0 => usual(test, &person, None),
        1 => found.remove(0),
        _ => Applicable::Several,
    }
}

struct Whom {
    age: Option<i32>,
    sex: Option<Sex>,
    pregnant: bool,
}

/// The normal ranges that fit the person, those made for such a person before general ones.
fn most_specific<'r>(ranges: &'r [ReferenceRange], person: &Whom) -> Vec<&'r ReferenceRange> {
    let fitting: Vec<(&ReferenceRange, bool)> = ranges
        .iter()
        .filter(|range| range.kind.as_ref().is_none_or(is_normal_kind))
        .filter_map(|range| fits(range, person).map(|specific| (range, specific)))
        .collect();
    let any_specific = fitting.iter().any(|(_, specific)| *specific);
    fitting
        .into_iter()
        .filter(|(_, specific)| *specific || !any_specific)
        .map(|(range, _)| range)
        .collect()
}

fn is_normal_kind(kind: &Concept) -> bool {
    let code = kind.codings.iter().map(|coding| coding.code.as_str()).next();
    match code {
        Some(code) => matches!(code, "normal" | "recommended" | "type"),
        None => kind
            .text
            .as_deref()
            .is_none_or(|text| fold(text).contains("normal") || fold(text).contains("reference")),
    }
}

/// `None`: not for this person; `Some(true)`: made for such a person; `Some(false)`: for everybody.
fn fits(range: &ReferenceRange, person: &Whom) -> Option<bool> {
    let mut specific = false;
    if range.age_low_years.is_some() || range.age_high_years.is_some() {
        let age = f64::from(person.age?);
        // An upper age of 18 years means "up to 18", so a whole-year age of 18 no longer fits where another begins.
        let fits_low = range.age_low_years.is_none_or(|low| age >= low);
        let fits_high = range
            .age_high_years
            .is_none_or(|high| age < high || (age - high).abs() < f64::EPSILON && range.age_low_years.is_some());
        if !(fits_low && fits_high) {
            return None;
        }
        specific = true;
    }
    for whom in &range.applies_to {
        match group_of(whom) {
            Some(Group::Female) if person.sex == Some(Sex::Female) => specific = true,
            Some(Group::Male) if person.sex == Some(Sex::Male) => specific = true,
            Some(Group::Pregnant) if person.pregnant => specific = true,
            Some(Group::Everybody) => {}
            // For another group, or for one that the chart cannot confirm.
            Some(_) | None => return None,
        }
    }
    Some(specific)
}

enum Group {
    Female,
    Male,
    Pregnant,
    Everybody,
}

fn group_of(concept: &Concept) -> Option<Group> {
    let codes = concept.codings.iter().map(|coding| coding.code.as_str());
    for code in codes {
        match code {
            "248152002" | "female" | "F" => return Some(Group::Female),
            "248153007" | "male" | "M" => return Some(Group::Male),
            "77386006" => return Some(Group::Pregnant),
            _ => {}
        }
    }
    let words = crate::domain::text::words(concept.name());
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    if has(&["pregnant", "pregnancy"]) {
        Some(Group::Pregnant)
    } else if has(&["female", "females", "woman", "women", "girls"]) {
        Some(Group::Female)
    } else if has(&["male", "males", "man", "men", "boys"]) {
        Some(Group::Male)
    } else if has(&["all", "adult", "adults", "normal", "general"]) {
        Some(Group::Everybody)
    } else {
        None
    }
}

/// The bounds of a range, from its quantities or its text; `None` where it says nothing.
fn read(range: &ReferenceRange) -> Option<Applicable> {
    let bound = |quantity: &Quantity| Bound {
        value: quantity.value,
        inclusive: true,
        text: plain::recorded(quantity),
    };
    if range.low.is_some() || range.high.is_some() {
        let unit = range
            .low
            .as_ref()
            .or(range.high.as_ref())
            .and_then(units::ucum_of)
            .map(str::to_owned);
        let mut bounds = Bounds {
            low: range.low.as_ref().map(bound),
            high: range.high.as_ref().map(bound),
            ucum: unit,
        };
        // "<5.7" is sometimes sent as a high bound with a comparator.
        if let (Some(high), Some("<")) = (
            &mut bounds.high,
            range.high.as_ref().and_then(|q| q.comparator.as_deref()),
        ) {
            high.inclusive = false;
        }
        if let (Some(low), Some(">")) = (
            &mut bounds.low,
            range.low.as_ref().and_then(|q| q.comparator.as_deref()),
        ) {
            low.inclusive = false;
        }
        let turned = matches!((&bounds.low, &bounds.high), (Some(low), Some(high)) if low.value > high.value);
        return (!turned).then_some(Applicable::Came(bounds));
    }
    let text = range.text.as_deref()?;
    Some(parse(text).map_or_else(|| Applicable::CameAsText(text.to_owned()), Applicable::Came))
}

/// Reads a range written as text: "4.0-5.6", "4.0 to 5.6 %", "<5.7", "> 60", ">=60 mL/min", "up to 40",
/// "60 or more". `None` where the text is anything else; nothing is guessed.
#[must_use]
pub fn parse(text: &str) -> Option<Bounds> {
    let text = fold(text);
    let text = text.trim().trim_start_matches(['(', '[']).trim_end_matches([')', ']']);
    for (sign, low, inclusive) in [
        ("<=", false, true),
        ("≤", false, true),
        (">=", true, true),
        ("≥", true, true),
        ("<", false, false),
        (">", true, false),
        ("less than ", false, false),
        ("below ", false, false),
        ("under ", false, false),
        ("up to ", false, true),
        ("greater than ", true, false),
        ("more than ", true, false),
        ("above ", true, false),
        ("over ", true, false),
        ("at least ", true, true),
    ] {
        if let Some(rest) = text.strip_prefix(sign) {
            let (value, digits, rest) = leading_number(rest.trim_start())?;
            return one_ended(value, digits, low, inclusive, rest);
        }
    }
    let (first, first_text, rest) = leading_number(text)?;
    let rest = rest.trim_start();
    for (ending, low) in [
        ("or more", true),
        ("or higher", true),
        ("or above", true),
        ("or less", false),
        ("or lower", false),
        ("or below", false),
    ] {
        if let Some(at) = rest.find(ending) {
            let unit = rest.get(..at)?;
            return one_ended(first, first_text, low, true, unit);
        }
    }
    // "4.0 % - 5.6 %": a unit may stand after the first number too.
    let (between, after) = split_at_separator(rest)?;
    let (second, second_text, unit) = leading_number(after.trim_start())?;
    let known = unit_of(unit)?;
    let first_unit = unit_of(between)?;
    if first > second || first_unit.is_some() && first_unit != known {
        return None;
    }
    let bound = |value, text: &str| Bound {
        value,
        inclusive: true,
        text: text.to_owned(),
    };
    Some(Bounds {
        low: Some(bound(first, first_text)),
        high: Some(bound(second, second_text)),
        ucum: known,
    })
}

fn split_at_separator(rest: &str) -> Option<(&str, &str)> {
    rest.split_once(" to ")
        .or_else(|| rest.strip_prefix("to ").map(|after| ("", after)))
        .or_else(|| rest.split_once('-'))
}

fn one_ended(value: f64, text: &str, low: bool, inclusive: bool, rest: &str) -> Option<Bounds> {
    let bound = Some(Bound {
        value,
        inclusive,
        text: text.to_owned(),
    });
    let ucum = unit_of(rest)?;
    Some(if low {
        Bounds {
            low: bound,
            high: None,
            ucum,
        }
    } else {
        Bounds {
            low: None,
            high: bound,
            ucum,
        }
    })
}

/// `Some(None)`: no unit stands there; `Some(Some(ucum))`: a known one; `None`: something else.
fn unit_of(text: &str) -> Option<Option<String>> {
    let text = text.trim().trim_end_matches(['.', ',', ';']);
    if text.is_empty() {
        return Some(None);
    }
    knowledge().unit(text).map(|unit| Some(unit.ucum.clone()))
}

/// The number at the start of a text, its digits and the rest.
fn leading_number(text: &str) -> Option<(f64, &str, &str)> {
    let mut end = 0;
    let mut dot = false;
    for (at, c) in text.char_indices() {
        let good = c.is_ascii_digit() || (at == 0 && c == '-') || (c == '.' && !dot && at > 0);
        if !good {
            break;
        }
        dot |= c == '.';
        end = at + c.len_utf8();
    }
    let digits = text.get(..end)?;
    let digits = digits.strip_suffix('.').unwrap_or(digits);
    let value: f64 = digits.parse().ok()?;
    Some((value, digits, text.get(digits.len()..)?))
}

/// The usual range of a test for this person.
fn usual(test: Option<&Test>, person: &Whom, why: Option<&str>) -> Applicable {
    let Some(test) = test else {
        return Applicable::None(why.map(str::to_owned));
    };
    let ranges: Vec<&UsualRange> = knowledge()
        .ranges
        .iter()
        .filter(|range| range.test == test.key)
        .collect();
    if ranges.is_empty() {
        return Applicable::None(test.no_range.clone().or_else(|| why.map(str::to_owned)));
    }
    if person.pregnant && ranges.iter().all(|range| !range.pregnancy) {
        return Applicable::None(Some("Usual ranges can be different in pregnancy.".to_owned()));
    }
    let Some(age) = person.age else {
        return Applicable::None(Some(
            "A usual range depends on age, and the chart does not say it exactly.".to_owned(),
        ));
    };
    let of_age = ranges
        .iter()
        .filter(|r| r.age_min.is_none_or(|min| age >= min) && r.age_max.is_none_or(|max| age <= max));
    let of_age: Vec<&&UsualRange> = of_age.collect();
    if of_age.is_empty() {
        return Applicable::None(Some("Usual ranges for adults do not fit this age.".to_owned()));
    }
    let Some(range) = of_age
        .iter()
        .find(|range| range.sex.is_none() || range.sex == person.sex)
    else {
        return Applicable::None(Some(
            "A usual range depends on sex, and the chart does not say it.".to_owned(),
        ));
    };
    let bound = |value: f64, inclusive| Bound {
        value,
        inclusive,
        text: plain::number(value),
    };
    let low = range
        .low
        .map(|value| bound(value, true))
        .or_else(|| range.above.map(|value| bound(value, false)));
    let high = range
        .high
        .map(|value| bound(value, true))
        .or_else(|| range.below.map(|value| bound(value, false)));
    Applicable::Usual(
        Bounds {
            low,
            high,
            ucum: Some(range.unit.clone()),
        },
        range.source.clone(),
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_written_as_text_are_read() {
        for (text, low, high, words) in [
            ("4.0-5.6", Some(4.0), Some(5.6), "4.0% to 5.6%"),
            ("4.0 – 5.6 %", Some(4.0), Some(5.6), "4.0% to 5.6%"),
            ("(4.0% to 5.6%)", Some(4.0), Some(5.6), "4.0% to 5.6%"),
            ("<5.7", None, Some(5.7), "below 5.7%"),
            (">= 60", Some(60.0), None, "60% or more"),
            ("60 or more", Some(60.0), None, "60% or more"),
            ("up to 40", None, Some(40.0), "40% or less"),
            ("-1.0 to 2.5", Some(-1.0), Some(2.5), "-1.0% to 2.5%"),
        ] {
            let found = parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(found.low.as_ref().map(|b| b.value), low, "{text}");
            assert_eq!(found.high.as_ref().map(|b| b.value), high, "{text}");
            assert_eq!(found.words("%"), words, "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_ranges_are_left_alone() {
        for text in [
            "Negative",
            "see note",
            "5.6-4.0",
            "4.0-5.6 (fasting)",
            "",
            "-",
            "1:40",
            "<",
            "M: 4-5 F: 3-4",
            "4-5-6",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn exclusive_bounds_do_not_hold_the_number_itself() {
        let range = parse("<5.7").unwrap();
        assert_eq!(range.standing(5.7, None), Standing::Above);
        assert_eq!(range.standing(5.69, None), Standing::Within);
        let range = parse("4.0-5.6").unwrap();
        assert_eq!(range.standing(5.6, None), Standing::Within);
        assert_eq!(range.standing(4.0, None), Standing::Within);
    }

    #[test]
    fn a_comparator_that_leaves_it_open_is_unclear() {
        let range = parse("10-20").unwrap();
        assert_eq!(range.standing(5.0, Some("<")), Standing::Below);
        assert_eq!(range.standing(15.0, Some("<")), Standing::Unclear);
        assert_eq!(range.standing(25.0, Some(">")), Standing::Above);
        assert_eq!(range.standing(15.0, Some(">")), Standing::Unclear);
        assert_eq!(parse("<20").unwrap().standing(5.0, Some("<")), Standing::Within);
        assert_eq!(parse(">60").unwrap().standing(60.0, Some(">")), Standing::Within);
        assert_eq!(parse("<10").unwrap().standing(10.0, Some("<")), Standing::Within);
        assert_eq!(parse("10 or more").unwrap().standing(10.0, Some("<")), Standing::Below);
    }

    proptest! {
        #[test]
        fn any_text_is_a_range_or_not_without_panicking(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }

        #[test]
        fn a_printed_range_is_read_back(low in -500i32..500, width in 0i32..500) {
            let (low, high) = (f64::from(low) / 10.0, f64::from(low + width) / 10.0);
            let found = parse(&format!("{low:.1} to {high:.1}")).unwrap();
            prop_assert_eq!(found.low.unwrap().value, low);
            prop_assert_eq!(found.high.unwrap().value, high);
        }

        #[test]
        fn exactly_one_standing_holds(value in -100.0f64..100.0, low in -50.0f64..0.0, high in 0.0f64..50.0) {
            let bound = |value: f64| Some(Bound { value, inclusive: true, text: value.to_string() });
            let bounds = Bounds { low: bound(low), high: bound(high), ucum: None };
            let expected = if value < low { Standing::Below } else if value > high { Standing::Above } else { Standing::Within };
            prop_assert_eq!(bounds.standing(value, None), expected);
        }
    }
}
