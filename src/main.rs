//! The program: parses the command line and calls `cli`.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    chartlight::cli::run(chartlight::cli::Arguments::parse())
}
