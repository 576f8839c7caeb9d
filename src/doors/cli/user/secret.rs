//! Passwords and hashes come from standard input or from a terminal that shows nothing, never from arguments.

use std::io::{self, IsTerminal, Read, Write};

use console::Term;
use zeroize::Zeroizing;

/// More than any password or hash has.
const MOST_BYTES: u64 = 64 * 1024;

/// A text to keep to oneself: wiped when dropped, and never shown.
pub(super) struct Secret(Zeroizing<String>);

impl Secret {
    /// Reads it from standard input if that `is_piped`, else asks for it twice; nothing where nobody could be asked.
    pub(super) fn read(is_piped: bool, what: &str) -> io::Result<Option<Self>> {
        if is_piped {
            return piped(io::stdin().lock()).map(Some);
        }
        let is_someone_there = io::stdin().is_terminal() && io::stderr().is_terminal();
        if is_someone_there { asked(what).map(Some) } else { Ok(None) }
    }

    /// The text, for the reader of bodies alone.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// All there is, without the end of its last line.
fn piped(input: impl Read) -> io::Result<Secret> {
    let mut text = Zeroizing::new(String::new());
    input.take(MOST_BYTES).read_to_string(&mut text)?;
    let bare = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(Secret(Zeroizing::new(bare.to_owned())))
}

/// What is typed twice alike.
fn asked(what: &str) -> io::Result<Secret> {
    let ask = |prompt: &str| {
        let mut terminal = Term::stderr();
        write!(terminal, "{prompt}: ")?;
        terminal.read_secure_line().map(Zeroizing::new)
    };
    loop {
        let first = ask(&format!("The {what} (not shown)"))?;
        if ask("The same again")? == first {
            return Ok(Secret(first));
        }
        writeln!(io::stderr(), "The two differ.")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_piped_loses_one_lines_end() {
        for (input, text) in [
            ("plum", "plum"),
            ("plum\n", "plum"),
            ("plum\r\n", "plum"),
            ("plum\n\n", "plum\n"),
            (" plum \n", " plum "),
            ("", ""),
        ] {
            assert_eq!(piped(input.as_bytes()).unwrap().text(), text, "{input:?}");
        }
        assert!(piped(&[0xff][..]).is_err());
    }
}
