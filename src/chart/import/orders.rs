//! FHIR R4 resources of care as it is organised → records: visits, medicines, orders, plans, appointments.
//! Reads one resource at a time; must not interpret.

use super::clinical::{reasons, record};
use super::elements;
use super::error::ImportError;
use super::node::Node;
use super::references::{Entry, Resources};
use crate::domain::chart::{
    Appointment, CarePlan, Concept, Encounter, FhirDate, MedicationRequest, PlannedActivity, ServiceRequest,
};

type Read<T> = Result<T, ImportError>;

/// MedicationRequest.
pub fn medication_request<'v>(entry: &Entry<'v>, all: &Resources<'v>) -> Read<MedicationRequest> {
    let node = &entry.node;
    let (reasons, reason_conditions) = reasons(node, all)?;
    Ok(MedicationRequest {
        record: record(entry, all, medicine(node, all)?, elements::date(node, "authoredOn")?)?,
        resource_type: "MedicationRequest".to_owned(),
        intent: node.owned("intent")?,
        instructions: super::dosage::instructions(node, "dosageInstruction")?,
        reasons,
        reason_conditions,
        requester: all.display_at(node, "requester")?,
    })
}

/// MedicationStatement.
pub fn medication_statement<'v>(entry: &Entry<'v>, all: &Resources<'v>) -> Read<MedicationRequest> {
    let node = &entry.node;
    let mut when = elements::date(node, "effectiveDateTime")?;
    if when.is_none() {
        when = elements::period(node, "effectivePeriod")?.0;
    }
    if when.is_none() {
        when = elements::date(node, "dateAsserted")?;
    }
    let (reasons, reason_conditions) = reasons(node, all)?;
    Ok(MedicationRequest {
        record: record(entry, all, medicine(node, all)?, when)?,
        resource_type: "MedicationStatement".to_owned(),
        intent: None,
        instructions: super::dosage::instructions(node, "dosage")?,
        reasons,
        reason_conditions,
        requester: all.display_at(node, "informationSource")?,
    })
}

/// The medicine: its own code, or that of the Medication it refers to.
fn medicine<'v>(node: &Node<'v>, all: &Resources<'v>) -> Read<Concept> {
    if let Some(concept) = elements::concept_at(node, "medicationCodeableConcept")? {
        return Ok(concept);
    }
    let Some(reference) = node.object("medicationReference")? else {
        return Ok(Concept::default());
    };
    let mut found = Concept::default();
    if let Some(text) = reference.text("reference")?
        && let Some(target) = all.follow(node, text)?
    {
        found = elements::concept_at(&target, "code")?.unwrap_or_default();
    }
    if found.text.is_none() && found.codings.iter().all(|coding| coding.display.is_none()) {
        found.text = elements::clean(reference.text("display")?);
    }
    Ok(found)
}

/// Encounter.
pub fn encounter<'v>(entry: &Entry<'v>, all: &Resources<'v>) -> Read<Encounter> {
    let node = &entry.node;
    let mut kind = Concept::default();
    for (index, concept) in elements::concepts_at(node, "type")?.into_iter().enumerate() {
        if index == 0 {
            kind = concept;
        } else {
            kind.codings.extend(concept.codings);
        }
    }
    if kind == Concept::default() {
        kind = elements::concept_at(node, "serviceType")?.unwrap_or_default();
    }
    let class = match node.object("class")? {
        None => None,
        Some(class) => elements::coding(&class)?.map(|coding| coding.code),
    };
    let (start, end) = elements::period(node, "period")?;
    let (reasons, mut diagnoses) = reasons(node, all)?;
    for diagnosis in node.objects("diagnosis")? {
        if let Some(reference) = diagnosis.object("condition")?
            && let Some(text) = reference.text("reference")?
        {
            diagnoses.extend(all.id_of(text));
        }
    }
    let discharge = match node.object("hospitalization")? {
        None => None,
        Some(stay) => elements::concept_at(&stay, "dischargeDisposition")?,
    };
    let mut participants = Vec::new();
    for participant in node.objects("participant")? {
        participants.extend(all.display_at(&participant, "individual")?);
    }
    let mut location = None;
    for place in node.objects("location")? {
        location = location.or(all.display_at(&place, "location")?);
    }
    if location.is_none() {
        location = all.display_at(node, "serviceProvider")?;
    }
    Ok(Encounter {
        record: record(entry, all, kind, start)?,
        class,
        end,
        reasons,
        diagnoses,
        discharge,
        participants,
        location,
    })
}

/// CarePlan.
pub fn care_plan<'v>(entry: &Entry<'v>, all: &Resources<'v>) -> Read<CarePlan> {
    let node = &entry.node;
    let (start, end) = elements::period(node, "period")?;
    let mut name = Concept::default();
    for concept in elements::concepts_at(node, "category")? {
        // US Core's own marker says only that this is a plan.
        let is_marker = concept.codings.iter().any(|coding| coding.code == "assess-plan");
        if !is_marker && name == Concept::default() {
            name = concept;
        }
    }
    if let Some(title) = elements::clean(node.text("title")?) {
        name.text = Some(title);
    }
    let mut addresses = Vec::new();
    for reference in node.objects("addresses")? {
        addresses.extend(all.display(node, &reference)?);
    }
    let mut goals = Vec::new();
    for reference in node.objects("goal")? {
        if let Some(text) = reference.text("reference")?
            && let Some(goal) = all.follow(node, text)?
            && let Some(description) = elements::concept_at(&goal, "description")?
        {
            goals.push(description.name().to_owned());
        }
    }
    let when = match start {
        Some(date) => Some(date),
        None => elements::date(node, "created")?,
    };
    let activities = node
        .objects("activity")?
        .iter()
        .map(|a| activity(a, all))
        .collect::<Read<Vec<_>>>()?;
    Ok(CarePlan {
        record: record(entry, all, name, when)?,
        end,
        intent: node.owned("intent")?,
        addresses,
        address_conditions: all.ids_at(node, "addresses", "Condition")?,
        goals,
        activities,
        description: elements::clean(node.text("description")?),
    })
}

fn activity<'v>(node: &Node<'v>, all: &Resources<'v>) -> Read<PlannedActivity> {
    if let Some(detail) = node.object("detail")? {
        let (start, _) = elements::period(&detail, "scheduledPeriod")?;
        let mut description = elements::clean(detail.text("description")?);
        if let Some(rule) = elements::clean(detail.text("scheduledString")?) {
            description = Some(description.map_or_else(|| rule.clone(), |text| format!("{text} ({rule})")));
        }
        return Ok(PlannedActivity {
            code: elements::concept_at(&detail, "code")?.unwrap_or_default(),
            status: detail.owned("status")?,
            description,
            scheduled: start,
        });
    }
    let Some(reference) = node.object("reference")? else {
        return Ok(PlannedActivity::default());
    };
    let name = all.display(node, &reference)?;
    let mut status = None;
    if let Some(text) = reference.text("reference")?
        && let Some(target) = all.follow(node, text)?
    {
        status = target.owned("status")?;
    }
    let code = Concept {
        codings: Vec::new(),
        text: name,
    };
    Ok(PlannedActivity {
        code,
        status,
        description: None,
        scheduled: None,
    })
}

/// ServiceRequest.
pub fn service_request<'v>(entry: &Entry<'v>, all: &Resources<'v>) -> Read<ServiceRequest> {
    let node = &entry.node;
    let code = elements::concept_at(node, "code")?.unwrap_or_default();
    let (reasons, reason_conditions) = reasons(node, all)?;
    let mut occurrence = elements::date(node, "occurrenceDateTime")?;
    if occurrence.is_none() {
        let (start, end) = elements::period(node, "occurrencePeriod")?;
        occurrence = start.or(end);
    }
    let mut occurrence_text = None;
    if let Some(timing) = node.object("occurrenceTiming")? {
        let (rule, first) = timing_words(&timing)?;
        occurrence_text = rule;
        occurrence = occurrence.or(first);
    }
    Ok(ServiceRequest {
        record: record(entry, all, code, elements::date(node, "authoredOn")?)?,
        intent: node.owned("intent")?,
        priority: node.owned("priority")?,
        occurrence,
        occurrence_text,
        reasons,
        reason_conditions,
        requester: all.display_at(node, "requester")?,
        do_not_perform: node.boolean("doNotPerform")?.unwrap_or(false),
        patient_instruction: elements::clean(node.text("patientInstruction")?),
    })
}

fn timing_words(timing: &Node<'_>) -> Read<(Option<String>, Option<FhirDate>)> {
    let mut first = None;
    for event in timing.list("event")? {
        let date = FhirDate(event.as_text()?.trim().to_owned());
        if !elements::is_date(&date) {
            return Err(event.invalid("is not a FHIR date"));
        }
        first = first.or(Some(date));
    }
    Ok((super::dosage::timing(timing)?, first))
}

/// Appointment.
pub fn appointment<'v>(entry: &Entry<'v>, all: &Resources<'v>) -> Read<Appointment> {
    let node = &entry.node;
    let mut code = Concept::default();
    for key in ["serviceType", "specialty", "serviceCategory"] {
        if code == Concept::default() {
            code = elements::concepts_at(node, key)?.into_iter().next().unwrap_or_default();
        }
    }
    if code == Concept::default() {
        code = elements::concept_at(node, "appointmentType")?.unwrap_or_default();
    }
    let description = elements::clean(node.text("description")?);
    if code == Concept::default() {
        code.text.clone_from(&description);
    }
    let mut participants = Vec::new();
    for participant in node.objects("participant")? {
        let Some(actor) = participant.object("actor")? else {
            continue;
        };
        let is_patient = match actor.text("reference")? {
            None => false,
            Some(text) => match all.follow(node, text)? {
                Some(target) => target.text("resourceType")? == Some("Patient"),
                None => text.contains("Patient/"),
            },
        };
        if !is_patient {
            participants.extend(all.display(node, &actor)?);
        }
    }
    let mut record = record(entry, all, code, elements::date(node, "start")?)?;
    record.notes.extend(elements::clean(node.text("comment")?));
    Ok(Appointment {
        record,
        end: elements::date(node, "end")?,
        description,
        reasons: reasons(node, all)?.0,
        participants,
        patient_instruction: elements::clean(node.text("patientInstruction")?),
        based_on: all.ids_at(node, "basedOn", "ServiceRequest")?,
    })
}
