//! Ranking: articles first (all their words, names, codes), then passages within the best articles.
//!
//! Must not: drop an article for what the chart says; chart context is only a mild prior. Only language filters.

use std::collections::BTreeMap;

use super::Snapshot;
use super::coverage::{self, Evidence};
use super::plan::{Library, Plan};
use super::schema::{Level, Scores};
use super::sentences::sentence_scores;
use super::words::Language;
use crate::domain::answer::GroundedPassage;
use crate::domain::chart::Sex;
use crate::domain::{Article, ArticleSlug, Citation, Grounding, Passage, Section, SectionKind};

/// Articles whose passages are looked at.
const CANDIDATE_ARTICLES: usize = 40;
/// Factor for an article written for another age.
const OTHER_AGE: f32 = 0.75;
/// Factor for an article written for another sex. People ask for their partners too, so it is not shut out.
const OTHER_SEX: f32 = 0.7;
/// Factor for an article about pregnancy when neither chart nor question speaks of one.
const NOT_PREGNANT: f32 = 0.85;
/// The same where the chart rules a pregnancy out.
const SURELY_NOT_PREGNANT: f32 = 0.25;
/// What a passage loses for each passage of the same section chosen before it, so that several questions are answered.
const SAME_SECTION: f32 = 0.12;
/// The same for the same article, where the message names several subjects.
const SAME_ARTICLE: f32 = 0.2;
/// How much less a term of the subject's name counts within the subject's own articles.
const SUBJECT_TERM_IN_PASSAGE: f32 = 0.4;

/// What to retrieve for.
#[derive(Clone, Copy)]
pub struct RetrievalQuery<'a> {
    /// The patient's words.
    pub text: &'a str,
    /// Names of chart facts or of what earlier turns were about; a mild prior, decisive only for a follow-up question
    /// that names no subject itself.
    pub topics: &'a [String],
    /// Codes of chart items, `system|code`.
    pub codes: &'a [String],
    /// BCP 47 language wanted.
    pub language: &'a str,
    /// The patient's age.
    pub age_years: Option<i32>,
    /// The patient's sex.
    pub sex: Option<Sex>,
    /// Whether the patient is pregnant.
    pub pregnant: Option<bool>,
    /// Most passages wanted.
    pub limit: usize,
}

impl<'a> RetrievalQuery<'a> {
    /// English, eight passages, nothing known of the patient.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self {
            text,
            topics: &[],
            codes: &[],
            language: "en",
            age_years: None,
            sex: None,
            pregnant: None,
            limit: 8,
        }
    }
}

/// A query is a patient's words, so its debug form does not show them.
impl std::fmt::Debug for RetrievalQuery<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RetrievalQuery({} bytes, {})", self.text.len(), self.language)
    }
}

/// Why a search failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The index could not be read.
    #[error("the guidance index cannot be read: {0}")]
    Index(#[from] tantivy::TantivyError),
}

/// An article with its score.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedArticle {
    /// The article.
    pub slug: ArticleSlug,
    /// Its score, comparable within one query.
    pub score: f32,
}

/// Articles or passages by number, with their score.
type Ranked = Vec<(u32, f32)>;

/// Everything one query found.
pub(crate) struct Ranking {
    pub plan: Plan,
    /// Passages of those articles, best first.
    pub passages: Ranked,
    pub evidence: Evidence,
    /// Rank of articles for a reader of whole articles.
    pub whole: Ranked,
}

impl Snapshot {
    /// Finds the passages that answer a question, and says how well the library covers it.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn retrieve(&self, query: &RetrievalQuery<'_>) -> Result<Grounding, SearchError> {
        let ranking = self.rank(query)?;
        let chosen = self.choose(&ranking, query.limit);
        let mut passages = Vec::with_capacity(chosen.len());
        for (number, score) in chosen {
            if let Some((article, section, passage)) = self.passage_at(number) {
                let mut grounded = grounded(article, section, passage, score);
                grounded.sentence_scores = sentence_scores(&ranking.plan, article, section, passage);
                passages.push(grounded);
            }
        }
        let coverage = if passages.is_empty() {
            0.0
        } else {
            coverage::calibrated(&ranking.evidence)
        };
        Ok(Grounding {
            snapshot: self.id().clone(),
            passages,
            coverage,
        })
    }

    /// Ranks whole articles.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn rank_articles(&self, query: &RetrievalQuery<'_>, limit: usize) -> Result<Vec<RankedArticle>, SearchError> {
        let ranking = self.rank(query)?;
        let named = |(number, score): &(u32, f32)| {
            self.articles().get(*number as usize).map(|a| RankedArticle {
                slug: a.slug.clone(),
                score: *score,
            })
        };
        Ok(ranking.whole.iter().take(limit).filter_map(named).collect())
    }

    /// What coverage was computed from: for calibration only.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn coverage_evidence(&self, query: &RetrievalQuery<'_>) -> Result<Vec<f32>, SearchError> {
        Ok(self.rank(query)?.evidence.features().to_vec())
    }

    pub(crate) fn rank(&self, query: &RetrievalQuery<'_>) -> Result<Ranking, SearchError> {
        let language = Language::of(query.language);
        let frequency = |term: &str| self.index.document_frequency(term);
        let library = Library {
            names: &self.names,
            vocabulary: &self.vocabulary,
            tuning: &self.tuning,
            document_frequency: &frequency,
            articles: u32::try_from(self.articles().len()).unwrap_or(u32::MAX),
        };
        let plan = library.plan(query.text, query.topics, language);
        let weighted: Vec<(&str, f32)> = plan.terms.iter().map(|t| (t.term.as_str(), t.weight * t.idf)).collect();
        let all = 0..library.articles;
        let mut scores = self
            .index
            .score(Level::Article, &weighted, std::slice::from_ref(&all), &self.tuning)?;
        self.add_bonuses(&mut scores, &plan, query);
        let articles = self.best_articles(&mut scores, query, language);
        let in_subject = |term: &str| plan.subjects.iter().any(|s| s.subject.terms.iter().any(|t| t == term));
        let within: Vec<(&str, f32)> = weighted
            .iter()
            .map(|(term, weight)| {
                (
                    *term,
                    if in_subject(term) {
                        weight * SUBJECT_TERM_IN_PASSAGE
                    } else {
                        *weight
                    },
                )
            })
            .collect();
        let mut ranges: Vec<std::ops::Range<u32>> = articles.iter().map(|(a, _)| self.passages_of(*a)).collect();
        ranges.sort_by_key(|r| r.start);
        let passage_scores = self.index.score(Level::Passage, &within, &ranges, &self.tuning)?;
        let (passages, whole) = self.best_passages(&articles, &passage_scores, &plan.kinds);
        let evidence = Evidence::gather(self, &plan, &articles, &scores, &passages, &passage_scores);
        Ok(Ranking {
            plan,
            passages,
            evidence,
            whole,
        })
    }

    /// Names and codes speak for articles beyond their words.
    fn add_bonuses(&self, scores: &mut Scores, plan: &Plan, query: &RetrievalQuery<'_>) {
        let mut add = |article: u32, bonus: f32| {
            if let Some(value) = scores.value.get_mut(article as usize).filter(|_| bonus > 0.0) {
                if *value == 0.0 {
                    scores.touched.push(article);
                }
                *value += bonus;
            }
        };
        for named in &plan.subjects {
            let mass: f32 = named.subject.terms.iter().map(|t| self.idf(t)).sum();
            for (article, strength) in &named.subject.articles {
                add(*article, self.tuning.subject * named.weight * strength * mass);
            }
        }
        for code in query.codes.iter().take(200) {
            for article in self.articles_with_code(code) {
                add(article, self.tuning.code);
            }
        }
    }

    fn idf(&self, term: &str) -> f32 {
        let (all, with) = (self.articles().len() as f32, self.index.document_frequency(term) as f32);
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }

    /// Articles of a chart code `system|code`; an ICD-10-CM category covers the codes under it.
    fn articles_with_code(&self, code: &str) -> Vec<u32> {
        let Some((system, code)) = code.rsplit_once('|') else {
            return Vec::new();
        };
        let system = system.to_ascii_lowercase();
        let short = [
            ("snomed", "snomed"),
            ("loinc", "loinc"),
            ("rxnorm", "rxnorm"),
            ("icd", "icd10cm"),
        ]
        .into_iter()
        .find(|(part, _)| system.contains(part));
        let Some((_, short)) = short else { return Vec::new() };
        let mut code = code.to_ascii_uppercase();
        loop {
            if let Some(found) = self.by_code.get(&format!("{short}|{code}")) {
                return found.clone();
            }
            if short != "icd10cm" || code.len() <= 3 || code.pop().is_none() {
                return Vec::new();
            }
            if code.ends_with('.') {
                code.pop();
            }
        }
    }

    fn best_articles(&self, scores: &mut Scores, query: &RetrievalQuery<'_>, language: Language) -> Vec<(u32, f32)> {
        let mut found: Vec<(u32, f32)> = Vec::new();
        let text = query.text.to_lowercase();
        let speaks_of_pregnancy = query.pregnant == Some(true) || text.contains("pregnan") || text.contains("embaraz");
        for number in &scores.touched {
            let Some(article) = self.articles().get(*number as usize) else {
                continue;
            };
            if Language::of(&article.language) != language {
                continue;
            }
            let score = scores.value.get(*number as usize).copied().unwrap_or(0.0);
            found.push((*number, score * audience_factor(article, query, speaks_of_pregnancy)));
        }
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(CANDIDATE_ARTICLES);
        let best = found.first().map_or(1.0, |f| f.1).max(f32::MIN_POSITIVE);
        for (_, score) in &mut found {
            *score /= best;
        }
        found
    }

    /// Passages of the best articles, and the articles ranked as wholes.
    fn best_passages(
        &self,
        articles: &[(u32, f32)],
        scores: &Scores,
        kinds: &BTreeMap<SectionKind, f32>,
    ) -> (Ranked, Ranked) {
        let [article_share, passage_share, kind_share] = self.tuning.passage_mix;
        let ranges: Vec<(u32, f32, std::ops::Range<u32>)> = articles
            .iter()
            .map(|(a, score)| (*a, *score, self.passages_of(*a)))
            .collect();
        let raw = |n: u32| scores.value.get(n as usize).copied().unwrap_or(0.0);
        let best = ranges
            .iter()
            .flat_map(|r| r.2.clone())
            .map(raw)
            .fold(f32::MIN_POSITIVE, f32::max);
        let mut passages = Vec::new();
        let mut whole = Vec::new();
        for (article, score, range) in ranges {
            let mut best_passage: f32 = 0.0;
            let mut best_fit: f32 = 0.0;
            for number in range {
                let Some((_, section, _)) = self.passage_at(number) else {
                    continue;
                };
                let fit = kind_fit(section.kind, kinds, self.tuning.overview_in_passage);
                let own = raw(number) / best;
                best_passage = best_passage.max(own);
                best_fit = best_fit.max(kind_fit(section.kind, kinds, self.tuning.overview_prior));
                passages.push((number, article_share * score + passage_share * own + kind_share * fit));
            }
            let total = score + self.tuning.passage_in_article * best_passage + self.tuning.kind_in_article * best_fit;
            whole.push((article, total));
        }
        passages.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        whole.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        (passages, whole)
    }

    pub(crate) fn passages_of(&self, article: u32) -> std::ops::Range<u32> {
        let Some(first) = self
            .first_passage
            .get(article as usize)
            .copied()
            .filter(|f| *f != u32::MAX)
        else {
            return 0..0;
        };
        let count = self
            .articles()
            .get(article as usize)
            .map_or(0, |a| a.sections.iter().map(|s| s.passages.len()).sum::<usize>());
        first..first + u32::try_from(count).unwrap_or(0)
    }

    /// The passages to ground an answer on: best first, spread over the questions and subjects asked.
    fn choose(&self, ranking: &Ranking, limit: usize) -> Vec<(u32, f32)> {
        let subjects = ranking
            .plan
            .subjects
            .iter()
            .filter(|s| !s.prior && s.weight > 0.6)
            .count();
        let mut rest: Vec<(u32, f32)> = ranking
            .passages
            .iter()
            .take(limit.saturating_mul(6).max(24))
            .copied()
            .collect();
        let mut chosen: Vec<(u32, f32)> = Vec::new();
        let mut per_section: BTreeMap<(u32, u32), f32> = BTreeMap::new();
        let mut per_article: BTreeMap<u32, f32> = BTreeMap::new();
        while chosen.len() < limit && !rest.is_empty() {
            let value = |(number, score): &(u32, f32)| {
                let Some(place) = self.places.get(*number as usize) else {
                    return f32::MIN;
                };
                let sections = per_section.get(&(place.article, place.section)).copied().unwrap_or(0.0);
                let articles = if subjects > 1 {
                    per_article.get(&place.article).copied().unwrap_or(0.0)
                } else {
                    0.0
                };
                score - SAME_SECTION * sections - SAME_ARTICLE * articles
            };
            let best = rest
                .iter()
                .enumerate()
                .max_by(|a, b| value(a.1).total_cmp(&value(b.1)).then(b.0.cmp(&a.0)));
            let Some(at) = best.map(|(at, _)| at) else { break };
            let taken = rest.remove(at);
            if let Some(place) = self.places.get(taken.0 as usize) {
                *per_section.entry((place.article, place.section)).or_default() += 1.0;
                *per_article.entry(place.article).or_default() += 1.0;
            }
            chosen.push(taken);
        }
        chosen
    }
}

fn audience_factor(article: &Article, query: &RetrievalQuery<'_>, speaks_of_pregnancy: bool) -> f32 {
    let audience = &article.audience;
    let mut factor = 1.0;
    if let Some(age) = query.age_years {
        let young = audience.min_age.is_some_and(|min| age < i32::from(min));
        let old = audience.max_age.is_some_and(|max| age > i32::from(max));
        factor *= if young || old { OTHER_AGE } else { 1.0 };
    }
    let wanted = match query.sex {
        Some(Sex::Female) => "male",
        Some(Sex::Male) => "female",
        None => "",
    };
    if audience.sex.as_deref().is_some_and(|sex| sex == wanted) {
        factor *= OTHER_SEX;
    }
    if audience.pregnancy && !speaks_of_pregnancy {
        let ruled_out = query.sex == Some(Sex::Male) || query.pregnant == Some(false);
        factor *= if ruled_out { SURELY_NOT_PREGNANT } else { NOT_PREGNANT };
    }
    factor
}

/// How well a kind of section answers the kinds asked for, 0 to 1.
pub(crate) fn kind_fit(kind: SectionKind, kinds: &BTreeMap<SectionKind, f32>, overview_prior: f32) -> f32 {
    use SectionKind as S;
    if kinds.is_empty() {
        return if kind == S::Overview { 1.0 } else { 0.3 };
    }
    let direct = kinds.get(&kind).copied().unwrap_or(0.0);
    let near: &[(SectionKind, f32)] = match kind {
        S::Treatment => &[(S::Medicines, 0.6), (S::SelfCare, 0.5), (S::Outlook, 0.3)],
        S::Medicines => &[(S::Treatment, 0.6), (S::SideEffects, 0.5)],
        S::SelfCare => &[(S::Treatment, 0.6), (S::Medicines, 0.4), (S::Prevention, 0.3)],
        S::SideEffects => &[(S::Medicines, 0.4)],
        S::Causes => &[(S::Risk, 0.6), (S::Contagion, 0.5)],
        S::Risk => &[(S::Causes, 0.6), (S::Complications, 0.3)],
        S::Contagion => &[(S::Causes, 0.4), (S::Prevention, 0.4)],
        S::Diagnosis => &[(S::Results, 0.5), (S::NextSteps, 0.4)],
        S::Results => &[(S::Diagnosis, 0.4), (S::Overview, 0.3)],
        S::Outlook => &[(S::Complications, 0.6), (S::Treatment, 0.3), (S::WhatToExpect, 0.4)],
        S::Complications => &[(S::Outlook, 0.6), (S::WhenToGetHelp, 0.3), (S::Risk, 0.3)],
        S::WhenToGetHelp => &[(S::Complications, 0.4), (S::Symptoms, 0.3)],
        S::WhatToExpect => &[(S::NextSteps, 0.5), (S::Outlook, 0.4)],
        S::NextSteps => &[(S::WhatToExpect, 0.4), (S::Results, 0.4), (S::Diagnosis, 0.3)],
        S::Prevention => &[(S::SelfCare, 0.3), (S::Contagion, 0.3)],
        S::Symptoms => &[(S::WhenToGetHelp, 0.3), (S::Diagnosis, 0.3)],
        S::Overview | S::QuestionsToAsk => &[],
    };
    let related = near
        .iter()
        .map(|(k, share)| kinds.get(k).copied().unwrap_or(0.0) * share)
        .fold(0.0, f32::max);
    let prior = if kind == S::Overview { overview_prior } else { 0.0 };
    direct.max(related).max(prior)
}

fn grounded(article: &Article, section: &Section, passage: &Passage, score: f32) -> GroundedPassage {
    GroundedPassage {
        citation: Citation {
            article: article.slug.to_string(),
            title: article.title.clone(),
            revision: article.revision,
            passage: passage.id.to_string(),
            section: section.kind,
            first_sentence: 0,
            last_sentence: passage.sentences.len().saturating_sub(1),
            quote: passage.text(),
        },
        sentences: passage.sentences.clone(),
        heading: section.heading.clone(),
        score,
        sentence_scores: Vec::new(),
    }
}
