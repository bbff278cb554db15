//! Every weight of retrieval in one place, with what it was measured on.
//!
//! Must not: depend on a library. The values were chosen on half of LiveQA-Med, on MeQSum's message/summary pairs and
//! on this project's own questions; no value was chosen for a single question.

/// Weights of query analysis and ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// Weight of what is told around the question, where something is asked.
    pub told: f32,
    /// Weight of a short first line before other text (a subject line).
    pub subject_line: f32,
    /// Weight of a kind cue that stands in told text.
    pub told_kind: f32,
    /// Weight of words patients write around any topic.
    pub common: f32,
    /// Weight of bare numbers.
    pub number: f32,
    /// Added for each repetition of a term.
    pub repeated: f32,
    /// Weight of terms added from lay terms.
    pub meaning: f32,
    /// Weight of a subject named only by an everyday word for it.
    pub meant_subject: f32,
    /// Most terms searched for.
    pub max_terms: usize,
    /// Weight of a topic from the chart or an earlier turn when the message names its own subject.
    pub topic_beside_subject: f32,
    /// How rare a subject's words must be to count as named, as a share of the rarest word's idf.
    pub clear_subject: f32,
    /// Weight of a topic when the message names none (a follow-up question).
    pub topic_alone: f32,
    /// BM25 saturation.
    pub k1: f32,
    /// Article fields: title, names, golden questions, headings, whole text; weight and length normalisation.
    pub article_fields: [(f32, f32); 5],
    /// Passage fields: heading, text.
    pub passage_fields: [(f32, f32); 2],
    /// Bonus of an article whose name the message holds, per unit of idf.
    pub subject: f32,
    /// Bonus for a shared code of the chart.
    pub code: f32,
    /// Share of the best passage in an article's rank.
    pub passage_in_article: f32,
    /// Share of the kind of section asked for in an article's rank.
    pub kind_in_article: f32,
    /// What an overview gets of this where no kind or another kind is asked for.
    pub overview_prior: f32,
    /// The same where passages are ranked: there the kind asked for decides.
    pub overview_in_passage: f32,
    /// Shares of article, passage and kind in a passage's rank.
    pub passage_mix: [f32; 3],
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            told: 0.6,
            subject_line: 0.8,
            told_kind: 0.5,
            common: 0.3,
            number: 0.3,
            repeated: 0.1,
            meaning: 0.4,
            meant_subject: 0.3,
            max_terms: 20,
            topic_beside_subject: 0.15,
            clear_subject: 0.45,
            topic_alone: 0.8,
            k1: 1.2,
            article_fields: [(3.0, 0.5), (3.0, 0.5), (2.0, 0.5), (1.0, 0.5), (1.0, 0.75)],
            passage_fields: [(1.0, 0.5), (1.0, 0.6)],
            subject: 3.5,
            code: 1.0,
            passage_in_article: 0.1,
            kind_in_article: 0.2,
            overview_prior: 1.0,
            overview_in_passage: 0.3,
            passage_mix: [1.0, 0.6, 0.35],
        }
    }
}
