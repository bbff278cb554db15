//! A measurement over all of the history: first, last, direction, rate, and the series for a plot.
//! Must not say whether a change is good or bad.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::chart::knowledge::Test;
use crate::chart::records::{Reading, instant};
use crate::chart::{plain, units};
use crate::domain::chart::{FhirDate, Quantity, Value};

/// Which way a measurement went, first to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The last is higher than the first.
    Up,
    /// The last is lower than the first.
    Down,
    /// About the same (within 3% of the first).
    Steady,
}

/// One point of the series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Point {
    /// Id of the Observation.
    pub id: String,
    /// Date as recorded.
    pub date: String,
    /// Value in the trend's unit.
    pub value: f64,
    /// The value as shown.
    pub shown: String,
}

/// A measurement over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Trend {
    /// How many results.
    pub count: usize,
    /// Unit of all values, as shown.
    pub unit: String,
    /// The first.
    pub first: Point,
    /// The last.
    pub last: Point,
    /// Which way it went.
    pub direction: Direction,
    /// Whether every step went the same way (or stayed).
    pub without_turns: bool,
    /// Change per year in the trend's unit (least squares); absent for fewer than 3 results or less than 6 months.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_year: Option<f64>,
    /// All of them, oldest first.
    pub series: Vec<Point>,
    /// How many results were left out since their unit cannot be compared, or they have no number or no date.
    pub left_out: usize,
}

/// The share of the first value up to which a change counts as none.
const STEADY: f64 = 0.03;
/// The shortest time over which a rate is given, in days.
const RATE_DAYS: f64 = 180.0;

/// The trend of the readings of one series (oldest first) up to `today`; `None` where there are not two numbers.
#[must_use]
pub fn trend(readings: &[Reading<'_>], test: Option<&Test>, today: Date) -> Option<Trend> {
    let numbers: Vec<(&Reading<'_>, &Quantity)> =
        readings.iter().filter_map(|r| number_of(r).map(|q| (r, q))).collect();
    // The unit of the newest result: what the patient sees today.
    let (_, newest) = numbers.last()?;
    let ucum = units::ucum_of(newest);
    let shown_unit = units::shown(newest);
    let mut series: Vec<(i64, Point)> = Vec::new();
    for (reading, quantity) in &numbers {
        let Some(date) = reading
            .date()
            .filter(|date| date.first_day().is_some_and(|day| day <= today))
        else {
            continue;
        };
        let same_text = quantity.unit == newest.unit;
        let value = match (units::ucum_of(quantity), ucum) {
            (Some(from), Some(to)) => units::convert(quantity.value, from, to, test),
            _ if same_text => Some(quantity.value),
            _ => None,
        };
        let Some(value) = value else { continue };
        let converted = !same_text && units::ucum_of(quantity) != ucum;
        let text = if converted {
            plain::number(value)
        } else {
            plain::recorded(quantity)
        };
        let point = Point {
            id: reading.observation.record.id.clone(),
            date: date.0.clone(),
            value,
            shown: plain::with_unit(&text, &shown_unit),
        };
        let at = instant(Some(date));
        // The same value sent twice for one moment is one result.
        if series
            .last()
            .is_none_or(|(before, last)| *before != at || (last.value - value).abs() > f64::EPSILON)
        {
            series.push((at, point));
        }
    }
    let left_out = readings.len().saturating_sub(series.len());
    let (first_at, first) = series.first().cloned()?;
    let (last_at, last) = series.last().cloned()?;
    if series.len() < 2 || first_at == last_at {
        return None;
    }
    let direction = direction(first.value, last.value);
    let steps = || {
        series
            .iter()
            .zip(series.iter().skip(1))
            .map(|((_, a), (_, b))| b.value - a.value)
    };
    let without_turns = match direction {
        Direction::Up => steps().all(|step| step >= 0.0),
        Direction::Down => steps().all(|step| step <= 0.0),
        Direction::Steady => series
            .iter()
            .all(|(_, p)| self::direction(first.value, p.value) == Direction::Steady),
    };
    Some(Trend {
        count: series.len(),
        unit: shown_unit,
        direction,
        without_turns,
        rate_per_year: rate(&series),
        first,
        last,
        series: series.into_iter().map(|(_, point)| point).collect(),
        left_out,
    })
}

/// The number of a reading that a trend can use: exact, not "less than".
fn number_of<'c>(reading: &Reading<'c>) -> Option<&'c Quantity> {
    match reading.value() {
        Some(Value::Quantity(quantity)) if quantity.comparator.is_none() => Some(quantity),
        _ => None,
    }
}

fn direction(first: f64, last: f64) -> Direction {
    let change = last - first;
    if change.abs() <= first.abs() * STEADY {
        Direction::Steady
    } else if change > 0.0 {
        Direction::Up
    } else {
        Direction::Down
    }
}

/// The slope of the least-squares line through the series, per year.
fn rate(series: &[(i64, Point)]) -> Option<f64> {
    const YEAR_MILLIS: f64 = 365.25 * 86_400_000.0;
    let start = series.first()?.0;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a life fit a float's 53 bits")]
    let years = |at: i64| (at - start) as f64 / YEAR_MILLIS;
    let span = years(series.last()?.0);
    if series.len() < 3 || span * 365.25 < RATE_DAYS {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a chart has far fewer results than 2^53")]
    let count = series.len() as f64;
    let mean_time = series.iter().map(|(at, _)| years(*at)).sum::<f64>() / count;
    let mean_value = series.iter().map(|(_, p)| p.value).sum::<f64>() / count;
    let (mut above, mut below) = (0.0, 0.0);
    for (at, point) in series {
        let time = years(*at) - mean_time;
        above += time * (point.value - mean_value);
        below += time * time;
    }
    (below > 0.0).then(|| above / below)
}

impl Trend {
    /// The trend as plain sentences about `name`; no judgement.
    #[must_use]
    pub fn sentences(&self, name: &str, points: &str) -> Vec<String> {
        let first_on = plain::on_date(Some(&FhirDate(self.first.date.clone())));
        let mut sentences = Vec::new();
        let moved = match self.direction {
            Direction::Up => "gone up",
            Direction::Down => "gone down",
            Direction::Steady => "stayed about the same",
        };
        if self.count == 2 {
            sentences.push(format!(
                "It was {} {first_on}: it has {moved} since then.",
                self.first.shown
            ));
        } else if self.without_turns {
            let steps = match self.direction {
                Direction::Steady => format!("it has {moved} over {} results", self.count),
                _ => format!("it has {moved} in {} results", self.count),
            };
            sentences.push(format!("It was {} {first_on}: {steps}.", self.first.shown));
        } else {
            sentences.push(format!(
                "The first of {} {name} results was {} {first_on}.",
                self.count, self.first.shown
            ));
            let overall = match self.direction {
                Direction::Steady => "The last one is about the same, with changes in between.".to_owned(),
                _ => format!("Since then it has {moved} overall, with ups and downs."),
            };
            sentences.push(overall);
        }
        if let Some(rate) = self.rate_per_year.filter(|_| self.direction != Direction::Steady) {
            let unit = if self.unit == "%" { points } else { self.unit.as_str() };
            let way = if rate > 0.0 { "rise" } else { "fall" };
            let size = plain::rough(rate.abs());
            let agrees = (rate > 0.0) == (self.direction == Direction::Up);
            if agrees && size != "0" {
                sentences.push(format!(
                    "That is a {way} of about {} a year.",
                    plain::with_unit(&size, unit)
                ));
            }
        }
        sentences
    }
}
