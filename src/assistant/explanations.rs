//! Explaining a diagnosis or a result of the chart from the guidance, without a question and without a model: facts are
//! computed, sentences quoted. Ready in milliseconds.

use super::pipeline::Pipeline;
use super::{compose, select};
use crate::domain::{Block, BlockKind, Chart, Fact};
use crate::retrieval::{RetrievalQuery, Snapshot};

/// What is to be explained.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its plain name.
    pub name: &'a str,
    /// Words for retrieval.
    pub topics: &'a [String],
    /// Codes, `system|code`.
    pub codes: &'a [String],
    /// What the chart says about it.
    pub facts: &'a [Fact],
}

impl Pipeline {
    /// Facts, the guidance that is about the subject, when to get help, what to ask; a refusal where the guidance does
    /// not cover the subject.
    #[must_use]
    pub fn explain_subject(
        &self,
        subject: Subject<'_>,
        chart: &Chart,
        today: jiff::civil::Date,
        snapshot: &Snapshot,
    ) -> Vec<Block> {
        let mut blocks = Vec::new();
        for fact in subject.facts {
            push(&mut blocks, BlockKind::Fact, fact.text.clone());
            if let Some(block) = blocks.last_mut() {
                block.chart.clone_from(&fact.references);
            }
        }
        let language = "en";
        let text = format!("What is {}? What does it mean and what happens next?", subject.name);
        let query = RetrievalQuery {
            text: &text,
            topics: subject.topics,
            codes: subject.codes,
            language,
            age_years: chart.age_years(today),
            sex: chart.sex(),
            pregnant: None,
            limit: 12,
        };
        let grounding = snapshot
            .retrieve(&query)
            .ok()
            .filter(|found| found.coverage >= self.settings().coverage_floor);
        let quotes = grounding
            .map(|found| select::quotes(&found, self.settings().quotes))
            .unwrap_or_default();
        if quotes.is_empty() {
            let texts = self.texts().of(language);
            let refusal = if blocks.is_empty() {
                &texts.refusal
            } else {
                &texts.refusal_with_facts
            };
            push(&mut blocks, BlockKind::Refusal, refusal.clone());
            return blocks;
        }
        let citations: Vec<_> = quotes.iter().map(|quote| quote.citation.clone()).collect();
        for citation in &citations {
            push(&mut blocks, BlockKind::Quote, citation.quote.clone());
            cite(&mut blocks, citation.clone());
        }
        let main = citations.first().and_then(|citation| {
            snapshot
                .articles()
                .iter()
                .find(|article| article.slug.as_str() == citation.article)
        });
        if let Some(article) = main {
            if let Some((text, citation)) = compose::next_step(article, &citations) {
                push(&mut blocks, BlockKind::NextStep, text);
                cite(&mut blocks, citation);
            }
            for (text, citation) in compose::questions(article) {
                push(&mut blocks, BlockKind::QuestionForCareTeam, text);
                cite(&mut blocks, citation);
            }
        }
        blocks
    }
}

fn push(blocks: &mut Vec<Block>, kind: BlockKind, text: String) {
    let index = blocks.len();
    blocks.push(Block {
        index,
        kind,
        text,
        citations: Vec::new(),
        chart: Vec::new(),
    });
}

fn cite(blocks: &mut [Block], citation: crate::domain::Citation) {
    if let Some(block) = blocks.last_mut() {
        block.citations.push(citation);
    }
}
