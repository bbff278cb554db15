//! An answer and what it is made of. These types are what the API sends and what the store keeps.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::guidance::SectionKind;
use super::urgency::Urgency;

/// The exact place in the guidance behind a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Citation {
    /// Article slug.
    pub article: String,
    /// Article title.
    pub title: String,
    /// Revision number of the article.
    pub revision: u32,
    /// Passage id.
    pub passage: String,
    /// What the section answers.
    pub section: SectionKind,
    /// First sentence of the passage that is cited, counting from 0.
    pub first_sentence: usize,
    /// Last sentence that is cited (inclusive).
    pub last_sentence: usize,
    /// The cited sentences, verbatim.
    pub quote: String,
}

/// The chart resource behind a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChartReference {
    /// FHIR resource type (`Observation`).
    pub resource_type: String,
    /// FHIR id.
    pub id: String,
    /// Date as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Name shown.
    pub name: String,
}

/// Something computed by code from the patient's chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Fact {
    /// Plain sentence(s), final.
    pub text: String,
    /// The resources it was computed from.
    pub references: Vec<ChartReference>,
    /// Words that name what the fact is about (for retrieval and prompts): "A1C", "hemoglobin a1c".
    pub topics: Vec<String>,
    /// Codes of what the fact is about, `system|code`.
    pub codes: Vec<String>,
    /// Urgency that the value itself raises (critical values); `None` mostly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Urgency>,
}

/// What a block of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// Approved fixed text (emergency, policy, limits).
    Notice,
    /// A fact from the patient's chart.
    Fact,
    /// Verbatim guidance sentences.
    Quote,
    /// A verified plain-language sentence.
    Explanation,
    /// Something to do.
    NextStep,
    /// Something to ask.
    QuestionForCareTeam,
    /// "Our guidance does not cover this."
    Refusal,
}

/// One block of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Block {
    /// Place in the answer, counting from 0.
    pub index: usize,
    /// What it is.
    pub kind: BlockKind,
    /// The text shown.
    pub text: String,
    /// The guidance behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Citation>,
    /// The chart records behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chart: Vec<ChartReference>,
}

/// Why a rule of triage fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TriageReason {
    /// The rule's id (`stroke.face-droop`).
    pub rule: String,
    /// The level it asked for.
    pub urgency: Urgency,
    /// The public guideline it comes from.
    pub source: String,
}

/// The result of triage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Triage {
    /// How soon care is needed.
    pub urgency: Urgency,
    /// Why.
    pub reasons: Vec<TriageReason>,
}

/// A model sentence's verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// May be shown. Score is the share of the claim's content words found in its source, 0 to 1.
    Supported {
        /// Share of the claim's content words found in the source.
        score: f32,
    },
    /// Must not be shown.
    Unsupported {
        /// The check that failed (`number`, `negation`, `drug`, …).
        check: String,
    },
}

/// A passage found for a question, with the sentences chosen from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroundedPassage {
    /// Where it stands, with the whole passage as the quote range.
    pub citation: Citation,
    /// All sentences of the passage, in order.
    pub sentences: Vec<super::guidance::Sentence>,
    /// Heading of its section.
    pub heading: String,
    /// Retrieval score (higher is better; comparable within one snapshot).
    pub score: f32,
    /// Score of each sentence for this question, 0 to 1, same order as `sentences`.
    pub sentence_scores: Vec<f32>,
}

/// What was retrieved for a question, and from which snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grounding {
    /// The snapshot searched.
    pub snapshot: super::ids::SnapshotId,
    /// The passages, best first.
    pub passages: Vec<GroundedPassage>,
    /// Whether the library covers the question: 0 (not at all) to 1 (surely), calibrated.
    pub coverage: f32,
}

/// Everything that decides an answer: with the chart and the question it can be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Release {
    /// SHA-256 of the model file; `none` where no model ran.
    pub model: String,
    /// SHA-256 over all prompt files.
    pub prompts: String,
    /// Snapshot id of the guidance.
    pub guidance: String,
    /// SHA-256 over triage, scope and chart rules.
    pub rules: String,
    /// Seed of the sampler.
    pub seed: u32,
}

/// How long each part took, in milliseconds since the pipeline began.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Timings {
    /// When triage was done.
    pub triage_ms: f64,
    /// When retrieval was done.
    pub retrieve_ms: f64,
    /// When the first block was ready.
    pub first_block_ms: f64,
    /// When the model gave its first token; absent where it did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<f64>,
    /// When all was done.
    pub total_ms: f64,
    /// Tokens the model read.
    pub prompt_tokens: usize,
    /// Tokens the model wrote, shown or not.
    pub output_tokens: usize,
    /// Sentences the model wrote.
    pub claims: usize,
    /// Sentences that were verified and shown.
    pub claims_shown: usize,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    /// How soon care is needed.
    pub triage: Triage,
    /// BCP 47 language the answer is written in.
    pub language: String,
    /// What the question asks for beyond information (`dose`, `diagnosis`, …); `information` mostly.
    pub scope: String,
    /// The blocks in order.
    pub blocks: Vec<Block>,
    /// Whether the library did not cover the question.
    pub refused: bool,
    /// Flesch–Kincaid grade of the whole answer.
    pub reading_grade: f64,
    /// Chart records that were used.
    pub records_used: Vec<ChartReference>,
    /// Everything that decides the answer.
    pub release: Release,
    /// How long it took.
    pub timings: Timings,
}

/// What the pipeline sends while it works, in order: triage, sources, block…, answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub enum Event {
    /// Urgency is known.
    Triage(Triage),
    /// The passages that will be cited.
    Sources(Vec<Citation>),
    /// A block, final.
    Block(Block),
    /// The whole answer, stored by then.
    Answer(Box<Answer>),
}
