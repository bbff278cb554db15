//! What is booked, ordered but not booked, and planned: an ordered, dated list, each with its source in the chart.
//! Nothing is invented: a step exists only where a record states it.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{plain, records};
use crate::domain::ChartReference;
use crate::domain::chart::{Appointment, CarePlan, Chart, FhirDate, PlannedActivity, ServiceRequest};
use crate::domain::text::fold;

/// What kind of step it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// An appointment.
    Booked,
    /// Ordered, and the chart shows no appointment for it.
    OrderedNotBooked,
    /// Part of a care plan or a follow-up.
    Recommended,
    /// Something to keep an eye on.
    Watch,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NextStep {
    /// What kind.
    pub kind: StepKind,
    /// Short name.
    pub title: String,
    /// What a patient reads.
    pub text: String,
    /// The date it is planned or due for, as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Whether that date has passed.
    pub overdue: bool,
    /// Instructions for the patient, literally as the chart says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<String>,
    /// The records behind it.
    pub references: Vec<ChartReference>,
}

/// How long a booked appointment that has passed is still shown, in days.
const PASSED_DAYS: i64 = 90;
/// How long an unfinished result or a follow-up is shown, in days.
const OPEN_DAYS: i64 = 365;

/// The steps, overdue ones first, then by date, undated ones last.
#[must_use]
pub fn list(chart: &Chart, today: Date) -> Vec<NextStep> {
    let mut steps: Vec<NextStep> = Vec::new();
    steps.extend(
        chart
            .appointments
            .iter()
            .filter_map(|appointment| booked(appointment, today)),
    );
    steps.extend(
        chart
            .service_requests
            .iter()
            .filter_map(|order| ordered(chart, order, today)),
    );
    for plan in chart.care_plans.iter().filter(|plan| plan_is_active(plan, today)) {
        for activity in &plan.activities {
            if let Some(step) = planned(plan, activity, today)
                && !steps.iter().any(|known| fold(&known.title) == fold(&step.title))
            {
                steps.push(step);
            }
        }
    }
    steps.extend(follow_ups(chart, today));
    steps.extend(unfinished(chart, today));
    let instant = |step: &NextStep| {
        step.date
            .clone()
            .map(FhirDate)
            .and_then(|date| date.instant_millis())
            .unwrap_or(i64::MAX)
    };
    steps.sort_by_key(|step| (!step.overdue, instant(step)));
    steps
}

/// Whether a plan runs at `today`.
#[must_use]
pub fn plan_is_active(plan: &CarePlan, today: Date) -> bool {
    let ended = plan
        .end
        .as_ref()
        .and_then(FhirDate::first_day)
        .is_some_and(|day| day < today);
    !ended
        && matches!(
            plan.record.status.as_deref(),
            Some("active" | "on-hold" | "unknown") | None
        )
}

/// The appointment's name: what it is for.
#[must_use]
pub fn appointment_name(appointment: &Appointment) -> String {
    let name = appointment
        .description
        .as_deref()
        .unwrap_or_else(|| appointment.record.code.name());
    if name == "unnamed" {
        "appointment".to_owned()
    } else {
        plain::without_tag(name).to_owned()
    }
}

fn is_open(appointment: &Appointment) -> bool {
    matches!(
        appointment.record.status.as_deref(),
        Some("booked" | "pending" | "proposed" | "arrived" | "checked-in" | "waitlist")
    )
}

fn booked(appointment: &Appointment, today: Date) -> Option<NextStep> {
    let day = appointment.record.date.as_ref().and_then(FhirDate::first_day);
    let ahead = day.map(|day| plain::days_between(today, day));
    if !is_open(appointment) || ahead.is_some_and(|days| days < -PASSED_DAYS) {
        return None;
    }
    let name = appointment_name(appointment);
    let overdue = ahead.is_some_and(|days| days < 0);
    let text = appointment_text(appointment, &name, overdue, today);
    Some(NextStep {
        kind: StepKind::Booked,
        title: name.clone(),
        text,
        date: appointment.record.date.as_ref().map(|date| date.0.clone()),
        overdue,
        instruction: appointment.patient_instruction.clone(),
        references: vec![records::reference("Appointment", &appointment.record, name)],
    })
}

/// "You have an appointment on March 3, 2026 at 9:30 AM: eye exam, with Dr. A."
fn appointment_text(appointment: &Appointment, name: &str, overdue: bool, today: Date) -> String {
    let date = appointment.record.date.as_ref();
    let time = date
        .and_then(plain::time_of_day)
        .map(|time| format!(" at {time}"))
        .unwrap_or_default();
    let with = if appointment.participants.is_empty() {
        String::new()
    } else {
        format!(", with {}", plain::list(&appointment.participants))
    };
    let on = plain::on_date(date);
    let far = date
        .and_then(FhirDate::first_day)
        .map(|day| format!(" ({})", plain::distance(day, today)))
        .unwrap_or_default();
    match appointment.record.status.as_deref() {
        _ if overdue => {
            format!("An appointment was planned {on}: {name}{with}. The chart does not say that it took place.")
        }
        _ if date.is_none() => format!("An appointment is asked for but has no date yet: {name}{with}."),
        Some("pending" | "proposed" | "waitlist") => {
            format!("An appointment is asked for {on}{time}{far} but is not confirmed yet: {name}{with}.")
        }
        _ => format!("You have an appointment {on}{time}{far}: {name}{with}."),
    }
}

fn ordered(chart: &Chart, order: &ServiceRequest, today: Date) -> Option<NextStep> {
    let open = matches!(
        order.record.status.as_deref(),
        Some("active" | "on-hold" | "unknown") | None
    );
    let id = &order.record.id;
    let is_booked = chart.appointments.iter().any(|appointment| {
        appointment.based_on.contains(id)
            && !matches!(
                appointment.record.status.as_deref(),
                Some("cancelled" | "noshow" | "entered-in-error")
            )
    });
    if !open || order.do_not_perform || is_booked || is_done(chart, order) {
        return None;
    }
    let name = plain::without_tag(order.record.code.name()).to_owned();
    let due = order.occurrence.as_ref();
    let overdue = due.and_then(FhirDate::first_day).is_some_and(|day| day < today);
    let proposed = matches!(order.intent.as_deref(), Some("proposal" | "plan" | "option"));
    let by = order
        .requester
        .as_ref()
        .map(|who| format!(" by {who}"))
        .unwrap_or_default();
    let when = order
        .record
        .date
        .as_ref()
        .map(|date| format!(" {}", plain::on_date(Some(date))))
        .unwrap_or_default();
    let verb = if proposed { "suggested" } else { "ordered" };
    let mut text = plain::sentence(&format!("{name} was {verb}{when}{by}"));
    if let Some(words) = due.and_then(plain::date) {
        text.push_str(&if overdue {
            format!(" It was meant for {words}, which has passed.")
        } else {
            format!(" It is meant for {words}.")
        });
    }
    if let Some(rule) = &order.occurrence_text {
        text.push_str(&format!(" How often: {rule}."));
    }
    text.push_str(" The chart shows no appointment for it yet.");
    Some(NextStep {
        kind: if proposed {
            StepKind::Recommended
        } else {
            StepKind::OrderedNotBooked
        },
        title: name.clone(),
        text,
        date: due.map(|date| date.0.clone()),
        overdue,
        instruction: order.patient_instruction.clone(),
        references: vec![records::reference("ServiceRequest", &order.record, name)],
    })
}

/// Whether the chart shows that an order was carried out: the same thing, by code, on or after the day it was ordered.
fn is_done(chart: &Chart, order: &ServiceRequest) -> bool {
    let Some(ordered) = order.record.date.as_ref().and_then(FhirDate::first_day) else {
        return false;
    };
    let after = |date: Option<&FhirDate>| date.and_then(FhirDate::first_day).is_some_and(|day| day >= ordered);
    let same = |other: &crate::domain::chart::Concept| {
        order.record.code.codings.iter().any(|own| {
            !own.code.is_empty()
                && other
                    .codings
                    .iter()
                    .any(|code| code.code == own.code && code.system == own.system)
        })
    };
    chart.procedures.iter().any(|p| {
        p.record.status.as_deref() == Some("completed") && same(&p.record.code) && after(p.record.date.as_ref())
    }) || chart
        .observations
        .iter()
        .any(|o| records::is_usable(o) && same(&o.record.code) && after(o.record.date.as_ref()))
        || chart
            .diagnostic_reports
            .iter()
            .any(|r| !r.record.is_error() && same(&r.record.code) && after(r.record.date.as_ref()))
}

fn planned(plan: &CarePlan, activity: &PlannedActivity, today: Date) -> Option<NextStep> {
    let open = matches!(
        activity.status.as_deref(),
        Some("not-started" | "scheduled" | "in-progress" | "on-hold" | "unknown") | None
    );
    let name = plain::without_tag(activity.code.name());
    let name = if name == "unnamed" {
        activity.description.as_deref()?
    } else {
        name
    };
    if !open {
        return None;
    }
    let plan_name = plan_name(plan);
    let due = activity.scheduled.as_ref();
    let overdue = due.and_then(FhirDate::first_day).is_some_and(|day| day < today)
        && activity.status.as_deref() != Some("in-progress");
    let mut text = plain::sentence(&format!("Your care plan ({plan_name}) lists: {name}"));
    if let Some(words) = due.and_then(plain::date) {
        text.push_str(&format!(" It is planned for {words}."));
    }
    if let Some(description) = activity.description.as_ref().filter(|words| words.as_str() != name) {
        text.push(' ');
        text.push_str(&plain::sentence(description));
    }
    Some(NextStep {
        kind: StepKind::Recommended,
        title: name.to_owned(),
        text,
        date: due.map(|date| date.0.clone()),
        overdue,
        instruction: None,
        references: vec![records::reference("CarePlan", &plan.record, plan_name)],
    })
}

/// The name of a plan.
#[must_use]
pub fn plan_name(plan: &CarePlan) -> String {
    let name = plan.record.code.name();
    if name == "unnamed" {
        "care plan".to_owned()
    } else {
        plain::without_tag(name).to_owned()
    }
}

fn follow_ups(chart: &Chart, today: Date) -> Vec<NextStep> {
    let recent = chart.procedures.iter().filter(|procedure| {
        let day = procedure.record.date.as_ref().and_then(FhirDate::first_day);
        !procedure.record.is_error()
            && day.is_some_and(|day| (0..=OPEN_DAYS).contains(&plain::days_between(day, today)))
    });
    recent
        .flat_map(|procedure| {
            let name = plain::without_tag(procedure.record.code.name()).to_owned();
            let on = plain::on_date(procedure.record.date.as_ref());
            procedure.follow_up.iter().map(move |follow_up| NextStep {
                kind: StepKind::Recommended,
                title: follow_up.name().to_owned(),
                text: plain::sentence(&format!("After {name} {on}, the chart lists: {}", follow_up.name())),
                date: None,
                overdue: false,
                instruction: None,
                references: vec![records::reference("Procedure", &procedure.record, name.clone())],
            })
        })
        .collect()
}

/// Results that are not final, and results of the last days that need care soon.
fn unfinished(chart: &Chart, today: Date) -> Vec<NextStep> {
    let mut steps = Vec::new();
    for observation in &chart.observations {
        let day = observation.record.date.as_ref().and_then(FhirDate::first_day);
        let age = day.map(|day| plain::days_between(day, today));
        let pending = matches!(observation.record.status.as_deref(), Some("registered" | "preliminary"));
        let name = super::interpret::name_of(observation);
        let on = plain::on_date(observation.record.date.as_ref());
        if pending && age.is_some_and(|days| (0..=OPEN_DAYS).contains(&days)) {
            steps.push(watch(observation, &name, format!("Your {name} {on} is not final yet.")));
        }
        if records::is_usable(observation) && super::interpret::is_recent(observation, today) {
            let lines = records::readings_of(observation).map(|reading| super::interpret::line(chart, &reading, today));
            let worst = lines
                .filter_map(|line| line.critical)
                .max_by_key(|critical| critical.urgency);
            if let Some(critical) = worst {
                let advice = super::interpret::critical_sentence(critical.urgency, &critical);
                steps.push(watch(observation, &name, format!("Look at your {name} {on}. {advice}")));
            }
        }
    }
    steps
}

fn watch(observation: &crate::domain::chart::Observation, name: &str, text: String) -> NextStep {
    NextStep {
        kind: StepKind::Watch,
        title: name.to_owned(),
        text,
        date: None,
        overdue: false,
        instruction: None,
        references: vec![super::interpret::reference_to(observation)],
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const DEMO: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/demo/demo-patient.json"));

    fn steps(today: &str) -> Vec<NextStep> {
        let chart = crate::chart::import::parse_bundle(DEMO.as_bytes(), None).unwrap().chart;
        list(&chart, today.parse().unwrap())
    }

    fn ids(steps: &[NextStep]) -> Vec<(&str, StepKind, bool)> {
        steps
            .iter()
            .filter_map(|step| {
                step.references
                    .first()
                    .map(|r| (r.id.as_str(), step.kind, step.overdue))
            })
            .collect()
    }

    #[test]
    fn steps_come_overdue_first_then_by_date_then_undated() {
        assert_eq!(
            ids(&steps("2026-11-22")),
            [
                ("demo-plan", StepKind::Recommended, true),
                ("demo-kidney-ultrasound", StepKind::OrderedNotBooked, false),
                ("demo-appt-checkup", StepKind::Booked, false),
                ("demo-ecg", StepKind::OrderedNotBooked, false),
                ("demo-appt-surgery", StepKind::Booked, false),
                ("demo-plan", StepKind::Recommended, false),
                ("demo-plan", StepKind::Recommended, false),
            ]
        );
    }

    #[test]
    fn an_order_with_an_appointment_is_not_listed_twice_and_a_finished_activity_not_at_all() {
        let found = steps("2026-11-22");
        assert!(!ids(&found).iter().any(|(id, _, _)| *id == "demo-eye-referral"));
        assert!(!found.iter().any(|step| step.title.contains("dietitian")));
    }

    #[test]
    fn what_has_passed_is_overdue_and_says_that_nothing_is_known() {
        let found = steps("2027-01-25");
        let ecg = found.iter().find(|step| step.title.contains("ECG")).unwrap();
        assert!(ecg.overdue);
        let visit = found
            .iter()
            .find(|step| step.kind == StepKind::Booked && step.overdue)
            .unwrap();
        assert!(
            visit.text.contains("The chart does not say that it took place."),
            "{}",
            visit.text
        );
        assert!(steps("2028-01-01").iter().all(|step| step.kind != StepKind::Booked));
    }
}
