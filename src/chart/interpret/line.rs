//! One measured value against its range. Must not look at other results.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::range::{Applicable, Bounds, Standing, applicable};
use crate::chart::knowledge::{CriticalValue, Test, knowledge};
use crate::chart::records::{self, Reading};
use crate::chart::{plain, units};
use crate::domain::Urgency;
use crate::domain::chart::{Chart, FhirDate, Quantity, Value};
use crate::domain::text::fold;

/// Where a range comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RangeOrigin {
    /// The laboratory sent it with the result.
    CameWithResult,
    /// A usual range from a public source.
    Usual,
}

/// A range as a page shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RangeShown {
    /// In words: "4.0% to 5.6%".
    pub text: String,
    /// Lower end in the value's unit; open when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end in the value's unit; open when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Where it comes from.
    pub origin: RangeOrigin,
    /// The public source of a usual range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A value that needs care soon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Critical {
    /// How soon.
    pub urgency: Urgency,
    /// The public source.
    pub source: String,
}

/// One measured value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResultLine {
    /// Plain name.
    pub name: String,
    /// Key of the known test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// Codes, `system|code`.
    pub codes: Vec<String>,
    /// The value as shown; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The number, in the recorded unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<f64>,
    /// The unit as shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The value in a unit that many patients know better ("180 pounds").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub also: Option<String>,
    /// Where it stands.
    pub standing: Standing,
    /// The range it was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<RangeShown>,
    /// What the laboratory itself said about it ("high"), where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub laboratory_says: Option<String>,
    /// Why it cannot be interpreted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_unclear: Option<String>,
    /// Whether the value needs care soon, whenever it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<Critical>,
}

/// Explains one reading.
#[must_use]
pub fn line(chart: &Chart, reading: &Reading<'_>, today: Date) -> ResultLine {
    let test = knowledge().test_of(reading.code());
    let mut line = ResultLine {
        name: plain::test_name(reading.code()),
        test: test.map(|test| test.key.clone()),
        codes: records::codes(reading.code()),
        value: reading.value().and_then(value_words),
        number: None,
        unit: None,
        also: None,
        standing: Standing::Unclear,
        range: None,
        laboratory_says: laboratory_says(reading),
        why_unclear: None,
        critical: None,
    };
    match reading.value() {
        None => line.why_unclear = Some(absent_words(reading)),
        Some(Value::Quantity(quantity)) => {
            line.number = Some(quantity.value);
            line.unit = Some(units::shown(quantity));
            line.also = also_shown(quantity, test);
            compare_number(&mut line, chart, reading, quantity, today);
            line.critical = critical(chart, reading, quantity, test, today);
        }
        Some(Value::Integer(number)) => {
            #[expect(clippy::cast_precision_loss, reason = "results are small numbers")]
            let value = *number as f64;
            line.number = Some(value);
            let quantity = Quantity {
                value,
                value_text: number.to_string(),
                comparator: None,
                unit: None,
                ucum: None,
            };
            compare_number(&mut line, chart, reading, &quantity, today);
        }
        Some(Value::Concept(concept)) => compare_text(&mut line, chart, reading, concept.name(), today),
        Some(Value::Text(text)) => compare_text(&mut line, chart, reading, text, today),
        Some(Value::Boolean(_) | Value::Range { .. } | Value::Date(_)) => {
            line.why_unclear = Some("This kind of result has no range.".to_owned());
        }
        Some(Value::Other(_)) => {
            line.why_unclear = Some("This result came in a form that cannot be shown here.".to_owned());
        }
    }
    line
}

/// The value as a patient reads it.
#[must_use]
pub fn value_words(value: &Value) -> Option<String> {
    Some(match value {
        Value::Quantity(quantity) => plain::quantity(quantity),
        Value::Concept(concept) => plain::without_tag(concept.name()).to_owned(),
        Value::Text(text) => text.clone(),
        Value::Boolean(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Range { low, high } => match (low, high) {
            (Some(low), Some(high)) => format!("{} to {}", plain::recorded(low), plain::quantity(high)),
            (Some(low), None) => format!("{} or more", plain::quantity(low)),
            (None, Some(high)) => format!("{} or less", plain::quantity(high)),
            (None, None) => return None,
        },
        Value::Date(date) => plain::date(date).unwrap_or_else(|| date.0.clone()),
        Value::Other(_) => return None,
    })
}

fn absent_words(reading: &Reading<'_>) -> String {
    let reason = reading.absent().map(|concept| {
        let code = concept.codings.first().map(|coding| coding.code.as_str());
        match code {
            Some("not-performed") => "the test was not done".to_owned(),
            Some("error") => "there was a problem with the test".to_owned(),
            Some("asked-declined") => "you chose not to answer".to_owned(),
            Some("masked") => "it is not shown for privacy".to_owned(),
            Some("unknown" | "asked-unknown" | "temp-unknown") => "it is not known".to_owned(),
            _ => fold(concept.name()),
        }
    });
    reason.map_or_else(
        || "The record has no value.".to_owned(),
        |reason| format!("The record has no value: {reason}."),
    )
}

/// The sender's interpretation code in plain words.
fn laboratory_says(reading: &Reading<'_>) -> Option<String> {
    let concept = reading.interpretation().first()?;
    let code = concept.codings.first().map(|coding| coding.code.as_str());
    Some(match code {
        Some("H") => "high".to_owned(),
        Some("HH" | "HU") => "very high".to_owned(),
        Some("L") => "low".to_owned(),
        Some("LL" | "LU") => "very low".to_owned(),
        Some("N") => "normal".to_owned(),
        Some("A") => "not normal".to_owned(),
        Some("AA") => "very far from normal".to_owned(),
        Some("POS") => "positive".to_owned(),
        Some("NEG") => "negative".to_owned(),
        _ => concept.name().to_owned(),
    })
}

fn also_shown(quantity: &Quantity, test: Option<&Test>) -> Option<String> {
    let test = test?;
    let rule = knowledge().also_shown.iter().find(|rule| rule.test == test.key)?;
    let from = units::ucum_of(quantity).filter(|from| *from != rule.unit)?;
    let value = units::convert(quantity.value, from, &rule.unit, Some(test))?;
    let decimals = rule.decimals;
    Some(plain::with_unit(
        &format!("{value:.decimals$}"),
        &units::shown_code(&rule.unit),
    ))
}

fn compare_number(line: &mut ResultLine, chart: &Chart, reading: &Reading<'_>, quantity: &Quantity, today: Date) {
    let test = knowledge().test_of(reading.code());
    match applicable(chart, reading, test, today) {
        Applicable::Came(bounds) => compare(line, quantity, &bounds, (RangeOrigin::CameWithResult, None)),
        Applicable::Usual(bounds, source) => compare(line, quantity, &bounds, (RangeOrigin::Usual, Some(source))),
        Applicable::CameAsText(text) => {
            line.range = Some(RangeShown {
                text,
                low: None,
                high: None,
                origin: RangeOrigin::CameWithResult,
                source: None,
            });
            line.why_unclear =
                Some("The range that came with this result cannot be compared by a computer.".to_owned());
        }
        Applicable::Several => {
            line.why_unclear = Some(
                "Several ranges came with this result, and the chart does not say which one is for you.".to_owned(),
            );
        }
        Applicable::None(why) => line.why_unclear = why,
    }
}

fn compare(line: &mut ResultLine, quantity: &Quantity, bounds: &Bounds, origin: (RangeOrigin, Option<String>)) {
    let test = line.test.as_deref().and_then(|key| knowledge().test(key));
    let own = units::ucum_of(quantity);
    let factor = |value: f64| match (bounds.ucum.as_deref(), own) {
        // A bound without a unit is in the unit of the value it came with.
        (None, _) => Some(value),
        (Some(from), Some(to)) => units::convert(value, from, to, test),
        (Some(_), None) => None,
    };
    let low = bounds.low.as_ref().map(|bound| factor(bound.value));
    let high = bounds.high.as_ref().map(|bound| factor(bound.value));
    let unit = match (&bounds.ucum, own) {
        (Some(code), Some(own)) if code == own => units::shown(quantity),
        (Some(code), _) => units::shown_code(code),
        (None, _) => units::shown(quantity),
    };
    let text = bounds.words(&unit);
    let (range_origin, source) = origin;
    if low == Some(None) || high == Some(None) {
        line.range = Some(RangeShown {
            text,
            low: None,
            high: None,
            origin: range_origin,
            source,
        });
        line.why_unclear = Some("The result and its range are in different units that cannot be compared.".to_owned());
        return;
    }
    let mut own_bounds = bounds.clone();
    if let (Some(bound), Some(Some(value))) = (&mut own_bounds.low, low) {
        bound.value = value;
    }
    if let (Some(bound), Some(Some(value))) = (&mut own_bounds.high, high) {
        bound.value = value;
    }
    line.range = Some(RangeShown {
        text,
        low: low.flatten(),
        high: high.flatten(),
        origin: range_origin,
        source,
    });
    line.standing = own_bounds.standing(quantity.value, quantity.comparator.as_deref());
    if line.standing == Standing::Unclear {
        line.why_unclear = Some("The exact value is not known, so it cannot be compared with the range.".to_owned());
    }
}

/// Words that mean the same in results and ranges.
const SAME_WORDS: [&[&str]; 3] = [
    &[
        "negative",
        "not detected",
        "none detected",
        "undetected",
        "non-reactive",
        "nonreactive",
        "absent",
        "none",
        "neg",
        "not seen",
    ],
    &["positive", "detected", "reactive", "present", "pos"],
    &["normal", "within normal limits", "unremarkable"],
];

fn compare_text(line: &mut ResultLine, chart: &Chart, reading: &Reading<'_>, text: &str, today: Date) {
    let test = knowledge().test_of(reading.code());
    let Applicable::CameAsText(expected) = applicable(chart, reading, test, today) else {
        let own = test.and_then(|test| test.no_range.clone());
        line.why_unclear = Some(own.unwrap_or_else(|| "This result is in words and came without a range.".to_owned()));
        return;
    };
    let group = |text: &str| {
        let folded = fold(text.trim());
        SAME_WORDS
            .iter()
            .position(|words| words.contains(&folded.trim_end_matches('.')))
    };
    line.standing = if fold(text.trim()) == fold(expected.trim()) {
        Standing::Within
    } else {
        match (group(text), group(&expected)) {
            (Some(found), Some(wanted)) if found == wanted => Standing::Within,
            (Some(_), Some(_)) => Standing::Different,
            _ => Standing::Unclear,
        }
    };
    if line.standing == Standing::Unclear {
        line.why_unclear =
            Some("The words of this result cannot be compared with the expected ones by a computer.".to_owned());
    }
    line.range = Some(RangeShown {
        text: expected,
        low: None,
        high: None,
        origin: RangeOrigin::CameWithResult,
        source: None,
    });
}

/// Whether the value is one that needs care soon.
fn critical(
    chart: &Chart,
    reading: &Reading<'_>,
    quantity: &Quantity,
    test: Option<&Test>,
    today: Date,
) -> Option<Critical> {
    let test = test?;
    let day = reading.date().and_then(FhirDate::first_day).unwrap_or(today);
    let age = chart.age_years(day);
    let reaches = |rule: &&CriticalValue| {
        let Some(value) = units::in_unit(quantity, &rule.unit, Some(test)) else {
            return false;
        };
        // "more than 6.0" may be 6.2, but "less than 9" is not known to be 2.
        let low_open = matches!(quantity.comparator.as_deref(), Some(">" | ">="));
        let high_open = matches!(quantity.comparator.as_deref(), Some("<" | "<="));
        let of_age = rule.age_min.is_none_or(|min| age.is_some_and(|age| age >= min));
        of_age
            && (rule.at_or_below.is_some_and(|low| value <= low && !low_open)
                || rule.at_or_above.is_some_and(|high| value >= high && !high_open))
    };
    let rules = knowledge()
        .critical
        .iter()
        .filter(|rule| rule.test == test.key)
        .filter(reaches);
    let found = rules.max_by_key(|rule| rule.urgency).map(|rule| Critical {
        urgency: rule.urgency,
        source: rule.source.clone(),
    });
    // The laboratory's own panic flag counts too.
    found.or_else(|| {
        let flag = reading
            .interpretation()
            .iter()
            .flat_map(|c| &c.codings)
            .any(|c| matches!(c.code.as_str(), "HH" | "LL" | "AA"));
        flag.then(|| Critical {
            urgency: Urgency::Urgent,
            source: "The laboratory marked this value as critical.".to_owned(),
        })
    })
}

/// The plain sentences about one value. `subject`: how the sentence begins ("Your" by default).
#[must_use]
pub fn sentences(line: &ResultLine, on: &str, subject: Option<&str>) -> Vec<String> {
    let whose = subject.unwrap_or("Your");
    let on = if on.is_empty() { String::new() } else { format!(" {on}") };
    let Some(value) = &line.value else {
        let why = line.why_unclear.clone().unwrap_or_default();
        return vec![
            format!("{whose} {}{on} has no value that can be shown.", line.name),
            why,
        ];
    };
    let also = line
        .also
        .as_ref()
        .map(|also| format!(" (about {also})"))
        .unwrap_or_default();
    let verb = if is_plural(&line.name) { "were" } else { "was" };
    let mut sentences = vec![plain::sentence(&format!(
        "{whose} {}{on} {verb} {value}{also}",
        line.name
    ))];
    sentences.extend(range_sentence(line));
    sentences
}

/// Whether a name takes "were" ("triglycerides", "white blood cells").
fn is_plural(name: &str) -> bool {
    let name = name.split(" (").next().unwrap_or(name);
    ["cells", "triglycerides", "platelets"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

/// The sentences about where the value stands.
#[must_use]
pub fn range_sentence(line: &ResultLine) -> Vec<String> {
    let mut sentences = Vec::new();
    let it = if is_plural(&line.name) {
        "this result is"
    } else {
        "it is"
    };
    let place = match line.standing {
        Standing::Below => Some("below that range"),
        Standing::Within => Some("within that range"),
        Standing::Above => Some("above that range"),
        Standing::Different | Standing::Unclear => None,
    };
    match (&line.range, place) {
        (Some(range), _) if line.standing == Standing::Different => {
            sentences.push(format!(
                "The result that was expected is \"{}\", so this one is different.",
                range.text
            ));
        }
        (Some(range), Some(place)) => match &range.source {
            Some(source) => {
                sentences.push(format!(
                    "No range came with this result. A usual range for adults is {}, so {it} {place}.",
                    range.text
                ));
                sentences.push(format!("Source of that range: {source}."));
            }
            None => sentences.push(format!(
                "The range that came with this result is {}, so {it} {place}.",
                range.text
            )),
        },
        (Some(range), None) => {
            sentences.push(format!("The range that came with this result is {}.", range.text));
            sentences.extend(line.why_unclear.clone());
        }
        (None, _) => {
            let has_value = line.number.is_some();
            if has_value {
                sentences.push("No range came with this result.".to_owned());
            }
            sentences.extend(line.why_unclear.clone().filter(|_| has_value));
        }
    }
    if let Some(says) = &line.laboratory_says {
        let agrees = matches!(
            (line.standing, says.as_str()),
            (Standing::Above, "high" | "very high")
                | (Standing::Below, "low" | "very low")
                | (Standing::Within, "normal")
        );
        if !agrees {
            sentences.push(format!("The laboratory marked it as {says}."));
        }
    }
    sentences
}
