//! Who may see a figure: every result item carries labels, every role says which it is shown.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A label on a figure. Figures without one are public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sensitivity {
    /// What things cost the shop.
    Cost,
    /// Margins, fees, settlements, targets of people.
    Finance,
    /// Traces of single buyers.
    Personal,
}

/// A set of labels; the empty set is public.
pub type Sensitivities = BTreeSet<Sensitivity>;

/// Whether someone who is shown `shows` may see an item labelled `item`.
#[must_use]
pub fn visible(item: &Sensitivities, shows: &Sensitivities) -> bool {
    item.is_subset(shows)
}
