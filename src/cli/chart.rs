//! `chartlight chart`: loading charts from files.

use std::path::PathBuf;

use clap::Subcommand;

use super::Outcome;
use crate::chart::import::{parse_bundle, patients};
use crate::config::Settings;
use crate::domain::{Clock as _, PatientId, SystemClock, TurnId};
use crate::store::{AuditEntry, Store};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Loads FHIR R4 Bundles (JSON), each the chart of one patient; an earlier chart of that patient is replaced.
    Import {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Whose chart it is, where a bundle does not make that plain.
        #[arg(long)]
        patient: Option<String>,
    },
}

pub(super) async fn run(settings: &Settings, command: Command) -> Outcome {
    let Command::Import { files, patient } = command;
    let expected = patient.as_deref().map(PatientId::parse).transpose()?;
    crate::app::create_folder(&settings.data_dir)?;
    let store = Store::open(&settings.database_url(), settings.database.max_connections).await?;
    for file in files {
        let bytes = std::fs::read(&file).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
        let imported = parse_bundle(&bytes, expected.as_ref()).map_err(|error| {
            let ids = patients(&bytes).unwrap_or_default();
            let hint = if ids.len() > 1 {
                " (choose one with --patient)"
            } else {
                ""
            };
            anyhow::anyhow!("{}: {error}{hint}; nothing was changed", file.display())
        })?;
        let patient = imported.chart.patient.clone();
        let audit = AuditEntry {
            id: TurnId::generate(SystemClock.now()).to_string(),
            at: SystemClock.now_millis(),
            actor: "command line".to_owned(),
            actor_kind: "operator".to_owned(),
            patient: Some(patient.clone()),
            action: "chart.imported",
            resource: patient.to_string(),
        };
        store.put_chart(&imported.chart, &imported.resources, &audit).await?;
        let read: usize = imported.report.read.values().sum();
        let kept: usize = imported.report.kept_unread.values().sum();
        println!(
            "{patient}: {read} resources read, {kept} kept unread, {} warnings",
            imported.report.warnings.len()
        );
        for warning in imported.report.warnings.iter().take(10) {
            println!("  {warning}");
        }
    }
    store.close().await;
    Ok(())
}
