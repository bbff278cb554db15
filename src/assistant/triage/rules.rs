//! The compiled rules: files in, checked conditions out.
//!
//! Every name in every condition must exist, every rule must carry examples: a file that breaks this is refused whole.

use std::collections::{BTreeMap, HashMap};

use crate::domain::Urgency;

use super::attributes::{CueFile, Cues};
use super::expression::{self, Comparison, Expression, ExpressionError};
use super::files::{ConceptKind, NoticeFile, NoticeText, Presentation};
use super::pattern::{Phrase, PhraseError, PhraseIndex};
use super::quantities::{Quantities, QuantityFile};
use super::vocabulary::{Vocabulary, WordFile};

/// Context flags that rules may name besides concepts (see [`super::context::TriageContext::flags`]).
const FLAGS: [&str; 16] = [
    "pregnant",
    "postpartum",
    "anticoagulated",
    "immunosuppressed",
    "diabetes",
    "insulin-user",
    "heart-disease",
    "kidney-disease",
    "lung-disease",
    "stroke-history",
    "liver-disease",
    "epilepsy",
    "sickle-cell",
    "adrenal-insufficiency",
    "female",
    "male",
];

/// Why the rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// A file of the set is missing.
    #[error("triage file {0} is missing")]
    Missing(&'static str),
    /// A file is not UTF-8.
    #[error("triage file {0} is not UTF-8 text")]
    NotText(String),
    /// A file does not parse, or has an unknown key.
    #[error("triage file {file}: {cause}")]
    Toml {
        /// The file.
        file: String,
        /// What the parser says.
        #[source]
        cause: Box<toml::de::Error>,
    },
    /// A phrase does not compile.
    #[error("triage file {file}: {cause}")]
    Phrase {
        /// The file.
        file: String,
        /// What is wrong.
        #[source]
        cause: PhraseError,
    },
    /// A condition does not parse.
    #[error("triage file {file}, rule {rule}: {cause}")]
    Condition {
        /// The file.
        file: String,
        /// The rule or definition.
        rule: String,
        /// What is wrong.
        #[source]
        cause: ExpressionError,
    },
    /// A condition names something that does not exist, or definitions run in a circle.
    #[error("triage file {file}, rule {rule}: unknown name \"{name}\"")]
    UnknownName {
        /// The file.
        file: String,
        /// The rule or definition.
        rule: String,
        /// The name.
        name: String,
    },
    /// Two things have one name, or a rule has no examples, or a notice is missing.
    #[error("triage file {file}: {what}")]
    Invalid {
        /// The file.
        file: String,
        /// What is wrong.
        what: String,
    },
}

/// A condition with its names resolved.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// A concept is there.
    Concept(usize),
    /// A context flag holds.
    Flag(&'static str),
    /// A quantity passes.
    Compare(usize, Comparison, f64),
    /// Not.
    Not(Box<Condition>),
    /// All.
    All(Vec<Condition>),
    /// Any.
    Any(Vec<Condition>),
    /// At least so many.
    AtLeast(usize, Vec<Condition>),
    /// Close together.
    Near(Vec<usize>, Vec<usize>),
}

/// A compiled rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// `<file>.<name>`.
    pub id: String,
    /// The level.
    pub level: Urgency,
    /// The condition.
    pub when: Condition,
    /// The approved text's name.
    pub notice: String,
    /// The guideline.
    pub source: String,
    /// Messages that must make it fire.
    pub fires: Vec<String>,
    /// Messages that must not (its own and its file's).
    pub quiet: Vec<String>,
}

/// All that was compiled.
#[derive(Debug)]
pub struct RuleSet {
    /// Words.
    pub vocabulary: Vocabulary,
    /// Cues of denial, past and question.
    pub cues: Cues,
    /// Numbers.
    pub quantities: Quantities,
    /// Phrases of all concepts.
    pub phrases: PhraseIndex,
    /// Names of the concepts.
    pub concept_names: Vec<String>,
    /// How each concept counts.
    pub concept_kinds: Vec<ConceptKind>,
    /// Rules, in file order.
    pub rules: Vec<Rule>,
    /// Approved texts.
    pub notices: BTreeMap<String, NoticeText>,
}

fn read<T: serde::de::DeserializeOwned>(file: &str, text: &str) -> Result<T, RuleError> {
    toml::from_str(text).map_err(|cause| RuleError::Toml {
        file: file.to_owned(),
        cause: Box::new(cause),
    })
}

impl RuleSet {
    /// Compiles the files (name to text).
    ///
    /// # Errors
    /// See [`RuleError`].
    pub fn compile(files: &BTreeMap<String, String>) -> Result<Self, RuleError> {
        let shared = |name: &'static str| files.get(name).ok_or(RuleError::Missing(name));
        let words: WordFile = read("_words.toml", shared("_words.toml")?)?;
        let cue_file: CueFile = read("_cues.toml", shared("_cues.toml")?)?;
        let quantity_file: QuantityFile = read("_quantities.toml", shared("_quantities.toml")?)?;
        let notice_file: NoticeFile = read("_notices.toml", shared("_notices.toml")?)?;
        let mut vocabulary = Vocabulary::new(words);
        let in_file = |file: &str| {
            let file = file.to_owned();
            move |cause: PhraseError| RuleError::Phrase { file, cause }
        };
        let cues = Cues::compile(&cue_file, &mut vocabulary).map_err(in_file("_cues.toml"))?;
        let quantities = Quantities::compile(quantity_file, &mut vocabulary).map_err(in_file("_quantities.toml"))?;
        let mut presentations: Vec<(String, Presentation)> = Vec::new();
        for (file, text) in files.iter().filter(|(name, _)| !name.starts_with('_')) {
            presentations.push((file.trim_end_matches(".toml").to_owned(), read(file, text)?));
        }
        let mut set = Self {
            vocabulary,
            cues,
            quantities,
            phrases: PhraseIndex::default(),
            concept_names: Vec::new(),
            concept_kinds: Vec::new(),
            rules: Vec::new(),
            notices: notice_file.notices,
        };
        set.add_concepts(&presentations)?;
        set.add_rules(&presentations)?;
        Ok(set)
    }

    fn add_concepts(&mut self, presentations: &[(String, Presentation)]) -> Result<(), RuleError> {
        let mut seen: HashMap<String, ()> = HashMap::new();
        for (file, presentation) in presentations {
            for (name, entry) in &presentation.concepts {
                if seen.insert(name.clone(), ()).is_some() {
                    return Err(RuleError::Invalid {
                        file: file.clone(),
                        what: format!("concept {name} stands twice"),
                    });
                }
                let number = self.concept_names.len();
                for (phrases, spanish) in [(&entry.en, false), (&entry.es, true)] {
                    for phrase in phrases {
                        let phrase = Phrase::compile(phrase, spanish, &mut self.vocabulary).map_err(|cause| {
                            RuleError::Phrase {
                                file: file.clone(),
                                cause,
                            }
                        })?;
                        self.phrases.add(number, phrase);
                    }
                }
                self.concept_names.push(name.clone());
                self.concept_kinds.push(entry.kind);
            }
        }
        Ok(())
    }

    fn add_rules(&mut self, presentations: &[(String, Presentation)]) -> Result<(), RuleError> {
        let mut names = Names {
            concepts: HashMap::new(),
            defined: HashMap::new(),
        };
        names.concepts = self
            .concept_names
            .iter()
            .enumerate()
            .map(|(i, n)| (n.clone(), i))
            .collect();
        for (file, presentation) in presentations {
            for (name, text) in &presentation.define {
                let parsed = expression::parse(text).map_err(|cause| RuleError::Condition {
                    file: file.clone(),
                    rule: name.clone(),
                    cause,
                })?;
                if names.concepts.contains_key(name) || names.defined.insert(name.clone(), parsed).is_some() {
                    return Err(RuleError::Invalid {
                        file: file.clone(),
                        what: format!("name {name} stands twice"),
                    });
                }
            }
        }
        for (file, presentation) in presentations {
            if presentation.title.trim().is_empty() || presentation.source.trim().is_empty() {
                let what = "title and source must not be empty".to_owned();
                return Err(RuleError::Invalid {
                    file: file.clone(),
                    what,
                });
            }
            for entry in &presentation.rules {
                let id = format!("{file}.{}", entry.id);
                let invalid = |what: String| RuleError::Invalid {
                    file: file.clone(),
                    what,
                };
                if entry.fires.is_empty() || (entry.quiet.is_empty() && presentation.quiet.is_empty()) {
                    return Err(invalid(format!("rule {id} lacks examples")));
                }
                if self.rules.iter().any(|r| r.id == id) {
                    return Err(invalid(format!("rule {id} stands twice")));
                }
                let notice = entry.notice.clone().unwrap_or_else(|| entry.level.as_str().to_owned());
                if matches!(entry.level, Urgency::Emergency | Urgency::Urgent) && !self.notices.contains_key(&notice) {
                    return Err(invalid(format!("rule {id} names the unknown notice {notice}")));
                }
                let parsed = expression::parse(&entry.when).map_err(|cause| RuleError::Condition {
                    file: file.clone(),
                    rule: id.clone(),
                    cause,
                })?;
                let when = names
                    .resolve(&parsed, &self.quantities, 0)
                    .map_err(|name| RuleError::UnknownName {
                        file: file.clone(),
                        rule: id.clone(),
                        name,
                    })?;
                let quiet = entry.quiet.iter().chain(&presentation.quiet).cloned().collect();
                self.rules.push(Rule {
                    id,
                    level: entry.level,
                    when,
                    notice,
                    source: entry.source.clone().unwrap_or_else(|| presentation.source.clone()),
                    fires: entry.fires.clone(),
                    quiet,
                });
            }
        }
        Ok(())
    }
}

struct Names {
    concepts: HashMap<String, usize>,
    defined: HashMap<String, Expression>,
}

impl Names {
    /// Resolves names; the error is the name that is unknown (or whose definition never ends).
    fn resolve(&self, expression: &Expression, quantities: &Quantities, depth: usize) -> Result<Condition, String> {
        let each = |parts: &[Expression]| {
            parts
                .iter()
                .map(|p| self.resolve(p, quantities, depth + 1))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(match expression {
            Expression::Name(name) => {
                if depth > 60 {
                    return Err(name.clone());
                }
                let flag = FLAGS.iter().find(|f| *f == name).map(|f| Condition::Flag(f));
                let text = match (self.concepts.get(name), self.defined.get(name)) {
                    (Some(number), _) => Some(Condition::Concept(*number)),
                    (None, Some(defined)) => Some(self.resolve(defined, quantities, depth + 1)?),
                    (None, None) => None,
                };
                match (text, flag) {
                    (Some(text), Some(flag)) => Condition::Any(vec![text, flag]),
                    (Some(only), None) | (None, Some(only)) => only,
                    (None, None) => return Err(name.clone()),
                }
            }
            Expression::Compare(name, comparison, limit) => Condition::Compare(
                quantities.number(name).ok_or_else(|| name.clone())?,
                *comparison,
                *limit,
            ),
            Expression::Not(inner) => Condition::Not(Box::new(self.resolve(inner, quantities, depth + 1)?)),
            Expression::All(parts) => Condition::All(each(parts)?),
            Expression::Any(parts) => Condition::Any(each(parts)?),
            Expression::AtLeast(count, parts) => Condition::AtLeast(*count, each(parts)?),
            Expression::Near(first, second) => {
                let numbers = |list: &[String]| {
                    list.iter()
                        .map(|n| self.concepts.get(n).copied().ok_or_else(|| n.clone()))
                        .collect::<Result<Vec<_>, _>>()
                };
                Condition::Near(numbers(first)?, numbers(second)?)
            }
        })
    }
}
