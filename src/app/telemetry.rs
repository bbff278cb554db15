//! Logging. Levels and targets only; no code logs a patient's words, so no filter can show them.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::Log;

/// Libraries that would log statements, headers or bodies at their lower levels are held at warnings whatever the filter
/// says.
const QUIET: [&str; 9] = [
    "sqlx=warn", "hyper=warn", "hyper_util=warn", "reqwest=warn", "h2=warn", "rustls=warn", "actix_http=warn",
    "actix_server=warn", "tantivy=warn",
];

/// Starts logging to standard error. A second call does nothing.
pub fn start(log: &Log) {
    let mut filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    for directive in QUIET {
        if let Ok(directive) = directive.parse() {
            filter = filter.add_directive(directive);
        }
    }
    let registry = tracing_subscriber::registry().with(filter);
    let started = if log.format == "json" {
        registry.with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr)).try_init()
    } else {
        registry.with(tracing_subscriber::fmt::layer().with_target(false).with_writer(std::io::stderr)).try_init()
    };
    drop(started);
}
