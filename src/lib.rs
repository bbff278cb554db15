//! Chartlight: stub map, replaced below.

pub mod domain;
