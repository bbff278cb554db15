//! `chartlight serve`.

use std::sync::Arc;

use super::Outcome;
use crate::app::{App, Parts};
use crate::config::Settings;
use crate::domain::SystemClock;

pub(super) async fn run(settings: &Settings) -> Outcome {
    let app = App::build(
        settings,
        Parts {
            clock: Arc::new(SystemClock),
            generator: None,
        },
    )
    .await?;
    let address = format!("http://{}:{}", settings.server.host, app.port());
    println!("Chartlight listens on {address}");
    println!("  patient page  {address}/");
    println!("  API           {address}/docs/  ({address}/openapi.json)");
    app.run_until(stop_signal()).await?;
    Ok(())
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupted = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
        }
        Err(_) => drop(interrupted.await),
    }
}
