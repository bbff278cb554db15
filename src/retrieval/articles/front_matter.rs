//! Front matter of an article: TOML, every key typed, unknown keys refused, all problems at once with their line.
//!
//! Must not: look at the body, or guess a value that is missing.

use toml::{Table, Value};

use super::Problems;
use crate::domain::guidance::{ArticleKind, Synonyms};
use crate::domain::{Article, ArticleSlug, Audience, Codes, Section, Source};

/// Front matter as read; a field that could not be read is `None` and a problem has been noted.
pub(super) struct FrontMatter {
    pub slug: Option<ArticleSlug>,
    pub revision: u32,
    title: Option<String>,
    kind: Option<ArticleKind>,
    language: Option<String>,
    translation_of: Option<ArticleSlug>,
    summary: Option<String>,
    review_by: Option<String>,
    status_note: Option<String>,
    golden: Vec<String>,
    synonyms: Synonyms,
    codes: Codes,
    audience: Audience,
    sources: Vec<Source>,
}

impl FrontMatter {
    pub(super) fn into_article(self, sections: Vec<Section>) -> Option<Article> {
        Some(Article {
            slug: self.slug?,
            revision: self.revision,
            title: self.title?,
            kind: self.kind?,
            language: self.language?,
            translation_of: self.translation_of,
            summary: self.summary?,
            review_by: self.review_by?,
            status_note: self.status_note?,
            golden: self.golden,
            synonyms: self.synonyms,
            codes: self.codes,
            audience: self.audience,
            sources: self.sources,
            sections,
        })
    }
}

const TOP_KEYS: [&str; 14] = [
    "slug",
    "title",
    "kind",
    "revision",
    "language",
    "translation_of",
    "summary",
    "review_by",
    "status_note",
    "golden",
    "synonyms",
    "codes",
    "audience",
    "sources",
];

/// Reads the front matter. `None` when it is not TOML at all.
pub(super) fn read(text: &str, first_line: usize, problems: &mut Problems) -> Option<FrontMatter> {
    let table = match text.parse::<Table>() {
        Ok(table) => table,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let line = text
                .char_indices()
                .take_while(|(i, _)| *i < at)
                .filter(|(_, c)| *c == '\n')
                .count();
            problems.add(
                first_line + line,
                format!("the front matter is not TOML: {}", error.message()),
            );
            return None;
        }
    };
    let mut reader = Reader {
        text,
        first_line,
        table: &table,
        section: "",
        problems,
    };
    reader.refuse_unknown(&TOP_KEYS);
    let slug = reader.slug("slug", true);
    let kind = reader.kind();
    let head = FrontMatter {
        slug,
        revision: reader
            .integer("revision", 1, i64::from(u32::MAX))
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(1),
        title: reader.text("title", true),
        kind,
        language: reader.language(),
        translation_of: reader.slug("translation_of", false),
        summary: reader.text("summary", true),
        review_by: reader.date("review_by"),
        status_note: reader.text("status_note", true),
        golden: reader.list("golden", true),
        synonyms: reader.inside("synonyms", &["lay", "clinical"], |r| Synonyms {
            lay: r.list("lay", false),
            clinical: r.list("clinical", false),
        }),
        codes: reader.inside("codes", &["icd10cm", "snomed", "loinc", "rxnorm"], |r| Codes {
            icd10cm: r.list("icd10cm", false),
            snomed: r.list("snomed", false),
            loinc: r.list("loinc", false),
            rxnorm: r.list("rxnorm", false),
        }),
        audience: reader.inside("audience", &["min_age", "max_age", "sex", "pregnancy"], read_audience),
        sources: reader.sources(),
    };
    Some(head)
}

fn read_audience(reader: &mut Reader<'_>) -> Audience {
    let age = |reader: &mut Reader<'_>, key: &str| {
        if reader.table.contains_key(key) {
            reader.integer(key, 0, 150).and_then(|n| u8::try_from(n).ok())
        } else {
            None
        }
    };
    let min_age = age(reader, "min_age");
    let max_age = age(reader, "max_age");
    if let (Some(min), Some(max)) = (min_age, max_age)
        && min > max
    {
        reader.problem("min_age", "is greater than max_age");
    }
    let sex = reader.text("sex", false);
    if sex
        .as_deref()
        .is_some_and(|sex| !matches!(sex, "any" | "female" | "male"))
    {
        reader.problem("sex", "must be any, female or male");
    }
    let pregnancy = match reader.table.get("pregnancy") {
        None => false,
        Some(Value::Boolean(value)) => *value,
        Some(_) => {
            reader.problem("pregnancy", "must be true or false");
            false
        }
    };
    Audience {
        min_age,
        max_age,
        sex,
        pregnancy,
    }
}

struct Reader<'a> {
    text: &'a str,
    first_line: usize,
    table: &'a Table,
    section: &'a str,
    problems: &'a mut Problems,
}

impl<'a> Reader<'a> {
    /// The line on which a key of this section stands; the section's or the first line where it is missing.
    fn line_of(&self, key: &str) -> usize {
        let mut section = "";
        let mut fallback = 0;
        for (number, line) in self.text.lines().enumerate() {
            let line = line.trim();
            if line.starts_with('[') {
                section = line.trim_start_matches('[').split(']').next().unwrap_or("").trim();
                if section == self.section {
                    fallback = number;
                }
            }
            let named = line.split('=').next().unwrap_or("").trim().trim_matches('"');
            if section == self.section && named == key || self.section.is_empty() && section == key {
                return self.first_line + number;
            }
        }
        self.first_line + fallback
    }

    fn problem(&mut self, key: &str, message: &str) {
        let dot = if self.section.is_empty() { "" } else { "." };
        self.problems
            .add(self.line_of(key), format!("{}{dot}{key} {message}", self.section));
    }

    fn refuse_unknown(&mut self, known: &[&str]) {
        let unknown: Vec<String> = self
            .table
            .keys()
            .filter(|k| !known.contains(&k.as_str()))
            .cloned()
            .collect();
        for key in unknown {
            self.problem(&key, &format!("is not a known key (known: {})", known.join(", ")));
        }
    }

    fn text(&mut self, key: &str, required: bool) -> Option<String> {
        match self.table.get(key) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Some(Value::String(_)) => {
                self.problem(key, "is empty");
                None
            }
            Some(_) => {
                self.problem(key, "must be a text in quotes");
                None
            }
            None => {
                if required {
                    self.problem(key, "is missing");
                }
                None
            }
        }
    }

    fn list(&mut self, key: &str, required: bool) -> Vec<String> {
        let Some(value) = self.table.get(key) else {
            if required {
                self.problem(key, "is missing");
            }
            return Vec::new();
        };
        let texts = value
            .as_array()
            .map(|items| items.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        match texts {
            Some(Some(texts)) => {
                if texts.iter().any(|t| t.trim().is_empty()) {
                    self.problem(key, "holds an empty text");
                }
                texts.into_iter().map(|t| t.trim().to_owned()).collect()
            }
            _ => {
                self.problem(key, "must be a list of texts");
                Vec::new()
            }
        }
    }

    fn integer(&mut self, key: &str, min: i64, max: i64) -> Option<i64> {
        match self.table.get(key).map(Value::as_integer) {
            Some(Some(number)) if (min..=max).contains(&number) => Some(number),
            None => {
                self.problem(key, "is missing");
                None
            }
            _ => {
                self.problem(key, &format!("must be a whole number from {min} to {max}"));
                None
            }
        }
    }

    fn slug(&mut self, key: &str, required: bool) -> Option<ArticleSlug> {
        let text = self.text(key, required)?;
        match ArticleSlug::parse(&text) {
            Ok(slug) => Some(slug),
            Err(error) => {
                self.problem(key, error.reason);
                None
            }
        }
    }

    fn kind(&mut self) -> Option<ArticleKind> {
        let text = self.text("kind", true)?;
        let kind = serde_json::from_value(serde_json::Value::String(text)).ok();
        if kind.is_none() {
            self.problem(
                "kind",
                "must be condition, symptom, test, medicine, procedure, prevention or navigation",
            );
        }
        kind
    }

    fn language(&mut self) -> Option<String> {
        let text = self.text("language", true)?;
        let good = (2..=35).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !good {
            self.problem("language", "must be a BCP 47 tag such as en or es");
            return None;
        }
        Some(text)
    }

    fn date(&mut self, key: &str) -> Option<String> {
        if let Some(Value::Datetime(date)) = self.table.get(key) {
            return Some(date.to_string());
        }
        let text = self.text(key, true)?;
        if text.parse::<jiff::civil::Date>().is_err() {
            self.problem(key, "must be a date YYYY-MM-DD");
            return None;
        }
        Some(text)
    }

    fn inside<T: Default>(&mut self, key: &'a str, known: &[&str], read: impl Fn(&mut Reader<'_>) -> T) -> T {
        match self.table.get(key) {
            None => T::default(),
            Some(Value::Table(table)) => {
                let mut inner = Reader {
                    text: self.text,
                    first_line: self.first_line,
                    table,
                    section: key,
                    problems: self.problems,
                };
                inner.refuse_unknown(known);
                read(&mut inner)
            }
            Some(_) => {
                self.problem(key, "must be a table");
                T::default()
            }
        }
    }

    fn sources(&mut self) -> Vec<Source> {
        let Some(items) = self.table.get("sources").and_then(Value::as_array) else {
            self.problem("sources", "is missing: write at least one [[sources]] table");
            return Vec::new();
        };
        let mut found = Vec::new();
        for item in items {
            match item.clone().try_into::<Source>() {
                Ok(source) => found.push(source),
                Err(error) => {
                    let message = error.message().to_owned();
                    self.problem("sources", &format!("are not right: {message}"));
                }
            }
        }
        if items.is_empty() {
            self.problem("sources", "is empty");
        }
        found
    }
}
