//! Compares the doses a person received with the target doses of one series (CDSi Logic Specification, chapter 6).
//! Says which doses count and which target dose comes next; forecasts nothing.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::data::{Antigen, From, Indication, Series, TargetDose, Window};
use super::skip::{Step, View};
use crate::chart::preventive::Period;
use crate::domain::chart::Sex;

/// One vaccine that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// When.
    pub date: Date,
    /// CVX code.
    pub cvx: String,
    /// Place in the chart's list of immunizations.
    pub index: usize,
}

/// What the schedule needs to know of a person.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// Date of birth.
    pub birth: Date,
    /// Sex, where known.
    pub sex: Option<Sex>,
    /// Day of the assessment.
    pub date: Date,
    /// Vaccines given until that day, oldest first.
    pub given: Vec<Given>,
    /// CDSi observations on record, with their date where one is stated.
    pub observations: BTreeMap<String, Option<Date>>,
}

impl Recipient {
    /// Whether an indication holds on the day of the assessment.
    #[must_use]
    pub fn has(&self, indication: &Indication) -> bool {
        self.observations.contains_key(&indication.code)
            && indication.begin.is_none_or(|p| self.date >= p.after(self.birth))
            && indication.end.is_none_or(|p| self.date < p.after(self.birth))
    }

    /// Date and vaccine of everything given before `date`, or on it when `inclusive`.
    pub(super) fn total(&self, date: Date, inclusive: bool) -> Vec<(Date, &str)> {
        self.given
            .iter()
            .filter(|g| g.date < date || (inclusive && g.date == date))
            .map(|g| (g.date, g.cvx.as_str()))
            .collect()
    }
}

/// Why a dose does not count, or that it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Counts for this target dose (from 0).
    Valid(usize),
    /// Given too early in life.
    TooYoung,
    /// Given too soon after another dose.
    TooSoon,
    /// A vaccine that must not be used here.
    Inadvertent,
    /// A vaccine that does not count here, or a live vaccine too close to another.
    NotValid,
    /// More than is needed.
    Extraneous,
}

/// How far a person is in one series.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// The doses of the antigen, oldest first, with their outcome.
    pub doses: Vec<(Given, Outcome)>,
    /// The next target dose (from 0).
    pub next: usize,
}

impl Progress {
    /// Doses that counted.
    pub fn valid(&self) -> impl Iterator<Item = (&Given, usize)> {
        self.doses.iter().filter_map(|(given, outcome)| match outcome {
            Outcome::Valid(target) => Some((given, *target)),
            _ => None,
        })
    }

    pub(super) fn valid_list(&self) -> Vec<(Date, &str)> {
        self.valid().map(|(g, _)| (g.date, g.cvx.as_str())).collect()
    }

    /// The last dose that starts an interval: any but an inadvertent one.
    pub(super) fn previous(&self) -> Option<&(Given, Outcome)> {
        self.doses
            .iter()
            .rev()
            .find(|(_, o)| !matches!(o, Outcome::Inadvertent | Outcome::Extraneous))
    }

    /// The day an interval is counted from; `None` where there is none, so that the interval does not apply.
    pub(super) fn reference(&self, from: &From, person: &Recipient, before: Option<Date>) -> Option<Date> {
        match from {
            From::Birth => Some(person.birth),
            From::Previous => self.previous().map(|(g, _)| g.date),
            From::Dose(number) => self.valid().find(|(_, t)| t + 1 == *number).map(|(g, _)| g.date),
            From::Recent(list) => person
                .given
                .iter()
                .rev()
                .find(|g| list.contains(&g.cvx) && before.is_none_or(|day| g.date < day))
                .map(|g| g.date),
            From::Observation(code) => person.observations.get(code).copied().flatten(),
        }
    }
}

/// Tells how long a dose of one live vaccine keeps another away.
pub(super) struct LiveVaccines(pub BTreeMap<String, Vec<String>>);

impl LiveVaccines {
    fn family(&self, cvx: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(_, list)| list.iter().any(|c| c == cvx))
            .map(|(name, _)| name.as_str())
    }

    /// Last day on which `family` conflicts with the dose `given`, plus one.
    pub(super) fn free_from(&self, family: &str, given: &Given, valid: bool) -> Option<Date> {
        let other = self.family(&given.cvx)?;
        let days = if other == family && family != "mmrv" && valid {
            "24d"
        } else {
            "28d"
        };
        Period::parse(days).ok().map(|p| p.after(given.date))
    }

    fn conflicts(&self, given: &Given, person: &Recipient) -> bool {
        let Some(family) = self.family(&given.cvx) else {
            return false;
        };
        person.given.iter().any(|other| {
            other.date < given.date && self.free_from(family, other, true).is_some_and(|day| given.date < day)
        })
    }
}

pub(super) struct Evaluator<'a> {
    pub antigen: &'a Antigen,
    pub series: &'a Series,
    pub person: &'a Recipient,
    pub live: &'a LiveVaccines,
    pub complete: &'a dyn Fn(&str) -> bool,
}

impl Evaluator<'_> {
    /// Whether `dose` is not needed when asked for `date`.
    pub(super) fn skipped(&self, dose: &TargetDose, progress: &Progress, step: Step, date: Date) -> bool {
        let valid = progress.valid_list();
        let total = self.person.total(date, step == Step::Forecast);
        let view = View {
            birth: self.person.birth,
            step,
            date,
            today: self.person.date,
            valid: &valid,
            total: &total,
            antigen: &self.antigen.cvx,
            last: progress.doses.last().map(|(g, _)| g.date),
            observed: &|code| self.person.observations.contains_key(code),
            complete: self.complete,
        };
        dose.skips.iter().any(|skip| skip.holds(&view))
    }

    /// Goes through all doses of the antigen.
    pub(super) fn progress(&self) -> Progress {
        let mut progress = Progress::default();
        for given in self.person.given.iter().filter(|g| self.antigen.cvx.contains(&g.cvx)) {
            while let Some(dose) = self.series.doses.get(progress.next) {
                if !self.skipped(dose, &progress, Step::Evaluation, given.date) {
                    break;
                }
                progress.next += 1;
            }
            let outcome = match self.series.doses.get(progress.next) {
                Some(dose) => self.outcome(dose, given, &progress),
                None => Outcome::Extraneous,
            };
            if let Outcome::Valid(_) = outcome {
                let recurring = self.series.doses.get(progress.next).is_some_and(|d| d.recurring);
                progress.next += usize::from(!recurring);
            }
            progress.doses.push((given.clone(), outcome));
        }
        progress
    }

    fn outcome(&self, dose: &TargetDose, given: &Given, progress: &Progress) -> Outcome {
        if dose.inadvertent.contains(&given.cvx) {
            return Outcome::Inadvertent;
        }
        if dose.season.is_some_and(|s| given.date < s.around(self.person.date).0) {
            return Outcome::Extraneous;
        }
        let grace = !matches!(progress.previous(), Some((_, Outcome::TooYoung | Outcome::TooSoon)));
        for age in dose.ages.iter().filter(|w| w.holds_on(given.date)) {
            if !self.kept(age, self.person.birth, given.date, grace || progress.next == 0) {
                return Outcome::TooYoung;
            }
            if age.maximum.is_some_and(|p| given.date >= p.after(self.person.birth)) {
                return Outcome::Extraneous;
            }
        }
        let kept = |window: &Window| {
            !window.holds_on(given.date)
                || progress
                    .reference(&window.from, self.person, Some(given.date))
                    .is_none_or(|from| self.kept(window, from, given.date, grace))
        };
        let allowed = !dose.allowable.is_empty() && dose.allowable.iter().all(kept);
        if !dose.intervals.iter().all(kept) && !allowed {
            return Outcome::TooSoon;
        }
        let counts = dose.vaccines.iter().any(|v| {
            v.cvx == given.cvx
                && v.begin.is_none_or(|p| given.date >= p.after(self.person.birth))
                && v.end.is_none_or(|p| given.date < p.after(self.person.birth))
        });
        if !counts || self.live.conflicts(given, self.person) {
            return Outcome::NotValid;
        }
        Outcome::Valid(progress.next)
    }

    /// Not before the absolute minimum, and before the minimum only with grace.
    fn kept(&self, window: &Window, from: Date, date: Date, grace: bool) -> bool {
        let not_before = |p: Option<Period>| p.is_none_or(|p| date >= p.after(from));
        not_before(window.absolute) && (grace || not_before(window.minimum))
    }
}
