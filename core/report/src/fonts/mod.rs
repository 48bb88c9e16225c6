//! The fonts of a page: those that come with the build, and a team's own before them. Files are read elsewhere.

mod face;

pub(crate) use face::Face;

use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::{Problems, nearest};
use face::named;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

static REGULAR: &[u8] = include_bytes!("../../fonts/NotoSansSC-Regular-gbk.ttf");
static BOLD: &[u8] = include_bytes!("../../fonts/NotoSansSC-Bold-gbk.ttf");

/// One of the two weights of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Weight {
    /// 400.
    #[default]
    Regular,
    /// 700.
    Bold,
}

/// What words are for: a team may set each in a family of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Voice {
    /// Everything else.
    #[default]
    Text,
    /// Titles of the report and of its sections.
    Heading,
}

/// Which face a glyph is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FaceId(u8);

impl FaceId {
    /// The build's own, 400.
    pub const REGULAR: Self = Self(0);
    /// The build's own, 700.
    pub const BOLD: Self = Self(1);

    /// Where it stands among the faces.
    pub(crate) fn number(self) -> u8 {
        self.0
    }
}

/// The families that a team wants, each list in the order in which they are tried; the build's own come last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Families {
    /// For everything.
    pub text: Vec<String>,
    /// For titles, before those for everything.
    pub headings: Vec<String>,
    /// For digits and their signs, before those for everything.
    pub figures: Vec<String>,
}

impl Families {
    /// Every name, once.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let all = self.text.iter().chain(&self.headings).chain(&self.figures);
        let unique: std::collections::BTreeSet<&str> = all.map(String::as_str).collect();
        unique.into_iter()
    }
}

/// The names of the families in a font file, in every language that it has; none if it is no font.
#[must_use]
pub fn families(bytes: &[u8]) -> Vec<String> {
    let mut names: Vec<String> = named(bytes)
        .into_iter()
        .flat_map(|face| face.families)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Faces in the order in which they are tried, for each weight.
#[derive(Clone, Default)]
struct Chain([Vec<FaceId>; 2]);

impl Chain {
    fn of(&self, weight: Weight) -> &[FaceId] {
        match weight {
            Weight::Regular => &self.0[0],
            Weight::Bold => &self.0[1],
        }
    }

    /// Those before these.
    fn after(mut self, more: &Self) -> Self {
        for (own, more) in self.0.iter_mut().zip(&more.0) {
            for id in more {
                if !own.contains(id) {
                    own.push(*id);
                }
            }
        }
        self
    }
}

/// All faces; cheap to clone, shared by layout and writers.
#[derive(Clone)]
pub struct Fonts {
    faces: Arc<[Arc<Face>]>,
    text: Chain,
    headings: Chain,
    figures: Chain,
}

impl fmt::Debug for Fonts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.faces.iter().map(|face| &face.name))
            .finish()
    }
}

impl Fonts {
    /// The fonts that come with the build, and no system font: the same page on every machine.
    ///
    /// # Errors
    /// When a font file in the build does not parse.
    pub fn embedded() -> Result<Self, Diagnostic> {
        let faces = [
            Face::new(Cow::Borrowed(REGULAR), 0)?,
            Face::new(Cow::Borrowed(BOLD), 0)?,
        ];
        let own = Chain([vec![FaceId::REGULAR], vec![FaceId::BOLD]]);
        Ok(Self {
            faces: Arc::new(faces),
            text: own.clone(),
            headings: own.clone(),
            figures: own,
        })
    }

    /// The same with a team's families before them, out of the files that hold them.
    ///
    /// # Errors
    /// Families that no file has, all at once, each with the nearest name; a file that does not parse.
    pub fn with(wanted: &Families, files: Vec<Vec<u8>>) -> Result<Self, Problems> {
        let own = Self::embedded()?;
        let mut shelf = Shelf::new(files);
        let mut all = |names: &[String]| -> Chain {
            let chains = names.iter().map(|name| shelf.chain(name));
            chains.fold(Chain::default(), |chain, next| chain.after(&next))
        };
        let (text, headings, figures) = (
            all(&wanted.text),
            all(&wanted.headings),
            all(&wanted.figures),
        );
        if !shelf.problems.is_empty() {
            return Err(Problems(shelf.problems));
        }
        let faces: Vec<Arc<Face>> = own.faces.iter().cloned().chain(shelf.faces).collect();
        let text = text.after(&own.text);
        Ok(Self {
            faces: faces.into(),
            headings: headings.after(&text),
            figures: figures.after(&text),
            text,
        })
    }

    /// The face of an id.
    pub(crate) fn face(&self, id: FaceId) -> &Face {
        let at = usize::from(id.0);
        self.faces.get(at).unwrap_or(&self.faces[0])
    }

    /// The first face that has a character; `figure` where it belongs to a number.
    pub(crate) fn pick(
        &self,
        (voice, weight): (Voice, Weight),
        character: char,
        figure: bool,
    ) -> Option<FaceId> {
        let chain = match (voice, figure) {
            (Voice::Text, true) => &self.figures,
            (Voice::Text, false) => &self.text,
            (Voice::Heading, _) => &self.headings,
        };
        chain
            .of(weight)
            .iter()
            .find(|id| self.face(**id).has(character))
            .copied()
    }

    /// Whether some font has a glyph for a character in a weight.
    #[must_use]
    pub fn has(&self, weight: Weight, character: char) -> bool {
        self.pick((Voice::Text, weight), character, false).is_some()
    }

    /// The names of the fonts that are tried for a weight, in their order, for messages.
    #[must_use]
    pub fn names(&self, weight: Weight) -> String {
        let chain = self.text.of(weight).iter();
        let names: Vec<&str> = chain.map(|id| self.face(*id).name.as_str()).collect();
        names.join(", ")
    }
}

/// A team's font files while families are chosen out of them.
struct Shelf {
    files: Vec<Vec<u8>>,
    faces: Vec<Arc<Face>>,
    made: BTreeMap<(usize, u32), FaceId>,
    problems: Vec<Diagnostic>,
}

impl Shelf {
    fn new(files: Vec<Vec<u8>>) -> Self {
        Self {
            files,
            faces: Vec::new(),
            made: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    /// The faces of a family that come nearest to the two weights.
    fn chain(&mut self, family: &str) -> Chain {
        let same = |name: &String| name.to_lowercase() == family.to_lowercase();
        let mut found: Vec<(u16, usize, u32)> = Vec::new();
        let mut known = Vec::new();
        for (file, bytes) in self.files.iter().enumerate() {
            for face in named(bytes) {
                if face.families.iter().any(same) {
                    found.push((face.weight, file, face.index));
                }
                known.extend(face.families);
            }
        }
        let nearest_to = |wanted: u16| {
            let distance = |weight: u16| weight.abs_diff(wanted);
            found
                .iter()
                .min_by_key(|(weight, file, index)| (distance(*weight), *file, *index))
        };
        let (Some(regular), Some(bold)) = (nearest_to(400).copied(), nearest_to(700).copied())
        else {
            let problem = Diagnostic::error(format!("no font of the family `{family}` was found"));
            self.problems
                .push(match nearest(family, known.iter().map(String::as_str)) {
                    Some(near) => problem.hint(format!("did you mean `{near}`?")),
                    None => problem
                        .hint("put its .ttf, .otf or .ttc files into the folder of [fonts] dir"),
                });
            return Chain::default();
        };
        let ids = [regular, bold].map(|(_, file, index)| self.face(file, index));
        Chain(ids.map(|id| id.into_iter().collect()))
    }

    fn face(&mut self, file: usize, index: u32) -> Option<FaceId> {
        if let Some(id) = self.made.get(&(file, index)) {
            return Some(*id);
        }
        let bytes = self.files.get(file)?.clone();
        match Face::new(Cow::Owned(bytes), index) {
            Ok(face) => {
                // Two faces come with the build.
                let id = FaceId(u8::try_from(self.faces.len() + 2).ok()?);
                self.faces.push(face);
                self.made.insert((file, index), id);
                Some(id)
            }
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_weights_cover_the_page_and_have_tabular_figures() {
        let fonts = Fonts::embedded().unwrap();
        for weight in [Weight::Regular, Weight::Bold] {
            for character in "0123456789.,+−¥%·□●—…→×「」,。、晨报".chars() {
                assert!(fonts.has(weight, character), "{character}");
            }
            let id = fonts.pick((Voice::Text, weight), '1', true).unwrap();
            let shaped = fonts.face(id).shape("0123456789");
            let widths: Vec<f32> = shaped.iter().map(|glyph| glyph.advance).collect();
            assert!(
                widths.windows(2).all(|w| (w[0] - w[1]).abs() < 1e-6),
                "{widths:?}"
            );
            assert!(!fonts.has(weight, '😀'));
        }
    }

    #[test]
    fn a_family_of_the_team_goes_before_the_builds_and_leaves_it_the_rest() {
        let wanted = Families {
            figures: vec!["noto sans sc".into()],
            ..Families::default()
        };
        let files = vec![REGULAR.to_vec(), BOLD.to_vec(), b"no font".to_vec()];
        let fonts = Fonts::with(&wanted, files).unwrap();
        let pick = |c, figure| fonts.pick((Voice::Text, Weight::Bold), c, figure).unwrap();
        assert_ne!(pick('1', true), pick('1', false));
        assert_eq!(pick('1', false), FaceId(1));
        assert_eq!(fonts.face(pick('1', true)).weight, 700);
    }

    #[test]
    fn a_family_that_is_not_there_is_named_with_the_nearest() {
        let wanted = Families {
            text: vec!["Noto Sans S".into(), "Nowhere".into()],
            ..Families::default()
        };
        let problems = Fonts::with(&wanted, vec![REGULAR.to_vec()]).unwrap_err();
        assert_eq!(problems.0.len(), 2);
        let message = problems.to_string();
        assert!(
            message.contains("did you mean `Noto Sans SC`?"),
            "{message}"
        );
    }
}
