//! `attach`: the files that an audience's mail carries.

use super::values::word;
use super::written::{Read, Value};

/// A file that a mail carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attachment {
    /// The pages.
    Pdf,
    /// The tables as a workbook.
    Xlsx,
}

/// Files of a mail, each once; an empty list is a mail of words alone.
pub(super) fn attachments(value: &Value<'_>) -> Read<Vec<Attachment>> {
    let known = [("pdf", Attachment::Pdf), ("xlsx", Attachment::Xlsx)];
    let mut list = value.each(|member| word(member, &known))?;
    list.sort();
    list.dedup();
    Ok(list)
}
