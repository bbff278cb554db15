//! FHIR R4 data types → the words of `domain::chart`. Must not know any resource.

use super::error::ImportError;
use super::node::Node;
use crate::domain::chart::{Coding, Concept, DatePrecision, FhirDate, Quantity, ReferenceRange, Value};

type Read<T> = Result<T, ImportError>;

/// A CodeableConcept.
pub fn concept(node: &Node<'_>) -> Read<Concept> {
    let codings = node.objects("coding")?.iter().map(coding).collect::<Read<Vec<_>>>()?;
    Ok(Concept {
        codings: codings.into_iter().flatten().collect(),
        text: clean(node.text("text")?),
    })
}

/// The CodeableConcept at `key`.
pub fn concept_at(node: &Node<'_>, key: &'static str) -> Read<Option<Concept>> {
    node.object(key)?.as_ref().map(concept).transpose()
}

/// The CodeableConcepts of the list at `key`.
pub fn concepts_at(node: &Node<'_>, key: &'static str) -> Read<Vec<Concept>> {
    node.objects(key)?.iter().map(concept).collect()
}

/// A Coding; `None` where it has neither code nor display.
pub fn coding(node: &Node<'_>) -> Read<Option<Coding>> {
    let display = clean(node.text("display")?);
    let code = node.text("code")?.map(|code| code.trim().to_owned());
    let system = node.owned("system")?;
    if code.is_none() && display.is_none() {
        return Ok(None);
    }
    Ok(Some(Coding {
        system,
        code: code.unwrap_or_default(),
        display,
    }))
}

/// The first code of the CodeableConcept at `key` (a status), else its text.
pub fn status_code(node: &Node<'_>, key: &'static str) -> Read<Option<String>> {
    let Some(concept) = concept_at(node, key)? else {
        return Ok(None);
    };
    let code = concept
        .codings
        .into_iter()
        .map(|coding| coding.code)
        .find(|code| !code.is_empty());
    Ok(code.or(concept.text))
}

/// Text for people: zero-width characters go (some senders put them into display names), white space is trimmed.
pub fn clean(text: Option<&str>) -> Option<String> {
    let text: String = text?
        .chars()
        .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}'))
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The date at `key`, of any precision, checked.
pub fn date(node: &Node<'_>, key: &'static str) -> Read<Option<FhirDate>> {
    let Some(found) = node.field(key)? else {
        return Ok(None);
    };
    let date = FhirDate(found.as_text()?.trim().to_owned());
    if date.0.is_empty() {
        return Ok(None);
    }
    if is_date(&date) {
        Ok(Some(date))
    } else {
        Err(found.invalid("is not a FHIR date"))
    }
}

/// Whether the text is a FHIR date, dateTime or instant: `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, or the last with a time
/// and an optional zone (FHIR asks for the zone; senders forget it).
#[must_use]
pub fn is_date(date: &FhirDate) -> bool {
    let Some(precision) = date.precision() else {
        return false;
    };
    let text = date.0.as_str();
    let Some((day, time)) = text.split_once('T') else {
        return matches!(
            (text.len(), precision),
            (4, DatePrecision::Year) | (7, DatePrecision::Month) | (10, DatePrecision::Day)
        );
    };
    if precision != DatePrecision::Day || day.len() != 10 {
        return false;
    }
    if text.parse::<jiff::Timestamp>().is_ok() {
        return true;
    }
    time.parse::<jiff::civil::Time>().is_ok()
}

/// Start and end of the Period at `key`.
pub fn period(node: &Node<'_>, key: &'static str) -> Read<(Option<FhirDate>, Option<FhirDate>)> {
    match node.object(key)? {
        None => Ok((None, None)),
        Some(period) => Ok((date(&period, "start")?, date(&period, "end")?)),
    }
}

/// A Quantity; `None` where it has no value.
pub fn quantity(node: &Node<'_>) -> Read<Option<Quantity>> {
    let Some((value, value_text)) = node.number("value")? else {
        return Ok(None);
    };
    let comparator = node.owned("comparator")?;
    if let (Some(text), Some(found)) = (comparator.as_deref(), node.field("comparator")?)
        && !matches!(text, "<" | "<=" | ">=" | ">")
    {
        return Err(found.invalid("is not a comparator"));
    }
    let code = node.owned("code")?;
    let system = node.text("system")?;
    let ucum = code.filter(|_| system.is_none_or(|system| system == crate::domain::chart::UCUM));
    let unit = clean(node.text("unit")?).or_else(|| ucum.clone());
    Ok(Some(Quantity {
        value,
        value_text,
        comparator,
        unit,
        ucum,
    }))
}

/// The Quantity at `key`.
pub fn quantity_at(node: &Node<'_>, key: &'static str) -> Read<Option<Quantity>> {
    match node.object(key)? {
        None => Ok(None),
        Some(found) => quantity(&found),
    }
}

/// An age or duration in years; `None` for units that are none.
fn years(quantity: &Quantity) -> Option<f64> {
    let unit = quantity.ucum.as_deref().or(quantity.unit.as_deref())?;
    match unit.trim().to_lowercase().as_str() {
        "a" | "y" | "yr" | "yrs" | "year" | "years" => Some(quantity.value),
        "mo" | "month" | "months" => Some(quantity.value / 12.0),
        "wk" | "w" | "week" | "weeks" => Some(quantity.value * 7.0 / 365.25),
        "d" | "day" | "days" => Some(quantity.value / 365.25),
        _ => None,
    }
}

/// The age at `key`, in years.
pub fn age_years(node: &Node<'_>, key: &'static str) -> Read<Option<f64>> {
    Ok(quantity_at(node, key)?.as_ref().and_then(years))
}

/// The `value[x]` of an Observation or one of its components.
pub fn value(node: &Node<'_>) -> Read<Option<Value>> {
    let Some(key) = node.keys().find(|key| key.starts_with("value")) else {
        return Ok(None);
    };
    Ok(match key {
        "valueQuantity" => quantity_at(node, "valueQuantity")?.map(Value::Quantity),
        "valueCodeableConcept" => concept_at(node, "valueCodeableConcept")?
            .filter(|c| *c != Concept::default())
            .map(Value::Concept),
        "valueString" => clean(node.text("valueString")?).map(Value::Text),
        "valueBoolean" => node.boolean("valueBoolean")?.map(Value::Boolean),
        "valueInteger" => node.integer("valueInteger")?.map(Value::Integer),
        "valueRange" => match node.object("valueRange")? {
            None => None,
            Some(range) => Some(Value::Range {
                low: quantity_at(&range, "low")?,
                high: quantity_at(&range, "high")?,
            }),
        },
        "valueDateTime" => date(node, "valueDateTime")?.map(Value::Date),
        "valueTime" => clean(node.text("valueTime")?).map(|time| Value::Date(FhirDate(time))),
        other => Some(Value::Other(other.to_owned())),
    })
}

/// The `referenceRange` list.
pub fn ranges(node: &Node<'_>) -> Read<Vec<ReferenceRange>> {
    node.objects("referenceRange")?.iter().map(range).collect()
}

fn range(node: &Node<'_>) -> Read<ReferenceRange> {
    let age = node.object("age")?;
    let (age_low_years, age_high_years) = match &age {
        None => (None, None),
        Some(age) => (age_years(age, "low")?, age_years(age, "high")?),
    };
    Ok(ReferenceRange {
        low: quantity_at(node, "low")?,
        high: quantity_at(node, "high")?,
        text: clean(node.text("text")?),
        kind: concept_at(node, "type")?,
        applies_to: concepts_at(node, "appliesTo")?,
        age_low_years,
        age_high_years,
    })
}

/// The texts of the Annotation list at `key`.
pub fn notes(node: &Node<'_>, key: &'static str) -> Read<Vec<String>> {
    let mut texts = Vec::new();
    for note in node.objects(key)? {
        texts.extend(clean(note.text("text")?));
    }
    Ok(texts)
}

/// The codes of `meta.security`.
pub fn security(node: &Node<'_>) -> Read<Vec<String>> {
    let Some(meta) = node.object("meta")? else {
        return Ok(Vec::new());
    };
    let codings = meta.objects("security")?.iter().map(coding).collect::<Read<Vec<_>>>()?;
    Ok(codings
        .into_iter()
        .flatten()
        .map(|coding| coding.code)
        .filter(|code| !code.is_empty())
        .collect())
}

/// An onset or an end: the date of `<key>DateTime` or the start of `<key>Period`, and the words where it is an
/// age, a range or text.
pub fn when(node: &Node<'_>, keys: &WhenKeys) -> Read<(Option<FhirDate>, Option<String>)> {
    if let Some(found) = date(node, keys.date_time)? {
        return Ok((Some(found), None));
    }
    let (start, end) = period(node, keys.period)?;
    if let Some(found) = start.or(end) {
        return Ok((Some(found), None));
    }
    if let Some(text) = clean(node.text(keys.string)?) {
        return Ok((None, Some(text)));
    }
    if let Some(age) = quantity_at(node, keys.age)? {
        let words = years(&age).map_or_else(
            || format!("at age {} {}", age.value_text, age.unit.as_deref().unwrap_or_default()),
            |years| {
                if years >= 2.0 {
                    format!("at age {}", years.floor())
                } else {
                    format!("at age {} months", (years * 12.0).round())
                }
            },
        );
        return Ok((None, Some(words.trim().to_owned())));
    }
    Ok((None, None))
}

/// The names a choice-of-time element has.
pub struct WhenKeys {
    /// `onsetDateTime`
    pub date_time: &'static str,
    /// `onsetPeriod`
    pub period: &'static str,
    /// `onsetString`
    pub string: &'static str,
    /// `onsetAge`
    pub age: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_of_every_precision_are_read_and_others_refused() {
        for good in [
            "2021",
            "2021-04",
            "2021-04-09",
            "2021-04-09T10:00:00+02:00",
            "2021-04-09T10:00:00.123Z",
            "2021-04-09T10:00:00",
            "2020-02-29",
        ] {
            assert!(is_date(&FhirDate(good.to_owned())), "{good}");
        }
        for bad in [
            "",
            "21",
            "2021-4-9",
            "2021-13",
            "2021-02-29",
            "2021-04-31",
            "2021-04-09T",
            "2021-04-09Tnoon",
            "2021T10:00:00Z",
            "soon",
            "2021-04-09 10:00",
        ] {
            assert!(!is_date(&FhirDate(bad.to_owned())), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_date_or_not_without_panicking(text in "\\PC{0,30}") {
            let date = FhirDate(text);
            let _ = is_date(&date);
            let _ = date.instant_millis();
        }

        #[test]
        fn every_calendar_day_is_a_date_and_sorts_by_time(year in 1850i16..2100, month in 1i8..=12, day in 1i8..=28) {
            let date = FhirDate(format!("{year:04}-{month:02}-{day:02}"));
            prop_assert!(is_date(&date));
            let next = FhirDate(format!("{year:04}-{month:02}-{:02}", day + 1));
            prop_assert!(!is_date(&next) || next.instant_millis() > date.instant_millis());
            let evening = FhirDate(format!("{year:04}-{month:02}-{day:02}T23:30:00Z"));
            prop_assert!(evening.instant_millis() > date.instant_millis());
        }
    }
}
