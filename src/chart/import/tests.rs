//! Import of well-formed, malformed and real bundles.
