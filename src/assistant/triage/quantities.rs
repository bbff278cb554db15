//! Numbers with a meaning: vital signs, laboratory values, ages, weeks of pregnancy, how long it has lasted.
//!
//! Which words announce which number is data (`_quantities.toml`); what stands here is only how numbers are written.

use super::pattern::{Found, Phrase, PhraseError, PhraseIndex};
use super::text::Token;
use super::vocabulary::Vocabulary;

/// Names of the quantities that code reads without cue words.
pub const BUILT_IN: [&str; 6] = ["age", "days", "weeks_pregnant", "systolic", "diastolic", "pain_score"];

/// One quantity of the file.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuantityEntry {
    /// Its name in conditions.
    pub name: String,
    /// English words that announce it.
    #[serde(default)]
    pub en: Vec<String>,
    /// Spanish words that announce it.
    #[serde(default)]
    pub es: Vec<String>,
    /// Smallest number that can be meant.
    pub min: f64,
    /// Largest number that can be meant.
    pub max: f64,
    /// Words in front of the cue that the number may also have ("103 fever").
    #[serde(default)]
    pub number_first: bool,
    /// The number never follows the words ("80 bpm").
    #[serde(default)]
    pub number_only_first: bool,
    /// Words directly before the cue that make it announce something else ("diastolic bp").
    #[serde(default)]
    pub not_after: Vec<String>,
    /// `celsius`: numbers up to 45 are °C and become °F. `mmol`: a number followed by "mmol" is times 18 (glucose).
    #[serde(default)]
    pub convert: Option<String>,
}

/// The quantity file.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuantityFile {
    /// The quantities.
    #[serde(default)]
    pub quantity: Vec<QuantityEntry>,
}

/// A number found: which quantity, its value, and where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Number of the quantity in [`Quantities::names`].
    pub quantity: usize,
    /// Its value in the unit of the conditions.
    pub value: f64,
    /// Where it stands.
    pub place: Found,
}

/// The compiled quantities.
#[derive(Debug, Default)]
pub struct Quantities {
    names: Vec<String>,
    entries: Vec<QuantityEntry>,
    index: PhraseIndex,
}

impl Quantities {
    /// Compiles the file.
    ///
    /// # Errors
    /// A phrase does not compile.
    pub fn compile(file: QuantityFile, vocabulary: &mut Vocabulary) -> Result<Self, PhraseError> {
        let mut names: Vec<String> = BUILT_IN.iter().map(|n| (*n).to_owned()).collect();
        let mut index = PhraseIndex::default();
        for (number, entry) in file.quantity.iter().enumerate() {
            for (phrases, spanish) in [(&entry.en, false), (&entry.es, true)] {
                for phrase in phrases {
                    index.add(number, Phrase::compile(phrase, spanish, vocabulary)?);
                }
            }
            if !names.contains(&entry.name) {
                names.push(entry.name.clone());
            }
        }
        Ok(Self {
            names,
            entries: file.quantity,
            index,
        })
    }

    /// The number of a quantity by its name.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n == name)
    }

    /// How many quantities there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.names.len()
    }

    /// All numbers of a turn.
    #[must_use]
    pub fn read(&self, tokens: &[Token]) -> Vec<Measured> {
        let mut found = Vec::new();
        // `Some(true)`: part of a blood pressure, which ends the search of another quantity; `Some(false)`: used.
        let mut used: Vec<Option<bool>> = vec![None; tokens.len()];
        self.read_built_in(tokens, &mut used, &mut found);
        self.index.search(tokens, |number, cue| {
            let Some(entry) = self.entries.get(number) else { return };
            let Some(quantity) = self.number(&entry.name) else {
                return;
            };
            let previous = cue.start.checked_sub(1).and_then(|i| tokens.get(i));
            if previous.is_some_and(|t| entry.not_after.contains(&t.text)) {
                return;
            }
            let after = if entry.number_only_first {
                None
            } else {
                number_after(tokens, cue.end, 6, &used, entry)
            };
            let before = || {
                if entry.number_first || entry.number_only_first {
                    number_before(tokens, cue.start, 3, &used, entry)
                } else {
                    None
                }
            };
            if let Some((at, value)) = after.or_else(before) {
                found.push(Measured {
                    quantity,
                    value,
                    place: Found {
                        start: cue.start.min(at),
                        end: cue.end.max(at + 1),
                    },
                });
            }
        });
        found
    }

    fn read_built_in(&self, tokens: &[Token], used: &mut [Option<bool>], found: &mut Vec<Measured>) {
        for (at, token) in tokens.iter().enumerate() {
            let Some(value) = token.number else { continue };
            let written = Written::at(tokens, at);
            let readings = [
                written.pressure(value),
                written.pain(value),
                written.pregnancy(value),
                written.age(value),
                written.duration(value),
            ];
            let Some(reading) = readings.into_iter().flatten().next() else {
                continue;
            };
            let pressure = reading.iter().any(|(name, _)| *name == "diastolic");
            for (name, value) in reading {
                if let Some(quantity) = self.number(name) {
                    found.push(Measured {
                        quantity,
                        value,
                        place: Found { start: at, end: at + 1 },
                    });
                }
            }
            if let Some(mark) = used.get_mut(at) {
                *mark = Some(pressure);
            }
            if pressure && let Some(mark) = used.get_mut(at + 1) {
                *mark = Some(true);
            }
        }
    }
}

fn accepted(tokens: &[Token], at: usize, entry: &QuantityEntry) -> Option<f64> {
    let value = tokens.get(at)?.number?;
    let value = match entry.convert.as_deref() {
        Some("celsius") if (30.0..=45.0).contains(&value) => value * 1.8 + 32.0,
        Some("mmol") if tokens.get(at + 1).is_some_and(|t| t.text.starts_with("mmol")) => value * 18.0,
        _ => value,
    };
    (entry.min..=entry.max).contains(&value).then_some(value)
}

fn number_after(
    tokens: &[Token],
    from: usize,
    reach: usize,
    used: &[Option<bool>],
    entry: &QuantityEntry,
) -> Option<(usize, f64)> {
    let sentence = tokens.get(from.checked_sub(1)?)?.sentence;
    (from..from + reach)
        .take_while(|i| tokens.get(*i).is_some_and(|t| t.sentence == sentence))
        .take_while(|i| used.get(*i) != Some(&Some(true)))
        .filter(|i| used.get(*i) == Some(&None) && tokens.get(*i).is_some_and(|t| t.number.is_some()))
        .take(1)
        .find_map(|i| accepted(tokens, i, entry).map(|value| (i, value)))
}

fn number_before(
    tokens: &[Token],
    to: usize,
    reach: usize,
    used: &[Option<bool>],
    entry: &QuantityEntry,
) -> Option<(usize, f64)> {
    let sentence = tokens.get(to)?.sentence;
    (to.saturating_sub(reach)..to)
        .rev()
        .take_while(|i| tokens.get(*i).is_some_and(|t| t.sentence == sentence))
        .filter(|i| used.get(*i) == Some(&None))
        .find_map(|i| accepted(tokens, i, entry).map(|value| (i, value)))
}

type Reading = Vec<(&'static str, f64)>;

/// A number with the words around it.
struct Written<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Written<'a> {
    const fn at(tokens: &'a [Token], at: usize) -> Self {
        Self { tokens, at }
    }

    fn after(&self, n: usize) -> &str {
        self.token(self.at + n).map_or("", |t| t.text.as_str())
    }

    fn before(&self, n: usize) -> &str {
        self.at
            .checked_sub(n)
            .and_then(|i| self.token(i))
            .map_or("", |t| t.text.as_str())
    }

    fn token(&self, i: usize) -> Option<&Token> {
        let sentence = self.tokens.get(self.at)?.sentence;
        self.tokens.get(i).filter(|t| t.sentence == sentence)
    }

    fn pressure(&self, value: f64) -> Option<Reading> {
        let next = self.token(self.at + 1)?;
        let (lower, slash) = match (next.number, next.text.as_str()) {
            (Some(lower), _) => (lower, next.slash_before),
            (None, "over" | "sobre" | "con" | "por") => (self.token(self.at + 2)?.number?, true),
            _ => return None,
        };
        (slash && (60.0..=300.0).contains(&value) && (25.0..=200.0).contains(&lower) && value > lower)
            .then(|| vec![("systolic", value), ("diastolic", lower)])
    }

    fn pain(&self, value: f64) -> Option<Reading> {
        let next = self.token(self.at + 1)?;
        let of_ten = (next.number == Some(10.0) && next.slash_before)
            || (next.text == "out" && self.token(self.at + 3).is_some_and(|t| t.number == Some(10.0)))
            || (next.text == "de" && self.token(self.at + 2).is_some_and(|t| t.number == Some(10.0)));
        (of_ten && value <= 10.0).then(|| vec![("pain_score", value)])
    }

    fn age(&self, value: f64) -> Option<Reading> {
        if value > 120.0 {
            return None;
        }
        let unit = self.after(1);
        let old = self.after(2) == "old"
            || matches!(
                self.after(2),
                "edad" | "male" | "female" | "m" | "f" | "man" | "woman" | "boy" | "girl"
            );
        let baby_before = (1..=4).any(|n| {
            matches!(
                self.before(n),
                "baby"
                    | "newborn"
                    | "infant"
                    | "bebe"
                    | "recien"
                    | "daughter"
                    | "son"
                    | "hijo"
                    | "hija"
                    | "age"
                    | "aged"
                    | "toddler"
                    | "kid"
            )
        });
        let per_year: f64 = match unit {
            "year" | "years" | "yr" | "yrs" | "yo" | "y" | "anos" | "ano" | "anito" | "anitos" => 1.0,
            "month" | "months" | "mo" | "mos" | "mes" | "meses" => 12.0,
            "week" | "weeks" | "wk" | "wks" | "semana" | "semanas" => 52.0,
            "day" | "days" | "dia" | "dias" => 365.0,
            _ => 0.0,
        };
        let spanish_age =
            matches!(unit, "anos" | "ano" | "anitos") && matches!(self.before(1), "de" | "tengo" | "tiene" | "con");
        let of_baby = per_year > 1.0
            && baby_before
            && !matches!(
                self.before(1),
                "for" | "past" | "last" | "hace" | "por" | "about" | "these" | "the"
            )
            && !matches!(self.after(2), "ago" | "pregnant" | "now" | "early");
        if matches!(unit, "yo") || (per_year > 0.0 && (old || spanish_age || of_baby)) {
            return Some(vec![("age", value / per_year.max(1.0))]);
        }
        let sex_after = matches!(
            unit,
            "m" | "f" | "male" | "female" | "man" | "woman" | "guy" | "girl" | "boy"
        );
        let said = matches!((self.before(2), self.before(1)), ("i" | "he" | "she", "am" | "is"))
            || matches!(self.before(1), "age" | "aged")
            || matches!(
                (self.before(2), self.before(1)),
                (
                    "age" | "wife" | "husband" | "mom" | "mother" | "dad" | "father" | "son" | "daughter",
                    "is"
                )
            );
        let counted = matches!(
            unit,
            "pound"
                | "pounds"
                | "lb"
                | "lbs"
                | "kg"
                | "hour"
                | "hours"
                | "hrs"
                | "minute"
                | "minutes"
                | "min"
                | "cm"
                | "inches"
                | "ft"
                | "percent"
                | "times"
                | "degrees"
                | "f"
                | "c"
        );
        if (sex_after && value >= 10.0) || (said && per_year == 0.0 && !counted) {
            return Some(vec![("age", value)]);
        }
        (per_year == 1.0 && said).then(|| vec![("age", value)])
    }

    fn pregnancy(&self, value: f64) -> Option<Reading> {
        let near = |n: usize| {
            matches!(
                self.after(n),
                "pregnant" | "pregnancy" | "along" | "gestation" | "embarazada" | "embarazo" | "gestacion" | "preg"
            )
        };
        let weeks = matches!(self.after(1), "week" | "weeks" | "wk" | "wks" | "semana" | "semanas");
        let months = matches!(self.after(1), "month" | "months" | "mes" | "meses");
        let before = (1..=5).any(|n| matches!(self.before(n), "pregnant" | "pregnancy" | "embarazada" | "embarazo"));
        let ago = matches!(self.after(2), "ago" | "postpartum") || matches!(self.before(1), "for" | "past" | "hace");
        // "I'm 29 weeks" is said of a pregnancy.
        let bare = weeks
            && matches!(
                (self.before(2), self.before(1)),
                ("i", "am") | ("am", "about" | "only" | "now") | ("she", "is")
            )
            && !matches!(
                self.after(2),
                "old" | "post" | "postpartum" | "out" | "into" | "sober" | "clean" | "late" | "from" | "away" | "on"
            );
        if bare && (4.0..=43.0).contains(&value) {
            return Some(vec![("weeks_pregnant", value)]);
        }
        let announced =
            matches!(self.before(1), "week" | "semana") && (near(1) || near(2) || before || (1..=4).any(near));
        if announced || (weeks && ((1..=4).any(near) || before) && !ago) {
            return (value <= 44.0).then(|| vec![("weeks_pregnant", value)]);
        }
        (months && ((2..=4).any(near) || before) && !ago && value <= 10.0)
            .then(|| vec![("weeks_pregnant", value * 4.33)])
    }

    fn duration(&self, value: f64) -> Option<Reading> {
        // "14/min" is a rate.
        if self.token(self.at + 1)?.slash_before {
            return None;
        }
        let days = match self.after(1) {
            "minute" | "minutes" | "min" | "mins" | "minuto" | "minutos" => 1.0 / 1440.0,
            "hour" | "hours" | "hr" | "hrs" | "h" | "hora" | "horas" => 1.0 / 24.0,
            "day" | "days" | "dia" | "dias" | "night" | "nights" => 1.0,
            "week" | "weeks" | "wk" | "wks" | "semana" | "semanas" => 7.0,
            "month" | "months" | "mo" | "mos" | "mes" | "meses" => 30.0,
            "year" | "years" | "yr" | "yrs" | "ano" | "anos" => 365.0,
            _ => return None,
        };
        Some(vec![("days", value * days)])
    }
}
