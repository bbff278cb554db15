//! The harness: triage, retrieval, answers and preventive care on files of cases. Formats are fixed (design, section 7),
//! so that any set can be run. Prints figures; changes nothing.

pub mod answers;
pub mod preventive;
pub mod retrieval;
pub mod triage;
