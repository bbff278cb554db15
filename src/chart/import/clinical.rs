//! FHIR R4 clinical resources → records: what the patient has, had, and was found to have.
//! Reads one resource at a time; must not interpret values.

use super::elements::{self, WhenKeys};
use super::error::ImportError;
use super::node::Node;
use super::references::{Entry, Resources};
use crate::domain::chart::{
    AllergyIntolerance, Component, Concept, Condition, DiagnosticReport, Document, FamilyCondition,
    FamilyMemberHistory, FhirDate, Immunization, Observation, Procedure, Record,
};

type Read<T> = Result<T, ImportError>;

/// The fields every record has; `code` and `date` are the resource's own business.
pub fn record<'v>(entry: &Entry<'v>, all: &Resources<'v>, code: Concept, date: Option<FhirDate>) -> Read<Record> {
    let node = &entry.node;
    let encounter = match node.object("encounter")? {
        None => None,
        Some(reference) => reference.text("reference")?.and_then(|text| all.id_of(text)),
    };
    let status = match node.field("status")? {
        Some(found) => Some(found.as_text()?.to_owned()),
        None => None,
    };
    let category = match node.field("category")? {
        // A list of concepts, but for AllergyIntolerance, where it is a list of codes.
        Some(list)
            if list
                .value()
                .as_array()
                .is_some_and(|items| items.iter().all(serde_json::Value::is_string)) =>
        {
            let mut concepts = Vec::new();
            for item in node.list("category")? {
                concepts.push(Concept {
                    codings: Vec::new(),
                    text: Some(item.as_text()?.to_owned()),
                });
            }
            concepts
        }
        Some(one) if one.value().is_object() => vec![elements::concept(&one)?],
        _ => elements::concepts_at(node, "category")?,
    };
    Ok(Record {
        id: entry.id.clone(),
        status,
        code,
        category,
        date,
        encounter,
        notes: elements::notes(node, "note")?,
        security: elements::security(node)?,
    })
}

/// The code of the resource.
fn code(node: &Node<'_>) -> Read<Concept> {
    Ok(elements::concept_at(node, "code")?.unwrap_or_default())
}

/// `reasonCode` and the names behind `reasonReference`, and the ids of the conditions meant.
pub fn reasons<'v>(node: &Node<'v>, all: &Resources<'v>) -> Read<(Vec<Concept>, Vec<String>)> {
    let mut reasons = elements::concepts_at(node, "reasonCode")?;
    for reference in node.objects("reasonReference")? {
        let name = all.display(node, &reference)?;
        reasons.extend(name.map(|name| Concept {
            codings: Vec::new(),
            text: Some(name),
        }));
    }
    Ok((reasons, all.ids_at(node, "reasonReference", "Condition")?))
}

/// Condition.
pub fn condition<'v>(entry: &Entry<'v>, all: &Resources<'v>) -> Read<Condition> {
    let node = &entry.node;
    let onset_keys = WhenKeys {
        date_time: "onsetDateTime",
        period: "onsetPeriod",
        string: "onsetString",
        age: "onsetAge",
    };
    let abatement_keys = WhenKeys {
        date_time: "abatementDateTime",
        period: "abatementPeriod",
        string: "abatementString",
        age: "abatementAge",
    };
    let (onset, onset_text) = elements::when(node, &onset_keys)?;
    let (abatement, abatement_text) = elements::when(node, &abatement_keys)?;
    let mut record = record(entry, all, code(node)?, elements::date(node, "recordedDate")?)?;
    record.status = elements::status_code(node, "verificationStatus")?;
    let mut stage = Vec::new();
    for found in node.objects("stage")? {
        stage.extend(elements::concept_at(&found, "summary")?);
    }
    Ok(Condition {
        record,
        clinical_status: elements::status_code(node, "clinicalStatus")?,
        onset,
        onset_text,
        abatement,
        abatement_text,
        severity: elements::concept_at(node, "severity")?,
        stage,
    })
}

/// Observation.
pub fn observation<'v>(entry: &Entry<'v>, all: &Resources<'v>) -> Read<Observation> {
    let node = &entry.node;
    let mut when = elements::date(node, "effectiveDateTime")?;
    if when.is_none() {
        let (start, end) = elements::period(node, "effectivePeriod")?;
        when = start.or(end);
    }
    if when.is_none() {
        when = elements::date(node, "effectiveInstant")?;
    }
    if when.is_none() {
        when = elements::date(node, "issued")?;
    }
    Ok(Observation {
        record: record(entry, all, code(node)?, when)?,
        value: elements::value(node)?,
        absent: elements::concept_at(node, "dataAbsentReason")?,
        components: node
            .objects("component")?
            .iter()
            .map(component)
            .collect::<Read<Vec<_>>>()?,
        ranges: elements::ranges(node)?,
        interpretation: elements::concepts_at(node, "interpretation")?,
        members: all.ids_at(node, "hasMember", "Observation")?,
        method: elements::concept_at(node, "method")?,
    })
}

fn component(node: &Node<'_>) -> Read<Component> {
    Ok(Component {
        code: code(node)?,
        value: elements::value(node)?,
        absent: elements::concept_at(node, "dataAbsentReason")?,
        ranges: elements::ranges(node)?,
        interpretation: elements::concepts_at(node, "interpretation")?,
    })
}

/// DiagnosticReport.
pub fn diagnostic_report<'v>(entry: &Entry<'v>, all: &Resources<'v>) -> Read<DiagnosticReport> {
    let node = &entry.node;
    let mut when = elements::date(node, "effectiveDateTime")?;
    if when.is_none() {
        when = elements::period(node, "effectivePeriod")?.0;
    }
    if when.is_none() {
        when = elements::date(node, "issued")?;
    }
    let mut texts = Vec::new();
    for form in node.objects("presentedForm")? {
        texts.extend(super::documents::attachment_text(&form)?);
    }
    Ok(DiagnosticReport {
        record: record(entry, all, code(node)?, when)?,
        results: all.ids_at(node, "result", "Observation")?,
        conclusion: elements::clean(node.text("conclusion")?),
        conclusion_codes: elements::concepts_at(node, "conclusionCode")?,
        text: (!texts.is_empty()).then(|| texts.join("\n\n")),
    })
}

/// Procedure.
pub fn procedure<'v>(entry: &Entry<'v>, all: &Resources<'v>) -> Read<Procedure> {
    let node = &entry.node;
    let (start, end) = elements::period(node, "performedPeriod")?;
    let when = match elements::date(node, "performedDateTime")? {
        Some(date) => Some(date),
        None => start.or_else(|| end.clone()),
    };
    let (reasons, reason_conditions) = reasons(node, all)?;
    let mut record = record(entry, all, code(node)?, when)?;
    if let Some(words) = elements::clean(node.text("performedString")?) {
        record.notes.push(format!("Done: {words}"));
    }
    Ok(Procedure {
        record,
        end,
        reasons,
        body_site: elements::concepts_at(node, "bodySite")?,
        follow_up: elements::concepts_at(node, "followUp")?,
        outcome: elements::concept_at(node, "outcome")?,
        reason_conditions,
    })
}

/// Immunization.
pub fn immunization<'v>(entry: &Entry<'v>, all: &Resources<'v>) -> Read<Immunization> {
    let node = &entry.node;
    let vaccine = elements::concept_at(node, "vaccineCode")?.unwrap_or_default();
    let mut record = record(entry, all, vaccine, elements::date(node, "occurrenceDateTime")?)?;
    if let Some(words) = elements::clean(node.text("occurrenceString")?) {
        record.notes.push(format!("Given: {words}"));
    }
    let mut dose_number = None;
    for protocol in node.objects("protocolApplied")? {
        dose_number = match protocol.integer("doseNumberPositiveInt")? {
            Some(number) => Some(number.to_string()),
            None => elements::clean(protocol.text("doseNumberString")?),
        };
    }
    Ok(Immunization {
        record,
        dose_number,
        status_reason: elements::concept_at(node, "statusReason")?,
    })
}

/// AllergyIntolerance.
pub fn allergy<'v>(entry: &Entry<'v>, all: &Resources<'v>) -> Read<AllergyIntolerance> {
    let node = &entry.node;
    let mut when = elements::date(node, "onsetDateTime")?;
    if when.is_none() {
        when = elements::date(node, "recordedDate")?;
    }
    let mut record = record(entry, all, code(node)?, when)?;
    record.status = elements::status_code(node, "verificationStatus")?;
    let mut reactions = Vec::new();
    for reaction in node.objects("reaction")? {
        reactions.extend(elements::concepts_at(&reaction, "manifestation")?);
        // The substance that gave the reaction is more exact than the allergy's own code.
        if record.code == Concept::default() {
            record.code = elements::concept_at(&reaction, "substance")?.unwrap_or_default();
        }
    }
    Ok(AllergyIntolerance {
        record,
        clinical_status: elements::status_code(node, "clinicalStatus")?,
        criticality: node.owned("criticality")?,
        reactions,
    })
}

/// FamilyMemberHistory.
pub fn family_history<'v>(entry: &Entry<'v>, all: &Resources<'v>) -> Read<FamilyMemberHistory> {
    let node = &entry.node;
    let relationship = elements::concept_at(node, "relationship")?.unwrap_or_default();
    let mut conditions = Vec::new();
    for found in node.objects("condition")? {
        conditions.push(FamilyCondition {
            code: code(&found)?,
            onset_age_years: elements::age_years(&found, "onsetAge")?,
        });
    }
    let sex = elements::status_code(node, "sex")?;
    Ok(FamilyMemberHistory {
        record: record(entry, all, relationship, elements::date(node, "date")?)?,
        sex,
        conditions,
    })
}

/// DocumentReference.
pub fn document<'v>(entry: &Entry<'v>, all: &Resources<'v>) -> Read<Document> {
    let node = &entry.node;
    let kind = elements::concept_at(node, "type")?.unwrap_or_default();
    let mut record = record(entry, all, kind, elements::date(node, "date")?)?;
    if let Some(context) = node.object("context")? {
        record.encounter = all.ids_at(&context, "encounter", "Encounter")?.into_iter().next();
        if record.date.is_none() {
            record.date = elements::period(&context, "period")?.0;
        }
    }
    let mut texts = Vec::new();
    for content in node.objects("content")? {
        if let Some(attachment) = content.object("attachment")? {
            texts.extend(super::documents::attachment_text(&attachment)?);
        }
    }
    Ok(Document {
        record,
        description: elements::clean(node.text("description")?),
        text: (!texts.is_empty()).then(|| texts.join("\n\n")),
        doc_status: node.owned("docStatus")?,
    })
}
