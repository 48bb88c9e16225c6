//! The words of Chenbao (晨报): values that every layer speaks, with no file, clock, network or engine behind them.
//!
//! Read in the order in which a run uses them: a [`period`] is planned, rows of a [`schema`] are collected into
//! [`catalogue`] revisions, metrics answer with a [`result`], a template turns it into a [`document`], writers turn
//! that into an [`artifact`], and everything that could go wrong is a [`diagnostic`].

pub mod artifact;
mod breach;
pub mod catalogue;
pub mod diagnostic;
pub mod digest;
pub mod document;
pub mod id;
pub mod money;
pub mod period;
pub mod result;
pub mod schema;
pub mod sensitivity;
pub mod strings;

pub use artifact::Artifact;
pub use diagnostic::{Diagnostic, Place, Severity, Warned};
pub use digest::Digest;
pub use id::Id;
pub use period::{Grain, Period};
pub use rust_decimal::Decimal;
pub use sensitivity::{Sensitivities, Sensitivity};
