//! The `chenbao.toml` of a demo shop: an ordinary project.

use crate::calendar::Calendar;
use crate::catalog::Shop;
use crate::options::DemoOptions;

/// The text of the file.
pub(crate) fn text(_options: &DemoOptions, _calendar: &Calendar, _shops: &[Shop]) -> String {
    String::new()
}
