//! Lengths of calendar time as schedules write them ("12 months - 4 days") and their addition to a date.
//!
//! Pure; reads no clock. Written in rule files in short: `12m-4d`, `19m+4w`, `4y`.

use jiff::civil::Date;
use jiff::{Span, ToSpan};

use super::RuleError;

/// Years, months, weeks and days, each of either sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    years: i32,
    months: i32,
    days: i32,
}

impl Period {
    /// Reads `6w-4d`, `19m+4w`, `0d`, `4y`.
    ///
    /// # Errors
    /// When the text is not a sum of whole years, months, weeks and days.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let wrong = || RuleError::Syntax {
            what: "period",
            text: text.to_owned(),
        };
        let mut period = Self::default();
        let mut sign = 1;
        let mut number: Option<i32> = None;
        let mut seen = false;
        for letter in text.chars().filter(|c| !c.is_whitespace()) {
            match letter {
                '+' | '-' if number.is_none() => sign = if letter == '-' { -1 } else { 1 },
                '0'..='9' => {
                    let digit = letter
                        .to_digit(10)
                        .and_then(|d| i32::try_from(d).ok())
                        .ok_or_else(wrong)?;
                    let value = number.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(digit));
                    number = Some(value.filter(|n| *n <= 100_000).ok_or_else(wrong)?);
                }
                'y' | 'm' | 'w' | 'd' => {
                    let value = sign * number.take().ok_or_else(wrong)?;
                    match letter {
                        'y' => period.years += value,
                        'm' => period.months += value,
                        'w' => period.days += value * 7,
                        _ => period.days += value,
                    }
                    (sign, seen) = (1, true);
                }
                _ => return Err(wrong()),
            }
        }
        if seen && number.is_none() {
            Ok(period)
        } else {
            Err(wrong())
        }
    }

    /// The date this long after `date`. A day that the month does not have becomes the first of the next month
    /// (CDC, CDSi Logic Specification, date rule CALCDT-5). Stops at the ends of the calendar.
    #[must_use]
    pub fn after(&self, date: Date) -> Date {
        let far = if self.years < 0 || self.months < 0 {
            Date::MIN
        } else {
            Date::MAX
        };
        let months: Span = self.years.years().months(self.months);
        let moved = date.checked_add(months).unwrap_or(far);
        let moved = if moved.day() == date.day() {
            moved
        } else {
            moved.checked_add(1.day()).unwrap_or(far)
        };
        let far = if self.days < 0 { Date::MIN } else { Date::MAX };
        moved.checked_add(self.days.days()).unwrap_or(far)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_period_adds_years_and_months_before_weeks_and_days() {
        let p = Period::parse("12m-4d").unwrap();
        assert_eq!(p.after(date(2024, 2, 29)), date(2025, 2, 25));
        assert_eq!(
            Period::parse("3m + 4w").unwrap().after(date(2025, 11, 10)),
            date(2026, 3, 10)
        );
    }

    #[test]
    fn a_day_the_month_lacks_becomes_the_first_of_the_next_month() {
        assert_eq!(Period::parse("6m").unwrap().after(date(2023, 3, 31)), date(2023, 10, 1));
    }

    #[test]
    fn a_period_without_a_unit_or_a_number_is_refused() {
        for text in ["", "6", "w", "6x", "--", "6w4"] {
            assert!(Period::parse(text).is_err(), "{text}");
        }
    }
}
