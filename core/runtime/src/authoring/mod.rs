//! What authors of plugins are given: a folder to begin with, a bench that builds and tries it, and its documentation.

pub mod scaffold;
