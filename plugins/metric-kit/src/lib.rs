//! What the shop metrics share: exact ratios and quantiles, decompositions that add up, and the days they compare.
//!
//! Pure: values in, values out. Everything is decimal; the one logarithm is the decimal one.

mod frame;
mod lmdi;
mod mix;
mod numbers;

pub use frame::{Block, Frame};
pub use lmdi::{Parts, lmdi, settle};
pub use mix::{Mix, Sold, price_volume_mix};
pub use numbers::{Baseline, median, percent, quantile, ratio, round2};
