//! `chartlight doctor`: checks everything a server needs and says how to fix what is wrong.

use std::path::Path;

use clap::Args;

use super::Outcome;
use crate::app::models;
use crate::config::{DEFAULTS, Settings};
use crate::store::Store;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only print the commented default settings.
    #[arg(long)]
    defaults: bool,
}

/// The clock is wrong when it says a time before this build was possible.
const EARLIEST: &str = "2026-11-01T00:00:00Z";

pub(super) fn run(config: Option<&Path>, arguments: &Arguments) -> Outcome {
    if arguments.defaults {
        print!("{DEFAULTS}");
        return Ok(());
    }
    let settings = match Settings::load(config) {
        Ok(settings) => settings,
        Err(error) => {
            println!("settings   wrong\n{error}");
            anyhow::bail!("mend the settings first");
        }
    };
    println!(
        "settings   good ({:?} mode, data in {})",
        settings.mode,
        settings.data_dir.display()
    );
    let mut faults = 0;
    let mut check = |name: &str, outcome: Result<String, String>| match outcome {
        Ok(note) => println!("{name:<10} good ({note})"),
        Err(fault) => {
            faults += 1;
            println!("{name:<10} WRONG: {fault}");
        }
    };
    check("model", model(&settings));
    check("guidance", guidance(&settings));
    check("database", super::block_on_value(database(&settings)));
    check("clock", clock());
    check("processor", processor());
    if faults > 0 {
        anyhow::bail!("{faults} check(s) failed");
    }
    Ok(())
}

fn model(settings: &Settings) -> Result<String, String> {
    match models::find(settings) {
        Ok(None) => Ok("none: answers are quotes only".to_owned()),
        Ok(Some(file)) => Ok(format!("{}, SHA-256 is right", file.name)),
        Err(error) => Err(error.to_string()),
    }
}

fn guidance(settings: &Settings) -> Result<String, String> {
    let snapshot = crate::app::snapshot(settings).map_err(|error| error.to_string())?;
    Ok(format!(
        "{} articles, {} passages",
        snapshot.articles().len(),
        snapshot.passage_count()
    ))
}

async fn database(settings: &Settings) -> Result<String, String> {
    crate::app::create_folder(&settings.data_dir).map_err(|error| error.to_string())?;
    let opened = Store::open(&settings.database_url(), 1).await;
    let store = opened.map_err(|error| format!("{error}; check database.url"))?;
    store.ping().await.map_err(|error| error.to_string())?;
    store.close().await;
    Ok("reachable, schema up to date".to_owned())
}

fn clock() -> Result<String, String> {
    let now = jiff::Timestamp::now();
    match EARLIEST.parse::<jiff::Timestamp>() {
        Ok(earliest) if now < earliest => Err(format!("it says {now}; set it, tokens and due dates depend on it")),
        _ => Ok(now.strftime("%Y-%m-%d %H:%M UTC").to_string()),
    }
}

#[cfg(target_arch = "x86_64")]
fn processor() -> Result<String, String> {
    let features = [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("f16c", std::arch::is_x86_feature_detected!("f16c")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
    ];
    let has: Vec<&str> = features
        .iter()
        .filter(|(_, here)| *here)
        .map(|(name, _)| *name)
        .collect();
    let threads = std::thread::available_parallelism().map_or(0, std::num::NonZeroUsize::get);
    if has.contains(&"avx2") {
        Ok(format!("{threads} threads, {}", has.join(" ")))
    } else {
        Err("it has no AVX2: the model will be slow; use model.name = \"smollm2-135m\" or \"none\"".to_owned())
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn processor() -> Result<String, String> {
    let threads = std::thread::available_parallelism().map_or(0, std::num::NonZeroUsize::get);
    Ok(format!("{threads} threads, {}", std::env::consts::ARCH))
}
