//! The tantivy index: fields, writing, and scoring by BM25 over several fields (BM25F).
//!
//! The only file that speaks tantivy. Documents are the articles in order, then the passages in order, in one
//! segment, so a document's number says what it is. Must not: know about questions.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tantivy::directory::MmapDirectory;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::Postings;
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{DocSet, Index, IndexReader, IndexSettings, InvertedIndexReader, TERMINATED, TantivyDocument, Term};

use super::tuning::Tuning;

/// Fields of articles, in the order of [`Tuning::article_fields`].
const ARTICLE_FIELDS: [&str; 5] = [
    "article_title",
    "article_names",
    "article_questions",
    "article_headings",
    "article_text",
];
/// Fields of passages, in the order of [`Tuning::passage_fields`].
const PASSAGE_FIELDS: [&str; 2] = ["passage_heading", "passage_text"];
/// Memory of the writer before it grows, in bytes.
const WRITER_BYTES: usize = 64 * 1024 * 1024;

/// Articles or passages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Article,
    Passage,
}

/// Terms of one document, each field already analysed.
pub(crate) enum Unit {
    Article([Vec<String>; 5]),
    Passage([Vec<String>; 2]),
}

fn schema() -> Schema {
    let mut builder = Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer("whitespace")
        .set_index_option(IndexRecordOption::WithFreqs);
    for name in ARTICLE_FIELDS.into_iter().chain(PASSAGE_FIELDS) {
        builder.add_text_field(name, TextOptions::default().set_indexing_options(indexing.clone()));
    }
    builder.build()
}

/// Writes all units, in order, as one segment into an empty folder.
pub(crate) fn write(folder: &Path, units: impl Iterator<Item = Unit>) -> tantivy::Result<()> {
    let schema = schema();
    let directory = MmapDirectory::open(folder)?;
    let mut writer = Index::builder()
        .schema(schema.clone())
        .settings(IndexSettings::default())
        .single_segment_index_writer::<TantivyDocument>(directory, WRITER_BYTES)?;
    for unit in units {
        let mut document = TantivyDocument::default();
        let (names, fields): (&[&str], &[Vec<String>]) = match &unit {
            Unit::Article(fields) => (&ARTICLE_FIELDS, fields),
            Unit::Passage(fields) => (&PASSAGE_FIELDS, fields),
        };
        for (name, terms) in names.iter().zip(fields) {
            document.add_text(schema.get_field(name)?, terms.join(" "));
        }
        writer.add_document(document)?;
    }
    writer.finalize()?;
    Ok(())
}

struct OpenField {
    field: Field,
    postings: Arc<InvertedIndexReader>,
    norms: FieldNormReader,
    average: f32,
}

/// An open index.
pub(crate) struct SearchIndex {
    articles: usize,
    documents: usize,
    article_fields: Vec<OpenField>,
    passage_fields: Vec<OpenField>,
    /// Keeps the files mapped.
    _reader: IndexReader,
}

/// Scores of one level, by position (0 is the first article or passage).
pub(crate) struct Scores {
    pub value: Vec<f32>,
    /// Bit `i` is set where term `i` was found (terms after the 64th have none).
    pub found: Vec<u64>,
    /// The same for fields that name the subject (title and names).
    pub named: Vec<u64>,
    /// Positions with any term.
    pub touched: Vec<u32>,
}

impl SearchIndex {
    /// Opens the index in `folder`; it must hold `articles` + `passages` documents in one segment.
    pub(crate) fn open(folder: &Path, articles: usize, passages: usize) -> tantivy::Result<Self> {
        let index = Index::open_in_dir(folder)?;
        let reader = index.reader()?;
        let searcher = reader.searcher();
        let documents = articles + passages;
        let schema = index.schema();
        let mut article_fields = Vec::new();
        let mut passage_fields = Vec::new();
        if documents > 0 {
            let [segment] = searcher.segment_readers() else {
                return Err(tantivy::TantivyError::InternalError(
                    "the index has not exactly one segment".to_owned(),
                ));
            };
            if segment.num_docs() as usize != documents {
                let message = format!("the index has {} documents instead of {documents}", segment.num_docs());
                return Err(tantivy::TantivyError::InternalError(message));
            }
            let open = |name: &&str, count: usize| -> tantivy::Result<OpenField> {
                let field = schema.get_field(name)?;
                let postings = segment.inverted_index(field)?;
                let norms = segment.get_fieldnorms_reader(field)?;
                let average = (postings.total_num_tokens() as f32 / count.max(1) as f32).max(1.0);
                Ok(OpenField {
                    field,
                    postings,
                    norms,
                    average,
                })
            };
            article_fields = ARTICLE_FIELDS
                .iter()
                .map(|n| open(n, articles))
                .collect::<tantivy::Result<_>>()?;
            passage_fields = PASSAGE_FIELDS
                .iter()
                .map(|n| open(n, passages))
                .collect::<tantivy::Result<_>>()?;
        }
        Ok(Self {
            articles,
            documents,
            article_fields,
            passage_fields,
            _reader: reader,
        })
    }

    /// In how many articles a term stands (the text field holds all words of an article).
    pub(crate) fn document_frequency(&self, term: &str) -> u32 {
        let Some(text) = self.article_fields.last() else {
            return 0;
        };
        text.postings
            .doc_freq(&Term::from_field_text(text.field, term))
            .unwrap_or(0)
    }

    /// BM25F of one level. `terms` are terms with their weight (inverse document frequency included); only positions
    /// in `within` (ascending, apart from each other) are looked at, which is what keeps large libraries fast.
    pub(crate) fn score(
        &self,
        level: Level,
        terms: &[(&str, f32)],
        within: &[Range<u32>],
        tuning: &Tuning,
    ) -> tantivy::Result<Scores> {
        let (first, count, fields): (usize, usize, &[OpenField]) = match level {
            Level::Article => (0, self.articles, &self.article_fields),
            Level::Passage => (self.articles, self.documents - self.articles, &self.passage_fields),
        };
        let weights: &[(f32, f32)] = match level {
            Level::Article => &tuning.article_fields,
            Level::Passage => &tuning.passage_fields,
        };
        let mut scores = Scores {
            value: vec![0.0; count],
            found: vec![0; count],
            named: if level == Level::Article {
                vec![0; count]
            } else {
                Vec::new()
            },
            touched: Vec::new(),
        };
        let mut frequency = vec![0.0f32; count];
        let mut now: Vec<u32> = Vec::new();
        let tables: Vec<[f32; 256]> = fields
            .iter()
            .zip(weights)
            .map(|(field, (weight, b))| norm_table(*weight, *b, field.average))
            .collect();
        for (number, (term, weight)) in terms.iter().enumerate() {
            let bit = if number < 64 { 1u64 << number } else { 0 };
            for (place, (field, table)) in fields.iter().zip(&tables).enumerate() {
                let names = level == Level::Article && place < 2;
                let term = Term::from_field_text(field.field, term);
                let Some(mut postings) = field.postings.read_postings(&term, IndexRecordOption::WithFreqs)? else {
                    continue;
                };
                for range in within {
                    let (start, end) = (first as u32 + range.start, first as u32 + range.end);
                    let mut document = postings.doc();
                    if document < start {
                        document = postings.seek(start);
                    }
                    while document < end && document != TERMINATED {
                        let at = (document as usize).wrapping_sub(first);
                        let factor = table
                            .get(usize::from(field.norms.fieldnorm_id(document)))
                            .copied()
                            .unwrap_or(0.0);
                        if let Some(value) = frequency.get_mut(at) {
                            if *value == 0.0 {
                                now.push(at as u32);
                            }
                            *value += postings.term_freq() as f32 * factor;
                            if names && let Some(mask) = scores.named.get_mut(at) {
                                *mask |= bit;
                            }
                        }
                        document = postings.advance();
                    }
                }
            }
            for at in now.drain(..) {
                let position = at as usize;
                let Some(seen) = frequency.get_mut(position) else {
                    continue;
                };
                let gain = weight * *seen * (tuning.k1 + 1.0) / (tuning.k1 + *seen);
                *seen = 0.0;
                if let (Some(value), Some(mask)) = (scores.value.get_mut(position), scores.found.get_mut(position)) {
                    if *value == 0.0 {
                        scores.touched.push(at);
                    }
                    *value += gain;
                    *mask |= bit;
                }
            }
        }
        Ok(scores)
    }
}

/// Weight of one occurrence by the stored length code.
fn norm_table(weight: f32, b: f32, average: f32) -> [f32; 256] {
    let mut table = [0.0; 256];
    for (code, value) in (0u8..=255).zip(table.iter_mut()) {
        let length = FieldNormReader::id_to_fieldnorm(code) as f32;
        *value = weight / (1.0 - b + b * length / average);
    }
    table
}
