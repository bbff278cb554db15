//! A place in the bundle: a JSON value that knows its path, so that every complaint can name it.
//! Must not put the value itself into an error.

use std::fmt::Write as _;
use std::rc::Rc;

use serde_json::Value;

use super::error::ImportError;
use super::numbers::NumberTexts;

#[derive(Debug)]
enum Part<'v> {
    Root,
    Key(&'v str),
    Index(usize),
}

#[derive(Debug)]
struct Step<'v> {
    parent: Option<Rc<Step<'v>>>,
    part: Part<'v>,
}

/// A JSON value and where it stands.
#[derive(Debug, Clone)]
pub struct Node<'v> {
    value: &'v Value,
    step: Rc<Step<'v>>,
    numbers: &'v NumberTexts,
}

/// The JSON type of a value, for messages.
const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

impl<'v> Node<'v> {
    /// The whole document.
    pub fn root(value: &'v Value, numbers: &'v NumberTexts) -> Self {
        Self {
            value,
            step: Rc::new(Step {
                parent: None,
                part: Part::Root,
            }),
            numbers,
        }
    }

    /// The JSON value.
    pub const fn value(&self) -> &'v Value {
        self.value
    }

    /// The path from the root (`entry[3].resource.code`).
    pub fn path(&self) -> String {
        let mut parts = Vec::new();
        let mut step = Some(&self.step);
        while let Some(current) = step {
            parts.push(&current.part);
            step = current.parent.as_ref();
        }
        let mut path = String::new();
        for part in parts.into_iter().rev() {
            match part {
                Part::Root => {}
                Part::Key(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                Part::Index(index) => {
                    let _infallible = write!(path, "[{index}]");
                }
            }
        }
        path
    }

    fn path_to(&self, key: &str) -> String {
        let mut path = self.path();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
        path
    }

    fn wrong(&self, expected: &'static str) -> ImportError {
        ImportError::WrongType {
            path: self.path(),
            expected,
            found: kind(self.value),
        }
    }

    /// The error "this is not what FHIR allows here".
    pub fn invalid(&self, reason: &'static str) -> ImportError {
        ImportError::Invalid {
            path: self.path(),
            reason,
        }
    }

    /// The error "`key` is missing here".
    pub fn missing(&self, key: &str) -> ImportError {
        ImportError::Missing {
            path: self.path_to(key),
        }
    }

    fn child(&self, value: &'v Value, part: Part<'v>) -> Self {
        Self {
            value,
            step: Rc::new(Step {
                parent: Some(Rc::clone(&self.step)),
                part,
            }),
            numbers: self.numbers,
        }
    }

    /// The field `key`, of any type; `None` where absent or null.
    pub fn field(&self, key: &'static str) -> Result<Option<Self>, ImportError> {
        let Value::Object(fields) = self.value else {
            return Err(self.wrong("an object"));
        };
        Ok(fields
            .get(key)
            .filter(|value| !value.is_null())
            .map(|value| self.child(value, Part::Key(key))))
    }

    /// Whether this is an object, and if not the error that says so.
    pub fn must_be_object(&self) -> Result<(), ImportError> {
        if self.value.is_object() {
            Ok(())
        } else {
            Err(self.wrong("an object"))
        }
    }

    /// The names of the fields.
    pub fn keys(&self) -> impl Iterator<Item = &'v str> + use<'v> {
        self.value
            .as_object()
            .into_iter()
            .flat_map(|fields| fields.keys().map(String::as_str))
    }

    /// The object at `key`.
    pub fn object(&self, key: &'static str) -> Result<Option<Self>, ImportError> {
        let node = self.field(key)?;
        if let Some(node) = &node {
            node.must_be_object()?;
        }
        Ok(node)
    }

    /// The items of the list at `key`; empty where absent. Null items are left out.
    pub fn list(&self, key: &'static str) -> Result<Vec<Self>, ImportError> {
        let Some(node) = self.field(key)? else {
            return Ok(Vec::new());
        };
        let Value::Array(items) = node.value else {
            return Err(node.wrong("a list"));
        };
        Ok(items
            .iter()
            .enumerate()
            .filter(|(_, item)| !item.is_null())
            .map(|(index, item)| node.child(item, Part::Index(index)))
            .collect())
    }

    /// The objects of the list at `key`.
    pub fn objects(&self, key: &'static str) -> Result<Vec<Self>, ImportError> {
        let items = self.list(key)?;
        for item in &items {
            item.must_be_object()?;
        }
        Ok(items)
    }

    /// This value as text.
    pub fn as_text(&self) -> Result<&'v str, ImportError> {
        match self.value {
            Value::String(text) => Ok(text),
            _ => Err(self.wrong("text")),
        }
    }

    /// The text at `key`; `None` where absent or blank.
    pub fn text(&self, key: &'static str) -> Result<Option<&'v str>, ImportError> {
        let Some(node) = self.field(key)? else {
            return Ok(None);
        };
        let text = node.as_text()?;
        Ok((!text.trim().is_empty()).then_some(text))
    }

    /// The text at `key`, owned.
    pub fn owned(&self, key: &'static str) -> Result<Option<String>, ImportError> {
        Ok(self.text(key)?.map(str::to_owned))
    }

    /// The boolean at `key`.
    pub fn boolean(&self, key: &'static str) -> Result<Option<bool>, ImportError> {
        match self.field(key)? {
            None => Ok(None),
            Some(node) => node
                .value
                .as_bool()
                .map(Some)
                .ok_or_else(|| node.wrong("true or false")),
        }
    }

    /// The number at `key`, with the sender's text of it.
    pub fn number(&self, key: &'static str) -> Result<Option<(f64, String)>, ImportError> {
        let Some(node) = self.field(key)? else {
            return Ok(None);
        };
        let Value::Number(number) = node.value else {
            return Err(node.wrong("a number"));
        };
        let value = number.as_f64().filter(|value| value.is_finite());
        let value = value.ok_or_else(|| node.invalid("the number is too large"))?;
        let own = number.to_string();
        if self.numbers.is_empty() {
            return Ok(Some((value, own)));
        }
        let text = self.numbers.at(&node.path()).map_or(own, str::to_owned);
        Ok(Some((value, text)))
    }

    /// The whole number at `key`.
    pub fn integer(&self, key: &'static str) -> Result<Option<i64>, ImportError> {
        match self.field(key)? {
            None => Ok(None),
            Some(node) => node
                .value
                .as_i64()
                .map(Some)
                .ok_or_else(|| node.wrong("a whole number")),
        }
    }
}
