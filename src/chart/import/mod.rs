//! A FHIR R4 Bundle → [`Chart`]. Transaction, batch, collection and searchset bundles; every resource is kept as
//! received; what is not understood is counted, not lost; a malformed bundle is refused as a whole with the path.
//!
//! Must not guess whose record something is, must not interpret a value, must not show patient data in an error.

mod clinical;
mod documents;
mod dosage;
mod elements;
mod error;
mod node;
mod numbers;
mod orders;
mod person;
mod references;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use error::ImportError;

use crate::domain::PatientId;
use crate::domain::chart::{Chart, FhirDate};
use node::Node;
use numbers::NumberTexts;
use references::{Entry, Owner, Resources};

/// The most bytes a bundle may have. The largest real charts seen have a few megabytes.
pub const MAX_BYTES: usize = 64 << 20;
/// The most entries a bundle may have.
pub const MAX_ENTRIES: usize = 200_000;
/// The most warnings kept; the rest is only counted.
const MAX_WARNINGS: usize = 200;

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ImportReport {
    /// Resources read into the chart, by type.
    pub read: BTreeMap<String, usize>,
    /// Resources kept as received but not read, by type (with the reason in brackets where the type is known).
    pub kept_unread: BTreeMap<String, usize>,
    /// What a person should look at, each with its path. Never patient data.
    pub warnings: Vec<String>,
}

/// A bundle that was read.
#[derive(Debug, Clone)]
pub struct ImportedChart {
    /// The chart.
    pub chart: Chart,
    /// Every resource as received, in the bundle's order.
    pub resources: Vec<Value>,
    /// What was read and what was not.
    pub report: ImportReport,
}

/// A Patient resource of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundlePatient {
    /// Its id.
    pub id: PatientId,
    /// Where it stands (`entry[0].resource`).
    pub path: String,
}

/// The Patient resources of a bundle, so that a caller can name one where there are several.
///
/// # Errors
/// Where the bundle cannot be read at all.
pub fn patients(bytes: &[u8]) -> Result<Vec<BundlePatient>, ImportError> {
    let (document, numbers) = parse(bytes)?;
    let root = Node::root(&document, &numbers);
    let resources = Resources::new(entries(&root, &mut ImportReport::default())?);
    let mut found: Vec<BundlePatient> = Vec::new();
    for entry in resources
        .entries
        .iter()
        .filter(|entry| entry.resource_type == "Patient")
    {
        let id = patient_id(entry)?;
        if found.iter().all(|known| known.id != id) {
            found.push(BundlePatient {
                id,
                path: entry.node.path(),
            });
        }
    }
    Ok(found)
}

/// Reads a bundle into a chart.
///
/// With `expected`, the bundle must hold that Patient; records of another Patient in the same bundle (a partner, a
/// newborn) are kept and counted but never read into the chart. Without, the bundle must hold exactly one Patient.
/// A record whose subject is a patient outside the bundle is kept, counted and warned about, never read; where most
/// records are such, the bundle is refused.
///
/// # Errors
/// See [`ImportError`]; nothing is half imported.
pub fn parse_bundle(bytes: &[u8], expected: Option<&PatientId>) -> Result<ImportedChart, ImportError> {
    let (mut document, numbers) = parse(bytes)?;
    let mut report = ImportReport::default();
    let chart = {
        let root = Node::root(&document, &numbers);
        let resources = Resources::new(entries(&root, &mut report)?);
        let patient = choose_patient(&resources, expected)?;
        let mut reader = Reader::new(&resources, patient, &mut report)?;
        reader.read_all()?;
        reader.finish()
    };
    Ok(ImportedChart {
        chart,
        resources: take_resources(&mut document),
        report,
    })
}

fn parse(bytes: &[u8]) -> Result<(Value, NumberTexts), ImportError> {
    if bytes.len() > MAX_BYTES {
        return Err(ImportError::TooLarge { limit: MAX_BYTES });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
            let column = good.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
            return Err(ImportError::NotJson {
                line,
                column,
                reason: "is not UTF-8 text",
            });
        }
    };
    match serde_json::from_str::<Value>(text) {
        Ok(document) => {
            let numbers = NumberTexts::read(text, &document);
            Ok((document, numbers))
        }
        Err(error) => {
            let reason = if error.is_eof() {
                "the text ends too early"
            } else if error.to_string().starts_with("recursion limit") {
                "is nested too deeply"
            } else {
                "is not valid JSON"
            };
            Err(ImportError::NotJson {
                line: error.line(),
                column: error.column(),
                reason,
            })
        }
    }
}

/// The resources of the bundle, checked as far as every resource must be.
fn entries<'v>(root: &Node<'v>, report: &mut ImportReport) -> Result<Vec<Entry<'v>>, ImportError> {
    root.must_be_object()?;
    let kind = root.text("resourceType")?.ok_or_else(|| root.missing("resourceType"))?;
    if kind != "Bundle" {
        return Err(ImportError::Invalid {
            path: "resourceType".to_owned(),
            reason: "is not Bundle",
        });
    }
    let bundle_type = root.text("type")?.ok_or_else(|| root.missing("type"))?;
    if !matches!(bundle_type, "transaction" | "batch" | "collection" | "searchset") {
        let reason = "is none of transaction, batch, collection, searchset";
        return Err(ImportError::Invalid {
            path: "type".to_owned(),
            reason,
        });
    }
    let mut found = Vec::new();
    let nodes = root.objects("entry")?;
    if nodes.len() > MAX_ENTRIES {
        return Err(ImportError::TooManyEntries { limit: MAX_ENTRIES });
    }
    for (place, node) in nodes.into_iter().enumerate() {
        let full_url = node.text("fullUrl")?;
        let Some(resource) = node.object("resource")? else {
            warn(report, || format!("{}: has no resource", node.path()));
            continue;
        };
        let resource_type = resource
            .text("resourceType")?
            .ok_or_else(|| resource.missing("resourceType"))?;
        let id = match resource.text("id")? {
            Some(id) => id.to_owned(),
            None => full_url
                .and_then(id_of_url)
                .map_or_else(|| format!("entry-{place}"), str::to_owned),
        };
        found.push(Entry {
            node: resource,
            resource_type,
            id,
            full_url,
        });
    }
    Ok(found)
}

/// `urn:uuid:X` → X, `…/Type/X` → X.
fn id_of_url(url: &str) -> Option<&str> {
    url.rsplit(['/', ':']).next().filter(|id| !id.is_empty())
}

fn warn(report: &mut ImportReport, warning: impl FnOnce() -> String) {
    match report.warnings.len() {
        0..MAX_WARNINGS => report.warnings.push(warning()),
        MAX_WARNINGS => report.warnings.push("more warnings were left out".to_owned()),
        _ => {}
    }
}

fn patient_id(entry: &Entry<'_>) -> Result<PatientId, ImportError> {
    let path = || format!("{}.id", entry.node.path());
    PatientId::parse(&entry.id).map_err(|error| ImportError::Invalid {
        path: path(),
        reason: error.reason,
    })
}

fn choose_patient(resources: &Resources<'_>, expected: Option<&PatientId>) -> Result<usize, ImportError> {
    let mut chosen: Option<(usize, PatientId)> = None;
    let mut other = None;
    for (index, entry) in resources
        .entries
        .iter()
        .enumerate()
        .filter(|(_, e)| e.resource_type == "Patient")
    {
        let id = patient_id(entry)?;
        match (expected, &chosen) {
            (Some(expected), _) if *expected != id => other = other.or_else(|| Some(entry.node.path())),
            (None, Some((first, known))) if *known != id => {
                let first = resources.entries.get(*first).map(|e| e.node.path()).unwrap_or_default();
                return Err(ImportError::SeveralPatients {
                    first,
                    second: entry.node.path(),
                });
            }
            _ => chosen = Some((index, id)),
        }
    }
    match (chosen, other) {
        (Some((index, _)), _) => Ok(index),
        (None, Some(path)) => Err(ImportError::OtherPatient { path }),
        (None, None) => Err(ImportError::NoPatient),
    }
}

/// Reads resources into the chart, one by one.
struct Reader<'r, 'v> {
    resources: &'r Resources<'v>,
    patient: usize,
    several_patients: bool,
    chart: Chart,
    report: &'r mut ImportReport,
    strangers: usize,
    first_stranger: Option<String>,
}

impl<'r, 'v> Reader<'r, 'v> {
    fn new(resources: &'r Resources<'v>, patient: usize, report: &'r mut ImportReport) -> Result<Self, ImportError> {
        let Some(entry) = resources.entries.get(patient) else {
            return Err(ImportError::NoPatient);
        };
        let id = patient_id(entry)?;
        let several_patients = resources
            .entries
            .iter()
            .any(|e| e.resource_type == "Patient" && e.id != entry.id);
        let mut chart = Chart::empty(id);
        chart.person = person::person(&entry.node)?;
        Ok(Self {
            resources,
            patient,
            several_patients,
            chart,
            report,
            strangers: 0,
            first_stranger: None,
        })
    }

    fn read_all(&mut self) -> Result<(), ImportError> {
        let superseded = self.superseded()?;
        for (index, entry) in self.resources.entries.iter().enumerate() {
            if let Some(reason) = superseded.get(&index) {
                warn(self.report, || format!("{}: {reason}", entry.node.path()));
                self.unread(&format!("{} ({reason})", entry.resource_type));
                continue;
            }
            self.read_one(entry)?;
        }
        self.mostly_ours()
    }

    /// Entries whose type and id stand again in the bundle, with the reason why the other one counts.
    fn superseded(&self) -> Result<HashMap<usize, &'static str>, ImportError> {
        let mut last: HashMap<(&str, &str), usize> = HashMap::new();
        let mut lost = HashMap::new();
        for (index, entry) in self.resources.entries.iter().enumerate() {
            let Some(known) = last.get(&(entry.resource_type, entry.id.as_str())).copied() else {
                last.insert((entry.resource_type, entry.id.as_str()), index);
                continue;
            };
            let Some(before) = self.resources.entries.get(known) else {
                continue;
            };
            if before.node.value() == entry.node.value() {
                lost.insert(index, "repeated");
            } else if updated(&before.node)? > updated(&entry.node)? {
                lost.insert(index, "older version");
            } else {
                lost.insert(known, "older version");
                last.insert((entry.resource_type, entry.id.as_str()), index);
            }
        }
        Ok(lost)
    }

    fn unread(&mut self, name: &str) {
        *self.report.kept_unread.entry(name.to_owned()).or_default() += 1;
    }

    fn read_one(&mut self, entry: &Entry<'v>) -> Result<(), ImportError> {
        let kind = entry.resource_type;
        if kind == "Patient" {
            if entry.id == self.chart.patient.as_str() {
                self.read(kind);
            } else {
                warn(self.report, || {
                    format!("{}: is another person; not read into the chart", entry.node.path())
                });
                self.unread("Patient (another person)");
            }
            return Ok(());
        }
        let owner = self.resources.owner(&entry.node, self.patient)?;
        let about_other = kind == "Observation" && self.resources.has_other_focus(&entry.node, self.patient)?;
        let in_chart = self.is_ours(entry, owner);
        if !in_chart || about_other {
            let path = entry.node.path();
            warn(self.report, || {
                format!("{path}: is about another person or thing; not read into the chart")
            });
            self.unread(&format!("{kind} (another person)"));
            return Ok(());
        }
        if matches!(kind, "DocumentReference" | "DiagnosticReport") {
            for path in documents::unreadable(&entry.node)? {
                warn(self.report, || {
                    format!("{path}: is no text that can be read; kept as received")
                });
            }
        }
        if self.read_record(entry)? {
            self.read(kind);
        } else {
            self.unread(kind);
        }
        Ok(())
    }

    fn is_ours(&mut self, entry: &Entry<'v>, owner: Owner) -> bool {
        match owner {
            Owner::Patient => true,
            Owner::OtherInBundle | Owner::NotAPatient => !READ_TYPES.contains(&entry.resource_type),
            Owner::Stranger => {
                self.first_stranger.get_or_insert_with(|| entry.node.path());
                self.strangers += 1;
                false
            }
            Owner::Unstated if entry.resource_type == "Medication" || !READ_TYPES.contains(&entry.resource_type) => {
                true
            }
            Owner::Unstated if self.several_patients => false,
            Owner::Unstated => {
                let path = entry.node.path();
                warn(self.report, || {
                    format!("{path}: does not say whose record it is; taken as this patient's")
                });
                true
            }
        }
    }

    /// A single record of somebody else is a slip of the sender and stays out of the chart; where most records are
    /// somebody else's, the bundle itself was sent for the wrong patient.
    fn mostly_ours(&self) -> Result<(), ImportError> {
        let read: usize = READ_TYPES.iter().filter_map(|kind| self.report.read.get(*kind)).sum();
        match &self.first_stranger {
            Some(path) if self.strangers > read => Err(ImportError::OtherPatient { path: path.clone() }),
            _ => Ok(()),
        }
    }

    fn read(&mut self, kind: &str) {
        *self.report.read.entry(kind.to_owned()).or_default() += 1;
    }

    /// Reads one record; `false` where the type is not read.
    fn read_record(&mut self, entry: &Entry<'v>) -> Result<bool, ImportError> {
        let all = self.resources;
        match entry.resource_type {
            "Condition" => self.chart.conditions.push(clinical::condition(entry, all)?),
            "Observation" => self.chart.observations.push(clinical::observation(entry, all)?),
            "DiagnosticReport" => self
                .chart
                .diagnostic_reports
                .push(clinical::diagnostic_report(entry, all)?),
            "MedicationRequest" => self
                .chart
                .medication_requests
                .push(orders::medication_request(entry, all)?),
            "MedicationStatement" => self
                .chart
                .medication_requests
                .push(orders::medication_statement(entry, all)?),
            "Procedure" => self.chart.procedures.push(clinical::procedure(entry, all)?),
            "Immunization" => self.chart.immunizations.push(clinical::immunization(entry, all)?),
            "Encounter" => self.chart.encounters.push(orders::encounter(entry, all)?),
            "CarePlan" => self.chart.care_plans.push(orders::care_plan(entry, all)?),
            "ServiceRequest" => self.chart.service_requests.push(orders::service_request(entry, all)?),
            "Appointment" => self.chart.appointments.push(orders::appointment(entry, all)?),
            "AllergyIntolerance" => self.chart.allergies.push(clinical::allergy(entry, all)?),
            "FamilyMemberHistory" => self.chart.family_history.push(clinical::family_history(entry, all)?),
            "DocumentReference" => self.chart.documents.push(clinical::document(entry, all)?),
            // Read where a medicine refers to it.
            "Medication" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn finish(self) -> Chart {
        let mut chart = self.chart;
        // Stable: records of one instant stay in the bundle's order; undated ones come first and are never latest.
        chart.observations.sort_by_key(|o| instant(o.record.date.as_ref()));
        chart
            .diagnostic_reports
            .sort_by_key(|r| instant(r.record.date.as_ref()));
        chart.procedures.sort_by_key(|p| instant(p.record.date.as_ref()));
        chart.immunizations.sort_by_key(|i| instant(i.record.date.as_ref()));
        chart.encounters.sort_by_key(|e| instant(e.record.date.as_ref()));
        chart
            .medication_requests
            .sort_by_key(|m| instant(m.record.date.as_ref()));
        chart.documents.sort_by_key(|d| instant(d.record.date.as_ref()));
        chart.kept_unread.clone_from(&self.report.kept_unread);
        chart
    }
}

/// The resource types that are read into a chart.
pub const READ_TYPES: [&str; 15] = [
    "Condition",
    "Observation",
    "DiagnosticReport",
    "MedicationRequest",
    "MedicationStatement",
    "Procedure",
    "Immunization",
    "Encounter",
    "CarePlan",
    "ServiceRequest",
    "Appointment",
    "AllergyIntolerance",
    "FamilyMemberHistory",
    "DocumentReference",
    "Medication",
];

fn instant(date: Option<&FhirDate>) -> i64 {
    date.and_then(FhirDate::instant_millis).unwrap_or(i64::MIN)
}

/// When a resource was last changed on its server, as far as it says.
fn updated(node: &Node<'_>) -> Result<(i64, i64), ImportError> {
    let Some(meta) = node.object("meta")? else {
        return Ok((i64::MIN, i64::MIN));
    };
    let at = elements::date(&meta, "lastUpdated")?;
    let version = meta
        .text("versionId")?
        .and_then(|text| text.parse().ok())
        .unwrap_or(i64::MIN);
    Ok((instant(at.as_ref()), version))
}

fn take_resources(document: &mut Value) -> Vec<Value> {
    let entries = document.get_mut("entry").and_then(Value::as_array_mut);
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.get_mut("resource"))
        .filter(|resource| resource.is_object())
        .map(Value::take)
        .collect()
}
