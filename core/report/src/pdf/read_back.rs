//! The structure tree as a reader's program sees it: read back out of the file and held against the Document.

use super::write;
use crate::fonts::Fonts;
use crate::layout::pages;
use crate::layout::probe::sample;
use chenbao_model::document::{Block, Document, Inline, Section, Table, plain};
use lopdf::content::Content;
use lopdf::{Dictionary, Object, ObjectId};
use std::collections::BTreeMap;

fn made(document: &Document) -> lopdf::Document {
    let fonts = Fonts::embedded().unwrap();
    let laid = pages(document, &fonts).unwrap().value;
    lopdf::Document::load_mem(&write(document, &laid, &fonts).unwrap()).unwrap()
}

/// What a file says, element by element.
struct Reader<'a> {
    pdf: &'a lopdf::Document,
    /// Text of marked content, by page and number.
    texts: BTreeMap<(ObjectId, i64), String>,
    /// Type and words of every element that holds content, in reading order.
    said: Vec<(String, String)>,
    links: Vec<(String, usize)>,
}

impl<'a> Reader<'a> {
    fn new(pdf: &'a lopdf::Document) -> Self {
        let mut texts = BTreeMap::new();
        for page in pdf.page_iter() {
            for (id, text) in marked(pdf, page) {
                texts.insert((page, id), text);
            }
        }
        let mut reader = Self {
            pdf,
            texts,
            said: Vec::new(),
            links: Vec::new(),
        };
        let root = reader.at(pdf.catalog().unwrap().get(b"StructTreeRoot").unwrap());
        let document = reader.at(root.get(b"K").unwrap());
        reader.element(document);
        reader
    }

    fn at(&self, object: &'a Object) -> &'a Dictionary {
        match object {
            Object::Reference(id) => self.pdf.get_dictionary(*id).unwrap(),
            Object::Dictionary(dictionary) => dictionary,
            other => panic!("{other:?}"),
        }
    }

    fn element(&mut self, element: &'a Dictionary) {
        let kind = name(element, b"S");
        let place = self.said.len();
        let words = self.kids(element);
        if let Some(alt) = element.get(b"Alt").ok().map(string) {
            self.said.insert(place, (kind, alt));
        } else if !words.is_empty() || matches!(kind.as_str(), "TD" | "TH") {
            self.said.insert(place, (kind, words));
        }
    }

    /// The words right in an element; what is in parts of it is said on its own, but for links.
    fn kids(&mut self, element: &'a Dictionary) -> String {
        let page = element
            .get(b"Pg")
            .ok()
            .map(|page| page.as_reference().unwrap());
        let kids = match element.get(b"K") {
            Ok(Object::Array(kids)) => kids.iter().collect(),
            Ok(one) => vec![one],
            Err(_) => Vec::new(),
        };
        let mut words = String::new();
        for kid in kids {
            if let Object::Integer(id) = kid {
                words.push_str(&self.texts.remove(&(page.unwrap(), *id)).unwrap());
                continue;
            }
            let kid = self.at(kid);
            let kind = kid.get(b"Type").map(|kind| kind.as_name().unwrap());
            match kind {
                Ok(b"MCR") => {
                    let page = kid.get(b"Pg").unwrap().as_reference().unwrap();
                    let id = kid.get(b"MCID").unwrap().as_i64().unwrap();
                    words.push_str(&self.texts.remove(&(page, id)).unwrap());
                }
                Ok(b"OBJR") => {
                    assert_eq!(name(self.at(kid.get(b"Obj").unwrap()), b"Subtype"), "Link");
                }
                _ if name(kid, b"S") == "Link" => {
                    let own = self.kids(kid);
                    let annotations = kid.get(b"K").unwrap().as_array().unwrap().len();
                    words.push_str(&own);
                    self.links.push((own, annotations));
                }
                _ => self.element(kid),
            }
        }
        words
    }
}

fn name(dictionary: &Dictionary, key: &[u8]) -> String {
    String::from_utf8(dictionary.get(key).unwrap().as_name().unwrap().to_vec()).unwrap()
}

fn string(object: &Object) -> String {
    let bytes = object.as_str().unwrap();
    match bytes.strip_prefix(&[0xfe, 0xff]) {
        Some(wide) => utf16(wide),
        None => String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes
        .chunks(2)
        .map(|two| u16::from_be_bytes([two[0], two[1]]));
    char::decode_utf16(units).map(Result::unwrap).collect()
}

/// The texts of a page's marked content, by number; everything outside of it must be an artifact.
fn marked(pdf: &lopdf::Document, page: ObjectId) -> BTreeMap<i64, String> {
    let fonts = pdf.get_page_fonts(page).unwrap();
    let unicode: BTreeMap<Vec<u8>, BTreeMap<u16, String>> = fonts
        .iter()
        .map(|(name, font)| (name.clone(), to_unicode(pdf, font)))
        .collect();
    let content = Content::decode(&pdf.get_page_content(page)).unwrap();
    let mut texts: BTreeMap<i64, String> = BTreeMap::new();
    let mut open: Vec<Option<i64>> = Vec::new();
    let mut font = None;
    for operation in &content.operations {
        match operation.operator.as_str() {
            "BDC" => {
                let properties = operation.operands[1].as_dict().unwrap();
                let id = properties.get(b"MCID").ok().map(|id| id.as_i64().unwrap());
                assert!(
                    id.is_some()
                        || !open.is_empty()
                        || operation.operands[0].as_name().unwrap() == b"Artifact"
                );
                let inherited = open.last().copied().flatten();
                if let Some(id) = id {
                    assert!(
                        texts.insert(id, String::new()).is_none(),
                        "number {id} twice"
                    );
                }
                open.push(id.or(inherited));
            }
            "EMC" => {
                open.pop().unwrap();
            }
            "Tf" => font = unicode.get(operation.operands[0].as_name().unwrap()),
            "TJ" | "Tj" | "f" | "S" | "s" | "B" | "re" => {
                assert!(!open.is_empty(), "untagged {}", operation.operator);
                if let (Some(Some(id)), Some(font)) = (open.last(), font) {
                    texts
                        .get_mut(id)
                        .unwrap()
                        .push_str(&shown(&operation.operands, font));
                }
            }
            _ => {}
        }
    }
    assert!(open.is_empty());
    texts
}

fn shown(operands: &[Object], font: &BTreeMap<u16, String>) -> String {
    let mut out = String::new();
    for operand in operands {
        match operand {
            Object::Array(inner) => out.push_str(&shown(inner, font)),
            Object::String(bytes, _) => {
                for code in bytes
                    .chunks(2)
                    .map(|two| u16::from_be_bytes([two[0], two[1]]))
                {
                    out.push_str(font.get(&code).map_or("", String::as_str));
                }
            }
            _ => {}
        }
    }
    out
}

/// The pairs of a ToUnicode map.
fn to_unicode(pdf: &lopdf::Document, font: &Dictionary) -> BTreeMap<u16, String> {
    let stream = pdf.get_object(font.get(b"ToUnicode").unwrap().as_reference().unwrap());
    let text = stream
        .unwrap()
        .as_stream()
        .unwrap()
        .get_plain_content()
        .unwrap();
    let text = String::from_utf8(text).unwrap();
    let hex = |word: &str| -> Vec<u8> {
        let digits: Vec<char> = word.chars().filter(char::is_ascii_hexdigit).collect();
        let byte = |two: &[char]| u8::from_str_radix(&two.iter().collect::<String>(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    };
    let mut map = BTreeMap::new();
    for part in text.split("beginbfchar").skip(1) {
        let part = part.split("endbfchar").next().unwrap();
        let words: Vec<Vec<u8>> = part.split('<').skip(1).map(hex).collect();
        for pair in words.chunks(2) {
            map.insert(
                u16::from_be_bytes([pair[0][0], pair[0][1]]),
                utf16(&pair[1]),
            );
        }
    }
    assert!(!map.is_empty() && !text.contains("beginbfrange"), "{text}");
    map
}

/// What the tree should say of a document.
fn expected(document: &Document) -> Vec<(String, String)> {
    let mut said = Vec::new();
    for block in &document.blocks {
        let mut block = block.clone();
        // On narrow paper the facts are one line below the title.
        if let Block::Masthead(head) = &mut block
            && document.meta.theme.page == "phone"
        {
            head.facts = vec![head.facts.join(" · ")];
        }
        block_said(&block, 1, &mut said);
    }
    said
}

fn block_said(block: &Block, level: usize, out: &mut Vec<(String, String)>) {
    let mut say = |kind: &str, words: &str| {
        if !words.is_empty() {
            out.push((kind.to_owned(), words.to_owned()));
        }
    };
    match block {
        Block::Masthead(head) => {
            say("H1", &head.title);
            say("P", &head.parts.join(" · "));
            say("P", head.stamp.as_ref().map_or("", |stamp| &stamp.text));
            head.facts.iter().for_each(|fact| say("P", fact));
        }
        Block::Lede { inlines } | Block::Paragraph { inlines } | Block::Note { inlines } => {
            let heads = inlines.iter().all(|inline| inline.bold);
            let heading = format!("H{}", level + 1);
            say(if heads { &heading } else { "P" }, &plain(inlines));
        }
        Block::Kpis { kpis } => kpis.iter().for_each(|kpi| {
            say("Lbl", &kpi.label);
            say("P", &kpi.value);
            let change = kpi.change.as_ref().map_or("", |change| &change.text);
            say("P", &format!("{change}{}", kpi.basis));
            say("P", &kpi.note);
        }),
        Block::Section(Section {
            title,
            note,
            blocks,
        }) => {
            say(&format!("H{}", level + 1), title);
            say("P", note);
            blocks
                .iter()
                .for_each(|inner| block_said(inner, level + 1, out));
        }
        Block::Columns { columns } => {
            for inner in columns.iter().flatten() {
                block_said(inner, level, out);
            }
        }
        Block::List { ordered, items } => {
            for (i, item) in items.iter().enumerate() {
                let number = format!("{}.", i + 1);
                say("Lbl", if *ordered { &number } else { "•" });
                say("LBody", &plain(item));
            }
        }
        Block::Table(table) => table_said(table, out),
        Block::Chart(chart) => out.push(("Figure".into(), chart.alt.clone())),
        Block::Actions { actions } => {
            for (i, action) in actions.iter().enumerate() {
                say("Lbl", &(i + 1).to_string());
                say("P", &plain(&action.title));
                say("P", &plain(&action.reason));
                say("P", &action.stake);
                say("P", &action.confidence);
            }
        }
        Block::PageBreak => {}
    }
}

fn table_said(table: &Table, out: &mut Vec<(String, String)>) {
    out.extend(
        table
            .heads
            .iter()
            .map(|head| ("TH".to_owned(), head.label.clone())),
    );
    for row in &table.rows {
        for (i, cell) in row.cells.iter().enumerate() {
            let kind = if i == 0 { "TH" } else { "TD" };
            out.push((kind.to_owned(), plain(cell)));
        }
    }
    let sentences = table.empty.iter().chain(&table.more);
    out.extend(sentences.map(|words| ("P".to_owned(), words.clone())));
}

/// Spaces fall away where lines end, a dot stands between facts on one line, and the emoji of the sample is a box.
fn bare(said: &[(String, String)]) -> Vec<(String, String)> {
    let bare = |text: &String| {
        let text = text.replace("😀👍🏽", "□").replace('·', " ");
        text.split_whitespace().collect()
    };
    said.iter()
        .map(|(kind, text)| (kind.clone(), bare(text)))
        .collect()
}

fn described() -> Document {
    let mut document = sample::daily();
    fn describe(blocks: &mut [Block]) {
        for block in blocks {
            match block {
                Block::Chart(chart) => chart.alt = format!("图 {}:见正文", chart.id),
                Block::Section(section) => describe(&mut section.blocks),
                Block::Columns { columns } => columns.iter_mut().for_each(|inner| describe(inner)),
                _ => {}
            }
        }
    }
    describe(&mut document.blocks);
    document
}

#[test]
fn the_tree_says_what_the_document_says_in_its_order() {
    for page in ["a4", "phone"] {
        let mut document = described();
        document.meta.theme.page = page.into();
        let pdf = made(&document);
        let reader = Reader::new(&pdf);
        assert_eq!(bare(&reader.said), bare(&expected(&document)), "{page}");
        assert_eq!(reader.texts, BTreeMap::new(), "content without a part");
        let links: Vec<&str> = reader
            .links
            .iter()
            .map(|(words, _)| words.as_str())
            .collect();
        assert_eq!(links, ["见漏斗", "说明文档"]);
    }
}

#[test]
fn a_long_table_is_one_table_whose_repeated_heads_are_read_once() {
    let mut document = described();
    document
        .blocks
        .retain(|block| matches!(block, Block::Masthead(_)));
    let row = |i: usize| chenbao_model::document::Row {
        cells: vec![
            vec![Inline::data(format!("款{i}"))],
            vec![Inline::data(i.to_string())],
        ],
        ..Default::default()
    };
    let head = |label: &str| chenbao_model::document::Head {
        label: label.into(),
        ..Default::default()
    };
    document.blocks.push(Block::Table(Table {
        title: "全部商品".into(),
        heads: vec![head("商品"), head("件数")],
        rows: (0..150).map(row).collect(),
        ..Table::default()
    }));
    let pdf = made(&document);
    assert!(pdf.page_iter().count() > 2);
    let reader = Reader::new(&pdf);
    assert_eq!(bare(&reader.said), bare(&expected(&document)));
    let tables = pdf
        .objects
        .values()
        .filter_map(|object| object.as_dict().ok());
    let tables = tables.filter(|one| {
        one.get(b"S")
            .is_ok_and(|s| s.as_name().is_ok_and(|s| s == b"Table"))
    });
    let summaries: Vec<String> = tables
        .map(|one| {
            string(
                one.get(b"A")
                    .unwrap()
                    .as_dict()
                    .unwrap()
                    .get(b"Summary")
                    .unwrap(),
            )
        })
        .collect();
    assert_eq!(summaries, ["全部商品"]);
}

#[test]
fn words_that_a_line_parts_stay_two_words() {
    let mut document = described();
    document.meta.lang = "en".into();
    let text = "The outcome of the day and of the week before it. ".repeat(12);
    document.blocks = vec![Block::Paragraph {
        inlines: vec![Inline::words(text.trim())],
    }];
    let pdf = made(&document);
    assert_eq!(
        Reader::new(&pdf).said,
        [("P".to_owned(), text.trim().to_owned())]
    );
}

#[test]
fn every_element_and_annotation_is_found_from_its_page() {
    let pdf = made(&described());
    let catalog = pdf.catalog().unwrap();
    let marked = catalog.get(b"MarkInfo").unwrap().as_dict().unwrap();
    assert!(marked.get(b"Marked").unwrap().as_bool().unwrap());
    let root = catalog
        .get(b"StructTreeRoot")
        .unwrap()
        .as_reference()
        .unwrap();
    let tree = pdf
        .get_dictionary(root)
        .unwrap()
        .get(b"ParentTree")
        .unwrap();
    let tree = pdf.get_dictionary(tree.as_reference().unwrap()).unwrap();
    let numbers = tree.get(b"Nums").unwrap().as_array().unwrap();
    let of = |key: i64| {
        let pair = numbers
            .chunks(2)
            .find(|pair| pair[0].as_i64().unwrap() == key);
        pair.unwrap()[1].as_reference().unwrap()
    };
    for page in pdf.page_iter() {
        let dictionary = pdf.get_dictionary(page).unwrap();
        let owners = of(dictionary.get(b"StructParents").unwrap().as_i64().unwrap());
        let owners = pdf.get_object(owners).unwrap().as_array().unwrap();
        assert!(!owners.is_empty());
        assert!(
            owners
                .iter()
                .all(|owner| pdf.get_dictionary(owner.as_reference().unwrap()).is_ok())
        );
        let Ok(annotations) = dictionary.get(b"Annots") else {
            continue;
        };
        for annotation in annotations.as_array().unwrap() {
            let link = pdf
                .get_dictionary(annotation.as_reference().unwrap())
                .unwrap();
            assert!(!string(link.get(b"Contents").unwrap()).is_empty());
            let owner = of(link.get(b"StructParent").unwrap().as_i64().unwrap());
            assert_eq!(name(pdf.get_dictionary(owner).unwrap(), b"S"), "Link");
        }
    }
}
