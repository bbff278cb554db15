//! Chartlight
pub mod auth;
pub mod config;
pub mod domain;
pub mod engine;
pub mod store;
pub mod assistant { pub mod verify; pub mod prompt; }
