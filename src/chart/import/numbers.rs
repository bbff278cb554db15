//! The text of numbers as the sender wrote them: in FHIR "6.10" and "6.1" differ in precision, and a JSON parser
//! that reads into binary floats forgets which it was. Must not interpret anything.

use std::collections::HashMap;

use serde_json::Value;

/// The number texts that a float would not give back, by the path of the number in the document.
#[derive(Debug, Default)]
pub struct NumberTexts(HashMap<String, String>);

impl NumberTexts {
    /// Pairs the numbers of `value` with their tokens in `source`, the text it was parsed from. Where they
    /// cannot be paired (a key stands twice in an object), no text is known and the float's own is used.
    #[must_use]
    pub fn read(source: &str, value: &Value) -> Self {
        let mut walk = Walk {
            tokens: Tokens::of(source),
            path: Vec::new(),
            found: HashMap::new(),
            broken: false,
        };
        walk.visit(value);
        if walk.broken || walk.tokens.next().is_some() {
            Self::default()
        } else {
            Self(walk.found)
        }
    }

    /// The sender's text of the number at `path`, where it differs from the float's.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Whether every number's text is the float's own.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

struct Tokens<'s> {
    rest: &'s [u8],
    source: &'s str,
    at: usize,
}

impl<'s> Tokens<'s> {
    fn of(source: &'s str) -> Self {
        Self {
            rest: source.as_bytes(),
            source,
            at: 0,
        }
    }

    fn step(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.at += 1;
        Some(*first)
    }

    fn skip_string(&mut self) {
        while let Some(byte) = self.step() {
            match byte {
                b'\\' => {
                    self.step();
                }
                b'"' => return,
                _ => {}
            }
        }
    }
}

impl<'s> Iterator for Tokens<'s> {
    type Item = &'s str;

    fn next(&mut self) -> Option<&'s str> {
        while let Some(byte) = self.step() {
            if byte == b'"' {
                self.skip_string();
            } else if byte == b'-' || byte.is_ascii_digit() {
                let start = self.at - 1;
                while self
                    .rest
                    .first()
                    .is_some_and(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'))
                {
                    self.step();
                }
                return self.source.get(start..self.at);
            }
        }
        None
    }
}

enum Part<'v> {
    Key(&'v str),
    Index(usize),
}

struct Walk<'s, 'v> {
    tokens: Tokens<'s>,
    path: Vec<Part<'v>>,
    found: HashMap<String, String>,
    broken: bool,
}

impl<'v> Walk<'_, 'v> {
    fn visit(&mut self, value: &'v Value) {
        match value {
            Value::Object(fields) => {
                for (key, field) in fields {
                    self.path.push(Part::Key(key));
                    self.visit(field);
                    self.path.pop();
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push(Part::Index(index));
                    self.visit(item);
                    self.path.pop();
                }
            }
            Value::Number(number) => {
                let Some(token) = self.tokens.next() else {
                    self.broken = true;
                    return;
                };
                let own = number.to_string();
                if own == token {
                    return;
                }
                if token.parse::<f64>().ok() != number.as_f64() {
                    self.broken = true;
                    return;
                }
                let path = self.path_text();
                self.found.insert(path, token.to_owned());
            }
            _ => {}
        }
    }

    fn path_text(&self) -> String {
        let mut text = String::new();
        for part in &self.path {
            match part {
                Part::Key(key) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    text.push_str(key);
                }
                Part::Index(index) => {
                    text.push('[');
                    text.push_str(&index.to_string());
                    text.push(']');
                }
            }
        }
        text
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn texts(source: &str) -> NumberTexts {
        NumberTexts::read(source, &serde_json::from_str(source).unwrap())
    }

    #[test]
    fn trailing_zeros_and_exponents_keep_their_text() {
        let read = texts(r#"{"a": [{"value": 6.10, "text": "7.10 \" 8.10"}, 5], "b": 1e3, "c": -0.50, "d": 6.1}"#);
        assert_eq!(read.at("a[0].value"), Some("6.10"));
        assert_eq!(read.at("b"), Some("1e3"));
        assert_eq!(read.at("c"), Some("-0.50"));
        assert_eq!(read.at("a[1]"), None);
        assert_eq!(read.at("d"), None);
    }

    #[test]
    fn a_key_that_stands_twice_gives_up_rather_than_mixing_numbers() {
        assert!(texts(r#"{"a": 1.50, "a": 2.50, "b": 3.50}"#).is_empty());
    }
}
