//! The few statements of the chart that a question needs: computed, final, plain sentences with their FHIR ids.
//! Minimum necessary: nothing for a question about somebody else or about no one, six at most.
//! Must not diagnose, advise or compute a dose; a dose is the record's own instruction, literally.

mod intent;
#[cfg(test)]
mod tests;
mod whom;

use jiff::civil::Date;

use super::interpret;
use super::knowledge::{contains_word, knowledge};
use super::medicines::{self, Basis, Medicine};
use super::next_steps::{self, NextStep, StepKind};
use super::records::{self, Problem};
use super::{explain, plain};
use crate::domain::chart::{Chart, FhirDate, Observation};
use crate::domain::text::fold;
use crate::domain::{ChartReference, Fact};
use intent::Intent;

/// The most facts a question gets.
pub const MOST: usize = 6;

/// The facts this question needs, the most telling first; empty for a question without relation to the chart.
#[must_use]
pub fn for_question(chart: &Chart, question: &str, today: Date) -> Vec<Fact> {
    let mut found: Vec<Fact> = Vec::new();
    for intent in intent::of(chart, question, today) {
        for fact in answer(chart, &intent, today) {
            if found.len() < MOST && !found.iter().any(|known| known.text == fact.text) {
                found.push(fact);
            }
        }
    }
    found
}

fn answer(chart: &Chart, intent: &Intent, today: Date) -> Vec<Fact> {
    match intent {
        Intent::Test(key) => vec![test_fact(chart, key, today).unwrap_or_else(|| no_result(key))],
        Intent::TestIfAny(key) => test_fact(chart, key, today).into_iter().collect(),
        Intent::Recorded(series) => recorded_fact(chart, series, today).into_iter().collect(),
        Intent::Results => latest_results(chart, today),
        Intent::Medicine(id) => medicine_with_id(chart, id, today),
        Intent::Medicines => vec![medicine_list(chart, today)],
        Intent::Allergies => vec![allergy_list(chart)],
        Intent::Condition(id) => {
            let problem = records::problems(chart, today)
                .into_iter()
                .find(|p| p.records.iter().any(|c| c.record.id == *id));
            problem.as_ref().and_then(condition_fact).into_iter().collect()
        }
        Intent::Conditions => vec![condition_list(chart, today)],
        Intent::Appointments(most) => appointments(chart, today, *most),
        Intent::NextSteps => steps(chart, today, 5),
        Intent::Surgery => surgery(chart, today),
        Intent::Vaccines(key) => vec![vaccine_fact(chart, key.as_deref())],
        Intent::NoProcedure(name) => {
            vec![fact(
                format!("Your chart shows no {name}."),
                Vec::new(),
                vec![name.clone()],
                Vec::new(),
            )]
        }
        Intent::Procedure(id) => procedure_fact(chart, id).into_iter().collect(),
        Intent::LastVisit => last_visit(chart, today).into_iter().collect(),
        Intent::Family => family(chart),
    }
}

fn fact(text: String, references: Vec<ChartReference>, topics: Vec<String>, codes: Vec<String>) -> Fact {
    Fact {
        text,
        references,
        topics,
        codes,
        urgency: None,
    }
}

/// The latest usable result of a known test, as a fact with its range and its trend; `None` where there is none.
#[must_use]
pub fn test_fact(chart: &Chart, key: &str, today: Date) -> Option<Fact> {
    latest(chart, key, today).map(|observation| result_fact(chart, observation, Some(key), today))
}

fn recorded_fact(chart: &Chart, series: &str, today: Date) -> Option<Fact> {
    latest(chart, series, today).map(|observation| result_fact(chart, observation, Some(series), today))
}

/// The latest usable observation of a series with a value, not after `today`; a component counts.
fn latest<'c>(chart: &'c Chart, series: &str, today: Date) -> Option<&'c Observation> {
    chart
        .observations
        .iter()
        .rev()
        .filter(|observation| records::is_usable(observation))
        .find(|observation| {
            let past = || {
                observation
                    .record
                    .date
                    .as_ref()
                    .is_none_or(|d| d.first_day().is_some_and(|day| day <= today))
            };
            let own = records::in_series(&observation.record.code, series);
            let has_value =
                observation.value.is_some() || observation.components.iter().any(|part| part.value.is_some());
            let part = observation
                .components
                .iter()
                .any(|c| c.value.is_some() && records::in_series(&c.code, series));
            (own && has_value || part) && past()
        })
}

/// A result as a fact. `wanted`: the series asked for; of an observation with several parts only that part is told,
/// but blood pressure is always told as a pair.
fn result_fact(chart: &Chart, observation: &Observation, wanted: Option<&str>, today: Date) -> Fact {
    let test = knowledge().test_of(&observation.record.code);
    let mut readings: Vec<_> = records::readings_of(observation).collect();
    let is_asked = |reading: &records::Reading<'_>| {
        reading.component.is_some() && wanted.is_some_and(|key| records::in_series(reading.code(), key))
    };
    let only_part = readings
        .iter()
        .any(|reading| is_asked(reading) && !is_pressure(reading));
    if only_part {
        readings.retain(is_asked);
    }
    let lines: Vec<_> = readings
        .iter()
        .map(|reading| interpret::line(chart, reading, today))
        .collect();
    let mut sentences: Vec<String> = interpret::status_note(observation).into_iter().collect();
    let values = interpret::value_sentences(observation, &lines);
    // The source of a usual range is shown with the result itself, not in a conversation.
    sentences.extend(
        values
            .into_iter()
            .filter(|sentence| !sentence.starts_with("Source of that range")),
    );
    let mut references = vec![interpret::reference_to(observation)];
    for (line, trend) in lines.iter().zip(interpret::trends_of(chart, &readings, today)) {
        let Some(trend) = trend else { continue };
        let pair = line.test.as_deref() == Some("diastolic");
        if !pair {
            sentences.extend(interpret::trend_sentences(line, Some(&trend), lines.len() > 1));
        }
        push_point(&mut references, chart, &trend.first.id);
        push_point(&mut references, chart, &trend.last.id);
    }
    let recent = interpret::is_recent(observation, today);
    let critical = lines
        .iter()
        .filter_map(|line| line.critical.as_ref())
        .max_by_key(|critical| critical.urgency)
        .filter(|_| recent);
    if let Some(critical) = critical {
        sentences.push(interpret::critical_sentence(critical.urgency, critical));
    }
    let mut topics = test.map(|test| test.topics.clone()).unwrap_or_default();
    if topics.is_empty() {
        topics.push(interpret::name_of(observation));
    }
    let mut found = fact(
        sentences.join(" "),
        references,
        topics,
        records::codes(&observation.record.code),
    );
    found.urgency = critical.map(|critical| critical.urgency);
    found
}

/// Whether a reading is one half of a blood pressure.
fn is_pressure(reading: &records::Reading<'_>) -> bool {
    ["systolic", "diastolic"]
        .iter()
        .any(|key| records::in_series(reading.code(), key))
}

fn push_point(references: &mut Vec<ChartReference>, chart: &Chart, id: &str) {
    if references.iter().any(|known| known.id == id) {
        return;
    }
    references.extend(records::observation(chart, id).map(interpret::reference_to));
}

fn no_result(key: &str) -> Fact {
    let test = knowledge().test(key);
    let name = test.map_or(key, |test| test.name.as_str());
    let topics = test.map(|test| test.topics.clone()).unwrap_or_default();
    fact(
        format!("Your chart has no {name} result."),
        Vec::new(),
        topics,
        Vec::new(),
    )
}

/// The latest results that lie outside their range, else the latest ones.
fn latest_results(chart: &Chart, today: Date) -> Vec<Fact> {
    let mut seen: Vec<String> = Vec::new();
    let (mut outside, mut inside) = (Vec::new(), Vec::new());
    for observation in chart
        .observations
        .iter()
        .rev()
        .filter(|observation| records::is_usable(observation))
    {
        let laboratory = observation
            .record
            .category
            .iter()
            .flat_map(|c| &c.codings)
            .any(|c| c.code == "laboratory");
        let key = records::series_key(&observation.record.code);
        if !laboratory || seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let lines = records::readings_of(observation).map(|reading| interpret::line(chart, &reading, today));
        let out = lines.into_iter().any(|line| {
            matches!(
                line.standing,
                interpret::Standing::Above | interpret::Standing::Below | interpret::Standing::Different
            )
        });
        if out {
            outside.push(observation)
        } else {
            inside.push(observation)
        }
        if seen.len() >= 12 {
            break;
        }
    }
    let chosen = outside.into_iter().chain(inside).take(4);
    chosen
        .map(|observation| result_fact(chart, observation, None, today))
        .collect()
}

/// A medicine as a fact: what it is for, how to take it literally, questions for the pharmacist.
#[must_use]
pub fn medicine_fact(medicine: &Medicine) -> Fact {
    let mut sentences = Vec::new();
    let status = match medicine.status.as_deref() {
        _ if !medicine.current => "lists this as a past medicine",
        Some("on-hold") => "lists this medicine as on hold",
        _ => "lists this medicine",
    };
    sentences.push(format!("Your chart {status}: {}.", medicine.name));
    let reasons = plain::list(&medicine.reasons);
    match medicine.basis {
        Basis::Chart => sentences.push(format!("The chart says what it is for: {reasons}.")),
        Basis::UsualUse | Basis::Unknown => {
            sentences.push("The chart does not say what it is for.".to_owned());
            if let (Some(kind), Some(used_for)) = (&medicine.kind, &medicine.kind_used_for) {
                sentences.push(format!("It is {kind}. Such medicines are used for {used_for}."));
            }
            if medicine.basis == Basis::UsualUse {
                sentences.push(format!("Your chart also lists {reasons}."));
            }
        }
    }
    for instruction in &medicine.instructions {
        sentences.push(format!("The chart says how to take it: {}", plain::quoted(instruction)));
    }
    if medicine.instructions.is_empty() && medicine.current {
        sentences.push("The chart has no instructions for taking it.".to_owned());
    }
    sentences.extend(medicine.questions.iter().cloned());
    let mut references = vec![medicine.reference.clone()];
    references.extend(medicine.conditions.iter().cloned());
    let mut topics = vec![medicine.name.clone()];
    topics.extend(medicine.kind.clone());
    topics.extend(medicine.reasons.iter().cloned());
    fact(sentences.join(" "), references, topics, medicine.codes.clone())
}

fn medicine_with_id(chart: &Chart, id: &str, today: Date) -> Vec<Fact> {
    let all = medicines::list(chart, today);
    all.iter()
        .find(|medicine| medicine.reference.id == id)
        .map(medicine_fact)
        .into_iter()
        .collect()
}

fn medicine_list(chart: &Chart, today: Date) -> Fact {
    let current: Vec<Medicine> = medicines::list(chart, today)
        .into_iter()
        .filter(|medicine| medicine.current)
        .collect();
    if current.is_empty() {
        return fact(
            "Your chart lists no current medicines.".to_owned(),
            Vec::new(),
            vec!["medicines".to_owned()],
            Vec::new(),
        );
    }
    let mut sentences = vec![format!(
        "Your chart lists {} current medicine{}.",
        current.len(),
        if current.len() == 1 { "" } else { "s" }
    )];
    for medicine in &current {
        let name = plain::capital(&medicine.name);
        sentences.push(
            medicine
                .instructions
                .first()
                .map_or_else(|| format!("{name}."), |how| format!("{name}: {}", plain::quoted(how))),
        );
    }
    let references = current.iter().map(|medicine| medicine.reference.clone()).collect();
    fact(
        sentences.join(" "),
        references,
        vec!["medicines".to_owned()],
        Vec::new(),
    )
}

fn allergy_list(chart: &Chart) -> Fact {
    let topics = vec!["allergies".to_owned()];
    let current: Vec<_> = chart
        .allergies
        .iter()
        .filter(|allergy| medicines::allergy_counts(allergy))
        .collect();
    let none_known = |code: &str| matches!(code, "716186003" | "409137002" | "428607008" | "429625007");
    let denied: Vec<_> = current
        .iter()
        .filter(|a| a.record.code.codings.iter().any(|c| none_known(&c.code)))
        .collect();
    if !denied.is_empty() && denied.len() == current.len() {
        let references = denied.iter().map(|a| {
            records::reference(
                "AllergyIntolerance",
                &a.record,
                super::view::allergy_name(&a.record.code),
            )
        });
        return fact(
            "Your chart says that you have no known allergies.".to_owned(),
            references.collect(),
            topics,
            Vec::new(),
        );
    }
    if current.is_empty() {
        return fact(
            "Your chart lists no allergies. That does not prove that you have none.".to_owned(),
            Vec::new(),
            topics,
            Vec::new(),
        );
    }
    let names = current.iter().map(|allergy| {
        let name = super::view::allergy_name(&allergy.record.code);
        let reactions: Vec<String> = allergy
            .reactions
            .iter()
            .map(|r| fold(plain::without_tag(r.name())))
            .collect();
        if reactions.is_empty() {
            name
        } else {
            format!("{name} (reaction: {})", plain::list(&reactions))
        }
    });
    let names: Vec<String> = names.collect();
    let references = current.iter().map(|a| {
        records::reference(
            "AllergyIntolerance",
            &a.record,
            super::view::allergy_name(&a.record.code),
        )
    });
    let codes = current
        .iter()
        .flat_map(|allergy| records::codes(&allergy.record.code))
        .collect();
    let plural = if names.len() == 1 {
        "this allergy"
    } else {
        "these allergies"
    };
    fact(
        format!("Your chart lists {plural}: {}.", plain::list(&names)),
        references.collect(),
        topics,
        codes,
    )
}

/// A condition as a fact: its name, status and since when.
#[must_use]
pub fn condition_fact(problem: &Problem<'_>) -> Option<Fact> {
    let lead = problem.lead()?;
    let name = problem.name();
    let recorded = plain::without_tag(lead.record.code.name());
    let differs = fold(recorded) != fold(&name) && !fold(&name).contains(&fold(recorded));
    let name = if differs {
        name.split(" (").next().unwrap_or_default().to_owned()
    } else {
        name
    };
    let called = if differs {
        format!(" (recorded as \"{recorded}\")")
    } else {
        String::new()
    };
    let since = plain::since(problem.onset())
        .map(|since| format!(" {since}"))
        .or_else(|| lead.onset_text.as_ref().map(|text| format!(" since {text}")));
    let since = since.unwrap_or_default();
    let mut text = match lead.record.status.as_deref() {
        Some(sure @ ("unconfirmed" | "provisional" | "differential")) => {
            format!("Your chart mentions {name}{called}, but it is marked as {sure}, not as confirmed.")
        }
        _ if problem.active => format!("Your chart lists {name}{called}{since}."),
        _ => {
            let until = lead
                .abatement
                .as_ref()
                .and_then(plain::date)
                .map(|date| format!(" until {date}"))
                .unwrap_or_default();
            let status = explain::status_words(lead, false);
            format!(
                "Your chart lists {name}{called} as {status}. It was recorded{}{until}.",
                since.replacen("since", "from", 1)
            )
        }
    };
    let stages: Vec<String> = lead
        .stage
        .iter()
        .chain(&lead.severity)
        .map(|c| plain::without_tag(c.name()).to_owned())
        .collect();
    if !stages.is_empty() {
        text.push_str(&format!(" Stage or severity on record: {}.", plain::list(&stages)));
    }
    let references = problem
        .records
        .iter()
        .map(|c| records::reference("Condition", &c.record, name.clone()))
        .collect();
    Some(fact(
        text,
        references,
        explain::topics(problem),
        records::codes(&lead.record.code),
    ))
}

fn condition_list(chart: &Chart, today: Date) -> Fact {
    let active: Vec<Problem<'_>> = records::problems(chart, today)
        .into_iter()
        .filter(|problem| problem.active)
        .collect();
    let topics = vec!["conditions".to_owned()];
    if active.is_empty() {
        return fact(
            "Your chart lists no active conditions.".to_owned(),
            Vec::new(),
            topics,
            Vec::new(),
        );
    }
    let names: Vec<String> = active.iter().map(Problem::name).collect();
    let references = active
        .iter()
        .filter_map(|p| p.lead().map(|c| records::reference("Condition", &c.record, p.name())))
        .collect();
    let codes = active
        .iter()
        .filter_map(Problem::lead)
        .flat_map(|condition| records::codes(&condition.record.code))
        .collect();
    let what = if names.len() == 1 {
        "this active condition"
    } else {
        "these active conditions"
    };
    fact(
        format!("Your chart lists {what}: {}.", plain::list(&names)),
        references,
        topics,
        codes,
    )
}

fn step_fact(step: &NextStep) -> Fact {
    let mut text = step.text.clone();
    if let Some(instruction) = &step.instruction {
        text.push_str(&format!(" The chart says: {}", plain::quoted(instruction)));
    }
    fact(text, step.references.clone(), vec![step.title.clone()], Vec::new())
}

fn appointments(chart: &Chart, today: Date, most: usize) -> Vec<Fact> {
    let booked: Vec<NextStep> = next_steps::list(chart, today)
        .into_iter()
        .filter(|step| step.kind == StepKind::Booked)
        .collect();
    let ahead: Vec<Fact> = booked
        .iter()
        .filter(|step| !step.overdue)
        .take(most)
        .map(step_fact)
        .collect();
    if ahead.is_empty() {
        let text = "Your chart shows no appointment that is coming up.".to_owned();
        return vec![fact(text, Vec::new(), vec!["appointments".to_owned()], Vec::new())];
    }
    ahead
}

fn steps(chart: &Chart, today: Date, most: usize) -> Vec<Fact> {
    let all = next_steps::list(chart, today);
    if all.is_empty() {
        let text = "Your chart shows nothing that is booked, ordered or planned.".to_owned();
        return vec![fact(text, Vec::new(), vec!["next steps".to_owned()], Vec::new())];
    }
    all.iter().take(most).map(step_fact).collect()
}

/// Words that mark an appointment or an order as surgery.
const SURGERY: [&str; 9] = [
    "surgery",
    "surgical",
    "operation",
    "preoperative",
    "pre-op",
    "preop",
    "anesthesia",
    "replacement",
    "removal",
];

fn surgery(chart: &Chart, today: Date) -> Vec<Fact> {
    let all = next_steps::list(chart, today);
    let about = |step: &&NextStep| {
        let text = fold(&format!(
            "{} {} {}",
            step.title,
            step.text,
            step.instruction.as_deref().unwrap_or_default()
        ));
        SURGERY.iter().any(|word| text.contains(word)) || text.contains("ectomy")
    };
    let mut found: Vec<Fact> = all.iter().filter(about).map(step_fact).collect();
    if found.is_empty() {
        let text = "Your chart shows no surgery that is booked or ordered.".to_owned();
        found.push(fact(text, Vec::new(), vec!["surgery".to_owned()], Vec::new()));
    }
    // Where nothing names the surgery but its date, what is still open may belong to it.
    if all.iter().filter(about).all(|step| step.kind == StepKind::Booked) {
        found.extend(
            all.iter()
                .filter(|step| matches!(step.kind, StepKind::OrderedNotBooked))
                .map(step_fact),
        );
    }
    found
}

fn vaccine_fact(chart: &Chart, key: Option<&str>) -> Fact {
    let given = chart
        .immunizations
        .iter()
        .rev()
        .filter(|i| !i.record.is_error() && i.record.status.as_deref() != Some("not-done"));
    let wanted = key.and_then(|key| knowledge().vaccines.iter().find(|vaccine| vaccine.key == key));
    let fits = |concept: &crate::domain::chart::Concept| {
        wanted.is_none_or(|wanted| {
            knowledge()
                .vaccine_of(concept)
                .is_some_and(|vaccine| vaccine.key == wanted.key)
        })
    };
    let mut latest: Vec<(String, &crate::domain::chart::Immunization)> = Vec::new();
    for immunization in given.filter(|i| fits(&i.record.code)) {
        let name = plain::vaccine_name(&immunization.record.code);
        if !latest.iter().any(|(known, _)| *known == name) {
            latest.push((name, immunization));
        }
    }
    let topics = vec![wanted.map_or_else(|| "vaccines".to_owned(), |vaccine| vaccine.plain.clone())];
    if latest.is_empty() {
        let what = wanted.map_or("vaccines", |vaccine| vaccine.plain.as_str());
        return fact(format!("Your chart lists no {what}."), Vec::new(), topics, Vec::new());
    }
    let latest: Vec<_> = latest.into_iter().take(12).collect();
    let items = latest
        .iter()
        .map(|(name, i)| plain::sentence(&format!("{name} {}", plain::on_date(i.record.date.as_ref()))));
    let items: Vec<String> = items.collect();
    let references = latest
        .iter()
        .map(|(name, i)| records::reference("Immunization", &i.record, name.clone()))
        .collect();
    let codes = latest
        .iter()
        .flat_map(|(_, i)| records::codes(&i.record.code))
        .collect();
    fact(
        format!("These are the last vaccines in your chart. {}", items.join(" ")),
        references,
        topics,
        codes,
    )
}

fn procedure_fact(chart: &Chart, id: &str) -> Option<Fact> {
    let procedure = chart.procedures.iter().find(|procedure| procedure.record.id == id)?;
    let name = plain::without_tag(procedure.record.code.name()).to_owned();
    let same = chart
        .procedures
        .iter()
        .filter(|p| !p.record.is_error() && p.record.code.name() == procedure.record.code.name());
    let count = same.count();
    let on = plain::on_date(procedure.record.date.as_ref());
    let mut text = match procedure.record.status.as_deref() {
        Some("completed") | None => format!("The last {name} in your chart was {on}."),
        Some(status) => format!("The last {name} in your chart is {on}, marked as {status}."),
    };
    if count > 1 {
        text.push_str(&format!(" The chart lists {count} of them."));
    }
    let reference = records::reference("Procedure", &procedure.record, name.clone());
    Some(fact(
        text,
        vec![reference],
        vec![name],
        records::codes(&procedure.record.code),
    ))
}

fn last_visit(chart: &Chart, today: Date) -> Option<Fact> {
    let past = |date: &FhirDate| date.first_day().is_some_and(|day| day <= today);
    let encounter = chart.encounters.iter().rev().find(|encounter| {
        !encounter.record.is_error()
            && !matches!(encounter.record.status.as_deref(), Some("cancelled" | "planned"))
            && encounter.record.date.as_ref().is_some_and(past)
    })?;
    let summary = super::visits::summary(chart, &encounter.record.id, today)?;
    let lines = summary
        .lines
        .iter()
        .filter(|line| line.section != super::visits::VisitSection::Watch);
    let text: Vec<String> = lines.clone().take(6).map(|line| line.text.clone()).collect();
    let mut references = vec![summary.reference.clone()];
    for reference in lines.take(6).flat_map(|line| line.references.iter()) {
        if !references.contains(reference) {
            references.push(reference.clone());
        }
    }
    Some(fact(
        text.join(" "),
        references,
        vec![summary.name],
        records::codes(&encounter.record.code),
    ))
}

fn family(chart: &Chart) -> Vec<Fact> {
    let counted: Vec<_> = chart
        .family_history
        .iter()
        .filter(|relative| !relative.record.is_error())
        .collect();
    if counted.is_empty() {
        let text = "Your chart has no family history.".to_owned();
        return vec![fact(text, Vec::new(), vec!["family history".to_owned()], Vec::new())];
    }
    counted
        .into_iter()
        .take(3)
        .map(|relative| {
            let who = relative.record.code.name().to_owned();
            let what: Vec<String> = relative
                .conditions
                .iter()
                .map(|c| plain::condition_name(&c.code))
                .collect();
            let reference = records::reference("FamilyMemberHistory", &relative.record, who.clone());
            fact(
                format!("Family history in your chart: {who}: {}.", plain::list(&what)),
                vec![reference],
                what,
                Vec::new(),
            )
        })
        .collect()
}

/// Whether a folded question holds one of the phrases as whole words.
fn has_any(question: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| contains_word(question, phrase))
}
