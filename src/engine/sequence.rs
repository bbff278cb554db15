//! One sequence on its way: its tokens, what of them is in the KV cache, and the claim being written.

use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;

use super::request::{Item, Sampling, Stop};
use super::scheduler::Place;
use super::utf8::Utf8Decoder;
use crate::domain::text;

/// A sequence that holds a place in the context.
pub(super) struct Sequence {
    pub(super) place: Place,
    /// Request it belongs to (the engine's own number).
    pub(super) request: u64,
    /// Index of the item in its request.
    pub(super) item: usize,
    /// Prompt and written tokens.
    pub(super) tokens: Vec<LlamaToken>,
    /// How many of `tokens` are in the KV cache.
    pub(super) cached: usize,
    /// Where the current claim begins in `tokens`.
    pub(super) claim_start: usize,
    /// Text of the current claim.
    pub(super) claim: String,
    /// Attempt at the current claim, from 0.
    pub(super) attempt: u32,
    /// Claims accepted.
    pub(super) accepted: usize,
    pub(super) max_tokens: usize,
    pub(super) stop: Stop,
    pub(super) sampler: LlamaSampler,
    /// Row of the last batch that holds this sequence's logits.
    pub(super) logits_row: Option<i32>,
    decoder: Utf8Decoder,
}

/// What a new token means for the claim.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More to come.
    Going,
    /// The claim is whole; its text.
    Claim(String),
}

impl Sequence {
    pub(super) fn new(place: Place, request: u64, item: usize, tokens: Vec<LlamaToken>, wanted: &Item) -> Self {
        Self {
            place,
            request,
            item,
            claim_start: tokens.len(),
            tokens,
            cached: 0,
            claim: String::new(),
            attempt: 0,
            accepted: 0,
            max_tokens: wanted.max_tokens,
            stop: wanted.stop,
            sampler: sampler(wanted.sampling),
            logits_row: None,
            decoder: Utf8Decoder::default(),
        }
    }

    /// Tokens not yet in the KV cache.
    pub(super) fn waiting(&self) -> usize {
        self.tokens.len().saturating_sub(self.cached)
    }

    /// Takes a written token (`None`: the model ended) and says whether the claim is whole. The whole characters
    /// that became ready are appended to `piece`.
    pub(super) fn push(&mut self, token: LlamaToken, bytes: Option<&[u8]>, piece: &mut String) -> Progress {
        let written = self.tokens.len() + 1 - self.claim_start;
        if let Some(bytes) = bytes {
            self.tokens.push(token);
            let ready = self.decoder.push(bytes);
            self.claim.push_str(&ready);
            piece.push_str(&ready);
        }
        let full = written >= self.max_tokens;
        match self.stop {
            Stop::Length if full => Progress::Claim(self.claim.trim().to_owned()),
            Stop::Length => Progress::Going,
            Stop::Sentence | Stop::Lines(_) => {
                let line_done = self.claim.trim_start().contains('\n');
                let text = self.claim.trim();
                if bytes.is_none() || full || line_done {
                    let line = text.lines().next().unwrap_or("").trim();
                    let whole = if self.stop == Stop::Sentence {
                        text::sentences(line).into_iter().next().unwrap_or_default()
                    } else {
                        line.to_owned()
                    };
                    // A claim cut by the limit is no sentence; an empty text is judged unsupported.
                    return Progress::Claim(if full && bytes.is_some() && !line_done {
                        String::new()
                    } else {
                        whole
                    });
                }
                if self.stop == Stop::Sentence {
                    let mut found = text::sentences(text).into_iter();
                    if let (Some(first), Some(_)) = (found.next(), found.next()) {
                        return Progress::Claim(first);
                    }
                }
                Progress::Going
            }
        }
    }

    /// Goes back to the start of the current claim. Returns the first position to remove from the KV cache: the last
    /// token before the claim is fed again, for its logits.
    pub(super) fn roll_back(&mut self, sampling: Sampling) -> usize {
        self.tokens.truncate(self.claim_start);
        self.cached = self.claim_start.saturating_sub(1).min(self.cached);
        self.claim.clear();
        self.decoder.reset();
        self.attempt += 1;
        self.sampler = sampler(sampling);
        self.logits_row = None;
        self.cached
    }

    /// Keeps the claim and begins the next one.
    pub(super) fn keep(&mut self) {
        self.claim_start = self.tokens.len();
        self.claim.clear();
        self.attempt = 0;
        self.accepted += 1;
    }
}

fn sampler(sampling: Sampling) -> LlamaSampler {
    match sampling {
        Sampling::Greedy => LlamaSampler::greedy(),
        Sampling::Seeded { seed, temperature } => LlamaSampler::chain_simple([
            LlamaSampler::top_k(40),
            LlamaSampler::top_p(0.9, 1),
            LlamaSampler::temp(temperature),
            LlamaSampler::dist(seed),
        ]),
    }
}
