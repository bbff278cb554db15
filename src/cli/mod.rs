//! The command line, one file per command. Prints to people; decides nothing.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is the part of the program that talks on a terminal"
)]

mod ask;
mod chart;
mod doctor;
mod eval;
mod guidance;
mod model;
mod serve;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Settings;

/// Answers patients' questions from the hospital's published guidance and the patient's own chart, with a citation
/// behind every statement.
///
/// First steps: `chartlight model fetch`, `chartlight guidance build`, `chartlight chart import
/// deploy/demo/demo-patient.json`, `chartlight serve`. `chartlight doctor` says what is missing.
#[derive(Debug, Parser)]
#[command(name = "chartlight", version)]
pub struct Arguments {
    /// A TOML settings file; without it the defaults and CHARTLIGHT_… variables count.
    #[arg(long, short, global = true, env = crate::config::CONFIG_VARIABLE, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts the server and runs until it is told to stop (Ctrl-C or SIGTERM).
    Serve,
    /// Lists, fetches and inspects models.
    #[command(subcommand)]
    Model(model::Command),
    /// Builds, checks and searches the guidance.
    #[command(subcommand)]
    Guidance(guidance::Command),
    /// Loads patients' charts.
    #[command(subcommand)]
    Chart(chart::Command),
    /// Mints a demo token (development mode only).
    Token(token::Arguments),
    /// Asks a running server one question as a demo patient and prints the answer as it arrives.
    Ask(ask::Arguments),
    /// Measures triage, retrieval, answers and preventive care on files of cases.
    #[command(subcommand)]
    Eval(eval::Command),
    /// Prints the OpenAPI document.
    Openapi,
    /// Checks settings, model, guidance, database, clock and processor, and says how to fix what is wrong.
    Doctor(doctor::Arguments),
}

/// What a command ends with when it fails: one sentence for a person.
type Outcome = Result<(), anyhow::Error>;

/// Runs the command.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    let outcome = match arguments.command {
        Command::Openapi => openapi(),
        Command::Doctor(doctor) => doctor::run(arguments.config.as_deref(), &doctor),
        command => match Settings::load(arguments.config.as_deref()) {
            Ok(settings) => with_settings(&settings, command),
            Err(error) => Err(error.into()),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chartlight: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn with_settings(settings: &Settings, command: Command) -> Outcome {
    crate::app::telemetry::start(&settings.log);
    match command {
        Command::Serve => block_on(serve::run(settings)),
        Command::Model(command) => model::run(settings, command),
        Command::Guidance(command) => guidance::run(settings, command),
        Command::Chart(command) => block_on(chart::run(settings, command)),
        Command::Token(arguments) => token::run(settings, &arguments),
        Command::Ask(arguments) => block_on(ask::run(settings, &arguments)),
        Command::Eval(command) => block_on(eval::run(settings, command)),
        Command::Openapi | Command::Doctor(_) => Ok(()),
    }
}

fn block_on(work: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

fn block_on_value<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(work)
}

fn openapi() -> Outcome {
    println!("{}", crate::web::openapi::document().to_pretty_json()?);
    Ok(())
}

/// A progress bar of `length` steps.
fn progress(length: u64, what: &str) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(length);
    if let Ok(style) = indicatif::ProgressStyle::with_template("{msg:<28} {bar:32} {pos}/{len}") {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar
}
