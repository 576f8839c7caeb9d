//! `roster generate`: users who are nobody, the same for the same seed.

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::Outcome;
use super::files::{self, Format};
use crate::config::Config;
use crate::hashing::Hasher;
use crate::ids::Ids;

/// First and last names that go together, some of them common in many places.
const PEOPLE: [(&[&str], &[&str]); 12] = [
    (
        &["Ada", "Grace", "Mary", "John", "Olivia", "James"],
        &["Lovelace", "Hopper", "Smith", "O'Brien", "Taylor", "St. John"],
    ),
    (&["José", "María", "Lucía", "Íñigo", "Sofía"], &["García", "Muñoz", "de la Cruz", "Ibáñez", "Núñez"]),
    (&["Jürgen", "Zoë", "Björn", "Françoise", "Søren"], &["Müller", "Østergård", "Lefèvre", "Groß", "van den Berg"]),
    (&["Łukasz", "Žofie", "Šimon", "Ágnes", "Ştefan"], &["Wiśniewski", "Dvořák", "Kovács", "Horváth", "Popescu"]),
    (&["Nguyễn", "Trần", "Đặng"], &["Hương", "Thị Lan", "Văn Đức"]),
    (&["Анна", "Иван", "Ольга", "Юрий"], &["Иванова", "Петров", "Достоевский", "Щербакова"]),
    (&["Ελένη", "Γιώργος", "Μαρία"], &["Παπαδόπουλος", "Νικολάου", "Οικονόμου"]),
    (&["محمد", "فاطمة", "ليلى"], &["الخوارزمي", "حسن", "البغدادي"]),
    (&["אסתר", "דוד", "נועה"], &["כהן", "לוי", "ברק"]),
    (&["अनिता", "राज", "सीता"], &["शर्मा", "गुप्ता", "पटेल"]),
    (&["李", "小龙", "伟"], &["王", "张", "欧阳"]),
    (&["さくら", "花子", "太郎"], &["山田", "田中", "佐藤"]),
];

/// How often each of them comes, in parts of all.
const WEIGHTS: [u64; 12] = [30, 14, 12, 8, 5, 7, 3, 5, 2, 6, 5, 3];

const WORDS: [&str; 16] = [
    "amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "heron", "inlet", "juniper", "kelp", "lagoon",
    "maple", "nectar", "orchid", "pepper",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Credentials {
    /// A ready hash of one password for all, told on standard error: quick to import
    Hash,
    /// A password for each, which the import hashes: some 40 a second on each core
    Password,
}

#[derive(Debug, Args)]
pub(super) struct Flags {
    /// How many
    count: u64,

    /// Where to; .gz and .zst are packed; - is standard output
    #[arg(default_value = "-")]
    file: PathBuf,

    /// How to write [default: by the file's extension, else csv]
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// The same seed makes the same users
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// What users sign in with
    #[arg(long, value_enum, default_value = "hash")]
    credentials: Credentials,
}

/// Somebody.
struct Person {
    user_name: String,
    first_name: &'static str,
    last_name: &'static str,
    credential: String,
}

impl Flags {
    pub(super) fn run(self) -> Outcome {
        let ids = Ids::seeded(self.seed);
        let (column, hash) = match self.credentials {
            Credentials::Password => ("password", None),
            Credentials::Hash => {
                let password = passphrase(&ids);
                let config = Config::local_from_env(None)?;
                let hasher = Hasher::new(config.passwords.hashing, ids.clone());
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let hash = runtime.block_on(hasher.hash(password.as_bytes(), hasher.salt()));
                writeln!(io::stderr(), "the password of all: {password}")?;
                ("passwordHash", Some(hash.map_err(|error| super::plainly(&error))?.expose().to_owned()))
            }
        };
        match self.write(&ids, column, hash.as_deref()) {
            Ok(()) => Ok(ExitCode::SUCCESS),
            // Whoever read it has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
            Err(error) => Err(format!("{}: {error}", self.file.display()).into()),
        }
    }

    fn write(&self, ids: &Ids, column: &str, hash: Option<&str>) -> io::Result<()> {
        let mut sink = files::create(&self.file)?;
        let format = Format::of(&self.file, self.format);
        if format == Format::Csv {
            writeln!(sink, "userName,firstName,lastName,{column}")?;
        }
        for number in 0..self.count {
            let Person { user_name, first_name, last_name, credential } = person(ids, number);
            let credential = hash.unwrap_or(&credential);
            if format == Format::Csv {
                writeln!(sink, "{user_name},{first_name},{last_name},\"{credential}\"")?;
            } else {
                let object =
                    json!({"userName": user_name, "firstName": first_name, "lastName": last_name, column: credential});
                writeln!(sink, "{object}")?;
            }
        }
        sink.finish()
    }
}

fn person(ids: &Ids, number: u64) -> Person {
    let mut left = draw(ids, WEIGHTS.iter().sum());
    let mut group = 0;
    while left >= WEIGHTS[group] {
        left -= WEIGHTS[group];
        group += 1;
    }
    let (first_names, last_names) = PEOPLE[group];
    let (first_name, last_name) = (pick(ids, first_names), pick(ids, last_names));
    // The number makes it unique.
    let stem: String = first_name.to_lowercase().chars().filter(|c| !matches!(c, '\'' | '.' | ' ')).collect();
    Person { user_name: format!("{stem}{}", number + 1), first_name, last_name, credential: passphrase(ids) }
}

/// Four words and a number.
fn passphrase(ids: &Ids) -> String {
    let words: Vec<&str> = (0..4).map(|_| pick(ids, &WORDS)).collect();
    format!("{} {}", words.join(" "), draw(ids, 10_000))
}

fn pick(ids: &Ids, names: &'static [&'static str]) -> &'static str {
    names.get(usize::try_from(draw(ids, names.len() as u64)).unwrap_or_default()).copied().unwrap_or_default()
}

/// A number below `end`.
fn draw(ids: &Ids, end: u64) -> u64 {
    let mut bytes = [0; 8];
    ids.fill(&mut bytes);
    u64::from_be_bytes(bytes) % end.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Password, PasswordPolicy, PersonName, UserName};

    #[test]
    fn whoever_is_made_up_may_be_a_user_and_nobody_is_made_up_twice() {
        let ids = Ids::seeded(1);
        let policy = PasswordPolicy::new(8).unwrap();
        let mut keys = std::collections::BTreeSet::new();
        for number in 0..2_000 {
            let Person { user_name, first_name, last_name, credential } = person(&ids, number);
            let name = UserName::parse(&user_name).unwrap_or_else(|flaw| panic!("{user_name}: {flaw:?}"));
            assert!(keys.insert(name.key().to_owned()), "{user_name}");
            assert!(PersonName::parse(first_name).is_ok() && PersonName::parse(last_name).is_ok());
            let accepted =
                policy.accept(Password::parse(&credential).ok().unwrap(), &[&user_name, first_name, last_name]);
            assert!(accepted.is_ok(), "{credential}");
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_users() {
        let file = |seed| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("users.ndjson");
            let flags = Flags { count: 50, file: path.clone(), format: None, seed, credentials: Credentials::Password };
            flags.run().unwrap();
            std::fs::read_to_string(path).unwrap()
        };
        assert_eq!(file(7), file(7));
        assert_ne!(file(7), file(8));
        assert_eq!(file(7).lines().count(), 50);
    }
}
