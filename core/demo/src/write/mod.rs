//! Writers: one module per export, each with the headers and habits of its platform.

pub(crate) mod ads;
pub(crate) mod exports;
pub(crate) mod files;
pub(crate) mod inventory;
pub(crate) mod orders;
pub(crate) mod places;
pub(crate) mod products;
pub(crate) mod refunds;
pub(crate) mod sheet;
pub(crate) mod traffic;
