//! Chartlight: answers a patient's question from the institution's published guidance and the patient's own chart, with
//! a citation behind every statement. The model proposes, the guidance disposes.
//!
//! # The map
//! - [`cli`]        the command line, one file per command
//! - [`app`]        the composition root: build once, shut down in order, telemetry, model files
//! - [`eval`]       the harness: triage, retrieval, answers, preventive care
//! - [`web`]        the only actix code: routes by caller, guards, DTOs, SSE, problem+json, OpenAPI, the patient page
//! - [`auth`]       token → principal: issuers, JWKS, the local issuer
//! - [`assistant`]  the pipeline, one file per stage
//! - [`chart`]      FHIR R4 → chart; results, conditions, next steps, preventive care: all arithmetic
//! - [`retrieval`]  the only tantivy code: articles, snapshots, question → passages
//! - [`engine`]     the only llama.cpp code: one thread, batches, prefix cache, judged claims
//! - [`store`]      the only sqlx code: SQLite and PostgreSQL behind one set of functions
//! - [`config`]     typed settings
//! - [`domain`]     the words of the product as types; pure
//!
//! Arrows go one way, and modules of one row never import each other (`tests/architecture.rs` checks):
//! `cli → app → web → {auth, assistant} → {chart, retrieval, engine, store} → {domain, config}`; `eval` may use what `app`
//! may.
//!
//! # A question's way through
//! `web::guard` checks the token before the body is read, so a handler only ever sees a [`domain::Patient`].
//! `web::messages` parses the [`domain::Question`] and calls [`assistant::Assistant::ask`], which loads chart and
//! conversation, triages, takes a place in the engine (an emergency needs none) and spawns the pipeline:
//! triage → scope → facts → retrieve → quote (sent at once) → next steps and questions → explain (generate ⇄ verify) →
//! the turn and its audit row in one transaction → the `answer` event. A client that leaves drops the stream, which stops
//! the model; what was ready is stored.
//!
//! # An edit's way through
//! Articles are Markdown files (`index/README.md`). `chartlight guidance build` parses and checks them
//! ([`retrieval::articles`]), writes an immutable snapshot named by its content, proves that every golden question finds
//! its article, and moves the pointer ([`retrieval::activate`]). A server opens the current snapshot when it starts;
//! answers finish on the snapshot they began with ([`retrieval::SnapshotHandle`]).

pub mod app;
pub mod assistant;
pub mod auth;
pub mod chart;
pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod eval;
pub mod retrieval;
pub mod store;
pub mod web;
