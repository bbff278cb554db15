//! Dates, numbers and lists as a patient reads them. Pure wording; must not decide anything.

use super::knowledge::knowledge;
use crate::domain::chart::{Concept, DatePrecision, FhirDate, Quantity};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// "March 3, 2026", "March 2026" or "2026", as exact as the record is; `None` where it is no date.
#[must_use]
pub fn date(date: &FhirDate) -> Option<String> {
    let day = date.first_day()?;
    let month = usize::try_from(day.month() - 1)
        .ok()
        .and_then(|index| MONTHS.get(index))?;
    Some(match date.precision()? {
        DatePrecision::Day => format!("{month} {}, {}", day.day(), day.year()),
        DatePrecision::Month => format!("{month} {}", day.year()),
        DatePrecision::Year => day.year().to_string(),
    })
}

/// "on March 3, 2026" or "in March 2026"; "on an unknown date" where there is none.
#[must_use]
pub fn on_date(when: Option<&FhirDate>) -> String {
    let words = when.and_then(|found| date(found).map(|text| (found.precision(), text)));
    match words {
        Some((Some(DatePrecision::Day), text)) => format!("on {text}"),
        Some((_, text)) => format!("in {text}"),
        None => "on an unknown date".to_owned(),
    }
}

/// "since March 2021", where known.
#[must_use]
pub fn since(when: Option<&FhirDate>) -> Option<String> {
    when.and_then(date).map(|text| format!("since {text}"))
}

/// The time of day as recorded ("10:30 AM"), where the record has one.
#[must_use]
pub fn time_of_day(when: &FhirDate) -> Option<String> {
    let time = when.0.split_once('T')?.1;
    let mut parts = time.split(':');
    let hour: u8 = parts.next()?.parse().ok()?;
    let minute: u8 = parts.next()?.get(..2)?.parse().ok()?;
    let (shown, half) = match hour {
        0 => (12, "AM"),
        1..=11 => (hour, "AM"),
        12 => (12, "PM"),
        _ => (hour - 12, "PM"),
    };
    Some(format!("{shown}:{minute:02} {half}"))
}

/// A computed number, rounded to what matters: whole from 100 up, one decimal from 10 up (`12.5`), else two; no
/// trailing zeros.
#[must_use]
pub fn number(value: f64) -> String {
    let decimals = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        2
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A recorded number: as written, unless the sender wrote more than two decimals (a computed value); then rounded.
#[must_use]
pub fn recorded(quantity: &Quantity) -> String {
    let decimals = quantity.value_text.split_once('.').map_or(0, |(_, after)| after.len());
    if decimals > 2 || quantity.value_text.contains(['e', 'E']) {
        number(quantity.value)
    } else {
        quantity.value_text.clone()
    }
}

/// A quantity with its comparator and unit: "less than 5 mg/dL", "6.1%".
#[must_use]
pub fn quantity(quantity: &Quantity) -> String {
    let before = match quantity.comparator.as_deref() {
        Some("<") => "less than ",
        Some("<=") => "at most ",
        Some(">=") => "at least ",
        Some(">") => "more than ",
        _ => "",
    };
    with_unit(
        &format!("{before}{}", recorded(quantity)),
        &super::units::shown(quantity),
    )
}

/// A number text with its unit; "%" and degrees stand close.
#[must_use]
pub fn with_unit(number: &str, unit: &str) -> String {
    match unit {
        "" => number.to_owned(),
        "%" => format!("{number}%"),
        _ => format!("{number} {unit}"),
    }
}

/// "a, b and c".
#[must_use]
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The text with its first letter in upper case.
#[must_use]
pub fn capital(text: &str) -> String {
    // "eGFR" and "pH" keep their own form.
    if text.chars().nth(1).is_some_and(char::is_uppercase) {
        return text.to_owned();
    }
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The text closed by a full stop.
#[must_use]
pub fn sentence(text: &str) -> String {
    let text = capital(text.trim());
    if text.ends_with(['.', '!', '?']) {
        text
    } else {
        format!("{text}.")
    }
}

/// The record's own words in quotation marks, closed as a sentence; the words themselves are not touched.
#[must_use]
pub fn quoted(words: &str) -> String {
    let words = words.trim();
    if words.ends_with(['.', '!', '?']) {
        format!("\"{words}\"")
    } else {
        format!("\"{words}\".")
    }
}

/// A computed change, to two digits that matter.
#[must_use]
pub fn rough(value: f64) -> String {
    let size = value.abs();
    let decimals = if size >= 10.0 {
        0
    } else if size >= 1.0 {
        1
    } else {
        2
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A SNOMED display without the tag of its hierarchy ("(disorder)", "(procedure)").
#[must_use]
pub fn without_tag(name: &str) -> &str {
    let name = name.trim();
    match name.rfind(" (") {
        Some(at) if name.ends_with(')') => {
            let tag = name.get(at + 2..name.len() - 1).unwrap_or_default();
            let known = [
                "disorder",
                "finding",
                "procedure",
                "situation",
                "regime/therapy",
                "product",
                "qualifier value",
                "substance",
                "observable entity",
                "event",
                "morphologic abnormality",
                "body structure",
                "occupation",
                "person",
                "record artifact",
                "environment",
                "physical object",
                "specimen",
                "medicinal product",
                "clinical drug",
            ];
            if known.contains(&tag) {
                name.get(..at).unwrap_or(name)
            } else {
                name
            }
        }
        _ => name,
    }
}

/// Words of a recorded name that change what it says; a plain name without them would say too much.
const QUALIFIERS: [&str; 12] = [
    "subclinical",
    "suspected",
    "possible",
    "probable",
    "rule out",
    "family history",
    "history of",
    "at risk",
    "risk of",
    "screening",
    "borderline",
    "exposure to",
];

/// The name of a condition to show: plain where it is known, else as recorded; as recorded also where the record
/// qualifies it ("subclinical", "history of") and the plain name does not know of that.
#[must_use]
pub fn condition_name(concept: &Concept) -> String {
    let recorded = without_tag(concept.name());
    let Some(known) = knowledge().condition_of(concept) else {
        return recorded.to_owned();
    };
    let folded = crate::domain::text::fold(recorded);
    let qualified = QUALIFIERS.iter().any(|word| {
        super::knowledge::contains_word(&folded, word) && !known.words.iter().any(|own| own.contains(word))
    });
    if qualified {
        recorded.to_owned()
    } else {
        known.plain.clone()
    }
}

/// The name of a test to show.
#[must_use]
pub fn test_name(concept: &Concept) -> String {
    knowledge()
        .test_of(concept)
        .map_or_else(|| loinc_name(concept.name()), |test| test.name.clone())
}

/// The name of a vaccine to show.
#[must_use]
pub fn vaccine_name(concept: &Concept) -> String {
    knowledge()
        .vaccine_of(concept)
        .map_or_else(|| concept.name().to_owned(), |vaccine| vaccine.plain.clone())
}

/// A LOINC display without the parts in brackets that are not for patients.
fn loinc_name(name: &str) -> String {
    let name = without_tag(name);
    name.split(" [").next().unwrap_or(name).trim().to_owned()
}

/// How long before or after `today`: "3 weeks ago", "in 2 days", "today".
#[must_use]
pub fn distance(day: jiff::civil::Date, today: jiff::civil::Date) -> String {
    let days = days_between(today, day);
    let (count, unit) = match days.abs() {
        0 => return "today".to_owned(),
        1 => return if days > 0 { "tomorrow" } else { "yesterday" }.to_owned(),
        count @ 2..=20 => (count, "day"),
        count @ 21..=60 => (count / 7, "week"),
        count @ 61..=729 => (count * 2 / 61, "month"),
        // A quarter of a day a year: rounded so that an anniversary counts.
        count => ((count * 100 + 200) / 36_525, "year"),
    };
    let plural = if count == 1 { "" } else { "s" };
    if days > 0 {
        format!("in {count} {unit}{plural}")
    } else {
        format!("{count} {unit}{plural} ago")
    }
}

/// Days from `from` to `to`.
#[must_use]
pub fn days_between(from: jiff::civil::Date, to: jiff::civil::Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn day(text: &str) -> jiff::civil::Date {
        text.parse().unwrap()
    }

    #[test]
    fn dates_are_as_exact_as_the_record() {
        for (text, words) in [
            ("2026-03-03T23:59:00-08:00", "on March 3, 2026"),
            ("2026-03", "in March 2026"),
            ("2026", "in 2026"),
        ] {
            assert_eq!(on_date(Some(&FhirDate(text.to_owned()))), words);
        }
        assert_eq!(on_date(None), "on an unknown date");
        assert_eq!(
            time_of_day(&FhirDate("2026-03-03T13:05:00Z".to_owned())).as_deref(),
            Some("1:05 PM")
        );
        assert_eq!(time_of_day(&FhirDate("2026-03-03".to_owned())), None);
    }

    #[test]
    fn numbers_are_rounded_only_where_the_sender_computed_them() {
        let quantity = |text: &str| Quantity {
            value: text.parse().unwrap(),
            value_text: text.to_owned(),
            comparator: None,
            unit: Some("cm".to_owned()),
            ucum: None,
        };
        assert_eq!(recorded(&quantity("169.0908410370013")), "169");
        assert_eq!(recorded(&quantity("6.10")), "6.10");
        assert_eq!(recorded(&quantity("3.111693546387877")), "3.11");
        assert_eq!(number(12.0), "12");
        assert_eq!(number(100.0), "100");
        assert_eq!(number(-0.25), "-0.25");
    }

    #[test]
    fn distances_are_in_the_unit_a_person_would_use() {
        assert_eq!(distance(day("2026-03-01"), day("2026-03-01")), "today");
        assert_eq!(distance(day("2026-03-08"), day("2026-03-01")), "in 7 days");
        assert_eq!(distance(day("2025-03-01"), day("2026-03-01")), "11 months ago");
        assert_eq!(distance(day("2016-03-01"), day("2026-03-01")), "10 years ago");
    }

    #[test]
    fn a_qualified_condition_keeps_its_own_name() {
        let name = |code: &str, text: &str| {
            let coding = crate::domain::chart::Coding {
                system: Some(crate::domain::chart::SNOMED.to_owned()),
                code: code.to_owned(),
                display: None,
            };
            condition_name(&Concept {
                codings: vec![coding],
                text: Some(text.to_owned()),
            })
        };
        assert_eq!(name("40930008", "Hypothyroidism (disorder)"), "underactive thyroid");
        assert_eq!(
            name("40930008", "Subclinical Hypothyroidism"),
            "Subclinical Hypothyroidism"
        );
        assert_eq!(
            name("428251008", "History of appendectomy (situation)"),
            "appendix removed in the past"
        );
    }

    #[test]
    fn snomed_tags_go_and_other_brackets_stay() {
        assert_eq!(without_tag("Viral sinusitis (disorder)"), "Viral sinusitis");
        assert_eq!(
            without_tag("Advanced Maternal Age (42yo)"),
            "Advanced Maternal Age (42yo)"
        );
    }
}
