//! The condition of a rule, read from its text: concepts, quantities and how they combine.
//!
//! `a & b`, `a | b`, `!a`, `(…)`, `age>=65`, `2 of (a, b, c)`, `near(a|b, c)`: within a few sentences of each other.

/// How a quantity is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `>=`
    AtLeast,
    /// `>`
    Over,
    /// `<=`
    AtMost,
    /// `<`
    Under,
}

impl Comparison {
    /// Whether `value` passes against `limit`.
    #[must_use]
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::AtLeast => value >= limit,
            Self::Over => value > limit,
            Self::AtMost => value <= limit,
            Self::Under => value < limit,
        }
    }
}

/// A parsed condition. Names are still text; [`super::rules`] resolves them.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A concept, a definition or a context flag.
    Name(String),
    /// A quantity against a limit.
    Compare(String, Comparison, f64),
    /// Not.
    Not(Box<Expression>),
    /// All of these.
    All(Vec<Expression>),
    /// Any of these.
    Any(Vec<Expression>),
    /// At least so many of these.
    AtLeast(usize, Vec<Expression>),
    /// A mention of the first names close to one of the second.
    Near(Vec<String>, Vec<String>),
}

/// What is wrong with a condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("condition \"{text}\": {reason} at character {at}")]
pub struct ExpressionError {
    /// The condition.
    text: String,
    /// What was wrong.
    reason: &'static str,
    /// Where.
    at: usize,
}

/// Deepest nesting of brackets.
const MAX_DEPTH: usize = 40;

/// Parses a condition.
///
/// # Errors
/// See [`ExpressionError`].
pub fn parse(text: &str) -> Result<Expression, ExpressionError> {
    let mut reader = Reader {
        text,
        chars: text.chars().collect(),
        at: 0,
        depth: 0,
    };
    let expression = reader.any()?;
    reader.skip();
    if reader.at < reader.chars.len() {
        return Err(reader.error("something is left over"));
    }
    Ok(expression)
}

struct Reader<'a> {
    text: &'a str,
    chars: Vec<char>,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn error(&self, reason: &'static str) -> ExpressionError {
        ExpressionError {
            text: self.text.to_owned(),
            reason,
            at: self.at,
        }
    }

    fn skip(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, wanted: char) -> bool {
        self.skip();
        let hit = self.peek() == Some(wanted);
        self.at += usize::from(hit);
        hit
    }

    fn need(&mut self, wanted: char, reason: &'static str) -> Result<(), ExpressionError> {
        if self.take(wanted) {
            Ok(())
        } else {
            Err(self.error(reason))
        }
    }

    fn any(&mut self) -> Result<Expression, ExpressionError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("brackets are nested too deep"));
        }
        let mut parts = vec![self.all()?];
        while self.take('|') {
            parts.push(self.all()?);
        }
        self.depth -= 1;
        Ok(one_or(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, ExpressionError> {
        let mut parts = vec![self.part()?];
        while self.take('&') {
            parts.push(self.part()?);
        }
        Ok(one_or(parts, Expression::All))
    }

    fn part(&mut self) -> Result<Expression, ExpressionError> {
        if self.take('!') {
            return Ok(Expression::Not(Box::new(self.part()?)));
        }
        if self.take('(') {
            let inner = self.any()?;
            self.need(')', "\")\" is missing")?;
            return Ok(inner);
        }
        let word = self.word();
        if word.is_empty() {
            return Err(self.error("a name is missing"));
        }
        if let Ok(count) = word.parse::<usize>() {
            self.skip();
            if self.word() != "of" {
                return Err(self.error("\"of\" is missing"));
            }
            self.need('(', "\"(\" is missing")?;
            let mut parts = vec![self.any()?];
            while self.take(',') {
                parts.push(self.any()?);
            }
            self.need(')', "\")\" is missing")?;
            return Ok(Expression::AtLeast(count, parts));
        }
        if word == "near" {
            self.need('(', "\"(\" is missing")?;
            let first = self.names()?;
            self.need(',', "\",\" is missing")?;
            let second = self.names()?;
            self.need(')', "\")\" is missing")?;
            return Ok(Expression::Near(first, second));
        }
        self.skip();
        let comparison = match (self.peek(), self.chars.get(self.at + 1).copied()) {
            (Some('>'), Some('=')) => Some((Comparison::AtLeast, 2)),
            (Some('<'), Some('=')) => Some((Comparison::AtMost, 2)),
            (Some('>'), _) => Some((Comparison::Over, 1)),
            (Some('<'), _) => Some((Comparison::Under, 1)),
            _ => None,
        };
        let Some((comparison, length)) = comparison else {
            return Ok(Expression::Name(word));
        };
        self.at += length;
        self.skip();
        let mut digits = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_ascii_digit() || *c == '.') {
            digits.push(c);
            self.at += 1;
        }
        match digits.parse::<f64>() {
            Ok(limit) => Ok(Expression::Compare(word, comparison, limit)),
            Err(_) => Err(self.error("a number is missing")),
        }
    }

    fn names(&mut self) -> Result<Vec<String>, ExpressionError> {
        let mut names = vec![self.word()];
        while self.take('|') {
            names.push(self.word());
        }
        if names.iter().any(String::is_empty) {
            return Err(self.error("a name is missing"));
        }
        Ok(names)
    }

    fn word(&mut self) -> String {
        self.skip();
        let mut word = String::new();
        while let Some(c) = self
            .peek()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        {
            word.push(c);
            self.at += 1;
        }
        word
    }
}

fn one_or(mut parts: Vec<Expression>, many: impl Fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            many(parts)
        }
        None => many(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn and_binds_tighter_than_or() {
        let name = |n: &str| Expression::Name(n.to_owned());
        assert_eq!(
            parse("a | b-c & !d"),
            Ok(Expression::Any(vec![
                name("a"),
                Expression::All(vec![name("b-c"), Expression::Not(Box::new(name("d")))])
            ]))
        );
    }

    #[test]
    fn numbers_counts_and_nearness_are_read() {
        assert_eq!(
            parse("age >= 65.5"),
            Ok(Expression::Compare("age".to_owned(), Comparison::AtLeast, 65.5))
        );
        assert!(matches!(parse("2 of (a, b & c)"), Ok(Expression::AtLeast(2, parts)) if parts.len() == 2));
        assert!(
            matches!(parse("near(a|b, c)"), Ok(Expression::Near(first, second)) if first.len() == 2 && second.len() == 1)
        );
    }

    #[test]
    fn broken_conditions_are_refused() {
        for text in ["", "a &", "(a", "a b", "age >=", "2 (a)", "near(a)", "!"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"(".repeat(100_000)).is_err());
    }
}
