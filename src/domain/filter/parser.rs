//! From pieces to a filter: recursive descent, bounded in depth.
//!
//! ```text
//! or    = and *("or" and)
//! and   = unary *("and" unary)
//! unary = ["not"] "(" or ")" / test
//! test  = attribute "pr" / attribute operator value
//! ```

use super::lexer::{Lexer, Placed, Token};
use super::{Attribute, Filter, MAX_DEPTH, Misread, Operator, Test};
use crate::domain::{Flaw, Timestamp, person_name, user_name};

/// Reads a whole filter.
pub(super) fn parse(text: &str) -> Result<Filter, Misread> {
    let mut lexer = Lexer::new(text)?;
    let ahead = lexer.next()?;
    let mut parser = Parser { lexer, ahead };
    let filter = parser.or(0)?;
    match &parser.ahead {
        (Token::End, _) => Ok(filter),
        (Token::Close, position) => Err(misread(*position, "unexpected", "no parenthesis is open here")),
        (_, position) => Err(misread(*position, "unexpected", "join comparisons with and, or")),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    ahead: Placed<'a>,
}

impl<'a> Parser<'a> {
    fn or(&mut self, depth: usize) -> Result<Filter, Misread> {
        let mut parts = vec![self.and(depth)?];
        while self.take_word("or")? {
            parts.push(self.and(depth)?);
        }
        Ok(single(parts, Filter::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Filter, Misread> {
        let mut parts = vec![self.unary(depth)?];
        while self.take_word("and")? {
            parts.push(self.unary(depth)?);
        }
        Ok(single(parts, Filter::And))
    }

    fn unary(&mut self, depth: usize) -> Result<Filter, Misread> {
        let position = self.ahead.1;
        let is_negated = self.take_word("not")?;
        if self.ahead.0 == Token::Open {
            if depth == MAX_DEPTH {
                let detail = format!("use at most {MAX_DEPTH} parentheses within one another");
                return Err(misread(self.ahead.1, "too_deep", detail));
            }
            self.take()?;
            let inner = self.or(depth + 1)?;
            let (close, end) = self.take()?;
            if close != Token::Close {
                let detail = format!("close the parenthesis that opens at character {position}, or use and, or");
                return Err(misread(end, "unexpected", detail));
            }
            return Ok(if is_negated { Filter::Not(Box::new(inner)) } else { inner });
        }
        if is_negated {
            return Err(misread(self.ahead.1, "unexpected", "write not (…), with parentheses"));
        }
        self.test().map(Filter::Test)
    }

    fn test(&mut self) -> Result<Test, Misread> {
        let (token, position) = self.take()?;
        let names = || Attribute::ALL.map(|(name, _)| name).join(", ");
        let Token::Word(word) = token else {
            return Err(misread(position, "unexpected", format!("start a comparison with one of {}", names())));
        };
        let attribute = Attribute::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, a)| *a);
        let attribute =
            attribute.ok_or_else(|| misread(position, "unknown_attribute", format!("name one of {}", names())))?;
        let (token, position) = self.take()?;
        let Token::Word(word) = token else {
            return Err(misread(position, "unexpected", "give an operator: eq ne co sw ew gt ge lt le pr"));
        };
        if word.eq_ignore_ascii_case("pr") {
            return Ok(Test::Present(attribute));
        }
        let operator = Operator::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, o)| *o);
        let operator = operator
            .ok_or_else(|| misread(position, "unknown_operator", "use one of eq ne co sw ew gt ge lt le pr"))?;
        let value = self.take()?;
        compared(attribute, operator, value)
    }

    fn take(&mut self) -> Result<Placed<'a>, Misread> {
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.ahead, next))
    }

    /// Takes a word if it is the one that comes next.
    fn take_word(&mut self, expected: &str) -> Result<bool, Misread> {
        let is_next = matches!(self.ahead.0, Token::Word(word) if word.eq_ignore_ascii_case(expected));
        if is_next {
            self.take()?;
        }
        Ok(is_next)
    }
}

fn compared(attribute: Attribute, operator: Operator, (value, position): Placed<'_>) -> Result<Test, Misread> {
    let text = match value {
        Token::Text(text) => text,
        Token::Word(word) if word.eq_ignore_ascii_case("null") => return null(attribute, operator, position),
        Token::Word(_) => return Err(misread(position, "invalid_value", "give a string in double quotes, or null")),
        Token::Open | Token::Close | Token::End => {
            return Err(misread(position, "unexpected", "give a string in double quotes"));
        }
    };
    match (attribute, operator) {
        (Attribute::Avatar, _) => {
            Err(misread(position, "invalid_value", "ask of avatar only whether it is there: pr, eq null, ne null"))
        }
        (Attribute::Text(super::TextAttribute::UserName), _) => {
            Ok(Test::Text(super::TextAttribute::UserName, operator, user_name::fold(&text)))
        }
        (Attribute::Text(attribute), _) => Ok(Test::Text(attribute, operator, person_name::fold(&text))),
        (Attribute::Time(attribute), Operator::Co | Operator::Sw | Operator::Ew) => {
            Ok(Test::TimeText(attribute, operator, text.to_ascii_uppercase()))
        }
        (Attribute::Time(attribute), _) => {
            let time = Timestamp::parse(&text).map_err(|flaw| Misread { position, flaw })?;
            Ok(Test::Time(attribute, operator, time))
        }
    }
}

/// RFC 7644 lets `null` stand for "no value".
fn null(attribute: Attribute, operator: Operator, position: usize) -> Result<Test, Misread> {
    match operator {
        Operator::Ne => Ok(Test::Present(attribute)),
        Operator::Eq => Ok(Test::Absent(attribute)),
        _ => Err(misread(position, "invalid_value", "compare null by eq or ne")),
    }
}

fn single(mut parts: Vec<Filter>, many: impl FnOnce(Vec<Filter>) -> Filter) -> Filter {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            many(parts)
        }
    }
}

fn misread(position: usize, code: &'static str, detail: impl Into<std::borrow::Cow<'static, str>>) -> Misread {
    Misread { position, flaw: Flaw::new(code, detail) }
}
