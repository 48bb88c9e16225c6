//! The Document as files: one document, many writers.

/// What a Document can be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Mail HTML with its pictures.
    Html,
    /// Plain text.
    Text,
    /// Pages.
    Pdf,
    /// Each page as a picture, for previews.
    Png,
}

/// Where the pictures of the HTML are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pictures {
    /// Beside it, as artifacts with a Content-ID: for mail.
    #[default]
    Cid,
    /// In it, as `data:` addresses: for a file on disk.
    Inline,
}
