//! Body of an article: sections, paragraphs and one-level lists, read line by line. Anything else is refused.
//!
//! Must not: interpret text. Template tokens, ampersands and angle brackets are characters like any other.

use super::Problems;
use crate::domain::text::sentences;
use crate::domain::{ArticleSlug, Passage, PassageId, Section, SectionKind, Sentence, SentenceKind};

/// One block of lines between blank lines.
enum Piece {
    Paragraph { line: usize, text: String },
    Item { line: usize, text: String },
}

/// Reads all sections.
pub(super) fn read(
    lines: &[&str],
    first_line: usize,
    slug: Option<&ArticleSlug>,
    revision: u32,
    problems: &mut Problems,
) -> Vec<Section> {
    let mut sections: Vec<(SectionKind, String, Vec<Piece>)> = Vec::new();
    let mut open = false;
    for (offset, raw) in lines.iter().enumerate() {
        let line = first_line + offset;
        let text = raw.trim_end();
        if text.trim().is_empty() {
            open = false;
            continue;
        }
        if text.starts_with('#') {
            open = false;
            if let Some((kind, heading)) = heading(text, line, problems) {
                sections.push((kind, heading, Vec::new()));
            } else {
                sections.push((SectionKind::Overview, String::new(), Vec::new()));
            }
            continue;
        }
        if let Some(reason) = refused(text) {
            problems.add(line, reason);
            continue;
        }
        let Some((_, _, pieces)) = sections.last_mut() else {
            problems.add(line, "text stands before the first section ('## kind: heading')");
            continue;
        };
        if let Some(item) = text.strip_prefix("- ") {
            pieces.push(Piece::Item {
                line,
                text: item.trim().to_owned(),
            });
            open = true;
        } else if open {
            if let Some(Piece::Paragraph { text: before, .. } | Piece::Item { text: before, .. }) = pieces.last_mut() {
                before.push(' ');
                before.push_str(text.trim());
            }
        } else {
            pieces.push(Piece::Paragraph {
                line,
                text: text.trim().to_owned(),
            });
            open = true;
        }
    }
    if sections.is_empty() {
        problems.add(first_line, "the article has no section ('## kind: heading')");
    }
    let address = Address { slug, revision };
    sections
        .into_iter()
        .enumerate()
        .map(|(number, (kind, heading, pieces))| Section {
            kind,
            heading,
            passages: address.passages(number, pieces, problems),
        })
        .collect()
}

fn heading(text: &str, line: usize, problems: &mut Problems) -> Option<(SectionKind, String)> {
    let Some(rest) = text.strip_prefix("## ") else {
        problems.add(line, "a heading is written '## kind: heading'");
        return None;
    };
    let Some((kind, title)) = rest.split_once(':') else {
        problems.add(line, "the heading has no kind: write '## kind: heading'");
        return None;
    };
    let title = title.trim();
    if title.is_empty() {
        problems.add(line, "the heading has no words after its kind");
    }
    let known = SectionKind::parse(kind.trim());
    if known.is_none() {
        let names: Vec<&str> = SectionKind::ALL.iter().map(|(_, name)| *name).collect();
        problems.add(
            line,
            format!(
                "'{}' is not a kind of section (known: {})",
                kind.trim(),
                names.join(", ")
            ),
        );
    }
    Some((known?, title.to_owned()))
}

/// Why a line is not of the allowed subset; `None` when it is.
fn refused(text: &str) -> Option<&'static str> {
    let trimmed = text.trim_start();
    let indented = text.len() != trimmed.len();
    if indented && trimmed.starts_with("- ") {
        return Some("lists have one level only");
    }
    if trimmed == "-" || trimmed.starts_with("* ") || trimmed.starts_with("+ ") {
        return Some("a list item is written '- ' and its text");
    }
    let after_digits = trimmed.trim_start_matches(|c: char| c.is_ascii_digit());
    if after_digits.len() < trimmed.len() && (after_digits.starts_with(". ") || after_digits.starts_with(") ")) {
        return Some("numbered lists are not allowed; write '- '");
    }
    if trimmed.starts_with("> ") || trimmed.starts_with("```") || trimmed.starts_with("---") {
        return Some("quotes, code and rules are not allowed");
    }
    if trimmed.starts_with("| ") && trimmed.ends_with('|') {
        return Some("tables are not allowed");
    }
    if trimmed.contains("**") || trimmed.contains("__") {
        return Some("bold text is not allowed");
    }
    if trimmed.contains("](") {
        return Some("links and images are not allowed");
    }
    if html_tag(trimmed) {
        return Some("HTML is not allowed");
    }
    None
}

/// Whether the text holds something like `<b>` or `</div>` (`<|token|>` and `< 5` are plain text).
fn html_tag(text: &str) -> bool {
    text.split('<').skip(1).any(|after| {
        let name = after.strip_prefix('/').unwrap_or(after);
        name.starts_with(|c: char| c.is_ascii_alphabetic()) && after.contains('>')
    })
}

struct Address<'a> {
    slug: Option<&'a ArticleSlug>,
    revision: u32,
}

impl Address<'_> {
    fn passages(&self, section: usize, pieces: Vec<Piece>, problems: &mut Problems) -> Vec<Passage> {
        let mut groups: Vec<(usize, Vec<Sentence>)> = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Paragraph { line, text } => {
                    let found = sentences(&text);
                    let prose = |text| Sentence {
                        text,
                        kind: SentenceKind::Prose,
                    };
                    groups.push((line, found.into_iter().map(prose).collect()));
                }
                Piece::Item { line, text } => add_item(&mut groups, line, text, problems),
            }
        }
        let filled = groups.into_iter().filter(|(_, sentences)| !sentences.is_empty());
        filled
            .enumerate()
            .filter_map(|(part, (line, sentences))| self.passage(section, part, line, sentences, problems))
            .collect()
    }

    fn passage(
        &self,
        section: usize,
        part: usize,
        line: usize,
        sentences: Vec<Sentence>,
        problems: &mut Problems,
    ) -> Option<Passage> {
        let last = sentences.last()?;
        if last.kind == SentenceKind::ListLead {
            problems.add(line, "a list is led in but has no item");
        }
        let id = PassageId::parse(&format!("{}.{}.{section}.{part}", self.slug?, self.revision)).ok()?;
        Some(Passage { id, sentences })
    }
}

/// Adds a list item to the list that is open, or opens one with the sentence before it as its lead.
fn add_item(groups: &mut Vec<(usize, Vec<Sentence>)>, line: usize, text: String, problems: &mut Problems) {
    let item = Sentence {
        text: text.split_whitespace().collect::<Vec<_>>().join(" "),
        kind: SentenceKind::ListItem,
    };
    let Some((_, before)) = groups.last_mut() else {
        problems.add(line, "a list must be led in by a sentence ending in a colon");
        return;
    };
    match before.last_mut() {
        Some(last) if last.kind != SentenceKind::Prose => before.push(item),
        Some(last) if last.text.ends_with(':') => {
            last.kind = SentenceKind::ListLead;
            if before.len() == 1 {
                before.push(item);
            } else if let Some(lead) = before.pop() {
                groups.push((line, vec![lead, item]));
            }
        }
        _ => {
            problems.add(line, "a list must be led in by a sentence ending in a colon");
            groups.push((line, vec![item]));
        }
    }
}
