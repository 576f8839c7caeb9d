//! What a function does ahead of its first request.

use super::reader::Reader;

/// What is made ready while a sandbox starts. Keys of tokens are fetched in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmUp {
    /// The connection to DynamoDB.
    pub table: bool,
    /// The memory of a hash.
    pub passwords: bool,
}

/// Reads `ROSTER_WARM_UP`: `table`, `passwords`, both with a comma between them, or `off`. Default `table`; a function that
/// sets passwords wants both.
pub(super) fn read(reader: &mut Reader<'_>) -> WarmUp {
    let mut warm_up = WarmUp { table: false, passwords: false };
    let parts = reader.list("ROSTER_WARM_UP");
    match parts.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => warm_up.table = true,
        ["off"] => {}
        ref parts => {
            for part in parts {
                match *part {
                    "table" => warm_up.table = true,
                    "passwords" => warm_up.passwords = true,
                    _ => reader
                        .mistake("ROSTER_WARM_UP must be table, passwords, both with a comma between them, or off"),
                }
            }
        }
    }
    warm_up
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_alone_unless_told_otherwise() {
        let read = |text: &str| {
            let lookup = |_: &str| Some(text.to_owned());
            let mut reader = Reader::new(&lookup);
            let warm_up = read(&mut reader);
            reader.finish((warm_up.table, warm_up.passwords)).ok()
        };
        assert_eq!(read(""), Some((true, false)));
        assert_eq!(read("passwords"), Some((false, true)));
        assert_eq!(read("table, passwords"), Some((true, true)));
        assert_eq!(read("off"), Some((false, false)));
        assert_eq!(read("off,table"), None);
        assert_eq!(read("everything"), None);
    }
}
