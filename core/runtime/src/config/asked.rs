//! What the readers of the configuration ask for, noted while they read: the keys that exist, and what each of them takes.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// A type of a value, under its name in JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Array,
    Boolean,
    Integer,
    Object,
    String,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [
        Self::Array,
        Self::Boolean,
        Self::Integer,
        Self::Object,
        Self::String,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Array => "array",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Object => "object",
            Self::String => "string",
        }
    }
}

/// What a reader takes at one place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// The types that it tried.
    pub(super) kinds: BTreeSet<Kind>,
    /// The words that it knows; any, if there are none.
    pub(super) words: BTreeSet<String>,
    /// Whether the key must be there.
    pub(super) needed: bool,
    /// Whether it is a table that is read also where it is left out, so that what must be in it makes it needed.
    pub(super) always: bool,
}

/// Shapes by place: `shop.*.name`, ids as `*`, members of a list as `[]`.
#[derive(Debug, Default)]
pub(super) struct Asked(RefCell<BTreeMap<String, Shape>>);

impl Asked {
    pub(super) fn key(&self, place: &str) {
        self.note(place, |_| {});
    }

    pub(super) fn needed(&self, place: &str) {
        self.note(place, |shape| shape.needed = true);
    }

    /// A table that is read whether it is there or not.
    pub(super) fn always(&self, place: &str) {
        self.note(place, |shape| shape.always = true);
    }

    pub(super) fn kind(&self, place: &str, kind: Kind) {
        self.note(place, |shape| {
            shape.kinds.insert(kind);
        });
    }

    pub(super) fn words<'a>(&self, place: &str, words: impl Iterator<Item = &'a str>) {
        self.note(place, |shape| {
            shape.words.extend(words.map(str::to_owned));
        });
    }

    fn note(&self, place: &str, change: impl FnOnce(&mut Shape)) {
        let mut all = self.0.borrow_mut();
        if let Some(shape) = all.get_mut(place) {
            change(shape);
        } else {
            change(all.entry(place.to_owned()).or_default());
        }
    }

    pub(super) fn shapes(&self) -> BTreeMap<String, Shape> {
        self.0.borrow().clone()
    }
}
