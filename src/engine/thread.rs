//! The engine's thread: admits requests, fills batches, decodes, samples, asks the judge. Never logs a prompt or a text.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::token::LlamaToken;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::model::{LoadedModel, ModelInfo, Prompt};
use super::request::{
    EngineError, GenerateRequest, Generation, GenerationEvent, GenerationStats, Permit, Stop, Verdict,
};
use super::scheduler::{Places, share_batch};
use super::sequence::{Progress, Sequence};

/// Sequence ids kept for shared system messages.
pub(super) const PREFIX_SEQUENCES: u32 = 2;

/// Type of the KV cache's entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KvType {
    /// 16-bit floats.
    F16,
    /// 32-bit floats.
    F32,
    /// 8-bit blocks; needs flash attention.
    Q8_0,
}

/// Whether llama.cpp's fused attention is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlashAttention {
    /// llama.cpp decides.
    Auto,
    /// Off.
    Off,
    /// On.
    On,
}

/// How the engine is set up.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// The model's name in the configuration.
    pub model_name: String,
    /// The GGUF file.
    pub model_path: PathBuf,
    /// Its SHA-256 (already checked).
    pub model_sha256: String,
    /// Tokens of KV cache, shared by all sequences.
    pub context_tokens: u32,
    /// Most tokens in one batch.
    pub batch_tokens: u32,
    /// Sequences decoded side by side.
    pub sequences: u32,
    /// Threads llama.cpp computes with.
    pub threads: i32,
    /// Requests taken in, running and waiting.
    pub queue: usize,
    /// Type of KV entries.
    pub kv_type: KvType,
    /// Flash attention.
    pub flash_attention: FlashAttention,
}

/// The handle to the engine's thread. Cheap to clone; dropping the last one, or [`Engine::stop`], ends the thread.
#[derive(Debug, Clone)]
pub struct Engine {
    commands: mpsc::Sender<Command>,
    places: Arc<Semaphore>,
    info: Arc<ModelInfo>,
    limits: Limits,
    stopped: Arc<AtomicBool>,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    sequences: usize,
}

enum Command {
    Generate(Job),
    /// Wakes an idle thread so that it sees the stop flag.
    Wake,
}

struct Job {
    request: GenerateRequest,
    events: mpsc::Sender<GenerationEvent>,
}

impl Engine {
    /// Loads the model on a thread of its own and waits until it is ready to decode.
    ///
    /// # Errors
    /// [`EngineError::Load`] when the file is not a model llama.cpp can run.
    pub async fn start(settings: EngineSettings) -> Result<Self, EngineError> {
        let (commands, inbox) = mpsc::channel(settings.queue.max(1) + 1);
        let (ready, loaded) = oneshot::channel();
        let stopped = Arc::new(AtomicBool::new(false));
        let places = Arc::new(Semaphore::new(settings.queue.max(1)));
        let limits = Limits {
            sequences: settings.sequences as usize,
        };
        let flag = Arc::clone(&stopped);
        std::thread::Builder::new()
            .name("chartlight-engine".to_owned())
            .spawn(move || run(&settings, inbox, ready, &flag))
            .map_err(|error| EngineError::Load(error.to_string()))?;
        let info = loaded.await.unwrap_or(Err(EngineError::Stopped))?;
        Ok(Self {
            commands,
            places,
            info: Arc::new(info),
            limits,
            stopped,
        })
    }

    /// Ends all work: running generations end with their `Finished` event marked as cut.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.places.close();
        // A full queue means that the thread is awake anyway.
        drop(self.commands.try_send(Command::Wake));
    }

    /// Requests that could be taken in now.
    #[must_use]
    pub fn free_places(&self) -> usize {
        self.places.available_permits()
    }
}

impl super::Generator for Engine {
    fn reserve(&self) -> Result<Permit, EngineError> {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => Ok(Permit { _place: place }),
            Err(tokio::sync::TryAcquireError::NoPermits) => Err(EngineError::Busy),
            Err(tokio::sync::TryAcquireError::Closed) => Err(EngineError::Stopped),
        }
    }

    fn generate(&self, permit: Permit, request: GenerateRequest) -> Result<Generation, EngineError> {
        if self.stopped.load(Ordering::SeqCst) {
            return Err(EngineError::Stopped);
        }
        // Room for every event a request can cause while its reader is slow.
        let pieces = if request.pieces {
            request.items.iter().map(|item| item.max_tokens).sum()
        } else {
            0
        };
        let room = request.items.len().max(self.limits.sequences) * 8 + 8 + pieces;
        let (events, receiver) = mpsc::channel(room);
        self.commands
            .try_send(Command::Generate(Job { request, events }))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => EngineError::Busy,
                mpsc::error::TrySendError::Closed(_) => EngineError::Stopped,
            })?;
        Ok(Generation {
            events: receiver,
            _permit: permit,
        })
    }

    fn model(&self) -> &ModelInfo {
        &self.info
    }
}

fn run(
    settings: &EngineSettings,
    inbox: mpsc::Receiver<Command>,
    ready: oneshot::Sender<Result<ModelInfo, EngineError>>,
    stopped: &AtomicBool,
) {
    let loaded = backend().and_then(|backend| LoadedModel::load(&settings.model_path, backend));
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            drop(ready.send(Err(error)));
            return;
        }
    };
    let context = match loaded.context(settings) {
        Ok(context) => context,
        Err(error) => {
            drop(ready.send(Err(error)));
            return;
        }
    };
    let info = loaded.info(&settings.model_name, &settings.model_sha256);
    if ready.send(Ok(info)).is_err() {
        return;
    }
    Worker::new(&loaded, context, settings).run(inbox, stopped);
}

fn backend() -> Result<LlamaBackend, EngineError> {
    llama_cpp_2::send_logs_to_tracing(llama_cpp_2::LogOptions::default().with_logs_enabled(false));
    // llama.cpp's backend is one per process; tests start several engines.
    static GATE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _gate = GATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut tries = 0;
    loop {
        match LlamaBackend::init() {
            Ok(backend) => return Ok(backend),
            Err(llama_cpp_2::LlamaCppError::BackendAlreadyInitialized) if tries < 600 => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(error) => return Err(EngineError::Load(error.to_string())),
        }
    }
}

/// A request that has been taken in.
struct Running {
    number: u64,
    job: Job,
    /// Items not yet started, with their tokens.
    waiting: VecDeque<(usize, Vec<LlamaToken>)>,
    prefix: Vec<LlamaToken>,
    started: usize,
    ended: usize,
    first_token: bool,
    stats: GenerationStats,
}

struct Worker<'a> {
    model: &'a LoadedModel,
    context: LlamaContext<'a>,
    batch: LlamaBatch<'static>,
    batch_tokens: usize,
    cells: usize,
    places: Places,
    prefixes: Prefixes,
    running: VecDeque<Running>,
    sequences: Vec<Sequence>,
    next_number: u64,
}

/// The shared beginnings in the KV cache, least recently used first.
struct Prefixes {
    kept: Vec<(i32, Vec<LlamaToken>)>,
    free: Vec<i32>,
}

/// Cells set aside for shared system messages.
const PREFIX_CELLS: usize = 1024;

impl<'a> Worker<'a> {
    fn new(model: &'a LoadedModel, context: LlamaContext<'a>, settings: &EngineSettings) -> Self {
        let sequences = i32::try_from(settings.sequences).unwrap_or(1);
        let cells = (context.n_ctx() as usize).saturating_sub(PREFIX_CELLS);
        let batch_tokens = settings.batch_tokens as usize;
        Self {
            model,
            context,
            batch: LlamaBatch::new(batch_tokens, 1),
            batch_tokens,
            cells,
            places: Places::new(sequences, cells),
            prefixes: Prefixes {
                kept: Vec::new(),
                free: (0..PREFIX_SEQUENCES)
                    .filter_map(|n| i32::try_from(n).ok())
                    .map(|n| sequences + n)
                    .collect(),
            },
            running: VecDeque::new(),
            sequences: Vec::new(),
            next_number: 0,
        }
    }

    fn run(mut self, mut inbox: mpsc::Receiver<Command>, stopped: &AtomicBool) {
        loop {
            if stopped.load(Ordering::SeqCst) {
                inbox.close();
                while let Ok(command) = inbox.try_recv() {
                    self.take_in(command);
                }
                self.end_all(false);
                return;
            }
            if self.running.is_empty() {
                match inbox.blocking_recv() {
                    Some(command) => self.take_in(command),
                    None => return,
                }
            }
            while let Ok(command) = inbox.try_recv() {
                self.take_in(command);
            }
            self.drop_ended();
            self.admit();
            if self.sequences.is_empty() {
                continue;
            }
            if let Err(error) = self.step() {
                tracing::error!(error = %error, "decoding failed; running generations end here");
                self.end_all(true);
                self.context.clear_kv_cache();
                self.prefixes
                    .free
                    .extend(self.prefixes.kept.drain(..).map(|(sequence, _)| sequence));
            }
        }
    }

    fn take_in(&mut self, command: Command) {
        let Command::Generate(job) = command else { return };
        self.next_number += 1;
        let mut running = Running {
            number: self.next_number,
            waiting: VecDeque::new(),
            prefix: Vec::new(),
            started: 0,
            ended: 0,
            first_token: false,
            stats: GenerationStats::default(),
            job,
        };
        for (index, item) in running.job.request.items.iter().enumerate() {
            match self
                .model
                .prompt(&running.job.request.system, &item.user, &item.answer_prefix)
            {
                Ok(Prompt { prefix, rest }) => {
                    running.prefix.clone_from(&prefix);
                    let mut tokens = prefix;
                    tokens.extend(rest);
                    if tokens.len() + item.max_tokens + 8 <= self.cells {
                        running.waiting.push_back((index, tokens));
                    } else {
                        running.stats.failed = true;
                    }
                }
                Err(_) => running.stats.failed = true,
            }
        }
        self.running.push_back(running);
    }

    /// Ends requests that are done, past their deadline, or whose reader has gone.
    fn drop_ended(&mut self) {
        let now = Instant::now();
        let mut kept = VecDeque::new();
        for mut running in std::mem::take(&mut self.running) {
            let gone = running.job.events.is_closed();
            let late = now >= running.job.request.deadline;
            let done = running.waiting.is_empty() && running.started == running.ended;
            if gone || late || done {
                running.stats.cut = late && !done;
                let number = running.number;
                let (gone_sequences, rest) = std::mem::take(&mut self.sequences)
                    .into_iter()
                    .partition(|sequence| sequence.request == number);
                self.sequences = rest;
                for sequence in gone_sequences {
                    self.release(&sequence);
                }
                drop(running.job.events.try_send(GenerationEvent::Finished(running.stats)));
            } else {
                kept.push_back(running);
            }
        }
        self.running = kept;
    }

    fn end_all(&mut self, failed: bool) {
        for sequence in std::mem::take(&mut self.sequences) {
            self.release(&sequence);
        }
        for mut running in std::mem::take(&mut self.running) {
            running.stats.failed |= failed;
            running.stats.cut = !failed;
            drop(running.job.events.try_send(GenerationEvent::Finished(running.stats)));
        }
    }

    fn release(&mut self, sequence: &Sequence) {
        drop(self.context.kv_cache_seq_rm(sequence.place.sequence, None, None));
        self.places.release(&sequence.place);
    }

    /// Starts waiting items, oldest request first, while there is room.
    fn admit(&mut self) {
        for at in 0..self.running.len() {
            loop {
                let Some(running) = self.running.get_mut(at) else {
                    return;
                };
                let Some((index, tokens)) = running.waiting.front() else {
                    break;
                };
                let Some(item) = running.job.request.items.get(*index) else {
                    break;
                };
                let lines = if let Stop::Lines(lines) = item.stop { lines } else { 1 };
                let Some(place) = self.places.take(tokens.len() + item.max_tokens * lines + 8) else {
                    return;
                };
                let mut sequence = Sequence::new(place, running.number, *index, tokens.clone(), item);
                let prefix = running.prefix.clone();
                running.waiting.pop_front();
                running.started += 1;
                running.stats.prompt_tokens += sequence.tokens.len();
                let shared = self.share_prefix(&prefix, &mut sequence);
                if let Some(running) = self.running.get_mut(at) {
                    running.stats.cached_tokens += shared;
                }
                self.sequences.push(sequence);
            }
        }
    }

    /// Copies what the KV cache truly holds of the shared beginning into the sequence; returns how many tokens.
    fn share_prefix(&mut self, prefix: &[LlamaToken], sequence: &mut Sequence) -> usize {
        if prefix.is_empty() || prefix.len() * PREFIX_SEQUENCES as usize > PREFIX_CELLS {
            return 0;
        }
        let known = self.prefixes.kept.iter().position(|(_, tokens)| tokens == prefix);
        let source = match known {
            Some(at) => {
                let entry = self.prefixes.kept.remove(at);
                let source = entry.0;
                self.prefixes.kept.push(entry);
                source
            }
            None => match self.fill_prefix(prefix) {
                Some(source) => source,
                None => return 0,
            },
        };
        let reach = prefix.len().min(sequence.tokens.len().saturating_sub(1));
        let end = u32::try_from(reach).ok();
        if self
            .context
            .kv_cache_seq_cp(source, sequence.place.sequence, Some(0), end)
            .is_err()
        {
            return 0;
        }
        sequence.cached = reach;
        reach
    }

    fn fill_prefix(&mut self, prefix: &[LlamaToken]) -> Option<i32> {
        let source = match self.prefixes.free.pop() {
            Some(free) => free,
            None => {
                let (oldest, _) = self.prefixes.kept.first().map(|entry| (entry.0, ()))?;
                self.prefixes.kept.remove(0);
                drop(self.context.kv_cache_seq_rm(oldest, None, None));
                oldest
            }
        };
        let mut position = 0i32;
        for chunk in prefix.chunks(self.batch_tokens) {
            self.batch.clear();
            for token in chunk {
                self.batch.add(*token, position, &[source], false).ok()?;
                position += 1;
            }
            self.context.decode(&mut self.batch).ok()?;
        }
        self.prefixes.kept.push((source, prefix.to_vec()));
        Some(source)
    }

    /// One batch: feed, decode, sample, judge.
    fn step(&mut self) -> Result<(), EngineError> {
        self.batch.clear();
        let waiting: Vec<usize> = self.sequences.iter().map(Sequence::waiting).collect();
        let shares = share_batch(&waiting, self.batch_tokens);
        for (sequence, share) in self.sequences.iter_mut().zip(shares) {
            sequence.logits_row = None;
            let last = sequence.cached + share == sequence.tokens.len();
            let fed = sequence
                .tokens
                .get(sequence.cached..sequence.cached + share)
                .unwrap_or_default();
            for (offset, token) in fed.iter().enumerate() {
                let wants_logits = last && offset + 1 == share;
                let position = i32::try_from(sequence.cached + offset).unwrap_or(i32::MAX);
                self.batch
                    .add(*token, position, &[sequence.place.sequence], wants_logits)
                    .map_err(|error| EngineError::Decode(error.to_string()))?;
                if wants_logits {
                    sequence.logits_row = Some(self.batch.n_tokens() - 1);
                }
            }
            sequence.cached += share;
        }
        self.context
            .decode(&mut self.batch)
            .map_err(|error| EngineError::Decode(error.to_string()))?;
        let mut at = 0;
        while at < self.sequences.len() {
            if self.advance(at) {
                let sequence = self.sequences.swap_remove(at);
                self.release(&sequence);
                if let Some(running) = self
                    .running
                    .iter_mut()
                    .find(|running| running.number == sequence.request)
                {
                    running.ended += 1;
                }
            } else {
                at += 1;
            }
        }
        Ok(())
    }

    /// Takes the sequence's next token; `true` when the sequence is done.
    fn advance(&mut self, at: usize) -> bool {
        let Some(sequence) = self.sequences.get_mut(at) else {
            return false;
        };
        let Some(row) = sequence.logits_row else { return false };
        let Some(running) = self
            .running
            .iter_mut()
            .find(|running| running.number == sequence.request)
        else {
            return true;
        };
        let token = sequence.sampler.sample(&self.context, row);
        let ended = self.model.is_end(token) && sequence.stop != Stop::Length;
        running.stats.output_tokens += 1;
        if !running.first_token {
            running.first_token = true;
            drop(running.job.events.try_send(GenerationEvent::FirstToken));
        }
        let bytes = (!ended).then(|| self.model.bytes(token));
        let mut piece = String::new();
        let progress = sequence.push(token, bytes.as_deref(), &mut piece);
        if running.job.request.pieces && !piece.is_empty() {
            let item = sequence.item;
            drop(
                running
                    .job
                    .events
                    .try_send(GenerationEvent::Piece { item, text: piece }),
            );
        }
        let Progress::Claim(text) = progress else { return false };
        running.stats.claims += 1;
        let mut verdict = running.job.request.judge.judge(sequence.item, sequence.attempt, &text);
        if sequence.attempt > 0 && matches!(verdict, Verdict::Retry(_)) {
            verdict = Verdict::Drop;
        }
        match verdict {
            Verdict::Accept => {
                let claim = GenerationEvent::Claim {
                    item: sequence.item,
                    attempt: sequence.attempt,
                    text,
                };
                drop(running.job.events.try_send(claim));
                sequence.keep();
                ended || !matches!(sequence.stop, Stop::Lines(lines) if sequence.accepted < lines)
            }
            Verdict::Retry(sampling) => {
                let from = u32::try_from(sequence.roll_back(sampling)).ok();
                self.context
                    .kv_cache_seq_rm(sequence.place.sequence, from, None)
                    .is_err()
            }
            Verdict::Drop => true,
        }
    }
}
