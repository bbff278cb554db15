//! Who gets in: every bad token, before any body is read, and real issuers with their keys served over HTTP.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use actix_web::{HttpResponse, HttpServer, web};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chartlight::config;
use chartlight::domain::{Clock as _, SystemClock};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::app::{OTHER_PATIENT, PATIENT, Persona, TestApp};

const ISSUER: &str = "https://login.hospital.example";
const AUDIENCE: &str = "chartlight";
const ME: &str = "/v1/me";

fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key pair of an issuer.
struct SigningKey {
    id: String,
    algorithm: Algorithm,
    private: EncodingKey,
    public: Value,
}

impl SigningKey {
    fn rs256(id: &str) -> Self {
        let pair = rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let document: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        // jsonwebtoken wants the RSAPrivateKey (RFC 8017), which a 2048-bit key's PKCS#8 form holds after 26 bytes.
        let private = EncodingKey::from_rsa_der(document.as_ref().get(26..).unwrap());
        let modulus = base64(pair.public_key().modulus().big_endian_without_leading_zero());
        let exponent = base64(pair.public_key().exponent().big_endian_without_leading_zero());
        let public = json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": modulus, "e": exponent });
        Self {
            id: id.to_owned(),
            algorithm: Algorithm::RS256,
            private,
            public,
        }
    }

    fn es256(id: &str) -> Self {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
        // An uncompressed point: 4, x, y.
        let (x, y) = pair.public_key().as_ref().get(1..).unwrap().split_at(32);
        let public = json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": id, "x": base64(x), "y": base64(y) });
        Self {
            id: id.to_owned(),
            algorithm: Algorithm::ES256,
            private: EncodingKey::from_ec_der(document.as_ref()),
            public,
        }
    }

    fn eddsa(id: &str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
        let public = json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": base64(pair.public_key()) });
        Self {
            id: id.to_owned(),
            algorithm: Algorithm::EdDSA,
            private: EncodingKey::from_ed_der(document.as_ref()),
            public,
        }
    }

    fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.id, claims)
    }

    fn sign_as(&self, id: &str, claims: &Value) -> String {
        let header = Header {
            kid: Some(id.to_owned()),
            ..Header::new(self.algorithm)
        };
        jsonwebtoken::encode(&header, claims, &self.private).unwrap()
    }
}

#[derive(Default)]
struct KeyPage {
    keys: Mutex<Vec<Value>>,
    fetches: AtomicUsize,
    down: AtomicBool,
}

/// An issuer's key page, served in the test.
struct TestIssuer {
    url: String,
    page: Arc<KeyPage>,
}

impl TestIssuer {
    fn start(keys: &[&SigningKey]) -> Self {
        let page = Arc::new(KeyPage::default());
        let data = web::Data::from(Arc::clone(&page));
        let server = HttpServer::new(move || {
            actix_web::App::new()
                .app_data(data.clone())
                .route("/jwks", web::get().to(serve_keys))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
        let port = server.addrs().first().unwrap().port();
        tokio::spawn(server.run());
        let issuer = Self {
            url: format!("http://127.0.0.1:{port}/jwks"),
            page,
        };
        issuer.publish(keys);
        issuer
    }

    fn publish(&self, keys: &[&SigningKey]) {
        *self.page.keys.lock().unwrap() = keys.iter().map(|key| key.public.clone()).collect();
    }

    fn publish_json(&self, keys: Vec<Value>) {
        *self.page.keys.lock().unwrap() = keys;
    }

    fn go_down(&self) {
        self.page.down.store(true, Ordering::SeqCst);
    }

    fn fetches(&self) -> usize {
        self.page.fetches.load(Ordering::SeqCst)
    }

    /// A server that knows only this issuer.
    async fn app(&self, algorithms: &[&str], change: impl FnOnce(&mut config::Auth)) -> TestApp {
        let issuer = config::Issuer {
            name: "hospital".to_owned(),
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            jwks_url: self.url.clone(),
            algorithms: algorithms.iter().map(|name| (*name).to_owned()).collect(),
            roles_claim: "roles".to_owned(),
        };
        TestApp::build(
            |settings| {
                settings.auth.issuers = vec![issuer];
                change(&mut settings.auth);
            },
            None,
        )
        .await
    }
}

async fn serve_keys(page: web::Data<KeyPage>) -> HttpResponse {
    page.fetches.fetch_add(1, Ordering::SeqCst);
    if page.down.load(Ordering::SeqCst) {
        return HttpResponse::InternalServerError().finish();
    }
    HttpResponse::Ok().json(json!({ "keys": *page.keys.lock().unwrap() }))
}

/// The claims of a good patient's token.
fn claims() -> Value {
    let now = SystemClock.now().as_second();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "dana", "exp": now + 600, "nbf": now - 5,
        "scope": "openid patient/*.read", "roles": ["patient"], "patient": PATIENT,
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[key] = value;
    claims
}

fn without(key: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(key);
    claims
}

async fn status(app: &TestApp, token: String) -> u16 {
    app.with_token(Some(token)).get(ME).await.status
}

/// A token whose header says what it likes, with a signature of zeros.
fn forged(header: &Value) -> String {
    format!(
        "{}.{}.{}",
        base64(header.to_string()),
        base64(claims().to_string()),
        base64([0u8; 64])
    )
}

#[tokio::test]
async fn every_bad_token_is_refused_and_the_reason_is_told() {
    let (rsa, stranger, curve) = (
        SigningKey::rs256("rsa"),
        SigningKey::rs256("rsa"),
        SigningKey::es256("curve"),
    );
    let issuer = TestIssuer::start(&[&rsa, &curve]);
    let app = issuer.app(&["RS256"], |_| {}).await;
    let now = SystemClock.now().as_second();
    let good = rsa.sign(&claims());
    assert_eq!(status(&app, good.clone()).await, 200, "the good one");
    let chars = good.chars().count();
    let cut = |length: usize| good.chars().take(length).collect::<String>();
    let unsigned = good.rsplit_once('.').unwrap().0.to_owned();
    let public_key = rsa.public["n"].as_str().unwrap().to_owned();
    let hmac = |secret: &[u8]| {
        let header = Header {
            kid: Some("rsa".to_owned()),
            ..Header::new(Algorithm::HS256)
        };
        jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap()
    };
    let none = json!({ "alg": "none", "typ": "JWT", "kid": "rsa" });
    let not_allowed = "algorithm is not allowed";
    let table: Vec<(&str, String, u16, &str)> = vec![
        ("empty", String::new(), 401, ""),
        ("no JWT", "open-sesame".to_owned(), 401, "not a signed JWT"),
        ("three parts of nothing", "a.b.c".to_owned(), 401, ""),
        ("no signature part", unsigned.clone(), 401, "not a signed JWT"),
        ("empty signature", format!("{unsigned}."), 401, ""),
        ("truncated", cut(chars - 8), 401, ""),
        ("truncated in the claims", cut(chars / 2), 401, ""),
        (
            "too long",
            format!("{good}{}", "A".repeat(20_000)),
            401,
            "not a signed JWT",
        ),
        ("expired", rsa.sign(&with("exp", json!(now - 600))), 401, "expired"),
        (
            "not valid yet",
            rsa.sign(&with("nbf", json!(now + 600))),
            401,
            "not valid yet",
        ),
        (
            "another audience",
            rsa.sign(&with("aud", json!("billing"))),
            401,
            "another audience",
        ),
        (
            "an unknown issuer",
            rsa.sign(&with("iss", json!("https://evil.example"))),
            401,
            "issuer is not known",
        ),
        (
            "an algorithm of another issuer",
            curve.sign(&claims()),
            401,
            not_allowed,
        ),
        (
            "a key of another algorithm",
            rsa.sign_as("curve", &claims()),
            401,
            not_allowed,
        ),
        ("an unknown key", rsa.sign_as("other", &claims()), 401, "unknown key"),
        (
            "someone else's key",
            stranger.sign(&claims()),
            401,
            "signature is wrong",
        ),
        ("alg none", forged(&none), 401, not_allowed),
        (
            "alg NONE",
            forged(&json!({ "alg": "NONE", "kid": "rsa" })),
            401,
            not_allowed,
        ),
        (
            "alg none, no signature",
            forged(&none).rsplit_once('.').unwrap().0.to_owned() + ".",
            401,
            not_allowed,
        ),
        (
            "HS256 with the public key",
            hmac(public_key.as_bytes()),
            401,
            not_allowed,
        ),
        (
            "HS256 with the public key's bytes",
            hmac(&URL_SAFE_NO_PAD.decode(&public_key).unwrap()),
            401,
            not_allowed,
        ),
        ("no iss", rsa.sign(&without("iss")), 401, "iss"),
        ("no aud", rsa.sign(&without("aud")), 401, ""),
        ("no exp", rsa.sign(&without("exp")), 401, ""),
        ("no nbf", rsa.sign(&without("nbf")), 401, ""),
        ("no sub", rsa.sign(&without("sub")), 401, ""),
        ("blank sub", rsa.sign(&with("sub", json!(" "))), 401, "sub"),
        (
            "control character in sub",
            rsa.sign(&with("sub", json!("a\u{0}b"))),
            401,
            "sub",
        ),
        ("exp as text", rsa.sign(&with("exp", json!("tomorrow"))), 401, ""),
        (
            "a patient that is no id",
            rsa.sign(&with("patient", json!("../etc"))),
            401,
            "patient",
        ),
        ("no role", rsa.sign(&without("roles")), 403, "role patient"),
        (
            "another role",
            rsa.sign(&with("roles", json!(["clinician"]))),
            403,
            "role patient",
        ),
        (
            "roles that are no list",
            rsa.sign(&with("roles", json!("patient"))),
            403,
            "role patient",
        ),
        ("no patient", rsa.sign(&without("patient")), 403, "claim patient"),
        ("no scope", rsa.sign(&without("scope")), 403, "scope"),
        (
            "another scope",
            rsa.sign(&with("scope", json!("openid user/*.read"))),
            403,
            "scope",
        ),
    ];
    for (name, token, expected, detail) in table {
        let reply = app.with_token(Some(token)).get(ME).await;
        reply.assert_problem(name, expected, None);
        let problem = reply.json();
        assert!(
            problem["detail"].as_str().unwrap().contains(detail),
            "{name}: {problem}"
        );
        assert_eq!(reply.header("www-authenticate") == "Bearer", expected == 401, "{name}");
    }
}

#[tokio::test]
async fn no_token_or_another_scheme_is_401() {
    let app = TestApp::start().await;
    app.act(Persona::Anonymous)
        .get(ME)
        .await
        .assert_problem("none", 401, None);
    let token = app.mint(&Persona::Patient.token().unwrap());
    for value in [
        "Basic ZGFuYTpkYW5h".to_owned(),
        "Bearer".to_owned(),
        token.clone(),
        format!("Token {token}"),
    ] {
        let anonymous = app.act(Persona::Anonymous);
        let request = anonymous
            .request(reqwest::Method::GET, ME)
            .header("authorization", &value);
        anonymous
            .send(request)
            .await
            .assert_problem("another scheme", 401, None);
    }
    let anonymous = app.act(Persona::Anonymous);
    let request = anonymous
        .request(reqwest::Method::GET, ME)
        .header("authorization", format!("bearer {token}"));
    assert_eq!(
        anonymous.send(request).await.status,
        200,
        "the scheme's case does not matter (RFC 9110)"
    );
}

#[tokio::test]
async fn each_route_lets_in_only_its_own_callers() {
    let app = TestApp::start().await;
    let patient_routes = [
        ME,
        "/v1/me/chart",
        "/v1/me/next-steps",
        "/v1/me/preventive-care",
        "/v1/me/access-log",
        "/v1/me/export",
        "/v1/conversations",
    ];
    for path in patient_routes {
        for persona in [Persona::System, Persona::Editor, Persona::Clinician] {
            app.act(persona).get(path).await.assert_problem(path, 403, None);
        }
        app.act(Persona::Anonymous)
            .get(path)
            .await
            .assert_problem(path, 401, None);
    }
    for persona in [Persona::Patient, Persona::Proxy, Persona::Editor, Persona::Clinician] {
        app.act(persona)
            .put_chart(PATIENT, b"{}".to_vec())
            .await
            .assert_problem("put", 403, None);
        app.act(persona)
            .delete("/v1/patients/demo-patient")
            .await
            .assert_problem("erase", 403, None);
    }
    app.act(Persona::Anonymous)
        .put_chart(PATIENT, b"{}".to_vec())
        .await
        .assert_problem("put", 401, None);
    for path in [
        "/health/live",
        "/health/ready",
        "/openapi.json",
        "/v1/guidance/articles/asthma",
        "/",
    ] {
        let status = app.act(Persona::Anonymous).get(path).await.status;
        assert!((200..300).contains(&status), "{path}: {status}");
    }
}

#[tokio::test]
async fn a_bad_token_is_answered_before_the_body_is_read() {
    let app = TestApp::start().await;
    let conversation = app.act(Persona::Patient).begin().await;
    let bad = app.with_token(Some("open-sesame".to_owned()));
    let path = super::wire::messages(&conversation);
    bad.post_bytes(&path, "application/json", b"{ not json".to_vec())
        .await
        .assert_problem("bad body", 401, None);
    bad.post_bytes(&path, "text/plain", Vec::new())
        .await
        .assert_problem("bad type", 401, None);
    // Only the head is sent: whoever waits for the body would never answer.
    let head = format!("POST {path} HTTP/1.1\r\nContent-Type: application/json");
    assert_eq!(bad.raw(&head, 10_000_000, b"", false).await.status, 401);
    let head = format!("PUT /v1/patients/{OTHER_PATIENT}/chart HTTP/1.1\r\nContent-Type: application/fhir+json");
    assert_eq!(bad.raw(&head, 50_000_000, b"", false).await.status, 401);
    assert_eq!(
        app.act(Persona::Patient)
            .raw(&head, 50_000_000, b"", false)
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn a_token_of_another_installations_local_issuer_is_refused() {
    let (here, elsewhere) = (TestApp::start().await, TestApp::start().await);
    let token = elsewhere.mint(&Persona::Patient.token().unwrap());
    assert_eq!(status(&elsewhere, token.clone()).await, 200);
    assert_eq!(status(&here, token).await, 401, "each data folder has a key of its own");
}

#[tokio::test]
async fn without_the_local_issuer_its_tokens_are_worth_nothing() {
    let key = SigningKey::eddsa("key");
    let issuer = TestIssuer::start(&[&key]);
    let app = issuer.app(&["EdDSA"], |auth| auth.local_issuer = false).await;
    assert_eq!(status(&app, key.sign(&claims())).await, 200);
    assert_eq!(status(&app, app.mint(&Persona::Patient.token().unwrap())).await, 401);
    let body = json!({ "patient": PATIENT });
    app.act(Persona::Anonymous)
        .post("/v1/dev/sign-in", &body)
        .await
        .assert_problem("demo sign-in", 404, None);
}

#[tokio::test]
async fn tokens_of_each_allowed_algorithm_are_accepted() {
    let keys = [
        SigningKey::rs256("one"),
        SigningKey::es256("two"),
        SigningKey::eddsa("three"),
    ];
    let issuer = TestIssuer::start(&keys.iter().collect::<Vec<_>>());
    let app = issuer.app(&["RS256", "ES256", "EdDSA"], |_| {}).await;
    for key in &keys {
        let reply = app.with_token(Some(key.sign(&claims()))).get(ME).await;
        assert_eq!(reply.status, 200, "{:?}: {}", key.algorithm, reply.body);
        assert_eq!(reply.json()["patient"], PATIENT);
    }
    assert_eq!(issuer.fetches(), 1, "keys are kept");
    let many = with("aud", json!(["billing", AUDIENCE]));
    assert_eq!(
        status(&app, keys.first().unwrap().sign(&many)).await,
        200,
        "one audience of several"
    );
}

#[tokio::test]
async fn a_new_key_is_accepted_after_a_refresh_and_the_old_one_no_longer() {
    let (old, new) = (SigningKey::eddsa("old"), SigningKey::eddsa("new"));
    let issuer = TestIssuer::start(&[&old]);
    let app = issuer.app(&["EdDSA"], |auth| auth.jwks_cooldown_seconds = 0).await;
    assert_eq!(status(&app, old.sign(&claims())).await, 200);
    issuer.publish(&[&new]);
    assert_eq!(status(&app, new.sign(&claims())).await, 200);
    assert_eq!(status(&app, old.sign(&claims())).await, 401);
}

#[tokio::test]
async fn many_unknown_keys_cause_one_fetch() {
    let key = SigningKey::eddsa("key");
    let issuer = TestIssuer::start(&[&key]);
    let app = issuer.app(&["EdDSA"], |auth| auth.jwks_cooldown_seconds = 3_600).await;
    let tokens = (0..40).map(|number| key.sign_as(&format!("unknown-{number}"), &claims()));
    let statuses = futures::future::join_all(tokens.map(|token| status(&app, token))).await;
    assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
    assert_eq!(issuer.fetches(), 1);
    assert_eq!(status(&app, key.sign(&claims())).await, 200);
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn an_issuer_that_is_down_answers_503_until_keys_were_fetched_once() {
    let key = SigningKey::eddsa("key");
    let issuer = TestIssuer::start(&[&key]);
    issuer.go_down();
    let app = issuer.app(&["EdDSA"], |_| {}).await;
    let reply = app.with_token(Some(key.sign(&claims()))).get(ME).await;
    reply.assert_problem("down", 503, None);
    assert!(!reply.header("retry-after").is_empty());

    let issuer = TestIssuer::start(&[&key]);
    let app = issuer
        .app(&["EdDSA"], |auth| {
            auth.jwks_cooldown_seconds = 0;
            auth.jwks_max_age_seconds = 0;
        })
        .await;
    assert_eq!(status(&app, key.sign(&claims())).await, 200);
    issuer.go_down();
    assert_eq!(status(&app, key.sign(&claims())).await, 200, "the old keys are kept");
    assert!(issuer.fetches() >= 2, "it was tried");
}

#[tokio::test]
async fn a_symmetric_key_in_the_key_page_is_never_used() {
    let secret = [7u8; 32];
    let key = SigningKey::rs256("rsa");
    let issuer = TestIssuer::start(&[]);
    let symmetric = json!({ "kty": "oct", "kid": "shared", "alg": "HS256", "use": "sig", "k": base64(secret) });
    let encryption = json!({ "kty": "RSA", "kid": "enc", "use": "enc", "n": key.public["n"], "e": key.public["e"] });
    issuer.publish_json(vec![symmetric, encryption, key.public.clone()]);
    // Even where somebody got HS256 past the check of the settings.
    let app = issuer.app(&["RS256", "HS256"], |_| {}).await;
    assert_eq!(status(&app, key.sign(&claims())).await, 200, "the page itself is read");
    let header = Header {
        kid: Some("shared".to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    let token = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(&secret)).unwrap();
    assert_eq!(status(&app, token).await, 401);
    assert_eq!(
        status(&app, key.sign_as("enc", &claims())).await,
        401,
        "a key for encryption signs nothing"
    );
}
