//! Generators in place of the model. What they say goes through the request's own judge, as the engine does it, so that
//! verification is part of every test.

use std::sync::Arc;

use chartlight::assistant::verify::{Source, Verifier};
use chartlight::domain::Support;
use chartlight::engine::{
    EngineError, GenerateRequest, Generation, GenerationEvent, GenerationStats, Generator, ModelInfo, Permit, Verdict,
    testing,
};
use tokio::sync::mpsc;

type Say = dyn Fn(&str, u32) -> String + Send + Sync;

enum Script {
    /// Says this for a sentence, at this attempt.
    Say(Box<Say>),
    /// Hands each generation to the test, which is the model then.
    Hold(mpsc::UnboundedSender<Held>),
    /// Has no place free.
    Full,
}

/// A generation whose events the test sends; the sender is closed as soon as the generation is dropped.
pub struct Held {
    /// The sentences that were to be explained.
    pub sentences: Vec<String>,
    /// Where the test sends the model's events.
    pub events: mpsc::Sender<GenerationEvent>,
}

/// A model by script.
pub struct ScriptedGenerator {
    script: Script,
    model: ModelInfo,
}

impl std::fmt::Debug for ScriptedGenerator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScriptedGenerator")
    }
}

impl ScriptedGenerator {
    fn new(script: Script) -> Arc<Self> {
        let model = ModelInfo {
            name: "scripted".to_owned(),
            sha256: "5c".repeat(32),
            parameters: 1,
            bytes: 1,
            trained_context: 2_048,
        };
        Arc::new(Self { script, model })
    }

    /// Says what `say` returns for a guidance sentence and an attempt.
    pub fn saying(say: impl Fn(&str, u32) -> String + Send + Sync + 'static) -> Arc<Self> {
        Self::new(Script::Say(Box::new(say)))
    }

    /// Says nothing until the test does.
    pub fn holding() -> (Arc<Self>, mpsc::UnboundedReceiver<Held>) {
        let (sender, held) = mpsc::unbounded_channel();
        (Self::new(Script::Hold(sender)), held)
    }

    /// Every place is taken.
    pub fn full() -> Arc<Self> {
        Self::new(Script::Full)
    }
}

impl Generator for ScriptedGenerator {
    fn reserve(&self) -> Result<Permit, EngineError> {
        if matches!(self.script, Script::Full) {
            Err(EngineError::Busy)
        } else {
            Ok(testing::permit().unwrap())
        }
    }

    fn generate(&self, permit: Permit, request: GenerateRequest) -> Result<Generation, EngineError> {
        match &self.script {
            Script::Full => Err(EngineError::Busy),
            Script::Say(say) => Ok(testing::generation(permit, judged(request, say))),
            Script::Hold(tests) => {
                let sentences = request.items.iter().map(|item| sentence(&item.user)).collect();
                let (events, generation) = testing::open_generation(permit);
                tests.send(Held { sentences, events }).unwrap();
                Ok(generation)
            }
        }
    }

    fn model(&self) -> &ModelInfo {
        &self.model
    }
}

/// The guidance sentence of a user message (`prompts/explain/sentence.md`).
fn sentence(user: &str) -> String {
    user.rsplit("Sentence: ").next().unwrap_or(user).trim().to_owned()
}

/// The events the engine would send if the model wrote these texts.
fn judged(mut request: GenerateRequest, say: &Say) -> Vec<GenerationEvent> {
    let mut events = vec![GenerationEvent::FirstToken];
    let mut claims = 0;
    for (item, wanted) in request.items.iter().enumerate() {
        for attempt in 0..2 {
            let text = say(&sentence(&wanted.user), attempt);
            claims += 1;
            match request.judge.judge(item, attempt, &text) {
                Verdict::Accept => {
                    events.push(GenerationEvent::Claim { item, attempt, text });
                    break;
                }
                Verdict::Retry(_) => {}
                Verdict::Drop => break,
            }
        }
    }
    events.push(GenerationEvent::Finished(GenerationStats {
        claims,
        output_tokens: claims,
        ..GenerationStats::default()
    }));
    events
}

/// The sentence said again with a harmless word before it, which verification lets pass where it is plain enough.
pub fn faithful(sentence: &str) -> String {
    let said = [
        ("usually", "commonly"),
        ("often", "commonly"),
        ("causes", "brings on"),
        ("symptoms", "signs"),
        ("symptom", "sign"),
        ("doctor", "provider"),
        ("medicines", "drugs"),
        ("medicine", "drug"),
        ("lower", "reduce"),
        ("raise", "increase"),
    ];
    said.iter()
        .fold(sentence.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Whether verification finds the claim supported by the sentence.
pub fn is_supported(claim: &str, sentence: &str, subject: &str) -> bool {
    let verifier = Verifier::embedded().unwrap();
    matches!(
        verifier.check(claim, &Source { sentence, subject }),
        Support::Supported { .. }
    )
}
