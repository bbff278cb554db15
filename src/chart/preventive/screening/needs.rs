//! Whether a patient has what a rule is about: yes, no, or the chart does not say. Decides no recommendation.

use jiff::civil::Date;
use jiff::{Span, ToSpan};

use super::data::Need;
use crate::chart::preventive::Period;
use crate::chart::preventive::terms::{Facts, Kind, Seen};
use crate::domain::ChartReference;
use crate::domain::chart::{FhirDate, Sex, Value};

/// The answer to a need.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// It is so, by these records.
    Yes(Vec<ChartReference>),
    /// It is not so.
    No,
    /// The chart does not say; what it lacks.
    Unknown(String),
}

fn ago(date: Date, span: Span) -> Date {
    date.checked_sub(span).unwrap_or(Date::MIN)
}

/// Latest number recorded for a term.
pub(super) fn latest_number(facts: &Facts<'_>, term: &str) -> Option<(f64, ChartReference, Option<Date>)> {
    facts
        .seen(term)
        .iter()
        .filter(|s| s.kind == Kind::Observation)
        .filter_map(|s| s.number().map(|n| (n, s.reference(), s.date)))
        .max_by_key(|(_, _, date)| *date)
}

fn recent<'f, 'a>(facts: &'f Facts<'a>, need: &Need, term: &str) -> impl Iterator<Item = &'f Seen<'a>> {
    let since = need
        .within
        .as_deref()
        .and_then(|t| Period::parse(&format!("-{t}")).ok())
        .map(|p| p.after(facts.date));
    let active = need.active;
    facts.seen(term).iter().filter(move |s| {
        !matches!(s.kind, Kind::Order)
            && (!active || s.active)
            && since.is_none_or(|day| s.date.is_some_and(|d| d >= day))
    })
}

/// Answers one need.
pub(super) fn answer(need: &Need, facts: &Facts<'_>) -> Answer {
    let unsaid = || {
        need.missing
            .as_ref()
            .map_or(Answer::No, |missing| Answer::Unknown(missing.clone()))
    };
    match need.computed.as_deref() {
        Some("pregnant") => {
            return pregnancy_start(facts).map_or(Answer::No, |(_, reference)| Answer::Yes(vec![reference]));
        }
        Some("can-be-pregnant") => {
            return if facts.sex == Some(Sex::Male) {
                Answer::No
            } else {
                Answer::Yes(Vec::new())
            };
        }
        Some("smoked-20-pack-years") => return pack_years(facts, need),
        Some("smoked-within-15-years") => return quit(facts, need),
        _ => {}
    }
    if let Some(term) = &need.number {
        return match latest_number(facts, term) {
            Some((value, reference, _)) => {
                let high = need.at_least.is_none_or(|limit| value >= limit);
                let low = need.below.is_none_or(|limit| value < limit);
                if high && low {
                    Answer::Yes(vec![reference])
                } else {
                    Answer::No
                }
            }
            None => {
                let found: Vec<_> = need
                    .yes
                    .iter()
                    .flat_map(|t| recent(facts, need, t))
                    .map(Seen::reference)
                    .collect();
                if found.is_empty() { unsaid() } else { Answer::Yes(found) }
            }
        };
    }
    let latest = |terms: &[String]| {
        terms
            .iter()
            .flat_map(|t| recent(facts, need, t))
            .max_by_key(|s| s.date)
            .map(|s| (s.date, s.reference()))
    };
    match (latest(&need.yes), latest(&need.no)) {
        (Some((yes, _)), Some((no, _))) if no > yes => Answer::No,
        (Some((_, reference)), _) => Answer::Yes(vec![reference]),
        (None, Some(_)) => Answer::No,
        (None, None) => unsaid(),
    }
}

/// The present pregnancy: its first known day and its record. A pregnancy without an end is over after 44 weeks.
pub(super) fn pregnancy_start(facts: &Facts<'_>) -> Option<(Date, ChartReference)> {
    if facts.sex == Some(Sex::Male) {
        return None;
    }
    let since = ago(facts.date, 308.days());
    let seen = facts
        .seen("pregnancy")
        .iter()
        .filter(|s| s.active && !matches!(s.kind, Kind::Order));
    let latest = seen
        .filter_map(|s| s.date.map(|d| (d, s.reference())))
        .max_by_key(|(date, _)| *date)?;
    let ended = facts
        .seen("pregnancy-end")
        .iter()
        .any(|s| s.date.is_some_and(|d| d > latest.0));
    (latest.0 >= since && !ended).then_some(latest)
}

fn never_smoked(facts: &Facts<'_>) -> bool {
    let last = |term: &str| facts.seen(term).iter().filter_map(|s| s.date).max();
    let never = last("never-smoker");
    never.is_some() && never >= last("current-smoker").max(last("former-smoker"))
}

fn pack_years(facts: &Facts<'_>, need: &Need) -> Answer {
    if let Some((years, reference, _)) = latest_number(facts, "pack-years") {
        return if years >= 20.0 {
            Answer::Yes(vec![reference])
        } else {
            Answer::No
        };
    }
    if never_smoked(facts) {
        return Answer::No;
    }
    Answer::Unknown(
        need.missing
            .clone()
            .unwrap_or_else(|| "pack-years of smoking".to_owned()),
    )
}

fn quit(facts: &Facts<'_>, need: &Need) -> Answer {
    let latest = |term: &str| {
        facts
            .seen(term)
            .iter()
            .max_by_key(|s| s.date)
            .map(|s| (s.date, s.reference()))
    };
    let (current, former) = (latest("current-smoker"), latest("former-smoker"));
    if let Some((date, reference)) = &current
        && former.as_ref().is_none_or(|(f, _)| f <= date)
    {
        return Answer::Yes(vec![reference.clone()]);
    }
    let since = ago(facts.date, 15.years());
    let stated = facts.seen("quit-date").iter().find_map(|s| match s.value {
        Some(Value::Date(day)) => FhirDate::first_day(day).map(|d| (d, s.reference())),
        _ => None,
    });
    if let Some((day, reference)) = stated {
        return if day >= since {
            Answer::Yes(vec![reference])
        } else {
            Answer::No
        };
    }
    // Recorded as a smoker within the last 15 years: then that person stopped less than 15 years ago.
    if let Some((Some(date), reference)) = current
        && date >= since
    {
        return Answer::Yes(vec![reference]);
    }
    Answer::Unknown(
        need.missing
            .clone()
            .unwrap_or_else(|| "the year in which smoking stopped".to_owned()),
    )
}

/// Records that show that both breasts were removed: one for both, or one for each side.
pub(super) fn both_breasts_removed(facts: &Facts<'_>) -> Vec<ChartReference> {
    let first = |term: &str| {
        facts
            .seen(term)
            .iter()
            .find(|s| s.kind != Kind::Order)
            .map(Seen::reference)
    };
    if let Some(reference) = first("bilateral-mastectomy") {
        return vec![reference];
    }
    match (first("left-mastectomy"), first("right-mastectomy")) {
        (Some(left), Some(right)) => vec![left, right],
        _ => Vec::new(),
    }
}

/// CMS quality measures leave out people of 66 and older who are both frail (two records on different days within a
/// year) and have an advanced illness (within two years) or take a dementia medicine (CMS125, CMS130).
pub(super) fn frail_and_ill(facts: &Facts<'_>) -> Vec<ChartReference> {
    if facts.age.is_none_or(|age| age < 66) {
        return Vec::new();
    }
    let since = |span: Span| ago(facts.date, span);
    let mut frail: Vec<&Seen<'_>> = facts
        .seen("frailty")
        .iter()
        .filter(|s| s.active || s.date.is_some_and(|d| d >= since(1.year())))
        .collect();
    frail.sort_by_key(|s| s.date);
    frail.dedup_by_key(|s| s.date);
    if frail.len() < 2 {
        return Vec::new();
    }
    let ill = facts
        .seen("advanced-illness")
        .iter()
        .find(|s| s.kind == Kind::Condition && s.active || s.date.is_some_and(|d| d >= since(2.years())));
    let medicine = facts.seen("dementia-medicine").iter().find(|s| s.active);
    match ill.or(medicine) {
        Some(seen) => vec![seen.reference()],
        None => Vec::new(),
    }
}

/// People of 66 and older who live in a nursing home, by the latest record of housing.
pub(super) fn nursing_home(facts: &Facts<'_>) -> Vec<ChartReference> {
    if facts.age.is_none_or(|age| age < 66) {
        return Vec::new();
    }
    let latest = facts
        .seen("nursing-home")
        .iter()
        .filter(|s| s.active)
        .max_by_key(|s| s.date);
    latest.map(Seen::reference).into_iter().collect()
}
