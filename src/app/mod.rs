//! The composition root: everything is built here, once, in order, and shut down in the reverse order.
//!
//! Shutdown: ready answers 503 → no new connections → running answers finish, or are cut at the deadline → the model
//! stops → the database closes.

pub mod models;
pub mod telemetry;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::assistant::explain::ExplainSettings;
use crate::assistant::select::Limits;
use crate::assistant::triage::EmergencyContacts;
use crate::assistant::{Assistant, Pipeline, PipelineSettings};
use crate::auth::{Authenticator, LocalIssuer};
use crate::chart::preventive;
use crate::config::Settings;
use crate::domain::{Clock, SnapshotId};
use crate::engine::{Engine, EngineSettings, FlashAttention, Generator, KvType};
use crate::retrieval::{self, Snapshot, SnapshotHandle};
use crate::store::Store;
use crate::web::{self, WebState};

/// Why the server refuses to start: one clear sentence and the command that mends it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The model file.
    #[error("{0}")]
    Model(#[from] models::ModelError),
    /// The model does not load.
    #[error(
        "the model cannot be loaded ({0}); run `chartlight model fetch {1}` to get it again, or `chartlight doctor`"
    )]
    Engine(#[source] crate::engine::EngineError, String),
    /// The guidance snapshot.
    #[error("the guidance snapshot cannot be used ({0}); run `chartlight guidance build`")]
    Snapshot(String),
    /// The database.
    #[error("the database cannot be used ({0}); check database.url, or run `chartlight doctor`")]
    Store(#[source] crate::store::StoreError),
    /// Embedded rules, prompts or texts.
    #[error("this build is damaged ({0}); build it again")]
    Rules(String),
    /// Sign-in.
    #[error("sign-in cannot be set up ({0}); run `chartlight doctor`")]
    Auth(String),
    /// The address.
    #[error("cannot listen on {0}:{1} ({2}); set server.port to a free port, or 0 for any")]
    Bind(String, u16, #[source] std::io::Error),
    /// A folder or file of data_dir.
    #[error("{0}: {1}; check data_dir and its permissions")]
    Io(String, #[source] std::io::Error),
}

/// What a caller may put in instead of the real parts.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// A generator instead of the configured model (tests of logic, remote backends).
    pub generator: Option<Arc<dyn Generator>>,
}

/// A server, bound and ready to run.
pub struct App {
    server: actix_web::dev::Server,
    port: u16,
    assistant: Assistant,
    engine: Option<Engine>,
    store: Store,
    snapshots: Arc<SnapshotHandle>,
    stopping: Arc<AtomicBool>,
    shutdown: Duration,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "App(port {})", self.port)
    }
}

/// Builds the pipeline with the configured (or given) model; shared by the server and the evaluations.
///
/// # Errors
/// See [`StartError`].
pub async fn pipeline(
    settings: &Settings,
    generator: Option<Arc<dyn Generator>>,
) -> Result<(Arc<Pipeline>, Option<Engine>), StartError> {
    let mut engine = None;
    let generator = match generator {
        Some(generator) => Some(generator),
        None => match models::find(settings)? {
            None => None,
            Some(file) => {
                let name = file.name.clone();
                let started = Engine::start(engine_settings(settings, file))
                    .await
                    .map_err(|error| StartError::Engine(error, name))?;
                engine = Some(started.clone());
                Some(Arc::new(started) as Arc<dyn Generator>)
            }
        },
    };
    let pipeline = Pipeline::new(pipeline_settings(settings), contacts(settings), generator)
        .map_err(|error| StartError::Rules(error.to_string()))?;
    Ok((Arc::new(pipeline), engine))
}

/// Opens the current snapshot.
///
/// # Errors
/// [`StartError::Snapshot`] when there is none or it is damaged.
pub fn snapshot(settings: &Settings) -> Result<Snapshot, StartError> {
    retrieval::open_current(&settings.snapshot_dir()).map_err(|error| StartError::Snapshot(error.to_string()))
}

fn contacts(settings: &Settings) -> EmergencyContacts {
    EmergencyContacts {
        emergency: settings.contacts.emergency.clone(),
        crisis: settings.contacts.crisis.clone(),
        poison: settings.contacts.poison.clone(),
    }
}

fn pipeline_settings(settings: &Settings) -> PipelineSettings {
    PipelineSettings {
        coverage_floor: settings.guidance.coverage_floor,
        quotes: Limits {
            passages: settings.guidance.max_passages,
            sentences: settings.guidance.max_quoted_sentences,
        },
        explain: ExplainSettings {
            max_claims: settings.model.max_claims,
            max_tokens: settings.model.max_claim_tokens,
            deadline: Duration::from_secs(settings.model.deadline_seconds),
            seed: settings.model.seed,
        },
    }
}

/// How the engine is set up for a model file.
#[must_use]
pub fn engine_settings(settings: &Settings, file: models::ModelFile) -> EngineSettings {
    let model = &settings.model;
    EngineSettings {
        model_name: file.name,
        model_path: file.path,
        model_sha256: file.sha256,
        context_tokens: model.context_tokens,
        batch_tokens: model.batch_tokens,
        sequences: model.sequences,
        threads: settings.engine_threads(),
        queue: model.queue,
        kv_type: match model.kv_type.as_str() {
            "f32" => KvType::F32,
            "q8_0" => KvType::Q8_0,
            _ => KvType::F16,
        },
        flash_attention: match model.flash_attention.as_str() {
            "on" => FlashAttention::On,
            "auto" => FlashAttention::Auto,
            _ => FlashAttention::Off,
        },
    }
}

impl App {
    /// Builds everything and binds the address; port 0 takes any free one.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running.
    pub async fn build(settings: &Settings, parts: Parts) -> Result<Self, StartError> {
        create_folder(&settings.data_dir)?;
        let snapshots = Arc::new(SnapshotHandle::new(snapshot(settings)?));
        let store = Store::open(&settings.database_url(), settings.database.max_connections)
            .await
            .map_err(StartError::Store)?;
        let preventive = Arc::new(preventive::Rules::embedded().map_err(|error| StartError::Rules(error.to_string()))?);
        let local = local_issuer(settings)?;
        let authenticator = Authenticator::new(&settings.auth, local.as_deref())
            .map_err(|error| StartError::Auth(error.to_string()))?;
        let (pipeline, engine) = pipeline(settings, parts.generator).await?;
        let model = pipeline.generator().map(|generator| generator.model().clone());
        let assistant = Assistant::new(
            pipeline,
            store.clone(),
            Arc::clone(&snapshots),
            Arc::clone(&parts.clock),
        );
        let stopping = Arc::new(AtomicBool::new(false));
        let state = WebState {
            assistant: assistant.clone(),
            store: store.clone(),
            snapshots: Arc::clone(&snapshots),
            preventive,
            authenticator: Arc::new(authenticator),
            local_issuer: local,
            clock: parts.clock,
            model,
            emergency_number: settings.contacts.emergency.clone(),
            body_limit: settings.server.body_limit,
            chart_body_limit: settings.server.chart_body_limit,
            stopping: Arc::clone(&stopping),
        };
        let address = (settings.server.host.as_str(), settings.server.port);
        let (server, port) = web::bind(
            &state,
            address,
            settings.server.workers,
            settings.server.shutdown_seconds,
        )
        .map_err(|error| StartError::Bind(settings.server.host.clone(), settings.server.port, error))?;
        let shutdown = Duration::from_secs(settings.server.shutdown_seconds);
        Ok(Self {
            server,
            port,
            assistant,
            engine,
            store,
            snapshots,
            stopping,
            shutdown,
        })
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The snapshot in use.
    #[must_use]
    pub fn snapshot_id(&self) -> SnapshotId {
        self.snapshots.current().id().clone()
    }

    /// Serves until `shutdown` is ready, then stops in order.
    ///
    /// # Errors
    /// When the server fails.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> std::io::Result<()> {
        let handle = self.server.handle();
        let server = tokio::spawn(self.server);
        tokio::pin!(shutdown);
        shutdown.await;
        tracing::info!("stopping");
        self.stopping.store(true, Ordering::SeqCst);
        // Running answers and the server's own connections share one deadline; then the model is stopped, which ends
        // explanations, and what was ready is stored.
        let finished = tokio::time::timeout(self.shutdown, self.assistant.finish()).await;
        if let Some(engine) = &self.engine {
            engine.stop();
        }
        if finished.is_err() {
            drop(tokio::time::timeout(Duration::from_secs(5), self.assistant.finish()).await);
        }
        handle.stop(true).await;
        drop(server.await);
        self.store.close().await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// The local issuer, in development mode.
///
/// # Errors
/// When its key cannot be read or made.
pub fn local_issuer(settings: &Settings) -> Result<Option<Arc<LocalIssuer>>, StartError> {
    if !settings.auth.local_issuer {
        return Ok(None);
    }
    let issuer = LocalIssuer::open_or_create(&settings.data_dir.join("keys"))
        .map_err(|error| StartError::Auth(error.to_string()))?;
    Ok(Some(Arc::new(issuer)))
}

/// Creates a folder that only its owner may read: it will hold patients' data.
///
/// # Errors
/// When the system refuses.
pub fn create_folder(folder: &Path) -> Result<(), StartError> {
    let failed = |error| StartError::Io(folder.display().to_string(), error);
    std::fs::create_dir_all(folder).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}
