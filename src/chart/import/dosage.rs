//! How a medicine is taken, exactly as the chart says. Where the chart has text, that text; where it has only
//! coded fields, those fields one after the other. Must not round, complete or improve anything.

use super::elements;
use super::error::ImportError;
use super::node::Node;
use crate::domain::chart::Quantity;

type Read<T> = Result<T, ImportError>;

/// The instructions of the Dosage list at `key`, in order of their sequence.
pub fn instructions(node: &Node<'_>, key: &'static str) -> Read<Vec<String>> {
    let mut found = Vec::new();
    for (index, dosage) in node.objects(key)?.iter().enumerate() {
        let place = dosage
            .integer("sequence")?
            .unwrap_or(i64::try_from(index).unwrap_or(i64::MAX));
        let patient = elements::clean(dosage.text("patientInstruction")?);
        let text = match elements::clean(dosage.text("text")?) {
            Some(text) => Some(text),
            None if patient.is_some() => None,
            None => coded(dosage)?,
        };
        let mut parts: Vec<String> = text.into_iter().collect();
        parts.extend(patient.filter(|words| !parts.contains(words)));
        for extra in elements::concepts_at(dosage, "additionalInstruction")? {
            let words = extra.name().to_owned();
            if !parts.iter().any(|part| part.contains(&words)) {
                parts.push(words);
            }
        }
        if !parts.is_empty() {
            found.push((place, parts.join(" ")));
        }
    }
    found.sort_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, text)| text).collect())
}

/// The coded fields in words: "1 tablet, 2 times per 1 day, as needed."
fn coded(dosage: &Node<'_>) -> Read<Option<String>> {
    let mut parts = Vec::new();
    for dose in dosage.objects("doseAndRate")? {
        if let Some(amount) = elements::quantity_at(&dose, "doseQuantity")? {
            parts.push(amount_words(&amount));
        } else if let Some(range) = dose.object("doseRange")? {
            let low = elements::quantity_at(&range, "low")?
                .map(|q| amount_words(&q))
                .unwrap_or_default();
            let high = elements::quantity_at(&range, "high")?
                .map(|q| amount_words(&q))
                .unwrap_or_default();
            parts.push(format!("{low} to {high}"));
        }
    }
    if let Some(route) = elements::concept_at(dosage, "route")? {
        parts.push(route.name().to_owned());
    }
    if let Some(rule) = dosage.object("timing")? {
        parts.extend(timing(&rule)?);
    }
    if dosage.boolean("asNeededBoolean")? == Some(true) {
        parts.push("as needed".to_owned());
    }
    if let Some(reason) = elements::concept_at(dosage, "asNeededCodeableConcept")? {
        parts.push(format!("as needed for {}", reason.name()));
    }
    Ok((!parts.is_empty()).then(|| parts.join(", ")))
}

fn amount_words(amount: &Quantity) -> String {
    let unit = amount.unit.as_deref().unwrap_or("dose");
    format!("{} {unit}", amount.value_text)
}

/// A Timing in words: its text, else "2 times per 1 day".
pub fn timing(timing: &Node<'_>) -> Read<Option<String>> {
    if let Some(code) = elements::concept_at(timing, "code")?
        && let Some(text) = code.text
    {
        return Ok(Some(text));
    }
    let Some(repeat) = timing.object("repeat")? else {
        return Ok(None);
    };
    let Some((_, period)) = repeat.number("period")? else {
        return Ok(None);
    };
    let unit = match repeat.text("periodUnit")? {
        Some("s") => "second",
        Some("min") => "minute",
        Some("h") => "hour",
        Some("d") => "day",
        Some("wk") => "week",
        Some("mo") => "month",
        Some("a") => "year",
        _ => return Ok(None),
    };
    let frequency = repeat.integer("frequency")?.unwrap_or(1);
    let times = if frequency == 1 {
        "1 time".to_owned()
    } else {
        format!("{frequency} times")
    };
    let each = if period == "1" {
        format!("each {unit}")
    } else {
        format!("every {period} {unit}s")
    };
    Ok(Some(format!("{times} {each}")))
}
