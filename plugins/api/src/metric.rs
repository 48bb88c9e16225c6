//! The metric kind: result sets in, a report out.

use crate::cx::Cx;
use crate::error::Result;
use crate::report::Report;
use crate::rows::Inputs;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A computation over the result sets that `metric.toml` declares.
pub trait Metric {
    /// Component id, as in `metric.toml`.
    const ID: &'static str;
    /// Params as declared in `metric.toml`; the host has checked them and filled defaults in.
    type Params: DeserializeOwned;

    /// What there is with these params, and whether they make sense together. Called before a row is read, also by
    /// `chenbao check`; without a method of your own, everything that `metric.toml` declares.
    ///
    /// # Errors
    /// [`bad_config`](crate::bad_config) with a sentence for whoever wrote the params.
    fn describe(params: &Self::Params) -> Result<Described> {
        let _ = params;
        Ok(Described::default())
    }

    /// Answers. The same arguments and rows give the same answer: the clock is in `cx`.
    ///
    /// # Errors
    /// The rows are not what the metric needs, or it was cancelled.
    fn compute(params: Self::Params, inputs: &mut Inputs, cx: &Cx<'_>) -> Result<Report>;
}

/// The declared inputs and outputs that count with some params; `None` means all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Described {
    /// Inputs to query; the others are absent in `compute`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Vec<String>>,
    /// Outputs to expect; the others may be left out of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Vec<String>>,
}
