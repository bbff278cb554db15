//! Running it: health, stopping in order, the committed API document, silent logs, and refusing to start with a reason.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use chartlight::app::{App, Parts};
use chartlight::config::Settings;
use chartlight::domain::{ConversationId, SystemClock};
use chartlight::engine::{GenerationEvent, GenerationStats};
use serde_json::Value;

use super::app::{PATIENT, Persona, Server, TestApp, patient_id, prepare, project_file, snapshots, use_test_model};
use super::generator::ScriptedGenerator;

const COVERED: &str = "What are the symptoms of high blood pressure?";

#[tokio::test]
async fn it_says_that_it_is_up_and_what_it_answers_with() {
    let app = TestApp::with_generator(ScriptedGenerator::full()).await;
    let anyone = app.act(Persona::Anonymous);
    assert_eq!(anyone.get("/health/live").await.status, 204);
    let ready = anyone.get("/health/ready").await;
    assert_eq!(ready.status, 200, "{}", ready.body);
    assert_eq!(ready.json()["model"], "scripted");
    let current = std::fs::read_to_string(snapshots().join("CURRENT")).unwrap();
    assert_eq!(ready.json()["guidance"], current.trim());
}

#[tokio::test]
async fn every_reply_names_its_request_and_keeps_browsers_careful() {
    let app = TestApp::start().await;
    for path in ["/health/ready", "/v1/me", "/v1/nothing", "/"] {
        let reply = app.act(Persona::Anonymous).get(path).await;
        assert!(
            !reply.header("x-request-id").is_empty(),
            "{path}: a problem's text promises this header"
        );
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
    }
    let page = app.act(Persona::Anonymous).get("/").await;
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
}

#[tokio::test]
async fn stopping_refuses_new_work_finishes_the_running_answer_and_stores_it() {
    let (generator, mut held) = ScriptedGenerator::holding();
    let mut app = TestApp::with_generator(generator).await;
    let patient = app.act(Persona::Patient);
    let conversation = patient.begin().await;
    let mut live = patient.ask_live(&conversation, COVERED).await;
    live.until_block("quote").await;
    let model = held.recv().await.unwrap();
    app.begin_stop().await;
    patient.get("/health/ready").await.assert_problem("ready", 503, None);
    assert_eq!(patient.get("/health/live").await.status, 204);
    let refused = patient.ask(&conversation, COVERED).await;
    refused.assert_problem("new work", 503, None);
    assert!(!refused.header("retry-after").is_empty());
    model
        .events
        .send(GenerationEvent::Finished(GenerationStats::default()))
        .await
        .unwrap();
    drop(model);
    let rest = live.rest().await;
    let names: Vec<&str> = rest.iter().map(|event| event.name.as_str()).collect();
    assert!(names.ends_with(&["answer", "done"]), "{names:?}");
    app.stop().await;
    let conversation = ConversationId::parse(&conversation).unwrap();
    let kept = app
        .database()
        .await
        .turns(&patient_id(PATIENT), conversation, 10)
        .await
        .unwrap();
    assert_eq!(kept.len(), 1);
}

#[tokio::test]
async fn the_api_document_is_the_committed_one() {
    let app = TestApp::start().await;
    let served = app.act(Persona::Anonymous).get("/openapi.json").await.body;
    let path = project_file("tests/openapi.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    assert!(
        parse(&served) == parse(&committed),
        "the API has changed and tests/openapi.json has not. If the change is wanted: \
         `cargo run -- openapi > tests/openapi.json`, and look at the difference before committing it"
    );
    let document = parse(&served);
    for (route, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            assert!(
                operation["summary"].is_string() || operation["description"].is_string(),
                "{method} {route}: no summary"
            );
        }
    }
}

/// The real program on a data folder, with everything logged.
struct Process {
    child: Child,
    server: Server,
    /// Kept open: the program may still print.
    _output: BufReader<ChildStdout>,
}

impl Process {
    fn start(settings: &Settings, log: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chartlight"));
        if !settings.model.path.is_empty() {
            command.env("CHARTLIGHT_MODEL__PATH", &settings.model.path);
            command.env("CHARTLIGHT_MODEL__SHA256", &settings.model.sha256);
        }
        let mut child = command
            .arg("serve")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_remove("CHARTLIGHT_TEST_MODEL")
            .env("CHARTLIGHT_DATA_DIR", &settings.data_dir)
            .env("CHARTLIGHT_SERVER__PORT", "0")
            .env("CHARTLIGHT_SERVER__SHUTDOWN_SECONDS", "10")
            .env("CHARTLIGHT_MODEL__NAME", &settings.model.name)
            .env("CHARTLIGHT_LOG__FILTER", "trace")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let address = line
            .split_whitespace()
            .find(|word| word.starts_with("http://"))
            .unwrap_or_else(|| {
                panic!(
                    "it does not start: {}",
                    std::fs::read_to_string(log).unwrap_or_default()
                );
            });
        let server = Server::at(address.to_owned(), settings);
        Self {
            child,
            server,
            _output: output,
        }
    }

    /// As an operator stops it.
    fn stop(mut self) -> std::process::ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
    }
}

#[tokio::test]
async fn no_log_at_any_level_holds_a_patients_words_name_or_token() {
    let (_data, mut settings) = prepare();
    use_test_model(&mut settings);
    let log = settings.data_dir.join("log.txt");
    let process = Process::start(&settings, &log);
    process.server.load_demo_charts().await;
    let token = process.server.mint(&Persona::Patient.token().unwrap());
    let patient = process.server.with_token(Some(token.clone()));
    let conversation = patient.begin().await;
    let question = format!("zanzibarquux: {COVERED}");
    let events = patient.ask_live(&conversation, &question).await.rest().await;
    let answer = &events.iter().find(|event| event.name == "answer").unwrap().data["answer"];
    let quoted = answer["blocks"].to_string().contains("\"quote\"");
    let bad = patient.post_bytes(
        "/v1/conversations/zanzibarquux/messages",
        "application/json",
        b"{\"zanzibarquux\"".to_vec(),
    );
    assert!(bad.await.status >= 400);
    assert!(patient.get("/v1/me/chart?name=zanzibarquux").await.status < 500);
    assert!(patient.get("/v1/guidance/search?q=zanzibarquux").await.status < 500);
    assert_eq!(
        process
            .server
            .with_token(Some("zanzibarquux.zanzibarquux.zanzibarquux".to_owned()))
            .get("/v1/me")
            .await
            .status,
        401
    );
    assert!(process.stop().success());
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(
        text.contains("stopped") && text.len() > 500,
        "the log was not written, so this would prove nothing: {text}"
    );
    for word in ["zanzibarquux", "Dana", "high blood pressure?", "dana", token.as_str()] {
        assert!(!text.contains(word), "the log holds \"{word}\"");
    }
    assert!(quoted, "the question went its whole way: {answer}");
}

#[tokio::test]
async fn the_demo_sign_in_and_the_page_work_on_the_real_program() {
    let (_data, settings) = prepare();
    let process = Process::start(&settings, &settings.data_dir.join("log.txt"));
    assert!(
        process
            .server
            .act(Persona::Anonymous)
            .get("/")
            .await
            .body
            .contains("<html")
    );
    assert_eq!(process.server.act(Persona::Patient).get("/v1/me").await.status, 200);
    assert!(process.stop().success(), "SIGTERM is an ordinary end");
}

async fn refusal(settings: &Settings) -> String {
    let built = App::build(
        settings,
        Parts {
            clock: Arc::new(SystemClock),
            generator: None,
        },
    )
    .await;
    let text = built.unwrap_err().to_string();
    assert!(!text.contains('\n'), "one sentence: {text}");
    text
}

fn own_snapshots(settings: &Settings) -> std::path::PathBuf {
    let folder = settings.snapshot_dir();
    std::fs::remove_file(&folder).unwrap();
    let copied = Command::new("cp")
        .arg("-r")
        .arg(snapshots())
        .arg(&folder)
        .status()
        .unwrap();
    assert!(copied.success());
    let current = std::fs::read_to_string(folder.join("CURRENT")).unwrap();
    folder.join(current.trim())
}

#[tokio::test]
async fn without_a_snapshot_it_names_the_command_that_builds_one() {
    let (_data, settings) = prepare();
    std::fs::remove_file(settings.snapshot_dir()).unwrap();
    assert!(refusal(&settings).await.contains("`chartlight guidance build`"));
}

#[tokio::test]
async fn a_damaged_snapshot_is_refused_and_left_as_it_is() {
    for file in ["articles.jsonl", "manifest.json", "vocabulary.tsv"] {
        let (_data, settings) = prepare();
        let path = own_snapshots(&settings).join(file);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        *bytes.get_mut(middle).unwrap() ^= 0x01;
        std::fs::write(&path, &bytes).unwrap();
        let text = refusal(&settings).await;
        assert!(text.contains("`chartlight guidance build`"), "{file}: {text}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{file}");
    }
}

#[tokio::test]
async fn a_database_that_is_none_is_refused_and_left_as_it_is() {
    let (_data, settings) = prepare();
    let path = settings.data_dir.join("chartlight.db");
    let bytes = b"This is not a database. ".repeat(200);
    std::fs::write(&path, &bytes).unwrap();
    let text = refusal(&settings).await;
    assert!(
        text.contains("database") && text.contains("`chartlight doctor`"),
        "{text}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_refused_without_showing_its_password() {
    let (_data, mut settings) = prepare();
    settings.database.url = "postgres://someone:hunter2@127.0.0.1:1/nothing".to_owned().into();
    let text = refusal(&settings).await;
    assert!(text.contains("`chartlight doctor`"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_missing_unknown_or_damaged_model_is_refused_with_the_command_that_gets_it() {
    let (_data, mut settings) = prepare();
    settings.model.name = "smollm2-135m".to_owned();
    let fetch = "`chartlight model fetch smollm2-135m`";
    let missing = refusal(&settings).await;
    assert!(missing.contains("missing") && missing.contains(fetch), "{missing}");
    std::fs::create_dir_all(settings.model_dir()).unwrap();
    std::fs::write(settings.model_dir().join("smollm2-135m.gguf"), b"GGUF and then nothing").unwrap();
    let damaged = refusal(&settings).await;
    assert!(damaged.contains("damaged") && damaged.contains(fetch), "{damaged}");
    settings.model.name = "no-such-model".to_owned();
    assert!(refusal(&settings).await.contains("`chartlight model list`"));
}

#[tokio::test]
async fn a_file_with_the_right_hash_that_is_no_model_is_refused() {
    let (_data, mut settings) = prepare();
    let path = settings.data_dir.join("mine.gguf");
    std::fs::write(&path, b"no model at all").unwrap();
    settings.model.name = "mine".to_owned();
    settings.model.sha256 = chartlight::app::models::hash_file(&path, &|_| {}).unwrap();
    settings.model.path = path.display().to_string();
    let text = refusal(&settings).await;
    assert!(
        text.contains("cannot be loaded") && text.contains("`chartlight doctor`"),
        "{text}"
    );
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let (_data, mut settings) = prepare();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    settings.server.port = taken.local_addr().unwrap().port();
    let text = refusal(&settings).await;
    assert!(
        text.contains(&settings.server.port.to_string()) && text.contains("server.port"),
        "{text}"
    );
}
