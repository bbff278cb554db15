//! A question's way to its answer, one file per stage: triage, scope, facts, retrieve, quote, prompt, generate ⇄ verify,
//! compose. The model proposes, the guidance disposes: every sentence shown is approved text, a computed chart fact, a
//! verbatim guidance sentence, or a model's sentence that [`verify`] found supported by the one it cites.
//!
//! No web framework, no SQL and no llama.cpp here; nothing logs a patient's words.

pub mod compose;
pub mod conversation;
pub mod driver;
pub mod explain;
pub mod explanations;
pub mod pipeline;
pub mod prompt;
pub mod scope;
pub mod select;
pub mod texts;
pub mod triage;
pub mod verify;

pub use driver::{AnswerStream, AskError, Assistant, Question as AskedQuestion};
pub use pipeline::{Inquiry, Pipeline, PipelineError, PipelineSettings};
