//! From results to pages: one template composes a neutral Document, layout places it, and writers turn it into files.
//!
//! Everything here is pure: values in, values out; no file, no clock, no network. Read in the order of a run:
//! [`input`] is what comes in, [`compose()`] makes the Document, [`render()`] the artifacts.

pub mod compose;
pub mod format;
pub mod html;
pub mod input;
pub mod render;
pub mod text;

pub mod chart;
pub mod fonts;
pub mod layout;
pub mod pdf;
pub mod png;
pub mod svg;
pub mod xlsx;

pub use compose::{Bench, Beside, Bindable, Lack, Linted, Need, Reader, TemplateSet, compose};
pub use input::{
    CampaignInfo, Change, Completeness, ComposeInput, MetricInput, Outcome, ReportContext,
    RoleInfo, Sample, ShopInfo,
};
pub use render::{Format, Pictures, RenderOptions, render};

pub use chenbao_model::diagnostic::Problems;
