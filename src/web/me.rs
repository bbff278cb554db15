//! What a patient may see of their own record. Every reading of the chart leaves an audit row.

use actix_web::{get, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::guard::Caller;
use super::problem::Problem;
use super::state::WebState;
use crate::assistant::explanations::Subject;
use crate::chart;
use crate::domain::{Block, Chart, PatientId};
use crate::store::{AuditRow, StoreError};

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// FHIR id of the patient.
    pub patient: String,
    /// Who acts (`sub` of the token).
    pub actor: String,
    /// Whether a proxy acts.
    pub proxy: bool,
    /// The patient's name, where the chart has one.
    pub name: Option<String>,
    /// Date of birth as recorded.
    pub birth_date: Option<String>,
    /// Preferred language (BCP 47).
    pub language: Option<String>,
    /// The model that words explanations, or `none`.
    pub model: String,
    /// The emergency number of this institution.
    pub emergency_number: String,
}

/// A diagnosis of the patient, explained.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConditionExplanation {
    /// What the chart says.
    pub condition: chart::explain::ConditionContext,
    /// Facts, quotes, when to get help, questions.
    pub blocks: Vec<Block>,
}

/// A result of the patient, explained.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResultExplanation {
    /// Value, range, trend, panel: computed.
    pub result: chart::interpret::ResultExplanation,
    /// Quotes of guidance, when to get help, questions.
    pub blocks: Vec<Block>,
}

/// Dated next steps.
#[derive(Debug, Serialize, ToSchema)]
pub struct NextSteps {
    /// Overdue ones first, then by date.
    pub next_steps: Vec<chart::next_steps::NextStep>,
}

/// Preventive care.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreventiveCare {
    /// The date it was worked out for (YYYY-MM-DD).
    pub date: String,
    /// One item a rule.
    pub items: Vec<chart::preventive::PreventiveItem>,
}

/// Who used the patient's data.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessLog {
    /// Newest first, at most 500.
    pub entries: Vec<AuditRow>,
}

/// Everything Chartlight keeps of the patient.
#[derive(Debug, Serialize, ToSchema)]
pub struct Export {
    /// Every resource of the chart as it was received.
    #[schema(value_type = Vec<Object>)]
    pub chart: serde_json::Value,
    /// Every conversation with its turns.
    pub conversations: Vec<super::conversations::Conversation>,
}

async fn chart_of(state: &WebState, caller: &Caller, action: &'static str, resource: &str) -> Result<Chart, Problem> {
    let stored = state.store.chart(&caller.0.id).await?;
    let kind = if caller.0.is_proxy { "proxy" } else { "patient" };
    state
        .store
        .audit(&state.audit(&caller.0.actor, kind, Some(&caller.0.id), action, resource))
        .await?;
    Ok(stored.chart)
}

/// An id of the form FHIR R4 allows; one of another form names nothing.
fn fhir_id(id: &str) -> Result<&str, Problem> {
    PatientId::parse(id)?;
    Ok(id)
}

/// Who is signed in.
#[utoipa::path(tag = "patient", security(("bearer" = [])), responses(
    (status = 200, description = "The caller", body = Me), (status = 401, description = "No good token", body = Problem),
    (status = 403, description = "Not a patient's token", body = Problem),
))]
#[get("")]
pub async fn me(state: web::Data<WebState>, caller: Caller) -> Result<web::Json<Me>, Problem> {
    let person = match state.store.chart(&caller.0.id).await {
        Ok(stored) => Some(stored.chart.person),
        Err(StoreError::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    let person = person.unwrap_or_default();
    Ok(web::Json(Me {
        patient: caller.0.id.to_string(),
        actor: caller.0.actor,
        proxy: caller.0.is_proxy,
        name: person.name,
        birth_date: person.birth_date.map(|date| date.0),
        language: person.language,
        model: state
            .model
            .as_ref()
            .map_or_else(|| "none".to_owned(), |model| model.name.clone()),
        emergency_number: state.emergency_number.clone(),
    }))
}

/// The chart, grouped and in plain words.
#[utoipa::path(tag = "patient", security(("bearer" = [])), responses(
    (status = 200, description = "The chart", body = chart::view::ChartView),
    (status = 401, description = "No good token", body = Problem),
    (status = 404, description = "No chart of this patient", body = Problem),
))]
#[get("/chart")]
pub async fn my_chart(
    state: web::Data<WebState>,
    caller: Caller,
) -> Result<web::Json<chart::view::ChartView>, Problem> {
    let chart = chart_of(&state, &caller, "chart.read", "chart").await?;
    Ok(web::Json(chart::view::grouped(&chart, state.clock.today())))
}

/// One result: against its range, over time, with the guidance about it.
#[utoipa::path(tag = "patient", security(("bearer" = [])), params(("id" = String, Path, description = "Observation id")),
    responses(
    (status = 200, description = "The explanation", body = ResultExplanation),
    (status = 401, description = "No good token", body = Problem),
    (status = 404, description = "No such result of this patient", body = Problem),
))]
#[get("/results/{id}/explanation")]
pub async fn result(
    state: web::Data<WebState>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<web::Json<ResultExplanation>, Problem> {
    let chart = chart_of(&state, &caller, "result.read", fhir_id(&id)?).await?;
    let today = state.clock.today();
    let result = chart::interpret::result(&chart, &id, today).ok_or_else(Problem::not_found)?;
    let subject = Subject {
        name: &result.name,
        topics: &result.topics,
        codes: &result.codes,
        facts: &[],
    };
    let snapshot = state.snapshots.current();
    let blocks = state
        .assistant
        .pipeline()
        .explain_subject(subject, &chart, today, &snapshot);
    Ok(web::Json(ResultExplanation { result, blocks }))
}

/// One diagnosis: what it is, what the chart says about it, what usually happens next.
#[utoipa::path(tag = "patient", security(("bearer" = [])), params(("id" = String, Path, description = "Condition id")),
    responses(
    (status = 200, description = "The explanation", body = ConditionExplanation),
    (status = 401, description = "No good token", body = Problem),
    (status = 404, description = "No such condition of this patient", body = Problem),
))]
#[get("/conditions/{id}/explanation")]
pub async fn condition(
    state: web::Data<WebState>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<web::Json<ConditionExplanation>, Problem> {
    let chart = chart_of(&state, &caller, "condition.read", fhir_id(&id)?).await?;
    let today = state.clock.today();
    let condition = chart::explain::condition(&chart, &id, today).ok_or_else(Problem::not_found)?;
    let facts: Vec<_> = condition.facts.iter().chain(&condition.medicines).cloned().collect();
    let subject = Subject {
        name: &condition.name,
        topics: &condition.topics,
        codes: &condition.codes,
        facts: &facts,
    };
    let snapshot = state.snapshots.current();
    let blocks = state
        .assistant
        .pipeline()
        .explain_subject(subject, &chart, today, &snapshot);
    Ok(web::Json(ConditionExplanation { condition, blocks }))
}

/// What is booked, ordered and planned.
#[utoipa::path(tag = "patient", security(("bearer" = [])), responses(
    (status = 200, description = "The steps", body = NextSteps),
    (status = 401, description = "No good token", body = Problem),
    (status = 404, description = "No chart of this patient", body = Problem),
))]
#[get("/next-steps")]
pub async fn next_steps(state: web::Data<WebState>, caller: Caller) -> Result<web::Json<NextSteps>, Problem> {
    let chart = chart_of(&state, &caller, "next_steps.read", "chart").await?;
    Ok(web::Json(NextSteps {
        next_steps: chart::next_steps::list(&chart, state.clock.today()),
    }))
}

/// What preventive care is due, done, not yet due, or not for this patient, and why.
#[utoipa::path(tag = "patient", security(("bearer" = [])), responses(
    (status = 200, description = "The items", body = PreventiveCare),
    (status = 401, description = "No good token", body = Problem),
    (status = 404, description = "No chart of this patient", body = Problem),
))]
#[get("/preventive-care")]
pub async fn preventive_care(state: web::Data<WebState>, caller: Caller) -> Result<web::Json<PreventiveCare>, Problem> {
    let chart = chart_of(&state, &caller, "preventive_care.read", "chart").await?;
    let today = state.clock.today();
    Ok(web::Json(PreventiveCare {
        date: today.to_string(),
        items: state.preventive.assess(&chart, today),
    }))
}

/// Who used this patient's data, newest first.
#[utoipa::path(tag = "patient", security(("bearer" = [])), responses(
    (status = 200, description = "The latest 500 entries", body = AccessLog),
    (status = 401, description = "No good token", body = Problem),
))]
#[get("/access-log")]
pub async fn access_log(state: web::Data<WebState>, caller: Caller) -> Result<web::Json<AccessLog>, Problem> {
    Ok(web::Json(AccessLog {
        entries: state.store.access_log(&caller.0.id, 500).await?,
    }))
}

/// A bundle may have held records of someone else (a partner, a newborn): they are kept as received, and never given out
/// with this patient's.
fn own_resources(resources: serde_json::Value, patient: &PatientId) -> serde_json::Value {
    let serde_json::Value::Array(all) = resources else {
        return serde_json::json!([]);
    };
    let is_patient = |resource: &serde_json::Value| resource.get("resourceType").is_some_and(|kind| kind == "Patient");
    let several = all.iter().filter(|resource| is_patient(resource)).count() > 1;
    let own = |resource: &serde_json::Value| {
        if is_patient(resource) {
            return resource.get("id").is_some_and(|id| id == patient.as_str());
        }
        let subject = ["subject", "patient", "beneficiary"]
            .iter()
            .find_map(|key| resource.get(key)?.get("reference")?.as_str());
        subject.is_none_or(|subject| subject.ends_with(patient.as_str()) || (!several && !subject.contains("Patient/")))
    };
    serde_json::Value::Array(all.into_iter().filter(own).collect())
}

/// Everything that is kept of this patient.
#[utoipa::path(tag = "patient", security(("bearer" = [])), responses(
    (status = 200, description = "Chart and conversations", body = Export),
    (status = 401, description = "No good token", body = Problem),
))]
#[get("/export")]
pub async fn export(state: web::Data<WebState>, caller: Caller) -> Result<web::Json<Export>, Problem> {
    let kind = if caller.0.is_proxy { "proxy" } else { "patient" };
    state
        .store
        .audit(&state.audit(&caller.0.actor, kind, Some(&caller.0.id), "export.read", "all"))
        .await?;
    let chart = match state.store.chart_resources(&caller.0.id).await {
        Ok(resources) => own_resources(resources, &caller.0.id),
        Err(StoreError::NotFound) => serde_json::json!([]),
        Err(error) => return Err(error.into()),
    };
    let mut conversations = Vec::new();
    for summary in state.store.conversations(&caller.0.id, i64::MAX).await? {
        conversations.push(super::conversations::whole(&state, &caller, summary, i64::MAX).await?);
    }
    Ok(web::Json(Export { chart, conversations }))
}
