//! The metric kind: result sets in, a report out.

use crate::cx::Cx;
use crate::error::Result;
use crate::report::Report;
use crate::rows::Inputs;
use serde::de::DeserializeOwned;

/// A computation over the result sets that `metric.toml` declares.
pub trait Metric {
    /// Component id, as in `metric.toml`.
    const ID: &'static str;
    /// Params as declared in `metric.toml`; the host has checked them and filled defaults in.
    type Params: DeserializeOwned;

    /// Answers. The same arguments and rows give the same answer: the clock is in `cx`.
    ///
    /// # Errors
    /// The rows are not what the metric needs, or it was cancelled.
    fn compute(params: Self::Params, inputs: &mut Inputs, cx: &Cx<'_>) -> Result<Report>;
}
