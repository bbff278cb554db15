//! The guidance library: Article → Revision → Section → Passage → Sentence.
//!
//! The format in which articles are written is described in `index/README.md`.

use serde::{Deserialize, Serialize};

use super::ids::{ArticleSlug, PassageId};

/// What kind of thing an article is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArticleKind {
    /// A disease or state.
    Condition,
    /// A complaint.
    Symptom,
    /// A test and its results.
    Test,
    /// A class of medicines.
    Medicine,
    /// A procedure.
    Procedure,
    /// Preventive care.
    Prevention,
    /// Finding one's way through care.
    Navigation,
}

/// What a section answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "each name says what the section answers; index/README.md lists them"
)]
pub enum SectionKind {
    Overview,
    Symptoms,
    Causes,
    Risk,
    Contagion,
    Diagnosis,
    Results,
    Treatment,
    Medicines,
    SideEffects,
    SelfCare,
    Prevention,
    Complications,
    Outlook,
    WhatToExpect,
    WhenToGetHelp,
    NextSteps,
    QuestionsToAsk,
}

impl SectionKind {
    /// All kinds with their names, in the order a page shows them.
    pub const ALL: [(Self, &'static str); 18] = [
        (Self::Overview, "overview"),
        (Self::Symptoms, "symptoms"),
        (Self::Causes, "causes"),
        (Self::Risk, "risk"),
        (Self::Contagion, "contagion"),
        (Self::Diagnosis, "diagnosis"),
        (Self::Results, "results"),
        (Self::Treatment, "treatment"),
        (Self::Medicines, "medicines"),
        (Self::SideEffects, "side_effects"),
        (Self::SelfCare, "self_care"),
        (Self::Prevention, "prevention"),
        (Self::Complications, "complications"),
        (Self::Outlook, "outlook"),
        (Self::WhatToExpect, "what_to_expect"),
        (Self::WhenToGetHelp, "when_to_get_help"),
        (Self::NextSteps, "next_steps"),
        (Self::QuestionsToAsk, "questions_to_ask"),
    ];

    /// The name used in files and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("overview", |(_, name)| name)
    }

    /// The kind with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(kind, _)| *kind)
    }
}

/// A published work an article's facts come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Who published it.
    pub organization: String,
    /// Its title.
    pub title: String,
    /// The year.
    pub year: u16,
    /// Its address, where there is a stable one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Other names of an article's subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Synonyms {
    /// As patients say it.
    pub lay: Vec<String>,
    /// As clinicians write it.
    pub clinical: Vec<String>,
}

/// Codes of an article's subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Codes {
    /// ICD-10-CM codes or categories (a category covers the codes under it).
    pub icd10cm: Vec<String>,
    /// SNOMED CT concept ids.
    pub snomed: Vec<String>,
    /// LOINC codes.
    pub loinc: Vec<String>,
    /// RxNorm concept ids.
    pub rxnorm: Vec<String>,
}

/// Whom an article is for; an absent limit does not limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Audience {
    /// Youngest age in years.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_age: Option<u8>,
    /// Oldest age in years.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u8>,
    /// `any`, `female` or `male`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sex: Option<String>,
    /// Only about pregnancy.
    pub pregnancy: bool,
}

/// One revision of an article. Immutable once published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Article {
    /// Its name in addresses.
    pub slug: ArticleSlug,
    /// Revision number, counting from 1.
    pub revision: u32,
    /// The title.
    pub title: String,
    /// What kind of thing it is about.
    pub kind: ArticleKind,
    /// BCP 47 language.
    pub language: String,
    /// The article this one translates.
    pub translation_of: Option<ArticleSlug>,
    /// One sentence.
    pub summary: String,
    /// Date by which it must be reviewed again (YYYY-MM-DD).
    pub review_by: String,
    /// The review state in words ("seed content, not clinically reviewed").
    pub status_note: String,
    /// Questions that must find this article.
    pub golden: Vec<String>,
    /// Other names.
    pub synonyms: Synonyms,
    /// Codes.
    pub codes: Codes,
    /// Whom it is for.
    pub audience: Audience,
    /// Where its facts come from.
    pub sources: Vec<Source>,
    /// The sections, in the author's order.
    pub sections: Vec<Section>,
}

/// One section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// What it answers.
    pub kind: SectionKind,
    /// The heading a patient reads.
    pub heading: String,
    /// Its passages, in order.
    pub passages: Vec<Passage>,
}

/// A run of sentences that belong together: a paragraph, or a list with the sentence that leads it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// `<slug>.<revision>.<section>.<part>`.
    pub id: PassageId,
    /// The sentences, in order.
    pub sentences: Vec<Sentence>,
}

impl Passage {
    /// The passage as one text.
    #[must_use]
    pub fn text(&self) -> String {
        self.sentences
            .iter()
            .map(|s| s.text.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// What a sentence is within its passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SentenceKind {
    /// Stands in a paragraph.
    Prose,
    /// Leads in the list that follows; never shown without it.
    ListLead,
    /// An item of a list; never shown without the lead.
    ListItem,
}

/// One sentence, verbatim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// The text.
    pub text: String,
    /// Its place.
    pub kind: SentenceKind,
}
