//! Times that a script computes: `ELAPSE 0.4`, `EVAL ${30*24*3600}`, `ASSIGN t = ${$t + 1}`.
//!
//! Numbers, variables `$name`, `${time}` (the clock) and `${timeout}` (how long until the subject
//! wants to be woken, 0 if it does not), joined by `+`, `-`, `*` and `/`. There is no precedence:
//! all goes from left to right, and `${…}` stands where brackets would. `${range low value high}`
//! is `value`, and an error if it lies outside. Exact to the microsecond, so that nothing depends
//! on floating point. `${ctime …}` is not offered: it makes texts, which nothing here needs.

use std::collections::BTreeMap;
use std::fmt;

/// Microseconds in a second: values are whole numbers of them.
const SCALE: i128 = 1_000_000;

/// Expressions within each other, at most.
const DEPTH_MAX: usize = 16;

/// What values depend on.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    /// What `ASSIGN` has set, in microseconds.
    pub(super) values: BTreeMap<String, i128>,
    /// The clock in microseconds.
    pub(super) time: i128,
    /// How long until the subject wants to be woken, in microseconds.
    pub(super) timeout: i128,
}

/// Why an expression cannot be read or has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArithmeticError {
    /// Something else should stand where this does.
    Expected {
        /// What should stand there.
        what: &'static str,
        /// What does.
        found: String,
    },
    /// Too many expressions within each other.
    TooDeep,
    /// A variable that nothing has set.
    Unknown(String),
    /// A division by zero, or a number that is too large.
    NoNumber,
    /// A value outside its `range`, in microseconds.
    OutOfRange {
        /// The least it may be.
        low: i128,
        /// What it is.
        value: i128,
        /// The most it may be.
        high: i128,
    },
}

impl fmt::Display for ArithmeticError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected { what, found } if found.is_empty() => {
                write!(f, "expected {what}, found the end")
            }
            Self::Expected { what, found } => write!(f, "expected {what}, found \"{found}\""),
            Self::TooDeep => write!(f, "more than {DEPTH_MAX} expressions within each other"),
            Self::Unknown(name) => write!(f, "nothing has set ${name}"),
            Self::NoNumber => f.write_str("a division by zero, or too large a number"),
            Self::OutOfRange { low, value, high } => {
                write!(f, "{value} µs is not between {low} µs and {high} µs")
            }
        }
    }
}

impl std::error::Error for ArithmeticError {}

/// A value to be computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    first: Term,
    rest: Vec<(Operator, Term)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    Number(i128),
    Variable(String),
    Time,
    Timeout,
    Range(Box<[Self; 3]>),
    Nested(Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    ///
    /// Fails where the text is none, or where anything follows it.
    pub fn parse(text: &str) -> Result<Self, ArithmeticError> {
        let mut reading = Reading { rest: text, depth: 0 };
        let expression = reading.expression()?;
        reading.expect("", "the end").map(|()| expression)
    }

    /// The value in microseconds.
    pub(super) fn value(&self, variables: &Variables) -> Result<i128, ArithmeticError> {
        let mut value = self.first.value(variables)?;
        for (operator, term) in &self.rest {
            let other = term.value(variables)?;
            let result = match operator {
                Operator::Add => value.checked_add(other),
                Operator::Subtract => value.checked_sub(other),
                Operator::Multiply => value.checked_mul(other).map(|product| product / SCALE),
                Operator::Divide => {
                    value.checked_mul(SCALE).and_then(|value| value.checked_div(other))
                }
            };
            value = result.ok_or(ArithmeticError::NoNumber)?;
        }
        Ok(value)
    }
}

impl Term {
    fn value(&self, variables: &Variables) -> Result<i128, ArithmeticError> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Time => Ok(variables.time),
            Self::Timeout => Ok(variables.timeout),
            Self::Nested(expression) => expression.value(variables),
            Self::Variable(name) => variables
                .values
                .get(name)
                .copied()
                .ok_or_else(|| ArithmeticError::Unknown(name.clone())),
            Self::Range(terms) => {
                let [low, value, high] = &**terms;
                let low = low.value(variables)?;
                let value = value.value(variables)?;
                let high = high.value(variables)?;
                if (low..=high).contains(&value) {
                    Ok(value)
                } else {
                    Err(ArithmeticError::OutOfRange { low, value, high })
                }
            }
        }
    }
}

struct Reading<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reading<'a> {
    fn expression(&mut self) -> Result<Expression, ArithmeticError> {
        let first = self.term()?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator() {
            rest.push((operator, self.term()?));
        }
        Ok(Expression { first, rest })
    }

    fn operator(&mut self) -> Option<Operator> {
        let operators = [
            ("+", Operator::Add),
            ("-", Operator::Subtract),
            ("*", Operator::Multiply),
            ("/", Operator::Divide),
        ];
        operators.into_iter().find(|(sign, _)| self.take(sign)).map(|(_, operator)| operator)
    }

    fn term(&mut self) -> Result<Term, ArithmeticError> {
        if self.take("${") {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err(ArithmeticError::TooDeep);
            }
            let term = self.function()?;
            self.expect("}", "}")?;
            self.depth -= 1;
            return Ok(term);
        }
        if self.take("$") {
            let name = self.span(|char| char.is_ascii_alphanumeric() || char == '_');
            return match name {
                "" => Err(self.expected("the name of a variable")),
                name => Ok(Term::Variable(name.to_owned())),
            };
        }
        self.number()
    }

    /// What stands between `${` and `}`.
    fn function(&mut self) -> Result<Term, ArithmeticError> {
        if self.take("timeout") {
            return Ok(Term::Timeout);
        }
        if self.take("time") {
            return Ok(Term::Time);
        }
        if self.take("range") {
            return Ok(Term::Range(Box::new([self.term()?, self.term()?, self.term()?])));
        }
        self.expression().map(|expression| Term::Nested(Box::new(expression)))
    }

    /// A decimal number, in microseconds; what is finer is cut off.
    fn number(&mut self) -> Result<Term, ArithmeticError> {
        self.rest = self.rest.trim_start();
        let begin = self.rest;
        let text = self.span(|char| char.is_ascii_digit() || char == '.');
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let is_number = |digits: &str| digits.bytes().all(|octet| octet.is_ascii_digit());
        if text.is_empty() || text == "." || !is_number(fraction) {
            let found = begin.to_owned();
            return Err(ArithmeticError::Expected { what: "a number", found });
        }
        let micros: String = fraction.chars().chain("000000".chars()).take(6).collect();
        let number = format!("{whole}{micros}").parse().map_err(|_| ArithmeticError::NoNumber)?;
        Ok(Term::Number(number))
    }

    fn span(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|char| !is_part(char)).unwrap_or(self.rest.len());
        let (span, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        span
    }

    /// Passes over blanks and a sign, if it comes next.
    fn take(&mut self, sign: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, sign: &str, what: &'static str) -> Result<(), ArithmeticError> {
        let found = self.take(sign) && (!sign.is_empty() || self.rest.is_empty());
        if found { Ok(()) } else { Err(self.expected(what)) }
    }

    fn expected(&self, what: &'static str) -> ArithmeticError {
        ArithmeticError::Expected { what, found: self.rest.trim().to_owned() }
    }
}

#[cfg(test)]
mod tests;
