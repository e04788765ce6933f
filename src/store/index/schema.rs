//! What the full-text index holds of a content, and how its words are taken apart.

use std::cell::RefCell;

use tantivy::{
    TantivyDocument,
    schema::{FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{AsciiFoldingFilter, LowerCaser, RemoveLongFilter, SimpleTokenizer, TextAnalyzer},
};

use crate::model::Content;

/// Counts up whenever the fields or the words change; an index of another version is built anew.
pub const VERSION: u32 = 1;
/// The name under which the index knows [`analyzer`].
pub const FOLDED: &str = "folded";
/// Longest word in bytes; what is longer is no word that anybody types.
const MAX_WORD: usize = 256;

/// The fields, by what they are for.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    /// The catalogue's row.
    pub row: Field,
    /// Words of the name.
    pub name: Field,
    /// Words of the description.
    pub description: Field,
    /// Words of the tags.
    pub tags: Field,
    /// Each tag as it is.
    pub tag: Field,
    /// The media type as it is, and its kind as `image/*`.
    pub media_type: Field,
    /// Each overlay's name.
    pub overlay: Field,
    /// Bytes.
    pub size: Field,
}

/// The schema and its fields.
pub fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let words = || {
        let indexing = TextFieldIndexing::default().set_tokenizer(FOLDED);
        TextOptions::default().set_indexing_options(indexing.set_index_option(IndexRecordOption::WithFreqsAndPositions))
    };
    let fields = Fields {
        row: schema.add_u64_field("row", INDEXED | FAST),
        name: schema.add_text_field("name", words()),
        description: schema.add_text_field("description", words()),
        tags: schema.add_text_field("tags", words()),
        tag: schema.add_text_field("tag", STRING),
        media_type: schema.add_text_field("media_type", STRING),
        overlay: schema.add_text_field("overlay", STRING),
        size: schema.add_u64_field("size", FAST),
    };
    (schema.build(), fields)
}

/// Words without case and accents: `Übersicht.pdf` is `ubersicht` and `pdf`.
pub fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(MAX_WORD))
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter)
        .build()
}

/// A text's words as the index knows them.
pub fn words(text: &str) -> Vec<String> {
    thread_local! {
        static ANALYZER: RefCell<TextAnalyzer> = RefCell::new(analyzer());
    }
    ANALYZER.with_borrow_mut(|analyzer| {
        let (mut words, mut stream) = (Vec::new(), analyzer.token_stream(text));
        while stream.advance() {
            words.push(std::mem::take(&mut stream.token_mut().text));
        }
        words
    })
}

impl Fields {
    /// What the index holds of a content.
    pub fn document(&self, row: u64, content: &Content) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        document.add_u64(self.row, row);
        document.add_text(self.name, &content.name);
        document.add_u64(self.size, content.size);
        document.add_text(self.media_type, &content.media_type);
        if let Some((kind, _)) = content.media_type.split_once('/') {
            document.add_text(self.media_type, format!("{kind}/*"));
        }
        if let Some(description) = &content.description {
            document.add_text(self.description, description);
        }
        for tag in &content.tags {
            document.add_text(self.tags, tag);
            document.add_text(self.tag, tag);
        }
        for overlay in &content.overlays {
            document.add_text(self.overlay, overlay);
        }
        document
    }
}
