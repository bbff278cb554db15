//! Screenings, counselling and preventive medicines: the USPSTF's recommendations and regular tests in diabetes.
//!
//! `data` holds the rules, `needs` asks whether a patient has what a rule is about. This module applies a rule: who is
//! left out, who is too young or too old, what the chart lacks, what was done and until when it holds.

mod data;
mod needs;
#[cfg(test)]
mod tests;

use jiff::civil::Date;

use self::data::{Done, Rule, RuleFile};
use self::needs::{Answer, pregnancy_start};
use super::terms::{Facts, Kind as Record, Seen, Terms};
use super::{Period, PreventiveItem, RuleError, RuleSource, Status, files_under, parse_file};
use crate::domain::ChartReference;

/// Exclusions that are computed from several records rather than seen in one.
pub(super) const COMPUTED_EXCLUSIONS: [&str; 4] =
    ["both-breasts-removed", "frail-and-ill", "nursing-home-66", "pregnant"];

/// How long after the recommended day a repeated service counts as overdue: booking takes time.
const BOOKING: &str = "3m";

/// All screening rules.
#[derive(Debug, Clone)]
pub struct ScreeningRules {
    rules: Vec<Rule>,
}

/// What one rule says of one patient.
struct Verdict {
    status: Status,
    why: String,
    dates: [Option<Date>; 3],
    evidence: Vec<ChartReference>,
    missing: Vec<String>,
}

impl Verdict {
    fn new(status: Status, why: String) -> Self {
        Self {
            status,
            why,
            dates: [None; 3],
            evidence: Vec::new(),
            missing: Vec::new(),
        }
    }

    fn unknown(why: &str, missing: &str) -> Self {
        Self {
            missing: vec![missing.to_owned()],
            ..Self::new(Status::Unknown, why.to_owned())
        }
    }
}

/// The last time a service was done, with the day from which it is to be done again.
struct LastDone {
    reference: ChartReference,
    again: Option<Date>,
    holds_until: Option<Date>,
    open: bool,
}

impl ScreeningRules {
    pub(super) fn load(terms: &Terms) -> Result<Self, RuleError> {
        let mut rules = Vec::new();
        for file in files_under("screening/") {
            for entry in parse_file::<RuleFile>(&file)?.rule {
                rules.push(Rule::check(entry, terms)?);
            }
        }
        Ok(Self { rules })
    }

    pub(super) fn assess(&self, facts: &Facts<'_>) -> Vec<PreventiveItem> {
        self.rules.iter().map(|rule| item(rule, verdict(rule, facts))).collect()
    }
}

fn item(rule: &Rule, verdict: Verdict) -> PreventiveItem {
    let entry = &rule.entry;
    let [earliest, recommended, past_due] = verdict.dates;
    PreventiveItem {
        rule: entry.id.clone(),
        title: entry.title.clone(),
        kind: entry.kind,
        status: verdict.status,
        earliest,
        recommended,
        past_due,
        dose_number: None,
        why: verdict.why,
        evidence: verdict.evidence,
        missing: verdict.missing,
        grade: entry.grade.clone(),
        source: RuleSource {
            organization: entry.organization.clone(),
            title: entry.source.clone(),
            year: entry.year,
        },
        guidance_topics: entry.topics.clone(),
    }
}

fn verdict(rule: &Rule, facts: &Facts<'_>) -> Verdict {
    let Some(birth) = facts.birth.filter(|b| *b <= facts.date) else {
        return Verdict::unknown(
            "This depends on age, and your chart gives no exact date of birth.",
            "the exact date of birth",
        );
    };
    if let (Some(wanted), Some(own)) = (rule.sex, facts.sex)
        && wanted != own
    {
        let why = "This is not advised for the sex that your chart states.";
        return Verdict::new(Status::NotApplicable, why.to_owned());
    }
    let start = rule.from.map(|p| p.after(birth));
    let stop = rule.until.map(|p| p.after(birth));
    if stop.is_some_and(|day| facts.date >= day) {
        return Verdict::new(
            Status::NotApplicable,
            "You are past the age for which this is advised.".to_owned(),
        );
    }
    if let Some((reason, evidence)) = excluded(rule, facts) {
        let why = format!("This is not for you now: {reason}.");
        return Verdict {
            evidence,
            ..Verdict::new(Status::NotApplicable, why)
        };
    }
    let answers: Vec<(Answer, &str)> = rule
        .entry
        .needs
        .iter()
        .map(|need| (needs::answer(need, facts), need.what.as_str()))
        .collect();
    if let Some((_, what)) = answers.iter().find(|(answer, _)| matches!(answer, Answer::No)) {
        let why = format!("This is for people with {what}. Your chart does not show that.");
        return Verdict::new(Status::NotApplicable, why);
    }
    if let Some(day) = start.filter(|day| facts.date < *day) {
        let why = "You are younger than the age at which this starts.".to_owned();
        return Verdict {
            dates: [Some(day), Some(day), None],
            ..Verdict::new(Status::NotYet, why)
        };
    }
    if rule.sex.is_some() && facts.sex.is_none() {
        return Verdict::unknown(
            "This depends on sex, and your chart does not state it.",
            "sex for clinical use",
        );
    }
    let mut evidence: Vec<ChartReference> = Vec::new();
    for (answer, _) in &answers {
        if let Answer::Yes(found) = answer {
            evidence.extend(found.iter().cloned());
        }
    }
    let last = last_done(rule, facts, birth);
    if let Some(done) = &last
        && !done.open
        && done.holds_until.is_none_or(|day| facts.date < day)
    {
        let when = done
            .reference
            .date
            .as_deref()
            .map(|d| d.chars().take(10).collect::<String>());
        let why = match when {
            Some(day) => format!("Your chart shows that this was done on {day}."),
            None => "Your chart shows that this was done.".to_owned(),
        };
        return Verdict {
            dates: [None, done.again, None],
            evidence: vec![done.reference.clone()],
            ..Verdict::new(Status::UpToDate, why)
        };
    }
    let missing: Vec<String> = answers
        .iter()
        .filter_map(|(answer, _)| match answer {
            Answer::Unknown(missing) => Some(missing.clone()),
            _ => None,
        })
        .collect();
    if !missing.is_empty() {
        let why = format!("This cannot be told, since your chart lacks {}.", missing.join(" and "));
        return Verdict {
            missing,
            evidence,
            ..Verdict::new(Status::Unknown, why)
        };
    }
    due(rule, facts, last, start, evidence)
}

fn due(
    rule: &Rule,
    facts: &Facts<'_>,
    last: Option<LastDone>,
    start: Option<Date>,
    mut evidence: Vec<ChartReference>,
) -> Verdict {
    let says = &rule.entry.says;
    let again = last.as_ref().and_then(|l| l.again);
    let recommended = again.max(start);
    let booking = |day: Date| Period::parse(BOOKING).ok().map(|p| p.after(day));
    let past_due = again.and_then(booking);
    let open = last.as_ref().is_some_and(|l| l.open);
    let was_done = last.is_some();
    evidence.extend(last.map(|l| l.reference));
    let status = match past_due {
        _ if rule.entry.shared => Status::SharedDecision,
        Some(day) if facts.date > day => Status::Overdue,
        _ => Status::Due,
    };
    let record = match (open, was_done, rule.done.is_empty()) {
        (true, _, _) => " Your last result calls for a new look.",
        (false, true, _) => " The last time on your chart is too long ago.",
        (false, false, false) => " Your chart does not show that this was done.",
        (false, false, true) => "",
    };
    Verdict {
        dates: [start, recommended, past_due],
        evidence,
        ..Verdict::new(status, format!("{says}{record}"))
    }
}

fn counts(seen: &Seen<'_>) -> bool {
    match seen.kind {
        Record::Order | Record::Allergy => false,
        Record::Observation => seen.value.is_some() || seen.record.code.codings.is_empty() || seen.has_result(),
        _ => true,
    }
}

fn last_done(rule: &Rule, facts: &Facts<'_>, birth: Date) -> Option<LastDone> {
    let mut best: Option<(Date, LastDone)> = None;
    for done in &rule.done {
        for seen in done.any.iter().flat_map(|term| facts.seen(term)).filter(|s| counts(s)) {
            let Some(date) = seen.end.filter(|d| *d <= facts.date).or(seen.date) else {
                if done.every.is_none() {
                    let open = LastDone {
                        reference: seen.reference(),
                        again: None,
                        holds_until: None,
                        open: false,
                    };
                    return Some(open);
                }
                continue;
            };
            if date < birth || !in_scope(done, facts, birth, date) {
                continue;
            }
            let again = done.every.map(|p| p.after(date));
            let holds_until = done.margin.map(|p| p.after(date)).or(again);
            let open = done.above.is_some_and(|limit| seen.number().is_some_and(|n| n > limit));
            let far = holds_until.unwrap_or(Date::MAX);
            // A later result replaces an earlier one where results decide; else what holds longest counts.
            let rank = if done.above.is_some() { date } else { far };
            if best.as_ref().is_none_or(|(known, _)| rank > *known) {
                best = Some((
                    rank,
                    LastDone {
                        reference: seen.reference(),
                        again,
                        holds_until,
                        open,
                    },
                ));
            }
        }
    }
    best.map(|(_, last)| last)
}

fn in_scope(done: &Done, facts: &Facts<'_>, birth: Date, date: Date) -> bool {
    done.from.is_none_or(|p| date >= p.after(birth))
        && done.while_under.is_none_or(|p| facts.date < p.after(birth))
        && (!done.this_pregnancy || pregnancy_start(facts).is_some_and(|(start, _)| date >= start))
}

fn excluded(rule: &Rule, facts: &Facts<'_>) -> Option<(String, Vec<ChartReference>)> {
    for exclusion in &rule.excludes {
        let evidence = match exclusion.term.as_str() {
            "both-breasts-removed" => needs::both_breasts_removed(facts),
            "frail-and-ill" => needs::frail_and_ill(facts),
            "nursing-home-66" => needs::nursing_home(facts),
            "pregnant" => pregnancy_start(facts)
                .map(|(_, reference)| vec![reference])
                .unwrap_or_default(),
            term => facts
                .seen(term)
                .iter()
                .filter(|s| s.kind != Record::Order || term == "hospice" || term == "palliative-care")
                .filter(|s| !exclusion.active || s.active)
                .take(1)
                .map(Seen::reference)
                .collect(),
        };
        if !evidence.is_empty() {
            return Some((exclusion.reason.clone(), evidence));
        }
    }
    None
}
