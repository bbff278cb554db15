//! From a patient's message to what is searched for: terms with weights, subjects, kinds of section.
//!
//! Must not: read the index's postings or rank. It needs only the vocabulary, the names and the term statistics.

use std::collections::{BTreeMap, HashMap};

use super::kinds::{kinds_of, without_chatter};
use super::lay_terms::{Meaning, meanings};
use super::names::{NamedSubject, Names};
use super::tuning::Tuning;
use super::vocabulary::Vocabulary;
use super::words::{Analyzer, Language, Token, clauses, is_common, is_english};
use crate::domain::SectionKind;
use crate::domain::text::fold;

/// Most characters of a message that are read: a whole question of the longest kind, folded.
const MAX_MESSAGE_BYTES: usize = 24_000;
/// Most clauses that are read.
const MAX_CLAUSES: usize = 200;
/// Most unknown words looked at for repair in one message: bounds the time on hostile input.
const MAX_REPAIRS: usize = 12;

/// A term to search for.
#[derive(Debug, Clone)]
pub(crate) struct PlanTerm {
    pub term: String,
    /// How much the patient's wording speaks for this term, about 0 to 1.5.
    pub weight: f32,
    /// Inverse document frequency over articles; an estimate for terms the library lacks.
    pub idf: f32,
    /// Whether the library holds it.
    pub known: bool,
    /// Neither in the library nor English: a name the library lacks, or nonsense.
    pub foreign: bool,
    /// Added from lay terms, not written by the patient.
    pub added: bool,
}

/// A subject with how much the message is about it, 0 to 1.
#[derive(Debug, Clone)]
pub(crate) struct PlanSubject {
    pub subject: NamedSubject,
    pub weight: f32,
    /// From the chart or an earlier turn, not from the message.
    pub prior: bool,
}

/// What is searched for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub terms: Vec<PlanTerm>,
    pub subjects: Vec<PlanSubject>,
    pub kinds: BTreeMap<SectionKind, f32>,
    /// Everyday phrases of the message: a written word is as good as found where its meaning is.
    pub meanings: Vec<Meaning>,
}

/// What planning needs to know about a library.
pub(crate) struct Library<'a> {
    pub names: &'a Names,
    pub vocabulary: &'a Vocabulary,
    pub tuning: &'a Tuning,
    /// Articles that hold a term.
    pub document_frequency: &'a dyn Fn(&str) -> u32,
    pub articles: u32,
}

struct Clause {
    tokens: Vec<Token>,
    meanings: Vec<Meaning>,
    weight: f32,
    asked: bool,
}

impl Library<'_> {
    /// Plans one message; `topics` are names of chart facts or of earlier turns.
    pub(crate) fn plan(&self, text: &str, topics: &[String], language: Language) -> Plan {
        let analyzer = Analyzer::new(language);
        let clauses = self.clauses(text, &analyzer, language);
        let mut plan = Plan {
            kinds: self.kinds(&clauses, language),
            ..Plan::default()
        };
        plan.subjects = self.subjects(&clauses);
        self.add_topics(&mut plan, topics, &analyzer);
        plan.terms = self.terms(&clauses);
        plan.meanings = clauses.iter().flat_map(|c| c.meanings.iter().cloned()).collect();
        plan
    }

    fn clauses(&self, text: &str, analyzer: &Analyzer, language: Language) -> Vec<Clause> {
        let mut end = text.len().min(MAX_MESSAGE_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let folded = fold(text.get(..end).unwrap_or(""));
        let folded = if language == Language::English {
            without_chatter(&folded)
        } else {
            folded
        };
        let mut repairs = 0;
        let mut found: Vec<Clause> = Vec::new();
        for clause in clauses(&folded).into_iter().take(MAX_CLAUSES) {
            let tokens: Vec<Token> = analyzer
                .tokens(clause)
                .into_iter()
                .map(|t| self.repaired(t, analyzer, language, &mut repairs))
                .collect();
            if tokens.iter().all(|t| t.stop) && !clause.ends_with('?') {
                continue;
            }
            let asked = clause.ends_with('?') || asks(&tokens, language);
            let meanings = if language == Language::English {
                meanings(&tokens)
            } else {
                Vec::new()
            };
            found.push(Clause {
                tokens,
                meanings,
                weight: 1.0,
                asked,
            });
        }
        let any_asked = found.iter().any(|c| c.asked);
        let count = found.len();
        for (number, clause) in found.iter_mut().enumerate() {
            let subject_line = number == 0 && clause.tokens.iter().filter(|t| !t.stop).count() <= 5 && count > 1;
            clause.weight = if clause.asked || !any_asked {
                1.0
            } else if subject_line {
                self.tuning.subject_line
            } else {
                self.tuning.told
            };
        }
        found
    }

    fn repaired(&self, token: Token, analyzer: &Analyzer, language: Language, repairs: &mut usize) -> Token {
        if token.stop || language != Language::English || *repairs >= MAX_REPAIRS {
            return token;
        }
        let known = (self.document_frequency)(&token.term) > 0;
        if self.vocabulary.knows(&token.word) || is_english(&token.word) {
            return token;
        }
        *repairs += 1;
        match self.vocabulary.repair(&token.word, known) {
            Some(meant) => analyzer.token(meant.to_owned()),
            None => token,
        }
    }

    fn kinds(&self, clauses: &[Clause], language: Language) -> BTreeMap<SectionKind, f32> {
        let mut found: BTreeMap<SectionKind, f32> = BTreeMap::new();
        for clause in clauses {
            let words: Vec<String> = clause.tokens.iter().map(|t| t.word.clone()).collect();
            for (kind, weight) in kinds_of(&words, language) {
                let weight = weight
                    * if clause.asked {
                        1.0
                    } else {
                        clause.weight * self.tuning.told_kind
                    };
                let value = found.entry(kind).or_default();
                *value = value.max(weight);
            }
        }
        // "What is the treatment" asks for the treatment, not for an overview.
        if found
            .iter()
            .any(|(kind, weight)| *kind != SectionKind::Overview && *weight >= 0.7)
            && let Some(overview) = found.get_mut(&SectionKind::Overview)
        {
            *overview = overview.min(0.3);
        }
        found
    }

    fn subjects(&self, clauses: &[Clause]) -> Vec<PlanSubject> {
        let mut found: Vec<PlanSubject> = Vec::new();
        for clause in clauses {
            let golden = self.names.golden(&clause.tokens);
            for subject in golden.into_iter().chain(self.names.find(&clause.tokens)) {
                found.push(PlanSubject {
                    subject,
                    weight: clause.weight,
                    prior: false,
                });
            }
            for meant in clause.meanings.iter().flat_map(|m| &m.meant) {
                if let Some(subject) = self.names.exact(meant) {
                    let weight = clause.weight * self.tuning.meant_subject;
                    found.push(PlanSubject {
                        subject,
                        weight,
                        prior: false,
                    });
                }
            }
        }
        let strongest = found.iter().map(|s| s.weight).fold(0.0, f32::max);
        if strongest > 0.0 {
            for subject in &mut found {
                subject.weight /= strongest;
            }
        }
        found
    }

    fn add_topics(&self, plan: &mut Plan, topics: &[String], analyzer: &Analyzer) {
        // A weak word that happens to be a name ("medicine") does not make a follow-up question a question of its own.
        let clear = self.idf(1) * self.tuning.clear_subject;
        let mass = |s: &PlanSubject| {
            s.subject
                .terms
                .iter()
                .map(|t| self.idf((self.document_frequency)(t)))
                .sum::<f32>()
        };
        let named = plan.subjects.iter().any(|s| s.weight > 0.6 && mass(s) >= clear);
        let weight = if named {
            self.tuning.topic_beside_subject
        } else {
            self.tuning.topic_alone
        };
        for topic in topics.iter().take(16) {
            for subject in self.names.find(&analyzer.tokens(topic)) {
                plan.subjects.push(PlanSubject {
                    subject,
                    weight,
                    prior: true,
                });
            }
        }
    }

    /// Terms of all clauses, the strongest [`Tuning::max_terms`].
    fn terms(&self, clauses: &[Clause]) -> Vec<PlanTerm> {
        let mut found: HashMap<String, PlanTerm> = HashMap::new();
        for clause in clauses {
            for token in clause.tokens.iter().filter(|t| !t.stop) {
                self.add_term(&mut found, token, clause.weight);
            }
            for meaning in &clause.meanings {
                for term in meaning.meant.iter().flatten() {
                    let frequency = (self.document_frequency)(term);
                    let weight = clause.weight * self.tuning.meaning;
                    let idf = self.idf(frequency);
                    if frequency > 0 {
                        found.entry(term.clone()).or_insert(PlanTerm {
                            term: term.clone(),
                            weight,
                            idf,
                            known: true,
                            foreign: false,
                            added: true,
                        });
                    }
                }
            }
        }
        let mut terms: Vec<PlanTerm> = found.into_values().collect();
        terms.sort_by(|a, b| {
            (b.weight * b.idf)
                .total_cmp(&(a.weight * a.idf))
                .then_with(|| a.term.cmp(&b.term))
        });
        terms.truncate(self.tuning.max_terms);
        terms
    }

    fn add_term(&self, found: &mut HashMap<String, PlanTerm>, token: &Token, clause_weight: f32) {
        let mut weight = clause_weight;
        if token.word.chars().all(|c| c.is_ascii_digit() || c == '.') {
            weight *= self.tuning.number;
        } else if is_common(&token.word) {
            weight *= self.tuning.common;
        }
        if let Some(known) = found.get_mut(&token.term)
            && !known.added
        {
            known.weight = known.weight.max(weight) + self.tuning.repeated * weight;
            known.weight = known.weight.min(1.5);
            return;
        }
        let frequency = (self.document_frequency)(&token.term);
        let known = frequency > 0;
        let foreign = !known && !is_english(&token.word) && token.word.chars().all(char::is_alphabetic);
        let idf = self.idf(frequency);
        let term = PlanTerm {
            term: token.term.clone(),
            weight,
            idf,
            known,
            foreign,
            added: false,
        };
        found.insert(token.term.clone(), term);
    }

    /// BM25's inverse document frequency (Robertson and Zaragoza 2009), never negative.
    fn idf(&self, frequency: u32) -> f32 {
        let (all, with) = (self.articles as f32, frequency as f32);
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }
}

/// Whether a clause without a question mark asks: by its first words, or a request in it.
fn asks(tokens: &[Token], language: Language) -> bool {
    const FIRST_EN: [&str; 30] = [
        "what", "whats", "what's", "how", "why", "when", "where", "which", "who", "is", "are", "can", "could", "do",
        "does", "did", "should", "would", "will", "has", "have", "am", "was", "were", "may", "any", "tell", "explain",
        "may", "need",
    ];
    const FIRST_ES: [&str; 14] = [
        "que", "como", "cuando", "donde", "cual", "cuales", "quien", "por", "puedo", "debo", "es", "cuanto", "hay",
        "tengo",
    ];
    const WANTS: [&str; 11] = [
        "advise",
        "suggest",
        "recommend",
        "know",
        "learn",
        "wonder",
        "wondering",
        "explain",
        "information",
        "info",
        "question",
    ];
    let first = tokens
        .iter()
        .map(|t| t.word.as_str())
        .find(|w| !matches!(*w, "and" | "also" | "but" | "so" | "or" | "y"));
    match language {
        Language::Spanish => first.is_some_and(|w| FIRST_ES.contains(&w)),
        _ => first.is_some_and(|w| FIRST_EN.contains(&w)) || tokens.iter().any(|t| WANTS.contains(&t.word.as_str())),
    }
}
