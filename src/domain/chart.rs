//! A patient's chart in Chartlight's words. Names are FHIR R4's; values are as the record states them.
//!
//! Nothing is computed here but what a value is: interpretation lives in the `chart` module.

use serde::{Deserialize, Serialize};

use super::ids::PatientId;

/// A FHIR `date`/`dateTime`/`instant`: the text as recorded, of any precision (`2021`, `2021-04`,
/// `2021-04-09`, `2021-04-09T10:00:00+02:00`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FhirDate(pub String);

/// How exact a [`FhirDate`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DatePrecision {
    /// Only a year.
    Year,
    /// Year and month.
    Month,
    /// A whole date, with or without a time.
    Day,
}

impl FhirDate {
    /// The calendar date as recorded (in the record's own time zone), the first day where month or day is
    /// unknown; `None` where the text is not a date.
    #[must_use]
    pub fn first_day(&self) -> Option<jiff::civil::Date> {
        self.parts().map(|(date, _)| date)
    }

    /// How exact the date is; `None` where the text is not a date.
    #[must_use]
    pub fn precision(&self) -> Option<DatePrecision> {
        self.parts().map(|(_, precision)| precision)
    }

    /// A key by which dates of any precision and time zone sort in time; the first instant of the day, month or
    /// year where no time is recorded. Milliseconds since 1970 in UTC; `None` where the text is not a date.
    #[must_use]
    pub fn instant_millis(&self) -> Option<i64> {
        if self.0.contains('T')
            && let Ok(instant) = self.0.parse::<jiff::Timestamp>()
        {
            return Some(instant.as_millisecond());
        }
        let day = self.first_day()?;
        day.to_zoned(jiff::tz::TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp().as_millisecond())
    }

    fn parts(&self) -> Option<(jiff::civil::Date, DatePrecision)> {
        let day = self.0.split('T').next()?;
        let mut fields = day.split('-');
        let year = fields.next().filter(|y| y.len() == 4)?.parse::<i16>().ok()?;
        let month = fields.next().map(str::parse::<i8>).transpose().ok()?;
        let date = fields.next().map(str::parse::<i8>).transpose().ok()?;
        if fields.next().is_some() {
            return None;
        }
        let precision = match (month, date) {
            (Some(_), Some(_)) => DatePrecision::Day,
            (Some(_), None) => DatePrecision::Month,
            _ => DatePrecision::Year,
        };
        let first = jiff::civil::Date::new(year, month.unwrap_or(1), date.unwrap_or(1)).ok()?;
        Some((first, precision))
    }
}

/// One code of one code system.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Coding {
    /// The system's URI (`http://loinc.org`, `http://snomed.info/sct`, …), as recorded.
    pub system: Option<String>,
    /// The code.
    pub code: String,
    /// The display name that came with it.
    pub display: Option<String>,
}

/// LOINC's FHIR system URI.
pub const LOINC: &str = "http://loinc.org";
/// SNOMED CT's FHIR system URI.
pub const SNOMED: &str = "http://snomed.info/sct";
/// RxNorm's FHIR system URI.
pub const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
/// CVX's FHIR system URI (vaccines).
pub const CVX: &str = "http://hl7.org/fhir/sid/cvx";
/// ICD-10-CM's FHIR system URI.
pub const ICD10CM: &str = "http://hl7.org/fhir/sid/icd-10-cm";
/// UCUM's FHIR system URI (units).
pub const UCUM: &str = "http://unitsofmeasure.org";

/// A FHIR CodeableConcept: codes and the text a person reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concept {
    /// The codings, in the record's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codings: Vec<Coding>,
    /// The free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Concept {
    /// The name to show: the text, else the first display, else the first code, else "unnamed".
    #[must_use]
    pub fn name(&self) -> &str {
        self.text
            .as_deref()
            .or_else(|| self.codings.iter().find_map(|c| c.display.as_deref()))
            .or_else(|| self.codings.first().map(|c| c.code.as_str()))
            .unwrap_or("unnamed")
    }

    /// The first code of `system`.
    #[must_use]
    pub fn code_in(&self, system: &str) -> Option<&str> {
        self.codings
            .iter()
            .find(|c| c.system.as_deref() == Some(system))
            .map(|c| c.code.as_str())
    }
}

/// A measured value with its unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quantity {
    /// The number.
    pub value: f64,
    /// The number as the record wrote it ("6.10" stays "6.10").
    pub value_text: String,
    /// `<`, `<=`, `>=`, `>` where the true value is beyond the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparator: Option<String>,
    /// The unit as shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The UCUM code of the unit, where the record states one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ucum: Option<String>,
}

/// An observation's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A number with a unit.
    Quantity(Quantity),
    /// A coded result ("Positive").
    Concept(Concept),
    /// Free text.
    Text(String),
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A range of two quantities.
    Range {
        /// Lower end.
        low: Option<Quantity>,
        /// Upper end.
        high: Option<Quantity>,
    },
    /// A date or a time, as recorded.
    Date(FhirDate),
    /// A kind Chartlight does not read, by its FHIR element name (`valueSampledData`).
    Other(String),
}

/// A FHIR `Observation.referenceRange` entry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReferenceRange {
    /// Lower end; open when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<Quantity>,
    /// Upper end; open when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<Quantity>,
    /// The range as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What kind of range (normal, therapeutic, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Concept>,
    /// Whom it applies to (sex, race, pregnancy).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applies_to: Vec<Concept>,
    /// Age it applies to, in years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_low_years: Option<f64>,
    /// Age it applies to, in years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_high_years: Option<f64>,
}

/// A component of an Observation (systolic and diastolic pressure).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// What was measured.
    pub code: Concept,
    /// The value; `None` with a reason in `absent`.
    pub value: Option<Value>,
    /// Why there is no value (`dataAbsentReason`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<Concept>,
    /// Ranges that came with the value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<ReferenceRange>,
    /// The sender's own interpretation codes (H, L, A, …).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interpretation: Vec<Concept>,
}

/// The patient as a person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// Given and family name as one line.
    pub name: Option<String>,
    /// FHIR administrative gender (`male`, `female`, `other`, `unknown`).
    pub gender: Option<String>,
    /// US Core birth sex (`M`, `F`, `UNK`), where stated.
    pub birth_sex: Option<String>,
    /// Date of birth.
    pub birth_date: Option<FhirDate>,
    /// Whether the record says the patient has died.
    pub deceased: bool,
    /// When the patient died, where stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deceased_date: Option<FhirDate>,
    /// Preferred language (BCP 47).
    pub language: Option<String>,
}

/// Fields that every clinical record has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// FHIR resource id, unique within its type in one chart.
    pub id: String,
    /// FHIR status (`final`, `active`, `completed`, `entered-in-error`, …), as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What it is about.
    #[serde(default)]
    pub code: Concept,
    /// Categories (`laboratory`, `vital-signs`, `problem-list-item`, …).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<Concept>,
    /// When it happened or was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<FhirDate>,
    /// Id of the encounter it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encounter: Option<String>,
    /// Free-text notes. Data, never instructions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// FHIR `meta.security` codes (`R`, `V`, `ETH`, `SEX`, …), for confidential records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security: Vec<String>,
}

impl Record {
    /// Whether the record was marked as a mistake; such a record is kept and never used.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.status.as_deref() == Some("entered-in-error")
    }
}

macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident : $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        pub struct $name {
            /// The fields every record has.
            #[serde(flatten)]
            pub record: Record,
            $($(#[$field_doc])* #[serde(default)] pub $field: $type,)*
        }
    };
}

record!(
    /// FHIR Condition. `record.status` holds the verification status; `clinical_status` the other one.
    Condition {
        /// `active`, `recurrence`, `relapse`, `inactive`, `remission`, `resolved`.
        clinical_status: Option<String>,
        /// When it began.
        onset: Option<FhirDate>,
        /// When it began, where the record says so in words or as an age ("age 40 a").
        onset_text: Option<String>,
        /// When it ended.
        abatement: Option<FhirDate>,
        /// When it ended, where the record says so in words or as an age.
        abatement_text: Option<String>,
        /// Severity.
        severity: Option<Concept>,
        /// Stage or grade, as recorded.
        stage: Vec<Concept>,
    }
);
record!(
    /// FHIR Observation.
    Observation {
        /// The value; `None` with components or with a reason in `absent`.
        value: Option<Value>,
        /// Why there is no value.
        absent: Option<Concept>,
        /// Parts (blood pressure, panels).
        components: Vec<Component>,
        /// Ranges that came with the value.
        ranges: Vec<ReferenceRange>,
        /// The sender's own interpretation (H, L, …).
        interpretation: Vec<Concept>,
        /// Ids of member observations.
        members: Vec<String>,
        /// How it was measured (a home device, a fasting sample), where the record says so.
        method: Option<Concept>,
    }
);
record!(
    /// FHIR DiagnosticReport.
    DiagnosticReport {
        /// Ids of its observations.
        results: Vec<String>,
        /// The conclusion, as written.
        conclusion: Option<String>,
        /// Coded conclusions.
        conclusion_codes: Vec<Concept>,
        /// Text of the report, decoded, where it came inside the bundle.
        text: Option<String>,
    }
);
record!(
    /// FHIR MedicationRequest (also MedicationStatement). `record.code` is the medicine.
    MedicationRequest {
        /// The FHIR resource it came from: `MedicationRequest` or `MedicationStatement`.
        resource_type: String,
        /// `order`, `plan`, …
        intent: Option<String>,
        /// How to take it, literally as the chart says; where the chart has no text, its coded fields in words.
        instructions: Vec<String>,
        /// What it is for.
        reasons: Vec<Concept>,
        /// Ids of the conditions it is for.
        reason_conditions: Vec<String>,
        /// Who ordered it, as displayed.
        requester: Option<String>,
    }
);
record!(
    /// FHIR Procedure.
    Procedure {
        /// When it ended.
        end: Option<FhirDate>,
        /// Why it was done.
        reasons: Vec<Concept>,
        /// Body site.
        body_site: Vec<Concept>,
        /// Follow-up instructions.
        follow_up: Vec<Concept>,
        /// How it went.
        outcome: Option<Concept>,
        /// Ids of the conditions it was done for.
        reason_conditions: Vec<String>,
    }
);
record!(
    /// FHIR Immunization. `record.code` is the vaccine.
    Immunization {
        /// Dose number in the series, where stated.
        dose_number: Option<String>,
        /// Why it was not given.
        status_reason: Option<Concept>,
    }
);
record!(
    /// FHIR Encounter. `record.code` is its type; `record.date` its start.
    Encounter {
        /// `AMB`, `EMER`, `IMP`, …
        class: Option<String>,
        /// When it ended.
        end: Option<FhirDate>,
        /// Why it took place.
        reasons: Vec<Concept>,
        /// Ids of the conditions it was for or that were found.
        diagnoses: Vec<String>,
        /// Where the patient went after.
        discharge: Option<Concept>,
        /// Who saw the patient, as displayed.
        participants: Vec<String>,
        /// Department or facility, as displayed.
        location: Option<String>,
    }
);
record!(
    /// FHIR CarePlan.
    CarePlan {
        /// When it ends.
        end: Option<FhirDate>,
        /// `order`, `plan`, `proposal`, …
        intent: Option<String>,
        /// What the plan is for: names of the conditions.
        addresses: Vec<String>,
        /// Ids of the conditions the plan is for, where they are in the chart.
        address_conditions: Vec<String>,
        /// The plan's goals, in its own words.
        goals: Vec<String>,
        /// The planned activities.
        activities: Vec<PlannedActivity>,
        /// The plan's own words.
        description: Option<String>,
    }
);
record!(
    /// FHIR ServiceRequest: something ordered.
    ServiceRequest {
        /// `order`, `plan`, `proposal`, …
        intent: Option<String>,
        /// `routine`, `urgent`, `asap`, `stat`.
        priority: Option<String>,
        /// When it should take place.
        occurrence: Option<FhirDate>,
        /// When it should take place, where the record says so as a rule ("every 6 months").
        occurrence_text: Option<String>,
        /// Why.
        reasons: Vec<Concept>,
        /// Ids of the conditions it is for.
        reason_conditions: Vec<String>,
        /// Who ordered it, as displayed.
        requester: Option<String>,
        /// Whether the order says *not* to do it (`doNotPerform`).
        do_not_perform: bool,
        /// Instructions for the patient.
        patient_instruction: Option<String>,
    }
);
record!(
    /// FHIR Appointment. `record.date` is its start.
    Appointment {
        /// When it ends.
        end: Option<FhirDate>,
        /// Its description.
        description: Option<String>,
        /// Why.
        reasons: Vec<Concept>,
        /// Who takes part, as displayed.
        participants: Vec<String>,
        /// Instructions for the patient.
        patient_instruction: Option<String>,
        /// Ids of the service requests it fulfils.
        based_on: Vec<String>,
    }
);
record!(
    /// FHIR AllergyIntolerance.
    AllergyIntolerance {
        /// `active`, `inactive`, `resolved`.
        clinical_status: Option<String>,
        /// `low`, `high`, `unable-to-assess`.
        criticality: Option<String>,
        /// Reactions, as recorded.
        reactions: Vec<Concept>,
    }
);
record!(
    /// FHIR FamilyMemberHistory: what runs in the family. `record.code` is the relationship.
    FamilyMemberHistory {
        /// `male`, `female`, …, where stated.
        sex: Option<String>,
        /// The relative's conditions.
        conditions: Vec<FamilyCondition>,
    }
);
record!(
    /// FHIR DocumentReference: a note. `record.code` is its type. Its text is data, never instructions.
    Document {
        /// Its description.
        description: Option<String>,
        /// Its text, decoded, where it came inside the bundle as text.
        text: Option<String>,
        /// The document's own life: `preliminary`, `final`, `amended`, `entered-in-error`.
        doc_status: Option<String>,
    }
);

/// A relative's condition.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FamilyCondition {
    /// The condition.
    pub code: Concept,
    /// The relative's age when it began, in years, where stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onset_age_years: Option<f64>,
}

/// One activity of a CarePlan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PlannedActivity {
    /// What is planned.
    pub code: Concept,
    /// Its status.
    pub status: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// When it is planned for.
    pub scheduled: Option<FhirDate>,
}

/// The chart of one patient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// Whose chart it is.
    pub patient: PatientId,
    /// The person.
    pub person: Person,
    /// Conditions.
    pub conditions: Vec<Condition>,
    /// Observations, oldest first, all of the history.
    pub observations: Vec<Observation>,
    /// Reports.
    pub diagnostic_reports: Vec<DiagnosticReport>,
    /// Medicines.
    pub medication_requests: Vec<MedicationRequest>,
    /// Procedures.
    pub procedures: Vec<Procedure>,
    /// Vaccines.
    pub immunizations: Vec<Immunization>,
    /// Visits.
    pub encounters: Vec<Encounter>,
    /// Care plans.
    pub care_plans: Vec<CarePlan>,
    /// Orders.
    pub service_requests: Vec<ServiceRequest>,
    /// Appointments.
    pub appointments: Vec<Appointment>,
    /// Allergies.
    pub allergies: Vec<AllergyIntolerance>,
    /// What runs in the family.
    #[serde(default)]
    pub family_history: Vec<FamilyMemberHistory>,
    /// Notes.
    #[serde(default)]
    pub documents: Vec<Document>,
    /// Resource types that are kept but not read, with how many of each.
    pub kept_unread: std::collections::BTreeMap<String, usize>,
}

impl Chart {
    /// An empty chart of `patient`.
    #[must_use]
    pub fn empty(patient: PatientId) -> Self {
        Self {
            patient,
            person: Person::default(),
            conditions: Vec::new(),
            observations: Vec::new(),
            diagnostic_reports: Vec::new(),
            medication_requests: Vec::new(),
            procedures: Vec::new(),
            immunizations: Vec::new(),
            encounters: Vec::new(),
            care_plans: Vec::new(),
            service_requests: Vec::new(),
            appointments: Vec::new(),
            allergies: Vec::new(),
            family_history: Vec::new(),
            documents: Vec::new(),
            kept_unread: std::collections::BTreeMap::new(),
        }
    }

    /// Age in whole years on `date`; `None` where the birth date is unknown, less exact than a month,
    /// or after `date`.
    #[must_use]
    pub fn age_years(&self, date: jiff::civil::Date) -> Option<i32> {
        let birth = self.person.birth_date.as_ref()?;
        if birth.precision()? == DatePrecision::Year {
            return None;
        }
        let born = birth.first_day()?;
        if born > date {
            return None;
        }
        let mut years = i32::from(date.year()) - i32::from(born.year());
        if (date.month(), date.day()) < (born.month(), born.day()) {
            years -= 1;
        }
        Some(years)
    }

    /// Sex for clinical use: birth sex where stated, else administrative gender; `None` where neither says
    /// female or male.
    #[must_use]
    pub fn sex(&self) -> Option<Sex> {
        match self.person.birth_sex.as_deref() {
            Some("F") => return Some(Sex::Female),
            Some("M") => return Some(Sex::Male),
            _ => {}
        }
        match self.person.gender.as_deref() {
            Some("female") => Some(Sex::Female),
            Some("male") => Some(Sex::Male),
            _ => None,
        }
    }
}

/// Sex for clinical use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    /// Female.
    Female,
    /// Male.
    Male,
}
