//! The words of Chartlight as types. Pure: no input or output, no clock, no framework.
//!
//! Everything above this layer speaks in these types; a value that exists has already been checked.

pub mod answer;
pub mod chart;
pub mod clock;
pub mod guidance;
pub mod ids;
pub mod principal;
pub mod question;
pub mod text;
pub mod urgency;

pub use answer::{
    Answer, Block, BlockKind, ChartReference, Citation, Event, Fact, Grounding, Release, Support, Timings, Triage,
    TriageReason,
};
pub use chart::Chart;
pub use clock::{Clock, SystemClock};
pub use guidance::{Article, Audience, Codes, Passage, Section, SectionKind, Sentence, SentenceKind, Source};
pub use ids::{ArticleSlug, ConversationId, IdError, PassageId, PatientId, SnapshotId, TurnId};
pub use principal::{Patient, Principal, Role};
pub use question::{Question, QuestionError};
pub use urgency::Urgency;
