//! The text of attachments that came inside the bundle. A note is data: its words are never instructions.
//! Must not follow an attachment's `url`.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::error::ImportError;
use super::node::Node;

/// The longest text of one attachment that is kept for reading, in bytes; longer ones stay in the raw resource.
const MAX_TEXT: usize = 1 << 20;

/// Standard base64; some senders leave the padding away.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The paths of attachments of a DocumentReference or DiagnosticReport that say they are text but hold none that
/// can be read.
pub fn unreadable(node: &Node<'_>) -> Result<Vec<String>, ImportError> {
    let mut attachments = node.objects("presentedForm")?;
    for content in node.objects("content")? {
        attachments.extend(content.object("attachment")?);
    }
    let mut paths = Vec::new();
    for attachment in attachments {
        let is_text = attachment
            .text("contentType")?
            .is_none_or(|kind| kind.to_ascii_lowercase().starts_with("text/"));
        if let Some(data) = attachment.field("data")?.filter(|_| is_text)
            && attachment_text(&attachment)?.is_none()
        {
            paths.push(data.path());
        }
    }
    Ok(paths)
}

/// The decoded text of an attachment; `None` where it holds none, is no text, or is too long.
pub fn attachment_text(attachment: &Node<'_>) -> Result<Option<String>, ImportError> {
    let kind = attachment
        .text("contentType")?
        .unwrap_or("text/plain")
        .to_ascii_lowercase();
    let is_html = kind.starts_with("text/html") || kind.starts_with("application/xhtml");
    if !kind.starts_with("text/") && !is_html {
        return Ok(None);
    }
    let Some(node) = attachment.field("data")? else {
        return Ok(None);
    };
    let data: String = node.as_text()?.split_ascii_whitespace().collect();
    if data.len() > MAX_TEXT * 2 {
        return Ok(None);
    }
    // A note that cannot be decoded is kept as received and warned about; it does not cost the patient the chart.
    let Ok(bytes) = LENIENT.decode(data) else {
        return Ok(None);
    };
    if bytes.len() > MAX_TEXT {
        return Ok(None);
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        // Old systems send Latin-1 without saying so; every byte is one character there.
        Err(error) => error.into_bytes().into_iter().map(char::from).collect(),
    };
    let text = if is_html { strip_tags(&text) } else { text };
    let text: String = text
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect();
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// The text between tags, with the common entities read; scripts and styles go with their content.
fn strip_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, behind) = after.split_once('>').unwrap_or((after, ""));
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_ascii_lowercase();
        rest = behind;
        match name.as_str() {
            "script" | "style" if !tag.starts_with('/') => {
                let end = format!("</{name}");
                let folded = behind.to_ascii_lowercase();
                rest = folded.find(&end).and_then(|at| behind.get(at..)).unwrap_or("");
            }
            "p" | "br" | "li" | "div" | "tr" | "h1" | "h2" | "h3" | "h4" => text.push('\n'),
            _ => {}
        }
    }
    text.push_str(rest);
    text.replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_go_and_words_stay() {
        assert_eq!(
            strip_tags("<div><p>Call &amp; book</p><script>alert(1)</script><br/>Rest</div>")
                .split_whitespace()
                .collect::<Vec<_>>(),
            ["Call", "&", "book", "Rest"]
        );
    }
}
