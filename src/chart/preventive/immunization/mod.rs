//! Which vaccines are due: CDC's Clinical Decision Support for Immunization (CDSi) logic over data files.
//!
//! `data` is the schedule, `skip` its conditional skips, `evaluate` compares given doses with it, `forecast` dates the
//! next dose, `select` chooses among series. This module joins antigens to vaccine groups and words the result.

#[cfg(test)]
mod cases;
pub mod data;
mod evaluate;
mod forecast;
mod select;
pub mod skip;

use std::collections::BTreeMap;

use jiff::civil::Date;

use self::data::{Antigen, AntigenFile, Group, GroupFile, SeriesKind};
use self::evaluate::{Evaluator, Given, LiveVaccines, Recipient};
use self::forecast::{Forecast, Standing};
use self::select::{Candidate, best_of_group, best_overall};
use super::terms::Facts;
use super::{Kind, Period, PreventiveItem, RuleError, RuleSource, Status, files_under, parse_file};
use crate::domain::ChartReference;
use crate::domain::chart::{CVX, DatePrecision, FhirDate, Immunization};

/// All vaccine groups with their antigens.
#[derive(Debug, Clone)]
pub struct Schedule {
    groups: Vec<Group>,
    antigens: Vec<Antigen>,
    live: BTreeMap<String, Vec<String>>,
    names: Vec<(String, String)>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NameFile {
    /// Phrase in a vaccine's name → CVX code, the most exact phrases first.
    names: Vec<(String, String)>,
}

/// One antigen's result.
struct AntigenResult {
    forecast: Forecast,
    valid: Vec<usize>,
    kind: SeriesKind,
}

impl Schedule {
    /// Reads the embedded schedule.
    ///
    /// # Errors
    /// When a file cannot be read or names something undefined.
    pub fn load() -> Result<Self, RuleError> {
        let groups: GroupFile = parse_file("immunization/groups.toml")?;
        let names: NameFile = parse_file("immunization/names.toml")?;
        let mut antigens = Vec::new();
        for file in files_under("immunization/antigens/") {
            let antigen = parse_file::<AntigenFile>(&file)?.check()?;
            if !groups.groups.iter().any(|g| g.id == antigen.group) {
                return Err(RuleError::Undefined {
                    what: "a vaccine group",
                    name: antigen.group,
                });
            }
            antigens.push(antigen);
        }
        Ok(Self {
            groups: groups.groups,
            antigens,
            live: groups.live,
            names: names.names,
        })
    }

    /// Other ids of a vaccine group, for evaluation files that use them.
    #[must_use]
    pub fn aliases(&self, rule: &str) -> Vec<String> {
        let id = rule.strip_prefix("immunization.").unwrap_or(rule);
        let group = self.groups.iter().find(|g| g.id == id);
        group
            .map(|g| g.aliases.iter().map(|a| format!("immunization.{a}")).collect())
            .unwrap_or_default()
    }

    /// The CVX code of a recorded vaccine, by code or else by name.
    fn cvx(&self, immunization: &Immunization) -> Option<String> {
        let concept = &immunization.record.code;
        let coded = concept.codings.iter().find(|c| {
            c.system
                .as_deref()
                .is_none_or(|s| s == CVX || s.to_ascii_lowercase().ends_with("cvx"))
                && !c.code.is_empty()
                && c.code.chars().all(|d| d.is_ascii_digit())
        });
        if let Some(coding) = coded {
            let code = coding.code.trim_start_matches('0');
            return Some(format!("{code:0>2}"));
        }
        let name = concept.name().to_lowercase();
        self.names
            .iter()
            .find(|(phrase, _)| name.contains(phrase))
            .map(|(_, cvx)| cvx.clone())
    }

    /// The patient as the schedule sees them, with what could not be used.
    fn recipient(&self, facts: &Facts<'_>, birth: Date) -> (Recipient, Vec<String>) {
        let mut given = Vec::new();
        let mut missing = Vec::new();
        for (index, immunization) in facts.chart.immunizations.iter().enumerate() {
            let record = &immunization.record;
            if record.is_error() || record.status.as_deref().is_some_and(|s| s != "completed") {
                continue;
            }
            let Some(cvx) = self.cvx(immunization) else {
                missing.push(format!("the vaccine code of \"{}\"", record.code.name()));
                continue;
            };
            let exact = record
                .date
                .as_ref()
                .filter(|d| d.precision() == Some(DatePrecision::Day));
            match exact.and_then(FhirDate::first_day) {
                Some(date) if date <= facts.date && date >= birth => given.push(Given { date, cvx, index }),
                Some(_) => {}
                None => missing.push(format!("the exact date of \"{}\"", record.code.name())),
            }
        }
        given.sort_by_key(|g| (g.date, g.index));
        given.dedup_by(|a, b| a.date == b.date && a.cvx == b.cvx);
        let observations = facts.observations.clone();
        (
            Recipient {
                birth,
                sex: facts.sex,
                date: facts.date,
                given,
                observations,
            },
            missing,
        )
    }

    /// One item for each vaccine group.
    pub(super) fn assess(&self, facts: &Facts<'_>) -> Vec<PreventiveItem> {
        let Some(birth) = facts.birth.filter(|birth| *birth <= facts.date) else {
            return self.groups.iter().map(unknown_birth).collect();
        };
        let (person, missing) = self.recipient(facts, birth);
        let live = LiveVaccines(self.live.clone());
        self.groups
            .iter()
            .map(|group| self.item(group, &person, &live, facts, &missing))
            .collect()
    }

    fn item(
        &self,
        group: &Group,
        person: &Recipient,
        live: &LiveVaccines,
        facts: &Facts<'_>,
        missing: &[String],
    ) -> PreventiveItem {
        let antigens: Vec<&Antigen> = self.antigens.iter().filter(|a| a.group == group.id).collect();
        let results: Vec<AntigenResult> = antigens
            .iter()
            .filter_map(|a| antigen_result(a, person, live))
            .collect();
        let last = person
            .given
            .iter()
            .filter(|g| antigens.iter().any(|a| a.cvx.contains(&g.cvx)))
            .map(|g| g.date);
        let merged = merge(&results, group.together, last.max());
        let mut used: Vec<usize> = results.iter().flat_map(|r| r.valid.iter().copied()).collect();
        used.sort_unstable();
        used.dedup();
        let evidence: Vec<ChartReference> = used
            .iter()
            .filter_map(|index| facts.chart.immunizations.get(*index))
            .map(|i| ChartReference {
                resource_type: "Immunization".to_owned(),
                id: i.record.id.clone(),
                date: i.record.date.as_ref().map(|d| d.0.clone()),
                name: i.record.code.name().to_owned(),
            })
            .collect();
        let risk = results.iter().any(|r| r.kind == SeriesKind::Risk);
        let (status, why) = word(group, merged.as_ref(), person, used.len());
        let open = merged.filter(|f| f.standing == Standing::NotComplete);
        let dose_number = open.as_ref().and_then(|_| {
            let doses = results.iter().map(|r| r.valid.len());
            let doses = if group.together { doses.min() } else { doses.max() }.unwrap_or(0);
            u32::try_from(doses + 1).ok()
        });
        PreventiveItem {
            rule: format!("immunization.{}", group.id),
            title: group.title.clone(),
            kind: Kind::Immunization,
            status,
            earliest: open.as_ref().and_then(|f| f.earliest),
            recommended: open.as_ref().and_then(|f| f.recommended),
            past_due: open.as_ref().and_then(|f| f.past_due),
            dose_number,
            why,
            evidence,
            missing: missing.to_vec(),
            grade: if risk { "risk" } else { "routine" }.to_owned(),
            source: source(group),
            guidance_topics: group.topics.clone(),
        }
    }
}

fn source(group: &Group) -> RuleSource {
    RuleSource {
        organization: "CDC/ACIP".to_owned(),
        title: group.source.clone(),
        year: group.year,
    }
}

fn unknown_birth(group: &Group) -> PreventiveItem {
    PreventiveItem {
        rule: format!("immunization.{}", group.id),
        title: group.title.clone(),
        kind: Kind::Immunization,
        status: Status::Unknown,
        earliest: None,
        recommended: None,
        past_due: None,
        dose_number: None,
        why: "Vaccines depend on age, and your chart does not give an exact date of birth.".to_owned(),
        evidence: Vec::new(),
        missing: vec!["the exact date of birth".to_owned()],
        grade: "routine".to_owned(),
        source: source(group),
        guidance_topics: group.topics.clone(),
    }
}

/// The best series of one antigen; `None` where no series is for this person.
fn antigen_result(antigen: &Antigen, person: &Recipient, live: &LiveVaccines) -> Option<AntigenResult> {
    let relevant = antigen.series.iter().filter(|s| {
        s.sex.is_none_or(|sex| person.sex.is_none_or(|own| own == sex))
            && (s.kind != SeriesKind::Risk || s.indications.iter().any(|i| person.has(i)))
    });
    let mut groups: BTreeMap<&str, Vec<Candidate<'_>>> = BTreeMap::new();
    let mut complete: Vec<String> = Vec::new();
    for series in relevant {
        let is_complete = |group: &str| complete.iter().any(|g| g == group);
        let evaluator = Evaluator {
            antigen,
            series,
            person,
            live,
            complete: &is_complete,
        };
        let progress = evaluator.progress();
        let forecast = evaluator.forecast(&progress);
        if forecast.standing == Standing::Complete {
            complete.push(series.group.clone());
        }
        groups.entry(&series.group).or_default().push(Candidate {
            series,
            progress,
            forecast,
        });
    }
    let bests: Vec<Candidate<'_>> = groups.into_values().filter_map(|c| best_of_group(c, person)).collect();
    let best = best_overall(bests, person)?;
    Some(AntigenResult {
        valid: best.progress.valid().map(|(g, _)| g.index).collect(),
        forecast: best.forecast,
        kind: best.series.kind,
    })
}

/// Joins the antigens of a group: the soonest of what is still to be given, or, where all are given together, the
/// latest. No dose is forecast before the last one given.
fn merge(results: &[AntigenResult], together: bool, last: Option<Date>) -> Option<Forecast> {
    let any = |standing: Standing| results.iter().find(|r| r.forecast.standing == standing);
    if together && let Some(result) = any(Standing::Contraindicated) {
        return Some(result.forecast.clone());
    }
    let open: Vec<&Forecast> = results
        .iter()
        .map(|r| &r.forecast)
        .filter(|f| f.standing == Standing::NotComplete)
        .collect();
    if open.is_empty() {
        let order = [
            Standing::Contraindicated,
            Standing::Complete,
            Standing::Immune,
            Standing::AgedOut,
        ];
        return order.into_iter().find_map(any).map(|r| r.forecast.clone());
    }
    let earliest = |part: fn(&Forecast) -> Option<Date>| {
        let dates = open.iter().filter_map(|f| part(f));
        if together { dates.max() } else { dates.min() }
    };
    let first = earliest(|f| f.earliest).max(last);
    let at_least = |date: Option<Date>| date.map(|d| first.map_or(d, |f| f.max(d)));
    Some(Forecast {
        standing: Standing::NotComplete,
        earliest: first,
        recommended: at_least(open.iter().filter_map(|f| f.recommended).min()),
        past_due: at_least(open.iter().filter_map(|f| f.past_due).min()),
        target: 0,
    })
}

fn in_shared_ages(group: &Group, person: &Recipient) -> bool {
    let age = |text: &Option<String>| text.as_deref().and_then(|t| Period::parse(t).ok());
    age(&group.shared_from).is_some_and(|p| person.date >= p.after(person.birth))
        && age(&group.shared_until).is_none_or(|p| person.date < p.after(person.birth))
}

fn word(group: &Group, merged: Option<&Forecast>, person: &Recipient, doses: usize) -> (Status, String) {
    let title = &group.title;
    let shared = in_shared_ages(group, person);
    let Some(forecast) = merged else {
        if shared {
            return (
                Status::SharedDecision,
                format!("Ask your care team whether the {title} vaccine is right for you."),
            );
        }
        let why = format!("The {title} vaccine is for people with certain risks, and your chart shows none of them.");
        return (Status::NotApplicable, why);
    };
    let today = person.date;
    let given = match doses {
        0 => "Your chart shows no earlier dose that counts.".to_owned(),
        1 => "Your chart shows 1 dose that counts.".to_owned(),
        n => format!("Your chart shows {n} doses that count."),
    };
    match forecast.standing {
        Standing::Complete => (
            Status::UpToDate,
            format!("You have had the {title} doses that are advised. {given}"),
        ),
        Standing::Immune => (
            Status::UpToDate,
            format!("Your chart shows that you are already immune ({title})."),
        ),
        Standing::Contraindicated => (
            Status::NotApplicable,
            format!("Your chart has a reason not to give the {title} vaccine."),
        ),
        Standing::AgedOut if shared => (
            Status::SharedDecision,
            format!("Ask your care team whether the {title} vaccine is right for you."),
        ),
        Standing::AgedOut => (
            Status::NotApplicable,
            format!("You are past the age for the {title} vaccine."),
        ),
        Standing::NotComplete if shared && doses == 0 => (
            Status::SharedDecision,
            format!("Ask your care team whether the {title} vaccine is right for you."),
        ),
        Standing::NotComplete if forecast.past_due.is_some_and(|d| today > d) => {
            (Status::Overdue, format!("The next {title} dose is overdue. {given}"))
        }
        Standing::NotComplete if forecast.recommended.is_none_or(|d| today >= d) => {
            (Status::Due, format!("The next {title} dose is due now. {given}"))
        }
        Standing::NotComplete => (Status::NotYet, format!("The next {title} dose is not due yet. {given}")),
    }
}
