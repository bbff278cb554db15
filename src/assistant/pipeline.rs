//! The stages in order, from a question with its chart and its conversation to an answer, sending each block as it is
//! ready. Talks to no database: the driver stores.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::compose;
use super::conversation::{self, EarlierTurn};
use super::explain::{self, ExplainSettings};
use super::prompt::{PromptError, PromptSet};
use super::scope::{Scope, ScopeRules};
use super::select::{self, Quote};
use super::texts::{TextBook, Texts};
use super::triage::{EmergencyContacts, Speaker, TriageContext, TriageRules, TurnText};
use super::verify::Verifier;
use crate::chart;
use crate::domain::{
    Answer, Block, BlockKind, Chart, ChartReference, Citation, Event, Fact, Grounding, Question, Release, Timings,
    Triage, Urgency,
};
use crate::engine::{GenerationEvent, Generator, Permit};
use crate::retrieval::{RetrievalQuery, Snapshot};

/// What cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The triage rules.
    #[error("triage rules: {0}")]
    Triage(#[from] super::triage::RuleError),
    /// The scope rules.
    #[error("scope rules: {0}")]
    Scope(#[from] super::scope::ScopeError),
    /// The prompts.
    #[error("prompts: {0}")]
    Prompt(#[from] PromptError),
    /// The fixed texts.
    #[error("fixed texts: {0}")]
    Texts(#[from] toml::de::Error),
    /// The word lists of verification.
    #[error("{0}")]
    Words(#[from] super::verify::WordsError),
}

/// Limits of an answer.
#[derive(Debug, Clone, Copy)]
pub struct PipelineSettings {
    /// Grounding below this coverage counts as not covered, 0 to 1.
    pub coverage_floor: f32,
    /// What may be quoted.
    pub quotes: select::Limits,
    /// What is explained.
    pub explain: ExplainSettings,
}

/// Everything an answer is made from, besides the chart, the question and the guidance.
pub struct Pipeline {
    triage: TriageRules,
    scope: ScopeRules,
    prompts: PromptSet,
    texts: TextBook,
    verifier: Arc<Verifier>,
    contacts: EmergencyContacts,
    generator: Option<Arc<dyn Generator>>,
    settings: PipelineSettings,
    rules_hash: String,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline")
            .field("rules", &self.rules_hash)
            .finish_non_exhaustive()
    }
}

/// One question with what it is answered from.
#[derive(Debug)]
pub struct Inquiry {
    /// The question.
    pub question: Question,
    /// Earlier turns, oldest first.
    pub earlier: Vec<EarlierTurn>,
    /// The patient's chart; `None` where it is not available.
    pub chart: Option<Arc<Chart>>,
    /// Today.
    pub today: jiff::civil::Date,
    /// The guidance it is answered from, whatever is published meanwhile.
    pub snapshot: Arc<Snapshot>,
}

/// What is known before any retrieval or model: decided in well under a millisecond.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// How soon care is needed.
    pub triage: Triage,
    language: &'static str,
    began: Instant,
    triage_ms: f64,
}

impl Pipeline {
    /// Reads all embedded rules, prompts and texts.
    ///
    /// # Errors
    /// When one of them is not valid.
    pub fn new(
        settings: PipelineSettings,
        contacts: EmergencyContacts,
        generator: Option<Arc<dyn Generator>>,
    ) -> Result<Self, PipelineError> {
        let triage = TriageRules::embedded()?;
        let scope = ScopeRules::embedded()?;
        let prompts = PromptSet::embedded()?;
        let texts = TextBook::embedded(&contacts)?;
        let verifier = Arc::new(Verifier::embedded()?);
        let rules_hash = {
            use sha2::Digest as _;
            let mut hasher = sha2::Sha256::new();
            for part in [
                triage.hash(),
                scope.hash(),
                texts.hash(),
                verifier.hash(),
                &chart::hash(),
            ] {
                hasher.update(part);
            }
            hex::encode(hasher.finalize())
        };
        Ok(Self {
            triage,
            scope,
            prompts,
            texts,
            verifier,
            contacts,
            generator,
            settings,
            rules_hash,
        })
    }

    /// The limits of answers.
    #[must_use]
    pub fn settings(&self) -> PipelineSettings {
        self.settings
    }

    /// The approved fixed texts.
    #[must_use]
    pub fn texts(&self) -> &TextBook {
        &self.texts
    }

    /// The model, where one runs.
    #[must_use]
    pub fn generator(&self) -> Option<&Arc<dyn Generator>> {
        self.generator.as_ref()
    }

    /// Triage over the whole conversation and the chart.
    #[must_use]
    pub fn assess(&self, inquiry: &Inquiry) -> Assessment {
        let began = Instant::now();
        let mut turns = history(inquiry);
        turns.push(TurnText {
            role: Speaker::User,
            text: inquiry.question.as_str(),
        });
        let context = inquiry
            .chart
            .as_ref()
            .map(|chart| TriageContext::from_chart(chart, inquiry.today))
            .unwrap_or_default();
        let triage = self.triage.assess(&turns, &context);
        let language = conversation::language(inquiry.question.as_str());
        Assessment {
            triage,
            language,
            began,
            triage_ms: milliseconds(began),
        }
    }

    /// Answers. Blocks are sent to `events` as they are ready; the receiver may leave at any time, then the model stops
    /// and the answer holds what was ready. Without a permit the model does not run.
    pub async fn answer(
        &self,
        inquiry: &Inquiry,
        assessment: &Assessment,
        permit: Option<Permit>,
        events: &mpsc::Sender<Event>,
    ) -> Answer {
        let mut draft = Draft::new(events, assessment);
        draft.send(Event::Triage(assessment.triage.clone())).await;
        let texts = self.texts.of(assessment.language);
        let notice = self.urgency_notice(assessment, texts);
        if assessment.triage.urgency == Urgency::Emergency {
            draft.notice(notice).await;
            return self.finish(draft, inquiry, "emergency".to_owned(), false);
        }
        let finding = self.scope.classify(&inquiry.question, &history(inquiry));
        let policy = self
            .scope
            .policy(finding.scope, assessment.language)
            .map(|text| self.texts.fill(text));
        let scope = finding.scope.as_str().to_owned();
        if matches!(
            finding.scope,
            Scope::NonHealth | Scope::Redirection | Scope::OtherPersonsRecord
        ) {
            draft.notice(notice).await;
            draft.notice(policy).await;
            return self.finish(draft, inquiry, scope, true);
        }
        let facts = self.facts(inquiry);
        let quotes = self.quotes(inquiry, assessment.language, &facts);
        draft.timings.retrieve_ms = milliseconds(draft.began);
        let citations: Vec<Citation> = quotes.iter().map(|quote| quote.citation.clone()).collect();
        draft.send(Event::Sources(citations.clone())).await;
        draft.notice(notice).await;
        draft.notice(policy).await;
        for fact in &facts {
            draft
                .block(BlockKind::Fact, fact.text.clone(), Vec::new(), fact.references.clone())
                .await;
        }
        if inquiry.chart.is_none() && mentions_own_chart(inquiry.question.as_str()) {
            draft.notice(Some(texts.chart_missing.clone())).await;
        }
        if quotes.is_empty() {
            let refusal = if facts.is_empty() {
                &texts.refusal
            } else {
                &texts.refusal_with_facts
            };
            draft
                .block(BlockKind::Refusal, refusal.clone(), Vec::new(), Vec::new())
                .await;
            return self.finish(draft, inquiry, scope, true);
        }
        for quote in &quotes {
            let text = quote.citation.quote.clone();
            draft
                .block(BlockKind::Quote, text, vec![quote.citation.clone()], Vec::new())
                .await;
        }
        self.care_blocks(&mut draft, inquiry, &citations).await;
        if assessment.language == "en"
            && let Some(permit) = permit
        {
            self.explain(&mut draft, permit, &quotes).await;
        }
        self.finish(draft, inquiry, scope, false)
    }

    fn urgency_notice(&self, assessment: &Assessment, texts: &Texts) -> Option<String> {
        let notice = self
            .triage
            .notice(&assessment.triage, assessment.language, &self.contacts)
            .map(|notice| notice.text);
        match assessment.triage.urgency {
            Urgency::Emergency => Some(notice.unwrap_or_else(|| texts.emergency_fallback.clone())),
            Urgency::Urgent => Some(notice.unwrap_or_else(|| texts.urgent_fallback.clone())),
            Urgency::Routine | Urgency::SelfCare => None,
        }
    }

    fn facts(&self, inquiry: &Inquiry) -> Vec<Fact> {
        let Some(chart) = &inquiry.chart else { return Vec::new() };
        chart::facts::for_question(chart, inquiry.question.as_str(), inquiry.today)
    }

    /// The sentences that answer the question; none where the guidance does not cover it.
    fn quotes(&self, inquiry: &Inquiry, language: &str, facts: &[Fact]) -> Vec<Quote> {
        self.retrieve(inquiry, language, facts)
            .filter(|grounding| grounding.coverage >= self.settings.coverage_floor)
            .map(|grounding| select::quotes(&grounding, self.settings.quotes))
            .unwrap_or_default()
    }

    fn retrieve(&self, inquiry: &Inquiry, language: &str, facts: &[Fact]) -> Option<Grounding> {
        let mut topics = conversation::topics(inquiry.question.as_str(), &inquiry.earlier);
        topics.extend(facts.iter().flat_map(|fact| fact.topics.iter().cloned()));
        let codes: Vec<String> = facts.iter().flat_map(|fact| fact.codes.iter().cloned()).collect();
        let chart = inquiry.chart.as_deref();
        let query = RetrievalQuery {
            text: inquiry.question.as_str(),
            topics: &topics,
            codes: &codes,
            language,
            age_years: chart.and_then(|chart| chart.age_years(inquiry.today)),
            sex: chart.and_then(Chart::sex),
            pregnant: None,
            limit: 12,
        };
        match inquiry.snapshot.retrieve(&query) {
            Ok(grounding) => Some(grounding),
            Err(error) => {
                tracing::error!(error = %error, "retrieval failed; the answer is a refusal");
                None
            }
        }
    }

    async fn care_blocks(&self, draft: &mut Draft<'_>, inquiry: &Inquiry, citations: &[Citation]) {
        let Some(main) = citations.first() else { return };
        let Some(article) = inquiry
            .snapshot
            .articles()
            .iter()
            .find(|article| article.slug.as_str() == main.article)
        else {
            return;
        };
        if let Some((text, citation)) = compose::next_step(article, citations) {
            draft.block(BlockKind::NextStep, text, vec![citation], Vec::new()).await;
        }
        for (text, citation) in compose::questions(article) {
            draft
                .block(BlockKind::QuestionForCareTeam, text, vec![citation], Vec::new())
                .await;
        }
    }

    async fn explain(&self, draft: &mut Draft<'_>, permit: Permit, quotes: &[Quote]) {
        let Some(generator) = &self.generator else { return };
        let targets = explain::targets(quotes, self.settings.explain.max_claims);
        if targets.is_empty() {
            return;
        }
        let started = explain::request(&targets, &self.prompts, &self.verifier, self.settings.explain)
            .map_err(|error| error.to_string())
            .and_then(|request| generator.generate(permit, request).map_err(|error| error.to_string()));
        let mut generation = match started {
            Ok(generation) => generation,
            Err(error) => {
                tracing::error!(error, "no explanation was generated");
                return;
            }
        };
        loop {
            let event = tokio::select! {
                event = generation.next() => event,
                // The patient has left: dropping the generation stops the model.
                () = draft.events.closed() => return,
            };
            match event {
                Some(GenerationEvent::FirstToken) => draft.timings.first_token_ms = Some(milliseconds(draft.began)),
                Some(GenerationEvent::Claim { item, text, .. }) => {
                    if let Some(target) = targets.get(item) {
                        draft.timings.claims_shown += 1;
                        draft
                            .block(BlockKind::Explanation, text, vec![target.citation.clone()], Vec::new())
                            .await;
                    }
                }
                Some(GenerationEvent::Finished(stats)) => {
                    draft.timings.prompt_tokens = stats.prompt_tokens;
                    draft.timings.output_tokens = stats.output_tokens;
                    draft.timings.claims = stats.claims;
                }
                Some(GenerationEvent::Piece { .. }) => {}
                None => return,
            }
        }
    }

    fn finish(&self, mut draft: Draft<'_>, inquiry: &Inquiry, scope: String, refused: bool) -> Answer {
        draft.timings.total_ms = milliseconds(draft.began);
        let mut records: Vec<ChartReference> = Vec::new();
        for reference in draft.blocks.iter().flat_map(|block| &block.chart) {
            if !records.contains(reference) {
                records.push(reference.clone());
            }
        }
        Answer {
            triage: draft.triage,
            language: draft.language.to_owned(),
            scope,
            refused,
            reading_grade: compose::reading_grade(&draft.blocks),
            records_used: records,
            release: Release {
                model: self
                    .generator
                    .as_ref()
                    .map_or_else(|| "none".to_owned(), |g| g.model().sha256.clone()),
                prompts: self.prompts.hash().to_owned(),
                guidance: inquiry.snapshot.id().to_string(),
                rules: self.rules_hash.clone(),
                seed: self.settings.explain.seed,
            },
            blocks: draft.blocks,
            timings: draft.timings,
        }
    }
}

/// An answer on its way.
struct Draft<'a> {
    events: &'a mpsc::Sender<Event>,
    began: Instant,
    triage: Triage,
    language: &'static str,
    blocks: Vec<Block>,
    timings: Timings,
}

impl<'a> Draft<'a> {
    fn new(events: &'a mpsc::Sender<Event>, assessment: &Assessment) -> Self {
        Self {
            events,
            began: assessment.began,
            triage: assessment.triage.clone(),
            language: assessment.language,
            blocks: Vec::new(),
            timings: Timings {
                triage_ms: assessment.triage_ms,
                ..Timings::default()
            },
        }
    }

    /// A reader that has left, or does not read for ten seconds, does not stop the answer from being made and stored.
    async fn send(&self, event: Event) {
        drop(tokio::time::timeout(Duration::from_secs(10), self.events.send(event)).await);
    }

    async fn notice(&mut self, text: Option<String>) {
        if let Some(text) = text {
            self.block(BlockKind::Notice, text, Vec::new(), Vec::new()).await;
        }
    }

    async fn block(&mut self, kind: BlockKind, text: String, citations: Vec<Citation>, chart: Vec<ChartReference>) {
        if self.blocks.is_empty() {
            self.timings.first_block_ms = milliseconds(self.began);
        }
        let block = Block {
            index: self.blocks.len(),
            kind,
            text,
            citations,
            chart,
        };
        self.blocks.push(block.clone());
        self.send(Event::Block(block)).await;
    }
}

/// What the patient said before, oldest first.
fn history(inquiry: &Inquiry) -> Vec<TurnText<'_>> {
    inquiry
        .earlier
        .iter()
        .map(|turn| TurnText {
            role: Speaker::User,
            text: &turn.question,
        })
        .collect()
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// Whether the question is about what only the chart knows ("my result", "mis medicinas").
fn mentions_own_chart(question: &str) -> bool {
    let folded = crate::domain::text::fold(question);
    ["my ", "mi ", "mis "].iter().any(|own| folded.contains(own))
}
