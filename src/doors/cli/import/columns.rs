//! Which column is which member of a user.

use serde_json::{Map, Value};

use crate::doors::rest::json::READ_ONLY;

/// What a row may say of a user.
const FIELDS: [&str; 5] = ["userName", "firstName", "lastName", "password", "passwordHash"];

/// The meaning of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Field(&'static str),
    Ignored,
}

/// The meaning of all columns, or of a JSON object's members by name.
pub(crate) struct Columns {
    columns: Vec<Column>,
    /// Members that have another name in the file.
    renamed: Vec<(String, &'static str)>,
    ignore_unknown: bool,
}

impl Columns {
    /// Reads a header: names count without regard to case, spaces, `-` and `_`.
    pub(super) fn of_header(header: &[String], map: &[(String, String)], ignore_unknown: bool) -> Result<Self, String> {
        let renamed = renamings(map)?;
        if let Some((name, _)) = renamed.iter().find(|(name, _)| !header.contains(name)) {
            return Err(format!("--map names the column {name}, which the header lacks"));
        }
        let mut columns = Vec::new();
        for name in header {
            let column = match meaning(name, &renamed) {
                Some(column) => column,
                None if ignore_unknown => Column::Ignored,
                None => {
                    return Err(format!(
                        "the column {name} is not known: name it by --map 'FIELD={name}', or use --ignore-unknown"
                    ));
                }
            };
            if column != Column::Ignored && columns.contains(&column) {
                return Err(format!("the header names {name} twice"));
            }
            columns.push(column);
        }
        for field in &FIELDS[..3] {
            if !columns.contains(&Column::Field(field)) {
                return Err(format!(
                    "the header lacks {field}; name its column by --map {field}=COLUMN (columns here: {})",
                    header.join(", ")
                ));
            }
        }
        Ok(Self { columns, renamed, ignore_unknown })
    }

    /// The meaning of members.
    pub(super) fn of_members(map: &[(String, String)], ignore_unknown: bool) -> Result<Self, String> {
        Ok(Self { columns: Vec::new(), renamed: renamings(map)?, ignore_unknown })
    }

    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn at(&self, place: usize) -> &Column {
        self.columns.get(place).unwrap_or(&Column::Ignored)
    }

    /// The column of a member.
    pub(super) fn place(&self, field: &str) -> Option<usize> {
        self.columns.iter().position(|column| *column == Column::Field(field_named(field).unwrap_or("")))
    }

    /// The members by our names, without what only the directory sets.
    pub(super) fn renamed(&self, members: Map<String, Value>) -> Map<String, Value> {
        let named = |name: String| match meaning(&name, &self.renamed) {
            Some(Column::Field(field)) => Some(field.to_owned()),
            Some(Column::Ignored) => None,
            None => (!self.ignore_unknown).then_some(name),
        };
        members.into_iter().filter_map(|(name, value)| Some((named(name)?, value))).collect()
    }
}

fn renamings(map: &[(String, String)]) -> Result<Vec<(String, &'static str)>, String> {
    let named = |(field, name): &(String, String)| {
        let field =
            field_named(field).ok_or_else(|| format!("--map {field}=…: the fields are {}", FIELDS.join(", ")))?;
        Ok((name.clone(), field))
    };
    map.iter().map(named).collect()
}

fn meaning(name: &str, renamed: &[(String, &'static str)]) -> Option<Column> {
    let own = renamed.iter().find(|(other, _)| other == name).map(|(_, field)| *field);
    let own = own.or_else(|| field_named(name).filter(|field| renamed.iter().all(|(_, other)| other != field)));
    let is_ours_to_set = || READ_ONLY.iter().any(|known| plain(known) == plain(name));
    own.map(Column::Field).or_else(|| is_ours_to_set().then_some(Column::Ignored))
}

fn field_named(name: &str) -> Option<&'static str> {
    FIELDS.into_iter().find(|field| plain(field) == plain(name))
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).flat_map(char::to_lowercase).collect()
}
