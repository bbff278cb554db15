//! The vaccine schedule as data: antigens, series, target doses. Read from `index/preventive/immunization`, where a
//! reviewer can compare each line with CDC's published schedule. Words are those of CDC's CDSi Logic Specification.
//! Evaluates nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::Deserialize;

use super::skip::Skip;
use crate::chart::preventive::{Period, RuleError};
use crate::domain::chart::Sex;

/// A vaccine group: what a patient sees as one vaccine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Id, the last part of the rule id.
    pub id: String,
    /// Other ids under which evaluation files name it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Plain name.
    pub title: String,
    /// Whether all antigens are given together (MMR), so that the latest of their dates counts.
    #[serde(default)]
    pub together: bool,
    /// Whether the group is only for people at risk, so that nobody else is asked about it.
    #[serde(default)]
    pub risk_only: bool,
    /// Ages in which the decision is shared with a clinician, although no routine series recommends the vaccine.
    #[serde(default)]
    pub shared_from: Option<String>,
    /// End of those ages.
    #[serde(default)]
    pub shared_until: Option<String>,
    /// Title of the publication.
    pub source: String,
    /// Its year.
    pub year: i16,
    /// Slugs of guidance topics.
    #[serde(default)]
    pub topics: Vec<String>,
}

/// The file of all groups.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupFile {
    pub groups: Vec<Group>,
    /// Live vaccines by family: CVX codes. Two live vaccines not given on one day are kept 28 days apart
    /// (24 within a family, the 4-day grace).
    pub live: BTreeMap<String, Vec<String>>,
}

/// What an antigen's schedule file holds, before it is checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AntigenFile {
    antigen: String,
    group: String,
    #[serde(default)]
    live: Option<String>,
    sets: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    contraindications: Vec<String>,
    #[serde(default)]
    immunity: Vec<String>,
    #[serde(default)]
    born_before: Option<String>,
    #[serde(default)]
    born_before_except: Vec<String>,
    series: Vec<SeriesFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeriesFile {
    name: String,
    #[serde(default)]
    kind: SeriesKind,
    group: String,
    #[serde(default)]
    equivalent: Vec<String>,
    #[serde(default)]
    priority: Option<char>,
    preference: u32,
    #[serde(default)]
    default: bool,
    #[serde(default)]
    product: bool,
    #[serde(default)]
    min_start: Option<String>,
    #[serde(default)]
    max_start: Option<String>,
    #[serde(default)]
    sex: Option<Sex>,
    #[serde(default)]
    indications: Vec<String>,
    doses: Vec<DoseFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DoseFile {
    #[serde(default)]
    age: Option<Ages>,
    #[serde(default)]
    interval: Vec<String>,
    #[serde(default)]
    allow: Vec<String>,
    vaccines: String,
    #[serde(default)]
    inadvertent: Option<String>,
    #[serde(default)]
    skip: Vec<String>,
    #[serde(default)]
    recurring: bool,
    #[serde(default)]
    season: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Ages {
    One(String),
    Several(Vec<String>),
}

/// Kinds of series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeriesKind {
    /// For everyone of the right age.
    #[default]
    Standard,
    /// For people with an indication.
    Risk,
    /// Recognised when it was given; never started now.
    Evaluation,
}

/// An antigen's schedule.
#[derive(Debug, Clone)]
pub struct Antigen {
    /// Its name.
    pub name: String,
    /// Its vaccine group.
    pub group: String,
    /// Family of live vaccine that the next dose would be.
    pub live: Option<String>,
    /// CVX codes of all vaccines that hold the antigen.
    pub cvx: BTreeSet<String>,
    /// Observations for which it, or some of its vaccines, must not be given.
    pub contraindications: Vec<Contraindication>,
    /// Observations that show immunity.
    pub immunity: Vec<String>,
    /// People born before this day count as immune, save with one of the observations named.
    pub born_before: Option<(Date, Vec<String>)>,
    /// Its series.
    pub series: Vec<Series>,
}

/// An observation for which an antigen must not be given.
#[derive(Debug, Clone)]
pub struct Contraindication {
    /// CDSi observation code with the ages in which it counts.
    pub when: Indication,
    /// Only these vaccines; all when empty.
    pub cvx: BTreeSet<String>,
}

/// An observation that calls for something within an age range.
#[derive(Debug, Clone)]
pub struct Indication {
    /// CDSi observation code.
    pub code: String,
    /// From this age.
    pub begin: Option<Period>,
    /// Until this age.
    pub end: Option<Period>,
}

/// One way to become protected.
#[derive(Debug, Clone)]
pub struct Series {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: SeriesKind,
    /// Series group: of each, one best series is chosen.
    pub group: String,
    /// Series groups that protect as well.
    pub equivalent: Vec<String>,
    /// Priority within the group (`A` before `B`).
    pub priority: char,
    /// Order among equals.
    pub preference: u32,
    /// Chosen when nothing was given.
    pub default: bool,
    /// Made of one product.
    pub product: bool,
    /// Youngest age at its first dose.
    pub min_start: Option<Period>,
    /// Age by which it must have been started.
    pub max_start: Option<Period>,
    /// Only for this sex.
    pub sex: Option<Sex>,
    /// Indications of a risk series.
    pub indications: Vec<Indication>,
    /// Its target doses.
    pub doses: Vec<TargetDose>,
}

/// One dose of a series.
#[derive(Debug, Clone)]
pub struct TargetDose {
    /// Ages, one for each time in which they hold.
    pub ages: Vec<Window>,
    /// Intervals that must all be kept.
    pub intervals: Vec<Window>,
    /// Shorter intervals that are accepted afterwards.
    pub allowable: Vec<Window>,
    /// Vaccines that count.
    pub vaccines: Vec<VaccineUse>,
    /// Vaccines that never count here and do not start an interval.
    pub inadvertent: BTreeSet<String>,
    /// When the dose is not needed.
    pub skips: Vec<Skip>,
    /// Whether it is repeated for ever.
    pub recurring: bool,
    /// Month and day on which the season begins and ends in which it is given.
    pub season: Option<Season>,
}

/// A season that comes back each year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Season {
    begin: (i8, i8),
    end: (i8, i8),
}

/// Reads `07-01`.
pub(super) fn month_day(text: &str) -> Result<(i8, i8), RuleError> {
    let wrong = || syntax("month and day", text);
    let (month, day) = text.split_once('-').ok_or_else(wrong)?;
    Ok((month.parse().or(Err(wrong()))?, day.parse().or(Err(wrong()))?))
}

/// The last such day on or before `date`; leap days fall on the last of February.
pub(super) fn last_on_or_before((month, day): (i8, i8), date: Date) -> Date {
    let of = |year: i16| {
        Date::new(year, month, day)
            .or_else(|_| Date::new(year, month, 28))
            .unwrap_or(date)
    };
    let this = of(date.year());
    if this <= date {
        this
    } else {
        of(date.year().saturating_sub(1))
    }
}

impl Season {
    /// First and last day of the season that is running on `date`, or that comes next.
    #[must_use]
    pub fn around(&self, date: Date) -> (Date, Date) {
        let begin = last_on_or_before(self.begin, date);
        let end_after = |begin: Date| {
            let end = last_on_or_before(self.end, begin);
            Date::new(end.year().saturating_add(1), end.month(), end.day()).unwrap_or(end)
        };
        if date <= end_after(begin) {
            return (begin, end_after(begin));
        }
        let next = Date::new(begin.year().saturating_add(1), begin.month(), begin.day()).unwrap_or(begin);
        (next, end_after(next))
    }
}

/// A vaccine that counts for a dose within an age range.
#[derive(Debug, Clone)]
pub struct VaccineUse {
    /// CVX code.
    pub cvx: String,
    /// From this age.
    pub begin: Option<Period>,
    /// Until this age.
    pub end: Option<Period>,
}

/// What an interval is counted from; an age window has `Birth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// Birth.
    Birth,
    /// The dose given before.
    Previous,
    /// The dose that satisfied this target dose (from 1).
    Dose(usize),
    /// The latest dose of one of these vaccines, of any antigen.
    Recent(BTreeSet<String>),
    /// The date of this observation.
    Observation(String),
}

/// Ages or intervals: absolute minimum, minimum, earliest recommended, latest recommended, maximum.
#[derive(Debug, Clone)]
pub struct Window {
    /// Counted from.
    pub from: From,
    /// Earlier is never valid.
    pub absolute: Option<Period>,
    /// Earlier is valid only within the grace days.
    pub minimum: Option<Period>,
    /// Recommended from.
    pub recommended: Option<Period>,
    /// Recommended until.
    pub latest: Option<Period>,
    /// Later does not count (ages only).
    pub maximum: Option<Period>,
    /// Whether it outranks the recommended age.
    pub overriding: bool,
    /// First day on which the window holds.
    pub effective: Option<Date>,
    /// Last day on which the window holds.
    pub cessation: Option<Date>,
}

impl Window {
    /// Whether the window holds on `date`.
    #[must_use]
    pub fn holds_on(&self, date: Date) -> bool {
        self.effective.is_none_or(|d| d <= date) && self.cessation.is_none_or(|d| date <= d)
    }
}

pub(super) fn syntax(what: &'static str, text: &str) -> RuleError {
    RuleError::Syntax {
        what,
        text: text.to_owned(),
    }
}

pub(super) fn date(text: &str) -> Result<Date, RuleError> {
    text.parse::<Date>().or(Err(syntax("date", text)))
}

fn optional(text: Option<&str>) -> Result<Option<Period>, RuleError> {
    text.filter(|t| !t.is_empty() && *t != "-")
        .map(Period::parse)
        .transpose()
}

/// Reads `014@19y..65y`; both ends may be left out.
pub(super) fn ranged(text: &str) -> Result<(String, Option<Period>, Option<Period>), RuleError> {
    let Some((name, range)) = text.split_once('@') else {
        return Ok((text.trim().to_owned(), None, None));
    };
    let (begin, end) = range.split_once("..").unwrap_or((range, ""));
    Ok((
        name.trim().to_owned(),
        optional(Some(begin.trim()))?,
        optional(Some(end.trim()))?,
    ))
}

fn indication(text: &str) -> Result<Indication, RuleError> {
    let (code, begin, end) = ranged(text)?;
    Ok(Indication { code, begin, end })
}

/// Reads `6w-4d 6w 2m 3m+4w -`, with `override`, `effective=DATE` and `cessation=DATE` after it.
fn window(from: From, text: &str) -> Result<Window, RuleError> {
    let mut window = Window {
        from,
        absolute: None,
        minimum: None,
        recommended: None,
        latest: None,
        maximum: None,
        overriding: false,
        effective: None,
        cessation: None,
    };
    let mut place = 0;
    for word in text.split_whitespace() {
        if word == "override" {
            window.overriding = true;
        } else if let Some(day) = word.strip_prefix("effective=") {
            window.effective = Some(date(day)?);
        } else if let Some(day) = word.strip_prefix("cessation=") {
            window.cessation = Some(date(day)?);
        } else {
            let value = optional(Some(word))?;
            match place {
                0 => window.absolute = value,
                1 => window.minimum = value,
                2 => window.recommended = value,
                3 => window.latest = value,
                4 => window.maximum = value,
                _ => return Err(syntax("age or interval", text)),
            }
            place += 1;
        }
    }
    Ok(window)
}

type Sets = BTreeMap<String, Vec<String>>;

/// Reads an interval: `previous 4w-4d 4w 8w 13w`, `dose:1 …`, `recent:09,113 …`, `obs:170 …`.
fn interval(text: &str, sets: &Sets) -> Result<Window, RuleError> {
    let (start, rest) = text.split_once(' ').ok_or_else(|| syntax("interval", text))?;
    let from = match start.split_once(':') {
        None if start == "previous" => From::Previous,
        Some(("dose", number)) => From::Dose(number.parse().or(Err(syntax("interval", text)))?),
        Some(("recent", list)) => From::Recent(codes(list, sets)?),
        Some(("obs", code)) => From::Observation(code.to_owned()),
        _ => return Err(syntax("interval", text)),
    };
    window(from, rest)
}

fn uses(list: &str, sets: &Sets) -> Result<Vec<VaccineUse>, RuleError> {
    let mut found = Vec::new();
    for word in list.split([' ', ',']).filter(|w| !w.is_empty()) {
        let (name, begin, end) = ranged(word)?;
        match sets.get(&name) {
            Some(members) => {
                for member in members {
                    let (cvx, own_begin, own_end) = ranged(member)?;
                    found.push(VaccineUse {
                        cvx,
                        begin: begin.or(own_begin),
                        end: end.or(own_end),
                    });
                }
            }
            None if name.chars().all(|c| c.is_ascii_digit()) => found.push(VaccineUse { cvx: name, begin, end }),
            None => {
                return Err(RuleError::Undefined {
                    what: "a vaccine set",
                    name,
                });
            }
        }
    }
    Ok(found)
}

pub(super) fn codes(list: &str, sets: &Sets) -> Result<BTreeSet<String>, RuleError> {
    Ok(uses(list, sets)?.into_iter().map(|u| u.cvx).collect())
}

impl DoseFile {
    fn check(&self, sets: &Sets) -> Result<TargetDose, RuleError> {
        let ages = match &self.age {
            None => Vec::new(),
            Some(Ages::One(text)) => vec![window(From::Birth, text)?],
            Some(Ages::Several(texts)) => texts.iter().map(|t| window(From::Birth, t)).collect::<Result<_, _>>()?,
        };
        let season = match &self.season {
            None => None,
            Some(text) => {
                let (begin, end) = text.split_once("..").ok_or_else(|| syntax("season", text))?;
                Some(Season {
                    begin: month_day(begin.trim())?,
                    end: month_day(end.trim())?,
                })
            }
        };
        Ok(TargetDose {
            ages,
            intervals: self
                .interval
                .iter()
                .map(|t| interval(t, sets))
                .collect::<Result<_, _>>()?,
            allowable: self.allow.iter().map(|t| interval(t, sets)).collect::<Result<_, _>>()?,
            vaccines: uses(&self.vaccines, sets)?,
            inadvertent: self
                .inadvertent
                .as_deref()
                .map_or(Ok(BTreeSet::new()), |t| codes(t, sets))?,
            skips: self
                .skip
                .iter()
                .map(|t| Skip::parse(t, sets))
                .collect::<Result<_, _>>()?,
            recurring: self.recurring,
            season,
        })
    }
}

impl SeriesFile {
    fn check(&self, sets: &Sets) -> Result<Series, RuleError> {
        Ok(Series {
            name: self.name.clone(),
            kind: self.kind,
            group: self.group.clone(),
            equivalent: self.equivalent.clone(),
            priority: self.priority.unwrap_or('A'),
            preference: self.preference,
            default: self.default,
            product: self.product,
            min_start: optional(self.min_start.as_deref())?,
            max_start: optional(self.max_start.as_deref())?,
            sex: self.sex,
            indications: self
                .indications
                .iter()
                .map(|t| indication(t))
                .collect::<Result<_, _>>()?,
            doses: self.doses.iter().map(|d| d.check(sets)).collect::<Result<_, _>>()?,
        })
    }
}

impl AntigenFile {
    pub(super) fn check(&self) -> Result<Antigen, RuleError> {
        let sets = &self.sets;
        let mut cvx = BTreeSet::new();
        for name in sets.keys().filter(|name| !name.starts_with("other")) {
            cvx.extend(codes(name, sets)?);
        }
        let mut contraindications = Vec::new();
        for text in &self.contraindications {
            let (when, only) = text.split_once(" for ").unwrap_or((text, ""));
            contraindications.push(Contraindication {
                when: indication(when)?,
                cvx: codes(only, sets)?,
            });
        }
        let born_before = match &self.born_before {
            Some(text) => Some((date(text)?, self.born_before_except.clone())),
            None => None,
        };
        Ok(Antigen {
            name: self.antigen.clone(),
            group: self.group.clone(),
            live: self.live.clone(),
            cvx,
            contraindications,
            immunity: self.immunity.clone(),
            born_before,
            series: self.series.iter().map(|s| s.check(sets)).collect::<Result<_, _>>()?,
        })
    }
}
