//! What writers make: named bytes with a media type and a digest; a report's artifacts are a list, never one field per format.

use crate::Digest;

/// One file of a rendered report, or one picture of its mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// File name for people, e.g. `经营日报-2026-11-21.pdf`.
    pub name: String,
    /// Media type, e.g. `application/pdf`.
    pub media_type: String,
    /// Content-ID, for pictures that the HTML refers to as `cid:...`.
    pub cid: Option<String>,
    /// The content.
    pub bytes: Vec<u8>,
    /// SHA-256 of the content.
    pub digest: Digest,
}

impl Artifact {
    /// An artifact; its digest is computed here.
    pub fn new(name: impl Into<String>, media_type: impl Into<String>, bytes: Vec<u8>) -> Self {
        let digest = Digest::of(&bytes);
        Self {
            name: name.into(),
            media_type: media_type.into(),
            cid: None,
            bytes,
            digest,
        }
    }

    /// The same, referred to from HTML by this Content-ID.
    #[must_use]
    pub fn with_cid(mut self, cid: impl Into<String>) -> Self {
        self.cid = Some(cid.into());
        self
    }
}
