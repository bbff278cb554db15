//! When the next dose of a series may be given, is recommended and is overdue (CDSi Logic Specification, chapter 7).

use jiff::ToSpan;
use jiff::civil::Date;

use super::data::{TargetDose, Window};
use super::evaluate::{Evaluator, Progress};
use super::skip::Step;
use crate::chart::preventive::Period;

/// Where a person stands in a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Something is still to be given.
    NotComplete,
    /// Nothing more is needed.
    Complete,
    /// Immune without vaccine.
    Immune,
    /// Must not be given.
    Contraindicated,
    /// Too old for it.
    AgedOut,
}

/// The next dose of one series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// Where the person stands.
    pub standing: Standing,
    /// First day on which it may be given.
    pub earliest: Option<Date>,
    /// Day from which it is recommended.
    pub recommended: Option<Date>,
    /// Last day before it is overdue.
    pub past_due: Option<Date>,
    /// Target dose (from 0).
    pub target: usize,
}

impl Forecast {
    fn closed(standing: Standing) -> Self {
        Self {
            standing,
            earliest: None,
            recommended: None,
            past_due: None,
            target: 0,
        }
    }
}

fn latest(dates: impl Iterator<Item = Date>) -> Option<Date> {
    dates.max()
}

impl Evaluator<'_> {
    /// Forecasts the next dose, given how far the person is.
    pub(super) fn forecast(&self, progress: &Progress) -> Forecast {
        let today = self.person.date;
        if let Some(standing) = self.excluded() {
            return Forecast::closed(standing);
        }
        let mut next = progress.next;
        loop {
            let Some(dose) = self.series.doses.get(next) else {
                return Forecast::closed(Standing::Complete);
            };
            if self.skipped(dose, progress, Step::Forecast, today) {
                next += 1;
                continue;
            }
            let Some(forecast) = self.dates(dose, progress, next) else {
                return Forecast::closed(Standing::Contraindicated);
            };
            let later = forecast.earliest.filter(|day| *day > today);
            if later.is_some_and(|day| self.skipped(dose, progress, Step::Forecast, day)) {
                next += 1;
                continue;
            }
            return forecast;
        }
    }

    fn excluded(&self) -> Option<Standing> {
        let person = self.person;
        let immune = self
            .antigen
            .immunity
            .iter()
            .any(|code| person.observations.contains_key(code))
            || self.antigen.born_before.as_ref().is_some_and(|(day, except)| {
                person.birth < *day && !except.iter().any(|code| person.observations.contains_key(code))
            });
        if immune {
            return Some(Standing::Immune);
        }
        self.antigen
            .contraindications
            .iter()
            .any(|c| c.cvx.is_empty() && person.has(&c.when))
            .then_some(Standing::Contraindicated)
    }

    fn contraindicated(&self, cvx: &str) -> bool {
        self.antigen
            .contraindications
            .iter()
            .any(|c| c.cvx.contains(cvx) && self.person.has(&c.when))
    }

    fn dates(&self, dose: &TargetDose, progress: &Progress, target: usize) -> Option<Forecast> {
        let person = self.person;
        if dose.vaccines.iter().all(|v| self.contraindicated(&v.cvx)) {
            return None;
        }
        let ages: Vec<&Window> = dose.ages.iter().filter(|w| w.holds_on(person.date)).collect();
        let intervals: Vec<(&Window, Date)> = dose
            .intervals
            .iter()
            .filter(|w| w.holds_on(person.date))
            .filter_map(|w| progress.reference(&w.from, person, None).map(|from| (w, from)))
            .collect();
        let of_ages = |part: fn(&Window) -> Option<Period>| {
            latest(ages.iter().filter_map(|w| part(w)).map(|p| p.after(person.birth)))
        };
        let of_intervals = |part: fn(&Window) -> Option<Period>, only_overriding: bool| {
            let chosen = intervals.iter().filter(|(w, _)| w.overriding || !only_overriding);
            latest(chosen.filter_map(|(w, from)| part(w).map(|p| p.after(*from))))
        };
        if of_ages(|w| w.maximum).is_some_and(|day| person.date >= day) {
            return Some(Forecast::closed(Standing::AgedOut));
        }
        let earliest = [
            of_ages(|w| w.minimum),
            of_intervals(|w| w.minimum, false),
            self.free_of_live(),
            dose.season.map(|s| s.around(person.date).0),
            progress.doses.last().map(|(g, _)| g.date),
        ]
        .into_iter()
        .flatten()
        .max()
        .unwrap_or(person.birth);
        if of_ages(|w| w.maximum).is_some_and(|day| earliest >= day) {
            return Some(Forecast::closed(Standing::AgedOut));
        }
        let recommended = of_intervals(|w| w.recommended, true)
            .or_else(|| of_ages(|w| w.recommended))
            .or_else(|| of_intervals(|w| w.recommended, false))
            .unwrap_or(earliest);
        let past_due = of_intervals(|w| w.latest, true)
            .or_else(|| of_ages(|w| w.latest))
            .or_else(|| of_intervals(|w| w.latest, false))
            .and_then(|day| day.checked_sub(1.day()).ok());
        Some(Forecast {
            standing: Standing::NotComplete,
            earliest: Some(earliest),
            recommended: Some(recommended.max(earliest)),
            past_due: past_due.map(|day| day.max(earliest)),
            target,
        })
    }

    /// The day from which no earlier live vaccine stands in the way.
    fn free_of_live(&self) -> Option<Date> {
        let family = self.antigen.live.as_deref()?;
        latest(
            self.person
                .given
                .iter()
                .filter_map(|given| self.live.free_from(family, given, false)),
        )
    }
}
