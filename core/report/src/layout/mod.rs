//! Pages of placed items.
