//! Chartlight
pub mod auth;
pub mod config;
pub mod domain;
pub mod engine;
pub mod store;
