//! Rows of a file, one after another: users, and what is wrong with the others, by line and column.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use serde_json::{Map, Value};

use super::super::files::Format;
use super::columns::{Column, Columns};
use crate::domain::{Flaw, PasswordPolicy};
use crate::doors::rest::json;
use crate::doors::rest::view;
use crate::error::{Place, Violation};
use crate::operations::Row;

/// Most bytes of one row, as of a request's body.
const ROW_BYTES: u64 = 64 * 1024;

/// Most bytes that are read in search of a row's end: a quote that is never closed must not fill the memory.
const SEARCHED_BYTES: u64 = 4 * 1024 * 1024;

/// Something wrong with a row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The column, counted from 1, in a CSV file; in a line of JSON, where it ends to be JSON.
    pub(crate) column: Option<usize>,
    /// The member.
    pub(crate) field: Option<String>,
    pub(crate) flaw: Flaw,
}

/// A row, or what is wrong with it.
pub(crate) struct ReadRow {
    pub(crate) line: u64,
    pub(crate) row: Result<Row, Vec<Fault>>,
}

/// Reads rows; ends after an error of the file itself.
pub(crate) enum Rows {
    Csv {
        reader: csv::Reader<Bounded>,
        columns: Columns,
        bound: Rc<Cell<u64>>,
        is_crlf: Rc<Cell<bool>>,
        policy: PasswordPolicy,
    },
    Ndjson {
        reader: BufReader<Box<dyn Read>>,
        line: u64,
        columns: Columns,
        policy: PasswordPolicy,
    },
}

impl Rows {
    pub(crate) fn of(
        reader: Box<dyn Read>,
        format: Format,
        map: &[(String, String)],
        ignore_unknown: bool,
        policy: PasswordPolicy,
    ) -> Result<Self, String> {
        if format == Format::Ndjson {
            let columns = Columns::of_members(map, ignore_unknown)?;
            return Ok(Self::Ndjson { reader: BufReader::new(reader), line: 0, columns, policy });
        }
        let bound = Rc::new(Cell::new(SEARCHED_BYTES));
        let is_crlf = Rc::new(Cell::new(false));
        let mut reader = BufReader::new(reader);
        let beginning = reader.fill_buf().map_err(|error| format!("the header cannot be read: {error}"))?;
        if beginning.is_empty() {
            return Err("the file is empty".to_owned());
        }
        let delimiter = delimiter(beginning);
        let inner = Box::new(reader);
        let reader = Bounded { inner, left: bound.clone(), is_crlf: is_crlf.clone(), is_first: true };
        let mut reader = csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(reader);
        let header = reader.byte_headers().map_err(|error| format!("the header cannot be read: {error}"))?;
        let header = csv::StringRecord::from_byte_record(header.clone())
            .ok()
            .filter(|header| !header.as_slice().contains(['\0', char::REPLACEMENT_CHARACTER]))
            .ok_or("the header is no text: is this a CSV file, not packed, and saved as UTF-8?")?;
        let header: Vec<String> = header.iter().map(|cell| cell.trim().to_owned()).collect();
        let columns = Columns::of_header(&header, map, ignore_unknown)?;
        Ok(Self::Csv { reader, columns, bound, is_crlf, policy })
    }

    /// The next row; an error is one of the file.
    pub(crate) fn read(&mut self) -> Option<io::Result<ReadRow>> {
        match self {
            Self::Csv { reader, columns, bound, is_crlf, policy } => {
                bound.set(SEARCHED_BYTES);
                let mut record = csv::ByteRecord::new();
                match reader.read_byte_record(&mut record) {
                    Ok(false) => None,
                    Ok(true) => {
                        let line = first_line(&record, reader.position().line(), is_crlf.get());
                        Some(Ok(ReadRow { line, row: csv_row(&record, columns, policy, line) }))
                    }
                    Err(error) => Some(Err(io::Error::other(error.to_string()))),
                }
            }
            Self::Ndjson { reader, line, columns, policy } => loop {
                let mut bytes = Vec::new();
                match reader.by_ref().take(SEARCHED_BYTES).read_until(b'\n', &mut bytes) {
                    Ok(0) => return None,
                    Ok(_) => {}
                    Err(error) => return Some(Err(error)),
                }
                *line += 1;
                if bytes.len() as u64 == SEARCHED_BYTES && !bytes.ends_with(b"\n") {
                    return Some(Err(io::Error::other(format!("line {line} has more than {SEARCHED_BYTES} bytes"))));
                }
                if bytes.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return Some(Ok(ReadRow { line: *line, row: json_row(&bytes, columns, policy, *line) }));
            },
        }
    }
}

/// What lies between two columns: a comma, or what the header has instead. Spreadsheets of some countries write semicolons.
fn delimiter(beginning: &[u8]) -> u8 {
    let header = beginning.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let has = |delimiter: &u8| header.contains(delimiter);
    [b',', b';', b'\t'].into_iter().find(has).unwrap_or(b',')
}

/// The line on which a record begins. The reader stands behind its last line feed, or before that where lines end in CR LF;
/// the record's own position lies before the empty lines that precede it.
fn first_line(record: &csv::ByteRecord, line: u64, is_crlf: bool) -> u64 {
    let inside = record.as_slice().split(|byte| *byte == b'\n').count() as u64 - 1;
    let last = if is_crlf { line } else { line.saturating_sub(1) };
    record.position().map_or(0, csv::Position::line).max(last.saturating_sub(inside))
}

fn csv_row(record: &csv::ByteRecord, columns: &Columns, policy: &PasswordPolicy, line: u64) -> Result<Row, Vec<Fault>> {
    let whole = |flaw| vec![Fault { column: None, field: None, flaw }];
    if record.as_slice().len() as u64 > ROW_BYTES {
        return Err(whole(Flaw::new("too_large", "use at most 64 KiB; is a quote not closed?")));
    }
    if record.len() != columns.len() {
        let detail = format!("give {} columns as in the header; here are {}", columns.len(), record.len());
        return Err(whole(Flaw::new("wrong_number_of_columns", detail)));
    }
    let (mut members, mut faults) = (Map::new(), Vec::new());
    for (place, cell) in record.iter().enumerate() {
        let Column::Field(field) = columns.at(place) else { continue };
        match std::str::from_utf8(cell) {
            // An empty cell is nothing; a required member is then missed by name.
            Ok("") => {}
            Ok(text) => {
                members.insert((*field).to_owned(), text.into());
            }
            Err(_) => {
                let flaw = Flaw::new("invalid_utf8", "save the file as UTF-8");
                faults.push(Fault { column: Some(place + 1), field: Some((*field).to_owned()), flaw });
            }
        }
    }
    let new = view::new_user(Value::Object(members), Vec::new(), policy);
    match new {
        Ok(new) if faults.is_empty() => Ok(Row { line, new }),
        Ok(_) => Err(faults),
        Err(violations) => {
            let is_known = |fault: &Fault| faults.iter().any(|known| known.field == fault.field);
            let others = violations.into_iter().map(|violation| fault(violation, columns));
            let others: Vec<Fault> = others.filter(|fault| !is_known(fault)).collect();
            faults.extend(others);
            Err(faults)
        }
    }
}

fn json_row(bytes: &[u8], columns: &Columns, policy: &PasswordPolicy, line: u64) -> Result<Row, Vec<Fault>> {
    let whole = |column, flaw| vec![Fault { column, field: None, flaw }];
    if bytes.len() as u64 > ROW_BYTES {
        return Err(whole(None, Flaw::new("too_large", "use at most 64 KiB")));
    }
    let (value, violations) = json::parse(bytes.trim_ascii_end())
        .map_err(|error| whole(Some(error.column()), Flaw::new("not_json", "give one JSON object on each line")))?;
    let value = match value {
        Value::Object(members) => Value::Object(columns.renamed(members)),
        other => other,
    };
    view::new_user(value, violations, policy)
        .map(|new| Row { line, new })
        .map_err(|violations| violations.into_iter().map(|violation| fault(violation, columns)).collect())
}

fn fault(violation: Violation, columns: &Columns) -> Fault {
    let field = match violation.place {
        Place::Pointer(pointer) => pointer.trim_start_matches('/').to_owned(),
        Place::Parameter(name) => name.into_owned(),
    };
    let column = columns.place(&field).map(|place| place + 1);
    Fault { column, field: (!field.is_empty()).then_some(field), flaw: violation.flaw }
}

/// Stops reading where no row ends.
pub(crate) struct Bounded {
    inner: Box<dyn Read>,
    left: Rc<Cell<u64>>,
    /// Whether the first line feed has a carriage return before it.
    is_crlf: Rc<Cell<bool>>,
    is_first: bool,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.get() == 0 {
            return Err(io::Error::other(format!(
                "a row has more than {SEARCHED_BYTES} bytes: is a quote not closed?"
            )));
        }
        let read = self.inner.read(buffer)?;
        if let Some(end) = buffer[..read].iter().position(|byte| *byte == b'\n').filter(|_| self.is_first) {
            self.is_crlf.set(end > 0 && buffer[end - 1] == b'\r');
            self.is_first = false;
        }
        self.left.set(self.left.get().saturating_sub(read as u64));
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$argon2id$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4";

    /// Reads a text and tells of each row its line and its user name, or its faults.
    fn read(text: &str, format: Format, map: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let map: Vec<_> = map.iter().map(|(to, from)| ((*to).to_owned(), (*from).to_owned())).collect();
        let policy = PasswordPolicy::new(8).unwrap();
        let text = text.replace("HASH", HASH);
        let mut rows = Rows::of(Box::new(io::Cursor::new(text.into_bytes())), format, &map, false, policy)?;
        let mut shown = Vec::new();
        while let Some(read) = rows.read() {
            let ReadRow { line, row } = read.map_err(|error| error.to_string())?;
            shown.push(match row {
                Ok(row) => format!("{line} {}", row.new.profile.user_name.shown()),
                Err(faults) => faults.iter().fold(line.to_string(), |shown, fault| {
                    let field = fault.field.as_deref().unwrap_or("-");
                    format!("{shown} {}:{field}:{}", fault.column.unwrap_or(0), fault.flaw.code())
                }),
            });
        }
        Ok(shown)
    }

    #[test]
    fn csv_rows_are_users_or_faults_by_line_and_column() {
        let text = "\u{feff}userName,first_name,Last Name,passwordHash\r\n\
            ada,Ada,\"Love\nlace\",HASH\r\n\
            bea,Bea,\"Smith, Jr.\",\"HASH\"\r\n\
            cy x,,Young,nohash\r\n\
            dan,Dan\r\n\
            \r\n\
            eve,Eve,Jones,\r\n";
        let text = text.replace("HASH", &format!("\"{HASH}\"")).replace("\"\"", "\"");
        let shown = read(&text, Format::Csv, &[]).unwrap();
        assert_eq!(
            shown,
            [
                "2 3:lastName:invalid_characters",
                "4 bea",
                "5 1:userName:invalid_characters 2:firstName:required 4:passwordHash:unknown_hash_format",
                "6 0:-:wrong_number_of_columns",
                "8 0:password:required",
            ]
        );
    }

    #[test]
    fn json_rows_are_users_or_faults_by_line_and_member() {
        let text = r#"{"userName":"ada","firstName":"Ada","lastName":"L","passwordHash":"HASH","id":"x","version":3}

{"userName":"bea","firstName":5,"lastName":"L","passwordHash":"HASH","email":"x"}
{"userName":"bea",
[1]
{"userName":"cy","userName":"cy","firstName":"C","lastName":"Y","password":"12345678"}"#;
        let shown = read(text, Format::Ndjson, &[]).unwrap();
        assert_eq!(
            shown[..4],
            [
                "1 ada",
                "3 0:firstName:wrong_type 0:email:unknown_member",
                "4 18:-:not_json",
                "5 0:-:wrong_type 0:userName:required 0:firstName:required 0:lastName:required 0:password:required"
            ]
        );
        assert!(
            shown[4].starts_with("6 ")
                && shown[4].contains("userName:duplicate_member")
                && shown[4].contains("password:all_digits"),
            "{shown:?}"
        );
    }

    #[test]
    fn semicolons_and_tabs_are_seen_and_what_is_no_text_is_refused() {
        for delimiter in [";", "\t"] {
            let text = "\u{feff}User Name;FIRST_NAME;last-name;passwordHash\r\nada;Ada;\"Byron, L\";\"HASH\"\r\n";
            assert_eq!(read(&text.replace(';', delimiter), Format::Csv, &[]).unwrap(), ["2 ada"], "{delimiter:?}");
        }
        let utf16: String = "userName,x".chars().flat_map(|c| [c, '\0']).collect();
        for (text, told) in [("", "empty"), (utf16.as_str(), "UTF-8"), ("\u{1}\0\0ELF,\n", "UTF-8")] {
            let refused = read(text, Format::Csv, &[]).unwrap_err();
            assert!(refused.contains(told), "{refused}");
        }
    }

    #[test]
    fn headers_are_mapped_or_refused() {
        let row = format!("ada,Ada,L,\"{HASH}\"\n");
        let mapped = read(
            &format!("login,given,family,passwordHash\n{row}"),
            Format::Csv,
            &[("userName", "login"), ("firstName", "given"), ("lastName", "family")],
        );
        assert_eq!(mapped, Ok(vec!["2 ada".to_owned()]));
        for (text, told) in [
            (format!("login,firstName,lastName,passwordHash\n{row}"), "login"),
            (format!("userName,userName,lastName,passwordHash\n{row}"), "userName"),
            ("userName,firstName\n".to_owned(), "lastName"),
        ] {
            let refused = read(&text, Format::Csv, &[]).unwrap_err();
            assert!(refused.contains(told), "{refused}");
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
        let text = format!("userName,firstName,lastName,password\n\"{}", "a".repeat(9_000_000));
        assert!(read(&text, Format::Csv, &[]).unwrap_err().contains("quote"));
        assert!(read(&"a".repeat(9_000_000), Format::Ndjson, &[]).unwrap_err().contains("line 1"));
    }
}
