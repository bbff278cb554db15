//! Recognises in a chart the things rules speak of ("colonoscopy", "diabetes"), by code and by name.
//!
//! The terms are data (`index/preventive/terms`). Records marked as mistakes, refuted, not done or dated after the
//! day of the assessment are never used. Decides nothing about care.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use serde::Deserialize;

use super::{RuleError, files_under, parse_file};
use crate::domain::chart::{CVX, Concept, DatePrecision, FhirDate, ICD10CM, LOINC, RXNORM, Record, SNOMED, Sex, Value};
use crate::domain::{Chart, ChartReference};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TermFile {
    term: Vec<TermEntry>,
}

/// One recognisable thing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TermEntry {
    id: String,
    /// CDSi observation codes it stands for.
    #[serde(default)]
    cdsi: Vec<String>,
    /// CPT and HCPCS codes; `45378-45398` is a range.
    #[serde(default)]
    cpt: Vec<String>,
    #[serde(default)]
    loinc: Vec<String>,
    #[serde(default)]
    snomed: Vec<String>,
    /// ICD-10-CM (or ICD-9-CM) codes; all codes that begin so.
    #[serde(default)]
    icd: Vec<String>,
    #[serde(default)]
    rxnorm: Vec<String>,
    /// Phrases that a name must hold, as whole words; `^` at the start of a phrase: the name begins so.
    #[serde(default)]
    names: Vec<String>,
    /// Phrases that a name must not hold.
    #[serde(default)]
    not: Vec<String>,
}

/// All terms, indexed for look-up.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    entries: Vec<TermEntry>,
    by_code: HashMap<(System, String), Vec<usize>>,
    by_cdsi: BTreeMap<String, Vec<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum System {
    Loinc,
    Snomed,
    Icd,
    Cpt,
    Rxnorm,
    Cvx,
    Other,
}

fn system_of(uri: Option<&str>) -> System {
    let Some(uri) = uri else { return System::Other };
    let lower = uri.to_ascii_lowercase();
    match uri {
        LOINC | "urn:oid:2.16.840.1.113883.6.1" => System::Loinc,
        SNOMED | "urn:oid:2.16.840.1.113883.6.96" => System::Snomed,
        ICD10CM | "urn:oid:2.16.840.1.113883.6.90" => System::Icd,
        RXNORM | "urn:oid:2.16.840.1.113883.6.88" => System::Rxnorm,
        CVX | "urn:oid:2.16.840.1.113883.12.292" => System::Cvx,
        "urn:oid:2.16.840.1.113883.6.12" | "urn:oid:2.16.840.1.113883.6.285" => System::Cpt,
        _ if lower.contains("loinc") => System::Loinc,
        _ if lower.contains("snomed") => System::Snomed,
        _ if lower.contains("icd") => System::Icd,
        _ if lower.contains("cpt") || lower.contains("hcpcs") => System::Cpt,
        _ if lower.contains("rxnorm") => System::Rxnorm,
        _ if lower.ends_with("cvx") => System::Cvx,
        _ => System::Other,
    }
}

/// Spreads `45378-45380` into its codes; a single code stays.
fn spread(text: &str) -> Vec<String> {
    let Some((low, high)) = text.split_once('-') else {
        return vec![text.to_owned()];
    };
    let letters: String = low.chars().take_while(|c| c.is_ascii_alphabetic()).collect();
    let number = |t: &str| {
        t.trim_start_matches(|c: char| c.is_ascii_alphabetic())
            .parse::<u32>()
            .ok()
    };
    match (number(low), number(high)) {
        (Some(low_number), Some(high_number)) if low_number <= high_number && high_number - low_number < 1000 => {
            let width = low.len() - letters.len();
            (low_number..=high_number)
                .map(|n| format!("{letters}{n:0width$}"))
                .collect()
        }
        _ => vec![text.to_owned()],
    }
}

/// Lower case, everything but letters and digits as one space, with a space at both ends.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(' ');
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    if !out.ends_with(' ') {
        out.push(' ');
    }
    out
}

impl Terms {
    pub(super) fn load() -> Result<Self, RuleError> {
        let mut entries = Vec::new();
        for file in files_under("terms/") {
            let read: TermFile = parse_file(&file)?;
            entries.extend(read.term);
        }
        for entry in &mut entries {
            for phrase in entry.names.iter_mut().chain(&mut entry.not) {
                let start = phrase.starts_with('^');
                let words = plain(phrase);
                *phrase = if start { format!("^{words}") } else { words };
            }
        }
        let mut by_code: HashMap<(System, String), Vec<usize>> = HashMap::new();
        let mut by_cdsi: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, entry) in entries.iter().enumerate() {
            let lists = [
                (System::Loinc, &entry.loinc),
                (System::Snomed, &entry.snomed),
                (System::Icd, &entry.icd),
                (System::Cpt, &entry.cpt),
                (System::Rxnorm, &entry.rxnorm),
            ];
            for (system, list) in lists {
                for code in list {
                    let codes = if system == System::Cpt {
                        spread(code)
                    } else {
                        vec![code.replace('.', "")]
                    };
                    for code in codes {
                        by_code.entry((system, code)).or_default().push(place);
                    }
                }
            }
            for code in &entry.cdsi {
                by_cdsi.entry(code.clone()).or_default().push(place);
            }
        }
        Ok(Self {
            entries,
            by_code,
            by_cdsi,
        })
    }

    pub(super) fn knows(&self, id: &str) -> bool {
        self.entries.iter().any(|e| e.id == id)
    }

    fn of_code(&self, system: System, code: &str, found: &mut Vec<usize>) {
        let code = code.trim().to_ascii_uppercase();
        if system == System::Icd {
            let code = code.replace('.', "");
            for end in (3..=code.len()).rev() {
                if let Some(places) = code.get(..end).and_then(|c| self.by_code.get(&(system, c.to_owned()))) {
                    found.extend(places);
                }
            }
        } else if let Some(places) = self.by_code.get(&(system, code)) {
            found.extend(places);
        }
    }

    fn of_concept(&self, concept: &Concept) -> Vec<usize> {
        let mut found = Vec::new();
        for coding in &concept.codings {
            match system_of(coding.system.as_deref()) {
                System::Other => {
                    for system in [System::Loinc, System::Snomed, System::Icd, System::Cpt] {
                        self.of_code(system, &coding.code, &mut found);
                    }
                    if let Some(places) = self.by_cdsi.get(&coding.code) {
                        found.extend(places);
                    }
                }
                system => self.of_code(system, &coding.code, &mut found),
            }
        }
        let names: Vec<String> = concept
            .text
            .iter()
            .chain(concept.codings.iter().filter_map(|c| c.display.as_ref()))
            .map(|name| plain(name))
            .collect();
        for (place, entry) in self.entries.iter().enumerate() {
            let hit = names.iter().any(|name| {
                entry.names.iter().any(|phrase| match phrase.strip_prefix('^') {
                    Some(start) => name.starts_with(start),
                    None => name.contains(phrase.as_str()),
                }) && !entry.not.iter().any(|phrase| name.contains(phrase.as_str()))
            });
            if hit {
                found.push(place);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The kind of record a term was seen in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Condition,
    Observation,
    Report,
    Procedure,
    Medicine,
    Allergy,
    Encounter,
    Order,
}

/// One record in which a term was seen.
#[derive(Debug, Clone)]
pub(super) struct Seen<'a> {
    pub kind: Kind,
    pub record: &'a Record,
    /// The record's date; its first possible day where it is not exact.
    pub date: Option<Date>,
    /// When it ended, for conditions.
    pub end: Option<Date>,
    /// Whether a condition or a medicine is still active.
    pub active: bool,
    /// An observation's value.
    pub value: Option<&'a Value>,
}

impl Seen<'_> {
    /// The record as a reference for the answer.
    pub(super) fn reference(&self) -> ChartReference {
        let resource_type = match self.kind {
            Kind::Condition => "Condition",
            Kind::Observation => "Observation",
            Kind::Report => "DiagnosticReport",
            Kind::Procedure => "Procedure",
            Kind::Medicine => "MedicationRequest",
            Kind::Allergy => "AllergyIntolerance",
            Kind::Encounter => "Encounter",
            Kind::Order => "ServiceRequest",
        };
        ChartReference {
            resource_type: resource_type.to_owned(),
            id: self.record.id.clone(),
            date: self.record.date.as_ref().map(|d| d.0.clone()),
            name: self.record.code.name().to_owned(),
        }
    }

    /// Whether an observation came with a result that is not kept as a value (components, members, an interpretation).
    pub(super) fn has_result(&self) -> bool {
        self.record
            .status
            .as_deref()
            .is_some_and(|s| matches!(s, "final" | "amended" | "corrected"))
    }

    /// The numeric value, where the observation has one.
    pub(super) fn number(&self) -> Option<f64> {
        match self.value {
            Some(Value::Quantity(q)) => Some(q.value),
            Some(Value::Integer(n)) => i32::try_from(*n).ok().map(f64::from),
            _ => None,
        }
    }
}

/// What rules may ask of one chart on one day.
pub(super) struct Facts<'a> {
    pub chart: &'a Chart,
    pub date: Date,
    /// Date of birth, only where it is exact to the day.
    pub birth: Option<Date>,
    pub age: Option<i32>,
    pub sex: Option<Sex>,
    /// CDSi observations with their date.
    pub observations: BTreeMap<String, Option<Date>>,
    seen: HashMap<String, Vec<Seen<'a>>>,
    /// Terms of concepts that were looked up before: charts repeat the same few names thousands of times.
    known: HashMap<String, Vec<usize>>,
}

/// What tells one concept from another: its codes and names.
fn identity(concept: &Concept) -> String {
    let mut key = concept.text.clone().unwrap_or_default();
    for coding in &concept.codings {
        for part in [coding.system.as_deref(), Some(&coding.code), coding.display.as_deref()] {
            key.push('\u{1f}');
            key.push_str(part.unwrap_or_default());
        }
    }
    key
}

fn is_no(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Boolean(answer)) => !answer,
        Some(Value::Concept(concept)) => {
            concept
                .codings
                .iter()
                .any(|c| matches!(c.code.as_str(), "N" | "LA32-8" | "373067005" | "260385009" | "LA6577-6"))
                || matches!(plain(concept.name()).trim(), "no" | "negative" | "absent" | "none")
        }
        Some(Value::Text(text)) => matches!(plain(text).trim(), "no" | "negative" | "absent" | "none" | "false"),
        _ => false,
    }
}

fn usable(record: &Record, bad: &[&str], date: Date) -> bool {
    !record.is_error()
        && record.status.as_deref().is_none_or(|s| !bad.contains(&s))
        && record
            .date
            .as_ref()
            .and_then(FhirDate::first_day)
            .is_none_or(|d| d <= date)
}

impl<'a> Facts<'a> {
    /// Reads the chart once.
    pub(super) fn of(chart: &'a Chart, date: Date, terms: &Terms) -> Self {
        let birth = chart.person.birth_date.as_ref();
        let mut facts = Self {
            chart,
            date,
            birth: birth
                .filter(|b| b.precision() == Some(DatePrecision::Day))
                .and_then(FhirDate::first_day),
            age: chart.age_years(date),
            sex: chart.sex(),
            observations: BTreeMap::new(),
            seen: HashMap::new(),
            known: HashMap::new(),
        };
        facts.conditions(terms);
        facts.observed(terms);
        facts.others(terms);
        facts.visits(terms);
        facts.end_past_pregnancies();
        facts
    }

    fn add(&mut self, terms: &Terms, concept: &Concept, seen: &Seen<'a>) {
        for coding in &concept.codings {
            let cdsi = coding.code.len() == 3
                && coding.code.chars().all(|c| c.is_ascii_digit())
                && system_of(coding.system.as_deref()) == System::Other;
            if cdsi {
                self.observe(&coding.code, seen.date);
            }
        }
        let key = identity(concept);
        let places = match self.known.get(&key) {
            Some(places) => places.clone(),
            None => {
                let places = terms.of_concept(concept);
                self.known.insert(key, places.clone());
                places
            }
        };
        for place in places {
            let Some(entry) = terms.entries.get(place) else {
                continue;
            };
            let current = seen.kind != Kind::Condition || seen.active;
            if current && !matches!(seen.kind, Kind::Order) {
                for code in &entry.cdsi {
                    self.observe(code, seen.date);
                }
            }
            self.seen.entry(entry.id.clone()).or_default().push(seen.clone());
        }
    }

    /// A pregnancy that began more than 44 weeks ago is over.
    fn end_past_pregnancies(&mut self) {
        let since = self.date.checked_sub(jiff::ToSpan::days(308)).unwrap_or(Date::MIN);
        for code in ["007", "170"] {
            if self
                .observations
                .get(code)
                .copied()
                .flatten()
                .is_some_and(|date| date < since)
            {
                self.observations.remove(code);
            }
        }
    }

    fn observe(&mut self, code: &str, date: Option<Date>) {
        let known = self.observations.entry(code.to_owned()).or_insert(date);
        *known = (*known).max(date);
    }

    fn conditions(&mut self, terms: &Terms) {
        let chart = self.chart;
        for condition in &chart.conditions {
            let record = &condition.record;
            if !usable(record, &["refuted", "entered-in-error"], self.date) {
                continue;
            }
            let day = |d: &Option<FhirDate>| d.as_ref().and_then(FhirDate::first_day);
            let start = day(&condition.onset).or(day(&record.date));
            if start.is_some_and(|d| d > self.date) {
                continue;
            }
            let end = day(&condition.abatement);
            let active = condition
                .clinical_status
                .as_deref()
                .is_none_or(|s| matches!(s, "active" | "recurrence" | "relapse"))
                && end.is_none_or(|d| d > self.date);
            let seen = Seen {
                kind: Kind::Condition,
                record,
                date: start,
                end,
                active,
                value: None,
            };
            self.add(terms, &record.code, &seen);
        }
    }

    fn observed(&mut self, terms: &Terms) {
        let chart = self.chart;
        for observation in &chart.observations {
            let record = &observation.record;
            if !usable(record, &["cancelled", "registered", "unknown"], self.date) {
                continue;
            }
            let date = record.date.as_ref().and_then(FhirDate::first_day);
            let value = observation.value.as_ref();
            let seen = Seen {
                kind: Kind::Observation,
                record,
                date,
                end: None,
                active: true,
                value,
            };
            if !is_no(value)
                || record
                    .code
                    .codings
                    .iter()
                    .any(|c| system_of(c.system.as_deref()) == System::Loinc)
            {
                self.add(terms, &record.code, &seen);
            }
            if let Some(Value::Concept(answer)) = value {
                self.add(terms, answer, &seen);
            }
            if let Some(Value::Text(text)) = value {
                let answer = Concept {
                    codings: Vec::new(),
                    text: Some(text.clone()),
                };
                self.add(terms, &answer, &seen);
            }
            for component in &observation.components {
                let value = component.value.as_ref();
                self.add(terms, &component.code, &Seen { value, ..seen.clone() });
            }
        }
    }

    fn others(&mut self, terms: &Terms) {
        let chart = self.chart;
        let day = |record: &Record| record.date.as_ref().and_then(FhirDate::first_day);
        let not_done = ["not-done", "cancelled", "preparation", "stopped", "on-hold", "unknown"];
        for procedure in &chart.procedures {
            let record = &procedure.record;
            if usable(record, &not_done, self.date) {
                let date = procedure
                    .end
                    .as_ref()
                    .and_then(FhirDate::first_day)
                    .filter(|d| *d <= self.date);
                let date = date.or(day(record));
                let seen = Seen {
                    kind: Kind::Procedure,
                    record,
                    date,
                    end: None,
                    active: true,
                    value: None,
                };
                self.add(terms, &record.code, &seen);
            }
        }
        for report in &chart.diagnostic_reports {
            let record = &report.record;
            if usable(record, &["cancelled", "registered", "unknown"], self.date) {
                let date = day(record);
                let seen = Seen {
                    kind: Kind::Report,
                    record,
                    date,
                    end: None,
                    active: true,
                    value: None,
                };
                self.add(terms, &record.code, &seen);
            }
        }
        for medicine in &chart.medication_requests {
            let record = &medicine.record;
            if usable(record, &["cancelled", "draft", "not-taken"], self.date) {
                let active = record
                    .status
                    .as_deref()
                    .is_none_or(|s| matches!(s, "active" | "completed" | "intended"));
                let seen = Seen {
                    kind: Kind::Medicine,
                    record,
                    date: day(record),
                    end: None,
                    active,
                    value: None,
                };
                self.add(terms, &record.code, &seen);
            }
        }
        for allergy in &chart.allergies {
            let record = &allergy.record;
            if usable(record, &["refuted"], self.date) {
                let active = allergy.clinical_status.as_deref().is_none_or(|s| s == "active");
                let seen = Seen {
                    kind: Kind::Allergy,
                    record,
                    date: day(record),
                    end: None,
                    active,
                    value: None,
                };
                self.add(terms, &record.code, &seen);
            }
        }
        for order in &chart.service_requests {
            let record = &order.record;
            if usable(record, &["revoked", "draft"], self.date) {
                let seen = Seen {
                    kind: Kind::Order,
                    record,
                    date: day(record),
                    end: None,
                    active: true,
                    value: None,
                };
                self.add(terms, &record.code, &seen);
            }
        }
    }

    fn visits(&mut self, terms: &Terms) {
        let chart = self.chart;
        for visit in &chart.encounters {
            let record = &visit.record;
            if !usable(record, &["cancelled", "planned"], self.date) {
                continue;
            }
            let date = record.date.as_ref().and_then(FhirDate::first_day);
            let end = visit.end.as_ref().and_then(FhirDate::first_day);
            let seen = Seen {
                kind: Kind::Encounter,
                record,
                date,
                end,
                active: true,
                value: None,
            };
            self.add(terms, &record.code, &seen);
            if let Some(place) = &visit.discharge {
                self.add(terms, place, &seen);
            }
        }
    }

    /// Records in which the term was seen, in the chart's order.
    pub(super) fn seen(&self, term: &str) -> &[Seen<'a>] {
        self.seen.get(term).map_or(&[], Vec::as_slice)
    }
}
