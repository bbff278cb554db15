//! When a dose of a series is not needed: CDSi's conditional skips, in a short form a reviewer can read.
//!
//! `both: valid=4 & valid>0[pertussis]@4y-4d.. | valid>4`: within a line `&` binds before `|`. Terms: `age>=7y`,
//! `age<5y`, `valid` or `total` with `>`, `<` or `=`, a number, vaccines in `[]`, ages or dates after `@`,
//! `since>=8w` (time since the last dose), `complete:2` (another series group is complete), `obs:007`, `never`.
//! Nothing here decides whether a dose was valid.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::data::{codes, last_on_or_before, month_day, syntax};
use crate::chart::preventive::{Period, RuleError};

/// In which step a skip is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// While given doses are evaluated.
    Evaluation,
    /// While the next dose is forecast.
    Forecast,
}

/// One conditional skip: any of its sets, each of which needs all of its terms.
#[derive(Debug, Clone)]
pub struct Skip {
    step: Option<Step>,
    sets: Vec<Vec<Term>>,
}

#[derive(Debug, Clone)]
enum Term {
    Always,
    AgeAtLeast(Period),
    AgeBelow(Period),
    SinceLast(Period),
    Complete(String),
    Observation(String),
    Count(Count),
}

#[derive(Debug, Clone)]
struct Count {
    valid_only: bool,
    sign: char,
    number: usize,
    vaccines: Option<BTreeSet<String>>,
    begin: Bound,
    end: Bound,
}

#[derive(Debug, Clone)]
enum Bound {
    Open,
    Age(Period),
    Day(Date),
    /// The last such day of a year before the assessment (`07-01`: this season's start).
    Yearly((i8, i8)),
}

/// What a skip may look at.
pub struct View<'a> {
    /// Date of birth.
    pub birth: Date,
    /// The step.
    pub step: Step,
    /// The day the question is asked for.
    pub date: Date,
    /// The day of the assessment.
    pub today: Date,
    /// Date and vaccine of the doses that were valid in this series.
    pub valid: &'a [(Date, &'a str)],
    /// Date and vaccine of all doses given, of any antigen, before the dose in question.
    pub total: &'a [(Date, &'a str)],
    /// CVX codes of the antigen.
    pub antigen: &'a BTreeSet<String>,
    /// Date of the last dose of the antigen.
    pub last: Option<Date>,
    /// Codes of the observations on record.
    pub observed: &'a dyn Fn(&str) -> bool,
    /// Series groups that are complete.
    pub complete: &'a dyn Fn(&str) -> bool,
}

fn bound(text: &str) -> Result<Bound, RuleError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Bound::Open);
    }
    match text.parse::<Date>() {
        Ok(day) => Ok(Bound::Day(day)),
        Err(_) => match month_day(text) {
            Ok(day) => Ok(Bound::Yearly(day)),
            Err(_) => Period::parse(text).map(Bound::Age),
        },
    }
}

impl Bound {
    fn date(&self, view: &View<'_>) -> Option<Date> {
        match self {
            Self::Open => None,
            Self::Age(period) => Some(period.after(view.birth)),
            Self::Day(day) => Some(*day),
            Self::Yearly(day) => Some(last_on_or_before(*day, view.today)),
        }
    }
}

impl Count {
    /// Reads the part after `valid` or `total`: `>0[09,113]@7y..`.
    fn parse(valid_only: bool, rest: &str, sets: &BTreeMap<String, Vec<String>>) -> Result<Self, RuleError> {
        let wrong = || syntax("skip term", rest);
        let (rest, range) = rest.split_once('@').unwrap_or((rest, ""));
        let (begin, end) = range.split_once("..").unwrap_or((range, ""));
        let (number, vaccines) = match rest.split_once('[') {
            Some((number, list)) => (number, Some(list.trim_end().strip_suffix(']').ok_or_else(wrong)?)),
            None => (rest, None),
        };
        let sign = number
            .chars()
            .next()
            .filter(|c| matches!(c, '>' | '<' | '='))
            .ok_or_else(wrong)?;
        Ok(Self {
            valid_only,
            sign,
            number: number.trim_start_matches(sign).trim().parse().or(Err(wrong()))?,
            vaccines: vaccines.map(|list| codes(list, sets)).transpose()?,
            begin: bound(begin)?,
            end: bound(end)?,
        })
    }

    fn holds(&self, view: &View<'_>) -> bool {
        let begin = self.begin.date(view);
        let end = self.end.date(view);
        let given = if self.valid_only { view.valid } else { view.total };
        let count = given
            .iter()
            .filter(|(day, cvx)| match &self.vaccines {
                Some(list) => list.contains(*cvx),
                None => self.valid_only || view.antigen.contains(*cvx),
            } && begin.is_none_or(|b| *day >= b)
                && end.is_none_or(|e| *day < e))
            .count();
        match self.sign {
            '>' => count > self.number,
            '<' => count < self.number,
            _ => count == self.number,
        }
    }
}

impl Term {
    fn parse(text: &str, sets: &BTreeMap<String, Vec<String>>) -> Result<Self, RuleError> {
        let text = text.trim();
        if text == "always" {
            return Ok(Self::Always);
        }
        let after = |prefix: &str| text.strip_prefix(prefix);
        if let Some(rest) = after("age>=") {
            Period::parse(rest).map(Self::AgeAtLeast)
        } else if let Some(rest) = after("age<") {
            Period::parse(rest).map(Self::AgeBelow)
        } else if let Some(rest) = after("since>=") {
            Period::parse(rest).map(Self::SinceLast)
        } else if let Some(rest) = after("complete:") {
            Ok(Self::Complete(rest.to_owned()))
        } else if let Some(rest) = after("obs:") {
            Ok(Self::Observation(rest.to_owned()))
        } else if let Some(rest) = after("valid") {
            Count::parse(true, rest, sets).map(Self::Count)
        } else if let Some(rest) = after("total") {
            Count::parse(false, rest, sets).map(Self::Count)
        } else {
            Err(syntax("skip term", text))
        }
    }

    fn holds(&self, view: &View<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::AgeAtLeast(age) => view.date >= age.after(view.birth),
            Self::AgeBelow(age) => view.date < age.after(view.birth),
            Self::SinceLast(time) => view.last.is_some_and(|last| view.date >= time.after(last)),
            Self::Complete(group) => (view.complete)(group),
            Self::Observation(code) => (view.observed)(code),
            Self::Count(count) => count.holds(view),
        }
    }
}

impl Skip {
    /// Reads one line of a rule file.
    ///
    /// # Errors
    /// When the line has an unknown term or names an unknown vaccine set.
    pub fn parse(text: &str, sets: &BTreeMap<String, Vec<String>>) -> Result<Self, RuleError> {
        let (step, rest) = text.split_once(": ").ok_or_else(|| syntax("skip", text))?;
        let step = match step {
            "eval" => Some(Step::Evaluation),
            "forecast" => Some(Step::Forecast),
            "both" => None,
            _ => return Err(syntax("skip", text)),
        };
        let sets = rest
            .split('|')
            .map(|set| {
                set.split('&')
                    .map(|term| Term::parse(term, sets))
                    .collect::<Result<Vec<_>, _>>()
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { step, sets })
    }

    /// Whether the dose is not needed.
    #[must_use]
    pub fn holds(&self, view: &View<'_>) -> bool {
        self.step.is_none_or(|step| step == view.step)
            && self.sets.iter().any(|set| set.iter().all(|term| term.holds(view)))
    }
}
