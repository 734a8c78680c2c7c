//! The text of a condition read into a tree: words, numbers with units, operators. What the words stand
//! for is not known here.
//!
//! ```text
//! condition := all { "or" all }
//! all       := not { "and" not }
//! not       := "not" not | sum [ ( > | >= | < | <= | == | != ) sum ]
//! sum       := product { ( + | - ) product }
//! product   := single { ( * | / ) single }
//! single    := "-" single | number [unit] | text | name | name "(" condition { "," condition } ")"
//!            | "(" condition ")"
//! ```

use std::ops::Range;

use super::{
    tokens::{Fault, KEYWORDS, Token, tokens},
    units::Units,
};

/// The longest condition, bytes.
pub(super) const MAX_CONDITION_BYTES: usize = 4_096;
/// How deep a condition may be nested: parentheses, signs, `not` and operators in a row.
pub(super) const MAX_NESTING: usize = 32;

/// How two numbers or texts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compare {
    /// `>`
    More,
    /// `>=`
    AtLeast,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `==`
    Same,
    /// `!=`
    Other,
}

/// How a number is made of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Make {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Times,
    /// `/`
    By,
}

/// A part of a condition, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node<'t> {
    /// Byte offset of its first word, or of its operator.
    pub(super) at: usize,
    /// The bytes that it takes, without parentheses around all of it.
    pub(super) span: Range<usize>,
    pub(super) kind: Kind<'t>,
    /// How many levels there are below it.
    depth: usize,
}

/// What a part is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind<'t> {
    Number(f64, Option<(Units, f64)>),
    Text(&'t str),
    Name(&'t str),
    Call(&'t str, Vec<Node<'t>>),
    Negative(Box<Node<'t>>),
    Not(Box<Node<'t>>),
    All(Vec<Node<'t>>),
    Any(Vec<Node<'t>>),
    Compared(Compare, Box<Node<'t>>, Box<Node<'t>>),
    Made(Make, Box<Node<'t>>, Box<Node<'t>>),
}

impl<'t> Node<'t> {
    fn leaf(span: Range<usize>, kind: Kind<'t>) -> Self {
        Self { at: span.start, span, kind, depth: 1 }
    }

    fn over(at: usize, span: Range<usize>, kind: Kind<'t>, below: &[usize]) -> Result<Self, Fault> {
        let depth = 1 + below.iter().copied().max().unwrap_or(0);
        if depth > MAX_NESTING { Err(too_deep(at)) } else { Ok(Self { at, span, kind, depth }) }
    }
}

fn too_deep(at: usize) -> Fault {
    Fault::new(at, format!("a condition is nested at most {MAX_NESTING} deep, this one is deeper"))
}

struct Parser<'t> {
    tokens: Vec<(Range<usize>, Token<'t>)>,
    next: usize,
    /// How many parentheses, signs and `not` are open.
    open: usize,
}

/// Reads a condition.
pub(super) fn parse(text: &str) -> Result<Node<'_>, Fault> {
    if text.len() > MAX_CONDITION_BYTES {
        let length = text.len();
        let message =
            format!("a condition has at most {MAX_CONDITION_BYTES} bytes, this one has {length}");
        return Err(Fault::new(0, message));
    }
    if text.trim().is_empty() {
        return Err(Fault::new(0, "an empty condition: expected one such as used_pct > 90"));
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, open: 0 };
    let node = parser.any()?;
    match parser.peek() {
        (_, Token::End) => Ok(node),
        (at, token) => {
            let message = match token {
                Token::Sign(")") => "`)` without `(`".to_owned(),
                other => format!("expected `and`, `or` or the end, found {}", other.spoken()),
            };
            Err(Fault::new(at, message))
        }
    }
}

impl<'t> Parser<'t> {
    fn peek(&self) -> (usize, Token<'t>) {
        // The last is the end, and nothing goes beyond it.
        self.tokens.get(self.next).map_or((0, Token::End), |(span, token)| (span.start, *token))
    }

    /// From a byte to the end of what was read last.
    fn since(&self, start: usize) -> Range<usize> {
        let last = self.next.checked_sub(1).and_then(|last| self.tokens.get(last));
        start..last.map_or(start, |(span, _)| span.end)
    }

    fn take(&mut self, wanted: Token<'_>) -> bool {
        let found = self.peek().1 == wanted;
        self.next += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Node<'t>, Fault> {
        self.row("or", Self::all, Kind::Any)
    }

    fn all(&mut self) -> Result<Node<'t>, Fault> {
        self.row("and", Self::not, Kind::All)
    }

    fn row(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Node<'t>, Fault>,
        kind: fn(Vec<Node<'t>>) -> Kind<'t>,
    ) -> Result<Node<'t>, Fault> {
        let (from, _) = self.peek();
        let mut parts = vec![part(self)?];
        while self.take(Token::Word(word)) {
            parts.push(part(self)?);
        }
        if parts.len() == 1 {
            return Ok(parts.remove(0));
        }
        let (at, depths) = (parts[0].at, parts.iter().map(|p| p.depth).collect::<Vec<_>>());
        Node::over(at, self.since(from), kind(parts), &depths)
    }

    /// One level deeper, unless that is too deep.
    fn deeper<T>(
        &mut self,
        at: usize,
        read: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if self.open == MAX_NESTING {
            return Err(too_deep(at));
        }
        self.open += 1;
        let read = read(self);
        self.open -= 1;
        read
    }

    fn not(&mut self) -> Result<Node<'t>, Fault> {
        let (at, _) = self.peek();
        if self.take(Token::Word("not")) {
            let inner = self.deeper(at, Self::not)?;
            let depth = inner.depth;
            return Node::over(at, self.since(at), Kind::Not(Box::new(inner)), &[depth]);
        }
        let from = at;
        let left = self.sum()?;
        let (at, token) = self.peek();
        let Some(compare) = comparison(token) else { return Ok(left) };
        self.next += 1;
        let right = self.sum()?;
        if let (again, token) = self.peek()
            && comparison(token).is_some()
        {
            return Err(Fault::new(again, "comparisons are joined by `and`: a < b and b < c"));
        }
        let depths = [left.depth, right.depth];
        let kind = Kind::Compared(compare, Box::new(left), Box::new(right));
        Node::over(at, self.since(from), kind, &depths)
    }

    fn sum(&mut self) -> Result<Node<'t>, Fault> {
        self.chain(&[("+", Make::Plus), ("-", Make::Minus)], Self::product)
    }

    fn product(&mut self) -> Result<Node<'t>, Fault> {
        self.chain(&[("*", Make::Times), ("/", Make::By)], Self::single)
    }

    fn chain(
        &mut self,
        signs: &[(&'static str, Make)],
        part: fn(&mut Self) -> Result<Node<'t>, Fault>,
    ) -> Result<Node<'t>, Fault> {
        let (from, _) = self.peek();
        let mut left = part(self)?;
        loop {
            let (at, token) = self.peek();
            let Some((_, make)) = signs.iter().find(|(sign, _)| token == Token::Sign(sign)) else {
                return Ok(left);
            };
            self.next += 1;
            let right = part(self)?;
            let depths = [left.depth, right.depth];
            let kind = Kind::Made(*make, Box::new(left), Box::new(right));
            left = Node::over(at, self.since(from), kind, &depths)?;
        }
    }

    fn single(&mut self) -> Result<Node<'t>, Fault> {
        let (at, token) = self.peek();
        self.next += 1;
        match token {
            Token::Number(number, unit) => {
                Ok(Node::leaf(self.since(at), Kind::Number(number, unit)))
            }
            Token::Text(text) => Ok(Node::leaf(self.since(at), Kind::Text(text))),
            Token::Sign("-") => {
                let inner = self.deeper(at, Self::single)?;
                let depth = inner.depth;
                Node::over(at, self.since(at), Kind::Negative(Box::new(inner)), &[depth])
            }
            Token::Sign("(") => {
                let inner = self.deeper(at, Self::any)?;
                self.close(at)?;
                Ok(inner)
            }
            Token::Word(word) if !KEYWORDS.contains(&word) => {
                if self.take(Token::Sign("(")) {
                    self.call(at, word)
                } else {
                    Ok(Node::leaf(self.since(at), Kind::Name(word)))
                }
            }
            other => {
                self.next -= 1;
                let found = other.spoken();
                Err(Fault::new(at, format!("expected a name, a number or `(`, found {found}")))
            }
        }
    }

    fn call(&mut self, at: usize, name: &'t str) -> Result<Node<'t>, Fault> {
        let mut parts = vec![self.deeper(at, Self::any)?];
        while self.take(Token::Sign(",")) {
            parts.push(self.deeper(at, Self::any)?);
        }
        self.close(at)?;
        let depths: Vec<usize> = parts.iter().map(|part| part.depth).collect();
        Node::over(at, self.since(at), Kind::Call(name, parts), &depths)
    }

    fn close(&mut self, opened: usize) -> Result<(), Fault> {
        if self.take(Token::Sign(")")) {
            return Ok(());
        }
        match self.peek() {
            (_, Token::End) => Err(Fault::new(opened, "this `(` is never closed")),
            (at, token) => Err(Fault::new(at, format!("expected `)`, found {}", token.spoken()))),
        }
    }
}

fn comparison(token: Token<'_>) -> Option<Compare> {
    Some(match token {
        Token::Sign(">") => Compare::More,
        Token::Sign(">=") => Compare::AtLeast,
        Token::Sign("<") => Compare::Less,
        Token::Sign("<=") => Compare::AtMost,
        Token::Sign("==") => Compare::Same,
        Token::Sign("!=") => Compare::Other,
        _ => return None,
    })
}
