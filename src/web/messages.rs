//! Asking: a question in, an answer out, as server-sent events or as JSON.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, post, web};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::guard::Caller;
use super::problem::{Code, Problem};
use super::state::WebState;
use crate::assistant::{AnswerStream, AskedQuestion};
use crate::domain::{Answer, ConversationId, Event, Question, TurnId};
use crate::store::Feedback;

/// Longest `Idempotency-Key`.
const MAX_KEY: usize = 200;
/// Longest feedback comment in characters.
const MAX_COMMENT: usize = 2_000;
/// A comment line is sent after this much silence: no proxy between cuts the stream, and a client that has left is noticed
/// at the latest then, which stops its generation.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// A question.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// In the patient's own words, 1 to 4 000 characters.
    pub question: String,
}

/// The whole answer, as JSON and as the last event.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// Message id.
    pub id: String,
    /// Conversation id.
    pub conversation: String,
    /// The answer.
    pub answer: Answer,
}

/// What a patient thinks of an answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedbackBody {
    /// Whether it helped.
    pub helpful: bool,
    /// Why, at most 2 000 characters.
    #[serde(default)]
    pub comment: String,
}

/// Asks a question. With `Accept: text/event-stream` the answer comes as events `triage`, `sources`, `block`…, `answer`,
/// `done`; otherwise as one JSON object. The same `Idempotency-Key` gives the same answer again.
#[utoipa::path(tag = "patient", security(("bearer" = [])), request_body = Ask,
    params(("id" = String, Path, description = "Conversation id"),
           ("Idempotency-Key" = Option<String>, Header, description = "A key of the client's own, at most 200 characters")),
    responses(
    (status = 200, description = "The answer (JSON), or its events (text/event-stream)", body = Message),
    (status = 401, description = "No good token", body = Problem),
    (status = 403, description = "Not a patient's token", body = Problem),
    (status = 404, description = "Unknown conversation, or someone else's", body = Problem),
    (status = 413, description = "Body too large", body = Problem),
    (status = 422, description = "The question cannot be used", body = Problem),
    (status = 503, description = "Busy; see Retry-After", body = Problem),
))]
#[post("/{id}/messages")]
pub async fn ask(
    state: web::Data<WebState>,
    caller: Caller,
    request: HttpRequest,
    path: web::Path<String>,
    body: web::Json<Ask>,
) -> Result<HttpResponse, Problem> {
    let conversation = ConversationId::parse(&path)?;
    let text = Question::parse(&body.question)?;
    let asked = AskedQuestion {
        conversation,
        text,
        idempotency_key: idempotency_key(&request)?,
    };
    let stream = state.assistant.ask(&caller.0, asked).await?;
    let accepts = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    if accepts.contains("text/event-stream") {
        Ok(events(stream, conversation))
    } else {
        whole(stream, conversation).await
    }
}

/// Says whether an answer helped.
#[utoipa::path(tag = "patient", security(("bearer" = [])), request_body = FeedbackBody,
    params(("id" = String, Path, description = "Message id")),
    responses(
    (status = 204, description = "Kept"),
    (status = 401, description = "No good token", body = Problem),
    (status = 404, description = "Unknown message, or someone else's", body = Problem),
    (status = 422, description = "The comment is too long", body = Problem),
))]
#[post("/{id}/feedback")]
pub async fn feedback(
    state: web::Data<WebState>,
    caller: Caller,
    path: web::Path<String>,
    body: web::Json<FeedbackBody>,
) -> Result<HttpResponse, Problem> {
    let id = TurnId::parse(&path)?;
    if body.comment.chars().count() > MAX_COMMENT || body.comment.contains('\0') {
        let detail = format!("The comment may have at most {MAX_COMMENT} characters and no control characters.");
        return Err(Problem::new(Code::Invalid, detail).field("comment"));
    }
    let kind = if caller.0.is_proxy { "proxy" } else { "patient" };
    let audit = state.audit(
        &caller.0.actor,
        kind,
        Some(&caller.0.id),
        "message.rated",
        &id.to_string(),
    );
    let feedback = Feedback {
        helpful: body.helpful,
        comment: body.comment.clone(),
    };
    state.store.put_feedback(&caller.0.id, id, &feedback, &audit).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get("idempotency-key") else {
        return Ok(None);
    };
    let key = value.to_str().unwrap_or("").trim();
    if key.is_empty() || key.len() > MAX_KEY {
        let detail = format!("Idempotency-Key must be 1 to {MAX_KEY} visible ASCII characters.");
        return Err(Problem::new(Code::Invalid, detail).field("Idempotency-Key"));
    }
    Ok(Some(key.to_owned()))
}

async fn whole(mut stream: AnswerStream, conversation: ConversationId) -> Result<HttpResponse, Problem> {
    while let Some(event) = stream.events.recv().await {
        if let Event::Answer(answer) = event {
            let message = Message {
                id: stream.id.to_string(),
                conversation: conversation.to_string(),
                answer: *answer,
            };
            return Ok(HttpResponse::Ok().json(message));
        }
    }
    Err(lost())
}

fn lost() -> Problem {
    Problem::new(
        Code::Internal,
        "The answer could not be stored, so it was not given. Please ask again.",
    )
}

/// The stream ends with `done` after the answer, or with `error`. Dropped by actix when the client leaves, which drops
/// the receiver and so stops the model.
fn events(stream: AnswerStream, conversation: ConversationId) -> HttpResponse {
    let begin = Some(Sending {
        stream,
        conversation: conversation.to_string(),
        answered: false,
    });
    let body = futures::stream::unfold(begin, |sending| async {
        let mut sending = sending?;
        let next = tokio::time::timeout(HEARTBEAT, sending.stream.events.recv()).await;
        let (bytes, over) = match next {
            Err(_) => (Bytes::from_static(b": still working\n\n"), false),
            Ok(event) => (sending.frame(event.as_ref()), event.is_none()),
        };
        Some((Ok::<_, actix_web::Error>(bytes), (!over).then_some(sending)))
    });
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream; charset=utf-8"))
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body)
}

struct Sending {
    stream: AnswerStream,
    conversation: String,
    answered: bool,
}

impl Sending {
    fn frame(&mut self, event: Option<&Event>) -> Bytes {
        match event {
            Some(Event::Triage(triage)) => frame("triage", triage),
            Some(Event::Sources(sources)) => frame("sources", sources),
            Some(Event::Block(block)) => frame("block", block),
            Some(Event::Answer(answer)) => {
                self.answered = true;
                let id = self.stream.id.to_string();
                frame(
                    "answer",
                    &Message {
                        id,
                        conversation: self.conversation.clone(),
                        answer: answer.as_ref().clone(),
                    },
                )
            }
            None if self.answered => frame("done", &serde_json::json!({})),
            None => frame("error", &lost()),
        }
    }
}

fn frame(name: &str, data: &impl Serialize) -> Bytes {
    let json = serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned());
    Bytes::from(format!("event: {name}\ndata: {json}\n\n"))
}
