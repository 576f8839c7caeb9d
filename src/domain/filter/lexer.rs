//! Words, strings and parentheses of a filter, each with its position.

use super::{Flaw, MAX_CHARACTERS, Misread};

/// A piece of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// An attribute, an operator, `and`, `or`, `not`, `true`, `false`, `null` or a number.
    Word(&'a str),
    /// A string in double quotes, as JSON writes it, unescaped.
    Text(String),
    /// `(`
    Open,
    /// `)`
    Close,
    /// After the last piece.
    End,
}

/// Reads pieces one after another.
pub(super) struct Lexer<'a> {
    text: &'a str,
    /// Byte offset of what comes next.
    offset: usize,
}

/// A piece and the position of its first character, counted from 1.
pub(super) type Placed<'a> = (Token<'a>, usize);

impl<'a> Lexer<'a> {
    /// Starts at the beginning of `text`, unless it is too long.
    pub(super) fn new(text: &'a str) -> Result<Self, Misread> {
        if text.chars().nth(MAX_CHARACTERS).is_some() {
            let flaw = Flaw::new("too_long", format!("use at most {MAX_CHARACTERS} characters"));
            return Err(Misread { position: MAX_CHARACTERS + 1, flaw });
        }
        Ok(Self { text, offset: 0 })
    }

    /// Reads the next piece.
    pub(super) fn next(&mut self) -> Result<Placed<'a>, Misread> {
        let rest = &self.text[self.offset..];
        let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        self.offset += rest.len() - trimmed.len();
        let (start, position) = (self.offset, self.position());
        let Some(first) = trimmed.chars().next() else { return Ok((Token::End, position)) };
        let token = match first {
            '(' | ')' => {
                self.offset += 1;
                if first == '(' { Token::Open } else { Token::Close }
            }
            '"' => Token::Text(self.string()?),
            _ => {
                let end = trimmed.find(|c: char| !is_word(c)).unwrap_or(trimmed.len());
                if end == 0 {
                    let detail = "use attribute names, operators, \"strings\" in double quotes and parentheses";
                    return Err(Misread { position, flaw: Flaw::new("unexpected", detail) });
                }
                self.offset += end;
                Token::Word(&self.text[start..start + end])
            }
        };
        Ok((token, position))
    }

    /// The position of what comes next.
    fn position(&self) -> usize {
        self.text[..self.offset].chars().count() + 1
    }

    /// Reads a JSON string; the lexer stands on its first quote.
    fn string(&mut self) -> Result<String, Misread> {
        let start = self.position();
        self.offset += 1;
        let mut text = String::new();
        loop {
            let position = self.offset;
            let misread = |lexer: &mut Self, flaw| {
                lexer.offset = position;
                Err(Misread { position: lexer.position(), flaw })
            };
            match self.pop() {
                None => {
                    let flaw = Flaw::new("unterminated", "end the string with a double quote");
                    return Err(Misread { position: start, flaw });
                }
                Some('"') => return Ok(text),
                Some('\\') => {
                    let Some(c) = self.escaped() else {
                        let detail = "after a backslash use one of \" \\ / b f n r t, or u and four hexadecimal digits";
                        return misread(self, Flaw::new("invalid_value", detail));
                    };
                    text.push(c);
                }
                Some(c) if c < ' ' => {
                    return misread(
                        self,
                        Flaw::new("invalid_value", "write control characters as \\u and four digits"),
                    );
                }
                Some(c) => text.push(c),
            }
        }
    }

    fn pop(&mut self) -> Option<char> {
        let c = self.text[self.offset..].chars().next()?;
        self.offset += c.len_utf8();
        Some(c)
    }

    /// The character that an escape stands for (RFC 8259, section 7); the backslash has been read.
    fn escaped(&mut self) -> Option<char> {
        Some(match self.pop()? {
            c @ ('"' | '\\' | '/') => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.four_digits()?;
                if (0xd800..0xdc00).contains(&first) {
                    if self.pop()? != '\\' || self.pop()? != 'u' {
                        return None;
                    }
                    let second = self.four_digits().filter(|unit| (0xdc00..0xe000).contains(unit))?;
                    return char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
                }
                return char::from_u32(first);
            }
            _ => return None,
        })
    }

    fn four_digits(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |number, _| Some(number * 16 + self.pop()?.to_digit(16)?))
    }
}

/// What names, operators, numbers and paths are made of; a word of other letters is better named than its first letter.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '.' | ':' | '+')
}
