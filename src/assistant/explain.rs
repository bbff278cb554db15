//! Pinned explanation: one quoted sentence in, one plain sentence out, all of an answer's sentences side by side in one
//! batch. The judge is [`verify`](super::verify); what it does not support is taken back and never leaves the engine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::prompt::{PromptError, PromptSet};
use super::select::Quote;
use super::verify::{Source, Verifier};
use crate::domain::guidance::SentenceKind;
use crate::domain::{Citation, Support, text};
use crate::engine::{ClaimJudge, GenerateRequest, Item, Sampling, Stop, Verdict};

/// A sentence that is to be said more plainly.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The sentence, verbatim.
    pub sentence: String,
    /// Title of its article.
    pub subject: String,
    /// The citation of just this sentence.
    pub citation: Citation,
}

/// How much is explained.
#[derive(Debug, Clone, Copy)]
pub struct ExplainSettings {
    /// Sentences per answer.
    pub max_claims: usize,
    /// Tokens per sentence.
    pub max_tokens: usize,
    /// Time for all of them.
    pub deadline: Duration,
    /// Seed of second attempts.
    pub seed: u32,
}

/// The quoted sentences that gain most from plainer words: whole sentences, hardest to read first, in reading order.
#[must_use]
pub fn targets(quotes: &[Quote], limit: usize) -> Vec<Target> {
    let mut found: Vec<(f64, usize, Target)> = Vec::new();
    for quote in quotes {
        for (offset, sentence) in quote.sentences.iter().enumerate() {
            let words = text::words(&sentence.text).len();
            if sentence.kind != SentenceKind::Prose || !(6..=32).contains(&words) {
                continue;
            }
            let at = quote.citation.first_sentence + offset;
            let citation = super::select::cite(&quote.citation, std::slice::from_ref(sentence), at);
            let grade = text::flesch_kincaid_grade(&sentence.text);
            let target = Target {
                sentence: sentence.text.clone(),
                subject: quote.citation.title.clone(),
                citation,
            };
            found.push((grade, found.len(), target));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.truncate(limit);
    found.sort_by_key(|(_, order, _)| *order);
    found.into_iter().map(|(_, _, target)| target).collect()
}

/// The engine's work for these targets.
///
/// # Errors
/// When a prompt file does not render.
pub fn request(
    targets: &[Target],
    prompts: &PromptSet,
    verifier: &Arc<Verifier>,
    settings: ExplainSettings,
) -> Result<GenerateRequest, PromptError> {
    let system = prompts.render("explain/system.md", &[])?;
    let opening = prompts.render("explain/answer.md", &[])?;
    let mut items = Vec::with_capacity(targets.len());
    for target in targets {
        items.push(Item {
            user: prompts.render("explain/sentence.md", &[("sentence", &target.sentence)])?,
            answer_prefix: opening.clone(),
            max_tokens: settings.max_tokens,
            sampling: Sampling::Greedy,
            stop: Stop::Sentence,
        });
    }
    Ok(GenerateRequest {
        system: Arc::from(system.as_str()),
        items,
        deadline: Instant::now() + settings.deadline,
        judge: Box::new(PinnedJudge {
            verifier: Arc::clone(verifier),
            targets: targets.to_vec(),
            seed: settings.seed,
            accepted: Vec::new(),
        }),
        pieces: false,
    })
}

struct PinnedJudge {
    verifier: Arc<Verifier>,
    targets: Vec<Target>,
    seed: u32,
    accepted: Vec<String>,
}

impl ClaimJudge for PinnedJudge {
    fn judge(&mut self, item: usize, attempt: u32, claim: &str) -> Verdict {
        let Some(target) = self.targets.get(item) else {
            return Verdict::Drop;
        };
        let source = Source {
            sentence: &target.sentence,
            subject: &target.subject,
        };
        match self.verifier.check(claim, &source) {
            // The same sentence twice in one answer helps nobody.
            Support::Supported { .. } if self.accepted.iter().any(|known| known == claim) => Verdict::Drop,
            Support::Supported { .. } => {
                self.accepted.push(claim.to_owned());
                Verdict::Accept
            }
            Support::Unsupported { check } => {
                tracing::debug!(check, attempt, "claim not supported");
                let offset = u32::try_from(item).unwrap_or(0);
                Verdict::Retry(Sampling::Seeded {
                    seed: self.seed.wrapping_add(offset),
                    temperature: 0.5,
                })
            }
        }
    }
}
