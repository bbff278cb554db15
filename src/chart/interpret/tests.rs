//! Results explained, on small charts.
