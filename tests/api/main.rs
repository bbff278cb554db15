//! Integration tests: the real server on port 0, the real index over the project's own articles, both databases. Only the
//! model is scripted, and only where a test is about logic. One binary, so that the index is built once.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must fail at once"
)]

mod app;
mod asking;
mod auth;
mod bad_input;
mod chart;
mod generator;
mod operations;
mod postgres;
mod store;
mod wire;
