//! Text generation. The only llama.cpp code of the project; nothing here knows what a patient or an article is.
//!
//! One named thread owns the model, its context and the KV cache (`LlamaContext` is not `Send`). Outside stands a
//! cloneable [`Engine`]: a request goes in through a bounded queue, events come out through a bounded channel, and a
//! dropped receiver ends the work. Several sequences, of one request or of many, are decoded in one batch.
//! The system part of a prompt is kept in the KV cache and shared; nothing else ever is, so no patient's words can
//! reach another patient's answer.

mod model;
mod request;
mod scheduler;
mod sequence;
pub mod testing;
mod thread;
mod utf8;

pub use model::ModelInfo;
pub use request::{
    ClaimJudge, EngineError, GenerateRequest, Generation, GenerationEvent, GenerationStats, Item, Permit, Sampling,
    Stop, Verdict,
};
pub use thread::{Engine, EngineSettings, FlashAttention, KvType};

/// What can write sentences: the in-process engine, or another backend behind the same promise.
pub trait Generator: Send + Sync + std::fmt::Debug {
    /// Takes a place in the queue, or says that it is full.
    ///
    /// # Errors
    /// [`EngineError::Busy`] when every place is taken, [`EngineError::Stopped`] after shutdown.
    fn reserve(&self) -> Result<Permit, EngineError>;

    /// Starts a generation in the place the permit stands for.
    ///
    /// # Errors
    /// [`EngineError::TooLong`] when a prompt does not fit the context, [`EngineError::Stopped`] after shutdown.
    fn generate(&self, permit: Permit, request: GenerateRequest) -> Result<Generation, EngineError>;

    /// What model answers.
    fn model(&self) -> &ModelInfo;
}
