//! The model file: loading, its chat template, tokens. Text that is data never becomes a control token.

use std::num::NonZeroU32;
use std::path::Path;

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::{KvCacheType, LlamaContextParams};
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::model::{LlamaChatMessage, LlamaChatTemplate, LlamaModel};
use llama_cpp_2::token::LlamaToken;

use super::request::EngineError;
use super::thread::{EngineSettings, FlashAttention, KvType};

/// What is known of the loaded model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// The name it has in the configuration.
    pub name: String,
    /// SHA-256 of the file (lower-case hex).
    pub sha256: String,
    /// Parameters.
    pub parameters: u64,
    /// Bytes of the weights.
    pub bytes: u64,
    /// Longest context it was trained on, in tokens.
    pub trained_context: u32,
}

/// Model, chat template and the means to make a context. Lives on the engine's thread.
pub(super) struct LoadedModel {
    pub(super) backend: LlamaBackend,
    pub(super) model: LlamaModel,
    template: LlamaChatTemplate,
}

/// Stands in the template where a message's text goes. Private-use characters: no template holds them.
const SYSTEM_MARK: &str = "\u{e000}system\u{e001}";
const USER_MARK: &str = "\u{e000}user\u{e001}";

impl LoadedModel {
    pub(super) fn load(path: &Path, backend: LlamaBackend) -> Result<Self, EngineError> {
        let params = LlamaModelParams::default();
        let model = LlamaModel::load_from_file(&backend, path, &params)
            .map_err(|error| EngineError::Load(error.to_string()))?;
        let template = match model.chat_template(None) {
            Ok(template) => template,
            Err(_) => LlamaChatTemplate::new("chatml").map_err(|error| EngineError::Load(error.to_string()))?,
        };
        Ok(Self {
            backend,
            model,
            template,
        })
    }

    pub(super) fn context(&self, settings: &EngineSettings) -> Result<LlamaContext<'_>, EngineError> {
        let kv = match settings.kv_type {
            KvType::F16 => KvCacheType::F16,
            KvType::F32 => KvCacheType::F32,
            KvType::Q8_0 => KvCacheType::Q8_0,
        };
        let flash = match settings.flash_attention {
            FlashAttention::Auto => -1,
            FlashAttention::Off => 0,
            FlashAttention::On => 1,
        };
        let sequences = settings.sequences + super::thread::PREFIX_SEQUENCES;
        let params = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(settings.context_tokens))
            .with_n_batch(settings.batch_tokens)
            .with_n_ubatch(settings.batch_tokens)
            .with_n_seq_max(sequences)
            .with_n_threads(settings.threads)
            .with_n_threads_batch(settings.threads)
            .with_type_k(kv)
            .with_type_v(kv)
            .with_kv_unified(true)
            .with_flash_attention_policy(flash)
            .with_no_perf(true);
        self.model
            .new_context(&self.backend, params)
            .map_err(|error| EngineError::Load(error.to_string()))
    }

    /// Tokens of the shared beginning (template and system text), and of one user message with the answer's opening.
    /// Only the template's own parts may hold control tokens; the texts are plain characters.
    pub(super) fn prompt(&self, system: &str, user: &str, answer: &str) -> Result<Prompt, EngineError> {
        let message = |role: &str, text: &str| {
            LlamaChatMessage::new(role.to_owned(), text.to_owned())
                .map_err(|error| EngineError::Decode(error.to_string()))
        };
        let messages = [message("system", SYSTEM_MARK)?, message("user", USER_MARK)?];
        let rendered = self
            .model
            .apply_chat_template(&self.template, &messages, true)
            .map_err(|error| EngineError::Decode(error.to_string()))?;
        let (before, rest) = rendered.split_once(SYSTEM_MARK).unwrap_or(("", &rendered));
        let (between, after) = rest.split_once(USER_MARK).unwrap_or((rest, ""));
        let vocab = self.model.vocab();
        let mut prefix = vocab.tokenize(before.as_bytes(), true, true);
        prefix.extend(vocab.tokenize(system.as_bytes(), false, false));
        prefix.extend(vocab.tokenize(between.as_bytes(), false, true));
        let mut rest = vocab.tokenize(user.as_bytes(), false, false);
        rest.extend(vocab.tokenize(after.as_bytes(), false, true));
        rest.extend(vocab.tokenize(answer.as_bytes(), false, false));
        Ok(Prompt { prefix, rest })
    }

    pub(super) fn is_end(&self, token: LlamaToken) -> bool {
        self.model.vocab().is_eog(token)
    }

    /// Bytes of a token; control tokens show as nothing.
    pub(super) fn bytes(&self, token: LlamaToken) -> Vec<u8> {
        self.model.vocab().token_to_piece(token, false, None)
    }

    pub(super) fn info(&self, name: &str, sha256: &str) -> ModelInfo {
        ModelInfo {
            name: name.to_owned(),
            sha256: sha256.to_owned(),
            parameters: self.model.n_params(),
            bytes: self.model.size(),
            trained_context: self.model.n_ctx_train(),
        }
    }
}

/// A tokenized prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prompt {
    /// The shared beginning.
    pub(super) prefix: Vec<LlamaToken>,
    /// The rest.
    pub(super) rest: Vec<LlamaToken>,
}
