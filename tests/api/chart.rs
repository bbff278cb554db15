//! Charts over the API: the demo patients, real synthetic bundles, and nobody else's data.

use std::io::Read as _;
use std::path::Path;

use chartlight::chart::import;
use serde_json::{Value, json};

use super::app::{OTHER_PATIENT, PATIENT, Persona, TestApp, demo_bundle};
use super::wire::Caller;

const PATHS: [&str; 7] = [
    "/v1/me",
    "/v1/me/chart",
    "/v1/me/next-steps",
    "/v1/me/preventive-care",
    "/v1/me/access-log",
    "/v1/me/export",
    "/v1/conversations",
];

/// Everything a patient can read of their own record, as one text.
async fn everything(caller: &Caller, bundle: &[u8]) -> String {
    let mut all = String::new();
    let mut paths: Vec<String> = PATHS.iter().map(|path| (*path).to_owned()).collect();
    paths.extend(explanations(bundle));
    for path in paths {
        let reply = caller.get(&path).await;
        assert!(
            reply.status == 200 || reply.status == 404,
            "{path}: {} {}",
            reply.status,
            reply.body
        );
        all.push_str(&reply.body);
    }
    all
}

fn resources(bundle: &[u8]) -> Vec<Value> {
    let bundle: Value = serde_json::from_slice(bundle).unwrap();
    bundle["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["resource"].clone())
        .collect()
}

fn ids_of(bundle: &[u8], kind: &str) -> Vec<String> {
    let of_kind = resources(bundle)
        .into_iter()
        .filter(|resource| resource["resourceType"] == kind);
    of_kind
        .filter_map(|resource| resource["id"].as_str().map(str::to_owned))
        .collect()
}

fn explanations(bundle: &[u8]) -> Vec<String> {
    let path = |kind: &str, id: String| format!("/v1/me/{kind}/{id}/explanation");
    let results = ids_of(bundle, "Observation").into_iter().map(|id| path("results", id));
    results
        .chain(ids_of(bundle, "Condition").into_iter().map(|id| path("conditions", id)))
        .collect()
}

#[tokio::test]
async fn the_demo_chart_is_read_and_every_view_of_it_answers() {
    let app = TestApp::start().await;
    let bundle = demo_bundle(PATIENT);
    let reply = app.act(Persona::System).put_chart(PATIENT, bundle.clone()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let report = reply.json()["report"].clone();
    assert_eq!(report["read"]["Observation"], ids_of(&bundle, "Observation").len());
    assert_eq!(report["read"]["Patient"], 1);
    let patient = app.act(Persona::Patient);
    assert_eq!(patient.get("/v1/me").await.json()["name"], "Dana Example");
    let chart = patient.get("/v1/me/chart").await.json();
    for part in [
        "conditions_active",
        "results",
        "medicines_current",
        "allergies",
        "vaccines",
        "visits",
        "appointments",
    ] {
        assert!(!chart[part].as_array().unwrap().is_empty(), "{part}");
    }
    assert!(
        !patient.get("/v1/me/next-steps").await.json()["next_steps"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert!(
        !patient.get("/v1/me/preventive-care").await.json()["items"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let result = patient.get("/v1/me/results/demo-a1c-2026/explanation").await.json();
    assert!(
        !result["result"]["sentences"].as_array().unwrap().is_empty(),
        "{result}"
    );
    assert!(result["blocks"].to_string().contains("a1c-test"), "{result}");
    let condition = patient
        .get("/v1/me/conditions/demo-hypertension/explanation")
        .await
        .json();
    assert!(
        condition["blocks"].to_string().contains("high-blood-pressure"),
        "{condition}"
    );
    let export = patient.get("/v1/me/export").await.json();
    assert_eq!(
        export["chart"].as_array().unwrap(),
        &resources(&bundle),
        "every resource as it was received"
    );
}

#[tokio::test]
async fn no_view_ever_shows_anything_of_another_patient() {
    let app = TestApp::start().await;
    app.load_demo_charts().await;
    let (first, second) = (demo_bundle(PATIENT), demo_bundle(OTHER_PATIENT));
    let only_first = ["Dana", "demo-a1c", "demo-hypertension", "1968-05-14"];
    let only_second = ["Terry", "demo2-", "1995-11-02", OTHER_PATIENT];
    let patient = everything(&app.act(Persona::Patient), &first).await;
    let proxy = everything(&app.act(Persona::Proxy), &first).await;
    let other = everything(&app.act(Persona::OtherPatient), &second).await;
    for (mine, own, foreign) in [
        (&patient, only_first, only_second),
        (&proxy, only_first, only_second),
        (&other, only_second, only_first),
    ] {
        for word in own {
            assert!(mine.contains(word), "{word} is missing: the test would prove nothing");
        }
        for word in foreign {
            assert!(!mine.contains(word), "{word} is shown");
        }
    }
    for path in explanations(&first) {
        let caller = app.act(Persona::OtherPatient);
        let (theirs, unknown) = (
            caller.get(&path).await,
            caller.get("/v1/me/results/none/explanation").await,
        );
        theirs.assert_problem(&path, 404, None);
        assert_eq!(theirs.body, unknown.body);
    }
}

#[tokio::test]
async fn a_patient_without_a_chart_is_told_so() {
    let app = TestApp::start().await;
    let patient = app.act(Persona::Patient);
    for path in [
        "/v1/me/chart",
        "/v1/me/next-steps",
        "/v1/me/preventive-care",
        "/v1/me/results/x/explanation",
    ] {
        patient.get(path).await.assert_problem(path, 404, None);
    }
    assert_eq!(patient.get("/v1/me").await.json()["name"], Value::Null);
    assert_eq!(
        patient.get("/v1/me/export").await.json(),
        json!({ "chart": [], "conversations": [] })
    );
}

#[tokio::test]
async fn every_reading_of_the_chart_is_in_the_access_log() {
    let app = TestApp::start().await;
    app.load_demo_charts().await;
    let proxy = app.act(Persona::Proxy);
    for path in [
        "/v1/me/chart",
        "/v1/me/next-steps",
        "/v1/me/results/demo-a1c-2026/explanation",
        "/v1/me/export",
    ] {
        assert_eq!(proxy.get(path).await.status, 200, "{path}");
    }
    let log = app.act(Persona::Patient).get("/v1/me/access-log").await.json();
    let entries = log["entries"].as_array().unwrap();
    let count = |action: &str, actor: &str| {
        entries
            .iter()
            .filter(|entry| entry["action"] == action && entry["actor"] == actor)
            .count()
    };
    for action in ["chart.read", "next_steps.read", "result.read", "export.read"] {
        assert_eq!(count(action, "danas-daughter"), 1, "{action}: {log}");
    }
    assert_eq!(count("chart.imported", "records-system"), 1);
    assert_eq!(entries.len(), 5, "{log}");
}

#[tokio::test]
async fn an_erased_patient_leaves_nothing_but_the_log() {
    let app = TestApp::start().await;
    app.load_demo_charts().await;
    let (system, patient) = (app.act(Persona::System), app.act(Persona::Patient));
    let conversation = patient.begin().await;
    assert_eq!(patient.ask(&conversation, "what is a normal a1c").await.status, 200);
    assert_eq!(system.delete("/v1/patients/demo-patient").await.status, 204);
    patient.get("/v1/me/chart").await.assert_problem("chart", 404, None);
    patient
        .get(&format!("/v1/conversations/{conversation}"))
        .await
        .assert_problem("conversation", 404, None);
    assert_eq!(
        patient.get("/v1/me/export").await.json(),
        json!({ "chart": [], "conversations": [] })
    );
    assert!(patient.get("/v1/me/access-log").await.body.contains("patient.erased"));
    system
        .delete("/v1/patients/demo-patient")
        .await
        .assert_problem("again", 404, None);
    assert_eq!(app.act(Persona::OtherPatient).get("/v1/me/chart").await.status, 200);
}

#[tokio::test]
async fn a_demo_patient_can_sign_in_where_their_chart_is_loaded() {
    let app = TestApp::start().await;
    let anonymous = app.act(Persona::Anonymous);
    let body = json!({ "patient": PATIENT });
    anonymous
        .post("/v1/dev/sign-in", &body)
        .await
        .assert_problem("no chart yet", 404, None);
    app.load_demo_charts().await;
    let reply = anonymous.post("/v1/dev/sign-in", &body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let token = reply.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(
        app.with_token(Some(token)).get("/v1/me").await.json()["patient"],
        PATIENT
    );
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a test that does not run must say so")]
async fn real_synthetic_bundles_are_taken_through_the_api_and_shown() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/fhir"));
    let Ok(files) = std::fs::read_dir(folder) else {
        eprintln!("SKIPPED: the shared data folder is missing; the FHIR bundles were NOT tried");
        return;
    };
    let app = TestApp::start().await;
    let mut tried = 0;
    for file in files
        .flatten()
        .filter(|file| file.path().extension().is_some_and(|end| end == "gz"))
    {
        let name = file.file_name().to_string_lossy().into_owned();
        let mut bundle = Vec::new();
        flate2::read::GzDecoder::new(std::fs::File::open(file.path()).unwrap())
            .read_to_end(&mut bundle)
            .unwrap();
        let patients = import::patients(&bundle).unwrap_or_else(|error| panic!("{name}: {error}"));
        let id = patients
            .first()
            .unwrap_or_else(|| panic!("{name}: no patient"))
            .id
            .to_string();
        let reply = app.act(Persona::System).put_chart(&id, bundle.clone()).await;
        assert_eq!(reply.status, 200, "{name}: {}", reply.body);
        let caller = app.act_for(&id);
        for path in PATHS {
            assert_eq!(caller.get(path).await.status, 200, "{name}: {path}");
        }
        let others: usize = reply.json()["report"]["kept_unread"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(kind, _)| kind.contains("another person"))
            .filter_map(|(_, count)| count.as_u64())
            .map(|count| usize::try_from(count).unwrap())
            .sum();
        let given = caller.get("/v1/me/export").await.json()["chart"]
            .as_array()
            .unwrap()
            .len();
        // Records about someone else are kept as received, and never given out with this patient's.
        assert_eq!(
            given + others,
            resources(&bundle).len(),
            "{name}: every resource of the patient"
        );
        for path in explanations(&bundle).into_iter().take(5) {
            let status = caller.get(&path).await.status;
            assert!(status == 200 || status == 404, "{name}: {path}: {status}");
        }
        tried += 1;
    }
    assert_eq!(tried, 17, "bundles tried");
}
