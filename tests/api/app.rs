//! A server for one test, with the people who call it. Each has a data folder of its own; the guidance snapshot is built
//! once for all.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use chartlight::app::{self, App, Parts};
use chartlight::auth::{LocalIssuer, TokenRequest};
use chartlight::config::Settings;
use chartlight::domain::{PatientId, Role, SystemClock};
use chartlight::engine::Generator;
use chartlight::retrieval;
use chartlight::store::Store;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::wire::Caller;

/// FHIR id of the first demo patient.
pub const PATIENT: &str = "demo-patient";
/// FHIR id of the second demo patient.
pub const OTHER_PATIENT: &str = "demo-patient-2";

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persona {
    /// The first demo patient.
    Patient,
    /// The second demo patient.
    OtherPatient,
    /// Someone who acts for the first demo patient.
    Proxy,
    /// Keeps the guidance.
    Editor,
    /// Reviews answers.
    Clinician,
    /// Another system of the hospital.
    System,
    /// Nobody: no token at all.
    Anonymous,
}

impl Persona {
    /// What this persona's token says; `None` for nobody.
    pub fn token(self) -> Option<TokenRequest> {
        let (subject, role, scope, patient) = match self {
            Self::Patient => ("dana", Role::Patient, "patient/*.read", Some(PATIENT)),
            Self::OtherPatient => ("terry", Role::Patient, "patient/*.read", Some(OTHER_PATIENT)),
            Self::Proxy => ("danas-daughter", Role::Patient, "patient/*.read", Some(PATIENT)),
            Self::Editor => ("edith", Role::Editor, "openid", None),
            Self::Clinician => ("clara", Role::Clinician, "openid", None),
            Self::System => ("records-system", Role::System, "system/*.write", None),
            Self::Anonymous => return None,
        };
        Some(TokenRequest {
            subject: subject.to_owned(),
            roles: vec![role],
            scopes: vec![scope.to_owned()],
            patient: patient.map(patient_id),
            proxy: self == Self::Proxy,
            seconds: 3_600,
        })
    }
}

/// A checked patient id.
pub fn patient_id(text: &str) -> PatientId {
    PatientId::parse(text).unwrap()
}

/// Where a server listens and who signs its tokens.
pub struct Server {
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    issuer: Arc<LocalIssuer>,
    client: reqwest::Client,
}

impl Server {
    /// A server at this address, whose local issuer (where it is on) keeps its key under `settings.data_dir`.
    pub fn at(address: String, settings: &Settings) -> Self {
        let issuer = Arc::new(LocalIssuer::open_or_create(&settings.data_dir.join("keys")).unwrap());
        // No connection is kept, so that a stopping server has none to wait for.
        let client = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .timeout(std::time::Duration::from_secs(120))
            .build()
            .unwrap();
        Self {
            address,
            issuer,
            client,
        }
    }

    /// A token that says this.
    pub fn mint(&self, request: &TokenRequest) -> String {
        self.issuer.mint(request, &SystemClock).unwrap()
    }

    /// Calls as this persona.
    pub fn act(&self, persona: Persona) -> Caller {
        self.with_token(persona.token().map(|request| self.mint(&request)))
    }

    /// Calls as a patient with this id.
    pub fn act_for(&self, patient: &str) -> Caller {
        let request = TokenRequest {
            patient: Some(patient_id(patient)),
            ..Persona::Patient.token().unwrap()
        };
        self.with_token(Some(self.mint(&request)))
    }

    /// Calls with this token, whatever it is.
    pub fn with_token(&self, token: Option<String>) -> Caller {
        Caller::new(self.client.clone(), self.address.clone(), token)
    }

    /// Loads both demo charts as the hospital's system would.
    pub async fn load_demo_charts(&self) {
        for patient in [PATIENT, OTHER_PATIENT] {
            let reply = self.act(Persona::System).put_chart(patient, demo_bundle(patient)).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
        }
    }
}

/// A running server, stopped by [`TestApp::stop`] or with the test.
pub struct TestApp {
    server: Server,
    /// What it was built with.
    pub settings: Settings,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<std::io::Result<()>>>,
    _data: TempDir,
}

impl std::ops::Deref for TestApp {
    type Target = Server;
    fn deref(&self) -> &Server {
        &self.server
    }
}

impl TestApp {
    /// With default settings, no model and no chart.
    pub async fn start() -> Self {
        Self::build(|_| {}, None).await
    }

    /// With a generator in place of the model.
    pub async fn with_generator(generator: Arc<dyn Generator>) -> Self {
        Self::build(|_| {}, Some(generator)).await
    }

    /// With changed settings.
    pub async fn build(change: impl FnOnce(&mut Settings), generator: Option<Arc<dyn Generator>>) -> Self {
        let (data, mut settings) = prepare();
        change(&mut settings);
        let built = App::build(
            &settings,
            Parts {
                clock: Arc::new(SystemClock),
                generator,
            },
        )
        .await;
        let app = built.unwrap_or_else(|error| panic!("the test server does not start: {error}"));
        let server = Server::at(format!("http://127.0.0.1:{}", app.port()), &settings);
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(app.run_until(async move { drop(stopped.await) }));
        Self {
            server,
            settings,
            stop: Some(stop),
            running: Some(running),
            _data: data,
        }
    }

    /// Tells the server to stop; returns as soon as it has heard.
    pub async fn begin_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _receiver_may_be_gone = stop.send(());
        }
        tokio::task::yield_now().await;
    }

    /// Stops the server and waits until it is down: by then every running answer is stored.
    pub async fn stop(&mut self) {
        self.begin_stop().await;
        if let Some(running) = self.running.take() {
            running.await.unwrap().unwrap();
        }
    }

    /// The database of a stopped server.
    pub async fn database(&self) -> Store {
        Store::open(&self.settings.database_url(), 2).await.unwrap()
    }
}

/// A data folder with the snapshot in it, and settings that use it.
pub fn prepare() -> (TempDir, Settings) {
    let data = TempDir::new().unwrap();
    std::os::unix::fs::symlink(snapshots(), data.path().join("snapshots")).unwrap();
    let mut settings = Settings::load(None).unwrap();
    settings.data_dir = data.path().to_owned();
    settings.server.port = 0;
    settings.server.workers = 1;
    settings.server.shutdown_seconds = 10;
    settings.model.name = "none".to_owned();
    (data, settings)
}

/// The snapshot folder of this process, built on first use from the project's own articles.
pub fn snapshots() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = process_folder("snapshots");
        let articles = project_file("index/articles");
        let articles = retrieval::articles::load_folder(&articles).unwrap_or_else(|error| panic!("{error}"));
        let report = retrieval::build(&articles, &folder, &|_, _| {}).unwrap_or_else(|error| panic!("{error}"));
        retrieval::activate(&folder, &report.id).unwrap();
        folder
    })
}

/// A path in the project.
pub fn project_file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The bundle of a demo patient.
pub fn demo_bundle(patient: &str) -> Vec<u8> {
    let path = project_file("deploy/demo").join(format!("{patient}.json"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// An empty folder that lives as long as this process; those of processes that have ended are removed.
pub fn process_folder(name: &str) -> PathBuf {
    let parent = std::env::temp_dir();
    let prefix = format!("chartlight-test-{name}-");
    let running = |id: &str| !Path::new("/proc/self").exists() || Path::new("/proc").join(id).exists();
    for entry in std::fs::read_dir(&parent).unwrap().flatten() {
        let file = entry.file_name();
        if file
            .to_str()
            .and_then(|file| file.strip_prefix(&prefix))
            .is_some_and(|id| !running(id))
        {
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
    let folder = parent.join(format!("{prefix}{}", std::process::id()));
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The GGUF file for the tests that need a real model.
pub fn test_model() -> PathBuf {
    let path = std::env::var_os("CHARTLIGHT_TEST_MODEL")
        .map(PathBuf::from)
        .unwrap_or_else(|| {
            panic!(
                "CHARTLIGHT_TEST_MODEL is not set. Tests on a real model need the path of a GGUF file: run \
             `chartlight model fetch smollm2-135m` and set it to the file, or run `make test`, which does both"
            )
        });
    assert!(
        path.is_file(),
        "CHARTLIGHT_TEST_MODEL names {}, which is not a file",
        path.display()
    );
    path
}

/// Sets the real test model.
pub fn use_test_model(settings: &mut Settings) {
    let path = test_model();
    settings.model.name = "test-model".to_owned();
    settings.model.sha256 = app::models::hash_file(&path, &|_| {}).unwrap();
    settings.model.path = path.display().to_string();
    settings.model.context_tokens = 4_096;
}
