//! The patient's own chart: FHIR R4 in, plain computed statements out.
//!
//! - `import`      a FHIR R4 Bundle → [`crate::domain::Chart`], nothing lost
//! - `knowledge`   the reviewable data under `index/chart`: names, ranges, critical values, units, panels
//! - `units`       one unit to another, only where it is known to be right
//! - `interpret`   a result against its range, its trend, its panel
//! - `facts`       the few statements a question needs
//! - `explain`     what the chart says about one condition
//! - `next_steps`  what is booked, ordered, planned
//! - `medicines`   what is taken, for what, how; questions for the pharmacist
//! - `visits`      what happened at one visit
//! - `view`        the whole chart, grouped and plain
//! - `plain`       dates, numbers and lists in words
//!
//! All arithmetic of Chartlight happens here, in code. This module never diagnoses, never advises, never reads
//! the clock, a file or the network, and never logs.

pub mod explain;
pub mod facts;
pub mod import;
pub mod interpret;
pub mod knowledge;
pub mod medicines;
pub mod next_steps;
pub mod plain;
pub mod preventive;
pub mod records;
pub mod units;
pub mod view;
pub mod visits;

/// SHA-256 (lower-case hex) over the embedded data of `index/chart`: part of every answer's release.
#[must_use]
pub fn hash() -> String {
    knowledge::hash()
}
