//! What goes into the engine and what comes out. Plain data: no llama.cpp type is visible here.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Why no text was generated.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Every place is taken; try again later.
    #[error("the model is busy")]
    Busy,
    /// The engine has been shut down, or its thread has ended.
    #[error("the model has stopped")]
    Stopped,
    /// A prompt with its answer does not fit the context.
    #[error("the prompt needs {needed} tokens, the context has {available}")]
    TooLong {
        /// Tokens of prompt and answer.
        needed: usize,
        /// Tokens of the context.
        available: usize,
    },
    /// The model file could not be opened as a GGUF model.
    #[error("the model file cannot be loaded: {0}")]
    Load(String),
    /// llama.cpp refused to go on.
    #[error("the model failed: {0}")]
    Decode(String),
}

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampling {
    /// The likeliest token; the same prompt gives the same text.
    Greedy,
    /// Drawn with a seed; the same seed gives the same text on the same machine.
    Seeded {
        /// The seed.
        seed: u32,
        /// Temperature, above 0; 1 is the model's own distribution.
        temperature: f32,
    },
}

/// Where an item's text ends, besides the model's own end and the token limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// After one sentence (or a line break).
    Sentence,
    /// After this many lines; each line is one claim.
    Lines(usize),
    /// Only at the token limit, past the model's own end: for measuring.
    Length,
}

/// One sequence to generate: a user message after the shared system message.
#[derive(Debug, Clone)]
pub struct Item {
    /// The user message. Data: control tokens in it are read as plain characters.
    pub user: String,
    /// How the answer begins (put in the model's mouth, not shown); mostly empty.
    pub answer_prefix: String,
    /// Most tokens to write per claim.
    pub max_tokens: usize,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Where to stop.
    pub stop: Stop,
}

/// What a judge makes of a claim.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Keep it.
    Accept,
    /// Take it back out of the KV cache and try once more this way.
    Retry(Sampling),
    /// Take it back and go without.
    Drop,
}

/// Decides each finished claim, on the engine's thread: it must be quick (well under a millisecond).
pub trait ClaimJudge: Send {
    /// `item` counts from 0; `attempt` is 0 the first time. A third attempt is never made.
    fn judge(&mut self, item: usize, attempt: u32, text: &str) -> Verdict;
}

/// A generation: items decoded side by side after one shared system message.
pub struct GenerateRequest {
    /// The system message: the project's own text, kept in the KV cache between requests.
    pub system: Arc<str>,
    /// The sequences.
    pub items: Vec<Item>,
    /// When to stop in any case.
    pub deadline: Instant,
    /// Who decides the claims.
    pub judge: Box<dyn ClaimJudge>,
    /// Whether [`GenerationEvent::Piece`] is wanted (unverified text; never for patients).
    pub pieces: bool,
}

impl std::fmt::Debug for GenerateRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GenerateRequest")
            .field("items", &self.items.len())
            .finish_non_exhaustive()
    }
}

/// What happened, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum GenerationEvent {
    /// The first token of the request was written.
    FirstToken,
    /// Whole characters just written (only when asked for).
    Piece {
        /// The item.
        item: usize,
        /// The characters.
        text: String,
    },
    /// A claim was finished and accepted.
    Claim {
        /// The item.
        item: usize,
        /// 0 the first time, 1 after a retry.
        attempt: u32,
        /// The claim's text, trimmed.
        text: String,
    },
    /// Everything is done, cut at the deadline, or failed.
    Finished(GenerationStats),
}

/// What a generation cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct GenerationStats {
    /// Prompt tokens, shared ones included.
    pub prompt_tokens: usize,
    /// Prompt tokens that were already in the KV cache.
    pub cached_tokens: usize,
    /// Tokens written, shown or not.
    pub output_tokens: usize,
    /// Claims finished.
    pub claims: usize,
    /// Whether the deadline cut it.
    pub cut: bool,
    /// Whether the model failed.
    pub failed: bool,
}

/// A place in the engine; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    pub(super) _place: OwnedSemaphorePermit,
}

/// The events of one generation. Dropping it cancels the work.
#[derive(Debug)]
pub struct Generation {
    pub(super) events: mpsc::Receiver<GenerationEvent>,
    pub(super) _permit: Permit,
}

impl Generation {
    /// The next event; `None` after the last one.
    pub async fn next(&mut self) -> Option<GenerationEvent> {
        self.events.recv().await
    }
}
