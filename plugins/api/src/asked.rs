//! Which parameters a type declares, asked of types that may declare none.

use crate::params::{ParamSpec, Params};
use std::marker::PhantomData;

/// Asks a type for its declared parameters whether or not it has any; for [`export_plugin!`](crate::export_plugin), which
/// also takes parameters that only serde knows. The method of [`Declares`] is nearer than that of [`Silent`].
#[derive(Debug)]
pub struct Asked<T>(PhantomData<T>);

impl<T> Asked<T> {
    /// The question.
    #[must_use]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for Asked<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Types that declare parameters.
pub trait Declares {
    /// What they declare.
    fn declared(&self) -> &'static [ParamSpec];
}

impl<T: Params> Declares for Asked<T> {
    fn declared(&self) -> &'static [ParamSpec] {
        T::DECLARED
    }
}

/// Types that do not.
pub trait Silent {
    /// Nothing.
    fn declared(&self) -> &'static [ParamSpec];
}

impl<T> Silent for &Asked<T> {
    fn declared(&self) -> &'static [ParamSpec] {
        &[]
    }
}
