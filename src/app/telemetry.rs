//! Logging. Levels and targets only; no code logs a patient's words, so no filter can show them.

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::Log;

/// Libraries log statements, headers or bodies at debug and trace: those levels are for this program's own code, whatever
/// the filter says.
fn may_be_logged(about: &Metadata<'_>) -> bool {
    *about.level() <= Level::INFO || about.target().starts_with("chartlight")
}

/// Starts logging to standard error. A second call does nothing.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry()
        .with(filter)
        .with(filter_fn(may_be_logged));
    let started = if log.format == "json" {
        registry
            .with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr))
            .try_init()
    } else {
        registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_target(false)
                    .with_writer(std::io::stderr),
            )
            .try_init()
    };
    drop(started);
}
