//! The store's contract: one suite, run on SQLite and on PostgreSQL.

use chartlight::domain::{
    Answer, Block, BlockKind, Chart, Clock as _, ConversationId, PatientId, Release, SystemClock, Timings, Triage,
    TurnId, Urgency,
};
use chartlight::store::{AuditEntry, Feedback, NewTurn, Store, StoreError};
use secrecy::SecretString;
use serde_json::json;
use tempfile::TempDir;

use super::app::patient_id;
use super::postgres;

/// A new database.
struct Bench {
    store: Store,
    url: String,
    _folder: Option<TempDir>,
}

impl Bench {
    async fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        Self::open(url, Some(folder)).await
    }

    async fn postgres() -> Self {
        Self::open(postgres::database(), None).await
    }

    async fn open(url: String, folder: Option<TempDir>) -> Self {
        let store = Store::open(&SecretString::from(url.clone()), 8).await.unwrap();
        Self {
            store,
            url,
            _folder: folder,
        }
    }

    /// A conversation of Ada's.
    async fn conversation(&self) -> ConversationId {
        let id = ConversationId::generate(SystemClock.now());
        self.store
            .create_conversation(&ada(), id, &audit(&ada(), "conversation.created"))
            .await
            .unwrap();
        id
    }

    /// A turn of Ada's.
    async fn turn(&self, conversation: ConversationId, question: &str) -> TurnId {
        let id = TurnId::generate(SystemClock.now());
        let answer = answer("It is a lung condition.");
        let turn = NewTurn {
            id,
            conversation,
            question,
            answer: &answer,
            idempotency_key: None,
        };
        self.store
            .add_turn(&ada(), &turn, &audit(&ada(), "message.answered"))
            .await
            .unwrap();
        id
    }

    /// What the feedback table holds, past the store, which has no use for reading it yet.
    async fn feedback(&self) -> Vec<(i64, String)> {
        let sql = "SELECT helpful, comment FROM feedback";
        if self.url.starts_with("sqlite:") {
            let pool = sqlx::SqlitePool::connect(&self.url).await.unwrap();
            sqlx::query_as(sql).fetch_all(&pool).await.unwrap()
        } else {
            let pool = sqlx::PgPool::connect(&self.url).await.unwrap();
            sqlx::query_as(sql).fetch_all(&pool).await.unwrap()
        }
    }
}

fn ada() -> PatientId {
    patient_id("ada")
}

fn bob() -> PatientId {
    patient_id("bob")
}

fn audit(patient: &PatientId, action: &'static str) -> AuditEntry {
    AuditEntry {
        id: TurnId::generate(SystemClock.now()).to_string(),
        at: SystemClock.now_millis(),
        actor: "someone".to_owned(),
        actor_kind: "patient".to_owned(),
        patient: Some(patient.clone()),
        action,
        resource: "thing".to_owned(),
    }
}

fn answer(text: &str) -> Answer {
    let block = Block {
        index: 0,
        kind: BlockKind::Quote,
        text: text.to_owned(),
        citations: Vec::new(),
        chart: Vec::new(),
    };
    Answer {
        triage: Triage {
            urgency: Urgency::Routine,
            reasons: Vec::new(),
        },
        language: "en".to_owned(),
        scope: "information".to_owned(),
        blocks: vec![block],
        refused: false,
        reading_grade: 5.5,
        records_used: Vec::new(),
        release: Release {
            model: "none".to_owned(),
            prompts: "p".to_owned(),
            guidance: "g".to_owned(),
            rules: "r".to_owned(),
            seed: 1,
        },
        timings: Timings::default(),
    }
}

fn chart(patient: &PatientId, name: &str) -> Chart {
    let mut chart = Chart::empty(patient.clone());
    chart.person.name = Some(name.to_owned());
    chart
}

fn is_not_found<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::NotFound))
}

fn is_conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Conflict(_)))
}

async fn conversations_are_listed_newest_first_with_their_number_of_turns(bench: &Bench) {
    let (first, second) = (bench.conversation().await, bench.conversation().await);
    let at = SystemClock.now_millis() + 60_000;
    let late = AuditEntry {
        at,
        ..audit(&ada(), "message.answered")
    };
    let (id, answer) = (TurnId::generate(SystemClock.now()), answer("Yes."));
    let turn = NewTurn {
        id,
        conversation: first,
        question: "later",
        answer: &answer,
        idempotency_key: None,
    };
    bench.store.add_turn(&ada(), &turn, &late).await.unwrap();
    let listed = bench.store.conversations(&ada(), 10).await.unwrap();
    let seen: Vec<_> = listed
        .iter()
        .map(|summary| (summary.id.clone(), summary.turns))
        .collect();
    assert_eq!(seen, [(first.to_string(), 1), (second.to_string(), 0)]);
    assert_eq!(listed.first().unwrap().updated_at, at);
    assert_eq!(bench.store.conversations(&ada(), 1).await.unwrap().len(), 1);
    assert_eq!(
        bench.store.conversation(&ada(), first).await.unwrap(),
        *listed.first().unwrap()
    );
}

async fn turns_come_back_as_stored_oldest_first_and_a_limit_keeps_the_latest(bench: &Bench) {
    let conversation = bench.conversation().await;
    let mut ids = Vec::new();
    for question in ["one", "two", "¿tres? 🫁 <|im_start|>"] {
        ids.push(bench.turn(conversation, question).await);
    }
    let turns = bench.store.turns(&ada(), conversation, 10).await.unwrap();
    assert_eq!(turns.iter().map(|turn| turn.id).collect::<Vec<_>>(), ids);
    let last = turns.last().unwrap();
    assert_eq!(last.question, "¿tres? 🫁 <|im_start|>");
    assert_eq!(last.answer, answer("It is a lung condition."));
    let latest = bench.store.turns(&ada(), conversation, 2).await.unwrap();
    assert_eq!(latest, turns.iter().skip(1).cloned().collect::<Vec<_>>());
    assert_eq!(bench.store.turn(&ada(), last.id).await.unwrap(), *last);
}

async fn someone_elses_ids_are_not_found(bench: &Bench) {
    let conversation = bench.conversation().await;
    let turn = bench.turn(conversation, "mine").await;
    let (store, entry) = (&bench.store, audit(&bob(), "tried"));
    assert!(is_not_found(store.conversation(&bob(), conversation).await));
    assert!(is_not_found(store.turn(&bob(), turn).await));
    assert!(store.turns(&bob(), conversation, 10).await.unwrap().is_empty());
    assert!(store.conversations(&bob(), 10).await.unwrap().is_empty());
    assert!(store.turn_by_key(&bob(), conversation, "key").await.unwrap().is_none());
    let opinion = Feedback {
        helpful: true,
        comment: String::new(),
    };
    assert!(is_not_found(store.put_feedback(&bob(), turn, &opinion, &entry).await));
    assert!(is_not_found(
        store.delete_conversation(&bob(), conversation, &entry).await
    ));
    let (id, answer) = (TurnId::generate(SystemClock.now()), answer("No."));
    let new = NewTurn {
        id,
        conversation,
        question: "not mine",
        answer: &answer,
        idempotency_key: None,
    };
    assert!(is_not_found(store.add_turn(&bob(), &new, &entry).await));
    assert_eq!(
        store.turns(&ada(), conversation, 10).await.unwrap().len(),
        1,
        "nothing of Ada's has changed"
    );
    assert!(
        store.access_log(&bob(), 10).await.unwrap().is_empty(),
        "what failed leaves no audit row"
    );
}

async fn a_turn_and_its_audit_row_are_stored_together_or_not_at_all(bench: &Bench) {
    let conversation = bench.conversation().await;
    let answer = answer("Yes.");
    let entry = audit(&ada(), "message.answered");
    let add = async |key| {
        let id = TurnId::generate(SystemClock.now());
        let turn = NewTurn {
            id,
            conversation,
            question: "asked",
            answer: &answer,
            idempotency_key: key,
        };
        bench.store.add_turn(&ada(), &turn, &entry).await
    };
    add(None).await.unwrap();
    let before = bench.store.conversation(&ada(), conversation).await.unwrap();
    assert!(is_conflict(add(Some("other")).await), "the same audit id again");
    assert_eq!(
        bench.store.turns(&ada(), conversation, 10).await.unwrap().len(),
        1,
        "the turn went with its audit row"
    );
    assert_eq!(bench.store.conversation(&ada(), conversation).await.unwrap(), before);
    let answered = bench.store.access_log(&ada(), 10).await.unwrap();
    assert_eq!(
        answered.iter().filter(|row| row.action == "message.answered").count(),
        1
    );
}

async fn an_idempotency_key_counts_once_per_conversation(bench: &Bench) {
    let (first, second) = (bench.conversation().await, bench.conversation().await);
    let answer = answer("Yes.");
    let add = async |conversation, id| {
        let turn = NewTurn {
            id,
            conversation,
            question: "asked",
            answer: &answer,
            idempotency_key: Some("key-1"),
        };
        bench
            .store
            .add_turn(&ada(), &turn, &audit(&ada(), "message.answered"))
            .await
    };
    let id = TurnId::generate(SystemClock.now());
    add(first, id).await.unwrap();
    assert!(is_conflict(add(first, TurnId::generate(SystemClock.now())).await));
    add(second, TurnId::generate(SystemClock.now())).await.unwrap();
    let found = bench.store.turn_by_key(&ada(), first, "key-1").await.unwrap();
    assert_eq!(found.map(|turn| turn.id), Some(id));
    assert!(bench.store.turn_by_key(&ada(), first, "key-2").await.unwrap().is_none());
}

async fn turns_added_at_the_same_time_all_get_a_place_of_their_own(bench: &Bench) {
    let conversation = bench.conversation().await;
    let work = (0..16).map(|number| {
        let store = bench.store.clone();
        tokio::spawn(async move {
            let (id, answer) = (TurnId::generate(SystemClock.now()), answer("Yes."));
            let question = format!("question {number}");
            let turn = NewTurn {
                id,
                conversation,
                question: &question,
                answer: &answer,
                idempotency_key: None,
            };
            store.add_turn(&ada(), &turn, &audit(&ada(), "message.answered")).await
        })
    });
    for done in work.collect::<Vec<_>>() {
        done.await.unwrap().unwrap();
    }
    let turns = bench.store.turns(&ada(), conversation, 100).await.unwrap();
    let mut questions: Vec<_> = turns.iter().map(|turn| turn.question.clone()).collect();
    questions.sort();
    questions.dedup();
    assert_eq!(questions.len(), 16);
}

async fn deleting_a_conversation_takes_turns_and_feedback_with_it_and_leaves_the_audit_trail(bench: &Bench) {
    let conversation = bench.conversation().await;
    let turn = bench.turn(conversation, "asked").await;
    let opinion = Feedback {
        helpful: true,
        comment: "thanks".to_owned(),
    };
    bench
        .store
        .put_feedback(&ada(), turn, &opinion, &audit(&ada(), "message.rated"))
        .await
        .unwrap();
    let entry = audit(&ada(), "conversation.deleted");
    bench
        .store
        .delete_conversation(&ada(), conversation, &entry)
        .await
        .unwrap();
    assert!(is_not_found(bench.store.conversation(&ada(), conversation).await));
    assert!(is_not_found(bench.store.turn(&ada(), turn).await));
    assert!(bench.feedback().await.is_empty());
    let again = audit(&ada(), "conversation.deleted");
    assert!(is_not_found(
        bench.store.delete_conversation(&ada(), conversation, &again).await
    ));
    let actions: Vec<_> = bench
        .store
        .access_log(&ada(), 10)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.action)
        .collect();
    assert_eq!(actions.len(), 4, "{actions:?}");
    assert!(actions.contains(&"conversation.deleted".to_owned()));
}

async fn the_latest_feedback_on_an_answer_counts(bench: &Bench) {
    let conversation = bench.conversation().await;
    let turn = bench.turn(conversation, "asked").await;
    for (helpful, comment) in [(true, "good"), (false, "on second thought, no")] {
        let opinion = Feedback {
            helpful,
            comment: comment.to_owned(),
        };
        bench
            .store
            .put_feedback(&ada(), turn, &opinion, &audit(&ada(), "message.rated"))
            .await
            .unwrap();
    }
    assert_eq!(bench.feedback().await, [(0, "on second thought, no".to_owned())]);
    let nowhere = TurnId::generate(SystemClock.now());
    let opinion = Feedback {
        helpful: true,
        comment: String::new(),
    };
    assert!(is_not_found(
        bench
            .store
            .put_feedback(&ada(), nowhere, &opinion, &audit(&ada(), "message.rated"))
            .await
    ));
}

async fn a_chart_is_replaced_as_a_whole_and_kept_as_received(bench: &Bench) {
    let store = &bench.store;
    assert!(is_not_found(store.chart(&ada()).await));
    assert!(is_not_found(store.chart_resources(&ada()).await));
    let received = json!({ "resourceType": "Patient", "id": "ada", "weight": 1.50, "note": "\u{0} 🫀" });
    let first = chart(&ada(), "Ada One");
    store
        .put_chart(
            &first,
            std::slice::from_ref(&received),
            &audit(&ada(), "chart.imported"),
        )
        .await
        .unwrap();
    assert_eq!(store.chart(&ada()).await.unwrap().chart, first);
    assert_eq!(store.chart_resources(&ada()).await.unwrap(), json!([received]));
    let second = chart(&ada(), "Ada Two");
    let entry = audit(&ada(), "chart.imported");
    store.put_chart(&second, &[], &entry).await.unwrap();
    let stored = store.chart(&ada()).await.unwrap();
    assert_eq!((stored.chart, stored.imported_at), (second, entry.at));
    assert_eq!(store.chart_resources(&ada()).await.unwrap(), json!([]));
    assert!(
        is_conflict(store.put_chart(&first, &[], &entry).await),
        "the same audit id again"
    );
    assert_eq!(
        store.chart(&ada()).await.unwrap().chart.person.name.as_deref(),
        Some("Ada Two"),
        "nothing has changed"
    );
    assert!(is_not_found(store.chart(&bob()).await));
}

async fn erasing_a_patient_leaves_the_audit_trail_and_everyone_else(bench: &Bench) {
    let store = &bench.store;
    let conversation = bench.conversation().await;
    let turn = bench.turn(conversation, "asked").await;
    for patient in [ada(), bob()] {
        store
            .put_chart(&chart(&patient, "X"), &[], &audit(&patient, "chart.imported"))
            .await
            .unwrap();
    }
    store
        .erase_patient(&ada(), &audit(&ada(), "patient.erased"))
        .await
        .unwrap();
    assert!(is_not_found(store.chart(&ada()).await));
    assert!(is_not_found(store.turn(&ada(), turn).await));
    assert!(store.conversations(&ada(), 10).await.unwrap().is_empty());
    assert!(store.chart(&bob()).await.is_ok());
    let log = store.access_log(&ada(), 10).await.unwrap();
    assert!(log.iter().any(|row| row.action == "patient.erased"));
    assert_eq!(log.len(), 4);
    assert!(is_not_found(
        store.erase_patient(&ada(), &audit(&ada(), "patient.erased")).await
    ));
    assert_eq!(
        store.access_log(&ada(), 10).await.unwrap().len(),
        4,
        "what failed leaves no audit row"
    );
}

async fn the_access_log_shows_only_this_patients_rows_newest_first(bench: &Bench) {
    for (at, patient, action) in [
        (10, ada(), "first"),
        (30, ada(), "third"),
        (20, ada(), "second"),
        (40, bob(), "other"),
    ] {
        bench
            .store
            .audit(&AuditEntry {
                at,
                ..audit(&patient, action)
            })
            .await
            .unwrap();
    }
    bench
        .store
        .audit(&AuditEntry {
            patient: None,
            ..audit(&ada(), "nobody's")
        })
        .await
        .unwrap();
    let actions = async |limit| -> Vec<String> {
        bench
            .store
            .access_log(&ada(), limit)
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.action)
            .collect()
    };
    assert_eq!(actions(10).await, ["third", "second", "first"]);
    assert_eq!(actions(2).await, ["third", "second"]);
}

async fn opening_the_database_again_finds_what_was_stored(bench: &Bench) {
    let conversation = bench.conversation().await;
    let again = Store::open(&SecretString::from(bench.url.clone()), 2).await.unwrap();
    again.ping().await.unwrap();
    assert!(again.conversation(&ada(), conversation).await.is_ok());
    again.close().await;
    assert!(again.ping().await.is_err(), "closed");
}

/// Each function of the contract as a test on each database.
macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test] async fn $name() { super::$name(&super::Bench::sqlite().await).await; })+
        }
        mod on_postgres {
            $(#[tokio::test] async fn $name() { super::$name(&super::Bench::postgres().await).await; })+
        }
    };
}

contract!(
    conversations_are_listed_newest_first_with_their_number_of_turns,
    turns_come_back_as_stored_oldest_first_and_a_limit_keeps_the_latest,
    someone_elses_ids_are_not_found,
    a_turn_and_its_audit_row_are_stored_together_or_not_at_all,
    an_idempotency_key_counts_once_per_conversation,
    turns_added_at_the_same_time_all_get_a_place_of_their_own,
    deleting_a_conversation_takes_turns_and_feedback_with_it_and_leaves_the_audit_trail,
    the_latest_feedback_on_an_answer_counts,
    a_chart_is_replaced_as_a_whole_and_kept_as_received,
    erasing_a_patient_leaves_the_audit_trail_and_everyone_else,
    the_access_log_shows_only_this_patients_rows_newest_first,
    opening_the_database_again_finds_what_was_stored,
);

#[test]
fn both_databases_have_the_same_migrations() {
    let (sqlite, postgres) = Store::migration_versions();
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, postgres);
}

#[tokio::test]
async fn an_address_of_another_database_is_refused() {
    let refused = Store::open(&SecretString::from("mysql://localhost/x"), 1).await;
    assert!(matches!(refused, Err(StoreError::Address)));
}
