//! Drives a question through the pipeline and into the store: load, triage, take a place, answer, store, send.
//!
//! The answer is stored with its audit row in one transaction before the `answer` event is sent, also when the patient
//! has left meanwhile: what they described must count in the next turn's triage.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::conversation::EarlierTurn;
use super::pipeline::{Assessment, Inquiry, Pipeline};
use crate::domain::{Answer, Chart, Clock, ConversationId, Event, Patient, PatientId, TurnId, Urgency};
use crate::engine::{EngineError, Permit};
use crate::retrieval::SnapshotHandle;
use crate::store::{AuditEntry, NewTurn, Store, StoreError};

/// Earlier turns that triage and follow-ups look at.
const HISTORY: i64 = 40;

/// Why a question was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No such conversation of this patient.
    #[error("not found")]
    NotFound,
    /// Every place is taken; try again later.
    #[error("busy")]
    Busy,
    /// The server is stopping.
    #[error("stopping")]
    Stopping,
    /// The database failed.
    #[error("store: {0}")]
    Store(#[source] StoreError),
}

impl From<StoreError> for AskError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

/// A question as it came in.
#[derive(Debug)]
pub struct Question {
    /// Its conversation.
    pub conversation: ConversationId,
    /// The checked text.
    pub text: crate::domain::Question,
    /// The client's `Idempotency-Key`.
    pub idempotency_key: Option<String>,
}

/// The events of one answer, with the id it is stored under. Dropping it stops the model.
#[derive(Debug)]
pub struct AnswerStream {
    /// The message's id.
    pub id: TurnId,
    /// Triage, sources, blocks, and last the whole answer. Ends without an answer when it could not be stored.
    pub events: mpsc::Receiver<Event>,
}

/// The assistant. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Assistant {
    pipeline: Arc<Pipeline>,
    store: Store,
    snapshots: Arc<SnapshotHandle>,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
}

impl Assistant {
    /// Puts it together.
    #[must_use]
    pub fn new(pipeline: Arc<Pipeline>, store: Store, snapshots: Arc<SnapshotHandle>, clock: Arc<dyn Clock>) -> Self {
        Self {
            pipeline,
            store,
            snapshots,
            clock,
            tasks: TaskTracker::new(),
        }
    }

    /// The stages.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Waits until all running answers are stored. New questions are refused from now on.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Takes a question and starts answering it.
    ///
    /// # Errors
    /// See [`AskError`]. An emergency is answered even when every place is taken.
    pub async fn ask(&self, patient: &Patient, asked: Question) -> Result<AnswerStream, AskError> {
        if self.tasks.is_closed() {
            return Err(AskError::Stopping);
        }
        self.store.conversation(&patient.id, asked.conversation).await?;
        if let Some(key) = &asked.idempotency_key
            && let Some(known) = self.store.turn_by_key(&patient.id, asked.conversation, key).await?
        {
            return Ok(replay(known.id, known.answer));
        }
        let inquiry = self.inquiry(&patient.id, &asked).await?;
        let assessment = self.pipeline.assess(&inquiry);
        let permit = self.place(&assessment)?;
        let id = TurnId::generate(self.clock.now());
        let (sender, events) = mpsc::channel(64);
        let work = self.clone();
        let patient = patient.clone();
        self.tasks.spawn(async move {
            let answer = work.pipeline.answer(&inquiry, &assessment, permit, &sender).await;
            match work.keep(&patient, id, &asked, &answer).await {
                Ok(()) => drop(sender.send(Event::Answer(Box::new(answer))).await),
                // Another request with the same key came first: its answer is the one that counts.
                Err(StoreError::Conflict(_)) => {
                    if let Some(first) = work.first_answer(&patient, &asked).await {
                        drop(sender.send(Event::Answer(Box::new(first))).await);
                    }
                }
                Err(error) => tracing::error!(error = %error, "an answer could not be stored"),
            }
        });
        Ok(AnswerStream { id, events })
    }

    async fn inquiry(&self, patient: &PatientId, asked: &Question) -> Result<Inquiry, AskError> {
        let turns = self.store.turns(patient, asked.conversation, HISTORY).await?;
        let earlier = turns
            .into_iter()
            .map(|turn| EarlierTurn {
                topics: topics(&turn.answer),
                question: turn.question,
            })
            .collect();
        let chart: Option<Arc<Chart>> = match self.store.chart(patient).await {
            Ok(stored) => Some(Arc::new(stored.chart)),
            Err(StoreError::NotFound) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Inquiry {
            question: asked.text.clone(),
            earlier,
            chart,
            today: self.clock.today(),
            snapshot: self.snapshots.current(),
        })
    }

    /// An emergency waits for nobody and needs no model; every other answer takes a place.
    fn place(&self, assessment: &Assessment) -> Result<Option<Permit>, AskError> {
        if assessment.triage.urgency == Urgency::Emergency {
            return Ok(None);
        }
        match self.pipeline.generator().map(|generator| generator.reserve()) {
            None => Ok(None),
            Some(Ok(permit)) => Ok(Some(permit)),
            Some(Err(EngineError::Busy)) => Err(AskError::Busy),
            // Without the model the answer is quotes only, which is still a true answer.
            Some(Err(error)) => {
                tracing::error!(error = %error, "the model is not available; answering with quotes");
                Ok(None)
            }
        }
    }

    async fn first_answer(&self, patient: &Patient, asked: &Question) -> Option<Answer> {
        let key = asked.idempotency_key.as_deref()?;
        let known = self.store.turn_by_key(&patient.id, asked.conversation, key).await;
        known.ok().flatten().map(|turn| turn.answer)
    }

    async fn keep(&self, patient: &Patient, id: TurnId, asked: &Question, answer: &Answer) -> Result<(), StoreError> {
        let turn = NewTurn {
            id,
            conversation: asked.conversation,
            question: asked.text.as_str(),
            answer,
            idempotency_key: asked.idempotency_key.as_deref(),
        };
        let audit = AuditEntry {
            id: TurnId::generate(self.clock.now()).to_string(),
            at: self.clock.now_millis(),
            actor: patient.actor.clone(),
            actor_kind: if patient.is_proxy { "proxy" } else { "patient" }.to_owned(),
            patient: Some(patient.id.clone()),
            action: "message.answered",
            resource: id.to_string(),
        };
        self.store.add_turn(&patient.id, &turn, &audit).await
    }
}

/// Titles of the articles an answer cited.
fn topics(answer: &Answer) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for citation in answer.blocks.iter().flat_map(|block| &block.citations) {
        if !found.contains(&citation.title) {
            found.push(citation.title.clone());
        }
    }
    found
}

/// The events of an answer that was given before.
fn replay(id: TurnId, answer: Answer) -> AnswerStream {
    let (sender, events) = mpsc::channel(answer.blocks.len() + 3);
    let sources = answer
        .blocks
        .iter()
        .filter(|block| block.kind == crate::domain::BlockKind::Quote)
        .flat_map(|block| block.citations.clone())
        .collect();
    let mut all = vec![Event::Triage(answer.triage.clone()), Event::Sources(sources)];
    all.extend(answer.blocks.iter().cloned().map(Event::Block));
    all.push(Event::Answer(Box::new(answer)));
    for event in all {
        drop(sender.try_send(event));
    }
    AnswerStream { id, events }
}
