//! A configuration with mistakes in it, as far as it can be read: for whoever looks for all that is wrong.

use super::{Config, Lookup, Mistakes};

impl Config {
    /// Reads the configuration of the `roster` command and every mistake in it. The variables that mistakes name are then left
    /// out, so that the rest can be looked at; nothing is left where one of them says which AWS is meant.
    pub fn partly_from_env() -> (Option<Self>, Mistakes) {
        partly(&super::environment)
    }
}

fn partly(lookup: Lookup<'_>) -> (Option<Config>, Mistakes) {
    let mistakes = match Config::for_local(lookup) {
        Ok(config) => return (Some(config), Mistakes(Vec::new())),
        Err(mistakes) => mistakes,
    };
    let named: Vec<&str> = mistakes.0.iter().flat_map(|sentence| variables(sentence)).collect();
    let is_elsewhere = named.iter().any(|name| name.starts_with("AWS_"));
    let rest = Config::for_local(&|name| lookup(name).filter(|_| !named.contains(&name)));
    let rest = rest.ok().filter(|_| !is_elsewhere);
    (rest, mistakes)
}

/// The variables in a sentence.
fn variables(sentence: &str) -> impl Iterator<Item = &str> {
    let words = sentence.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| ["ROSTER_", "AWS_", "OTEL_"].iter().any(|start| word.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> (Option<Config>, Vec<String>) {
        let (config, Mistakes(told)) =
            partly(&|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()));
        (config, told)
    }

    #[test]
    fn what_is_right_is_read_beside_what_is_wrong() {
        let (config, told) =
            read(&[("ROSTER_TABLE", "users"), ("ROSTER_LIST_SHARDS", "0"), ("ROSTER_ATTEMPTS_PER_NAME", "x")]);
        assert_eq!((config.unwrap().table.as_str(), told.len()), ("users", 2), "{told:?}");
        let (config, told) = read(&[("ROSTER_TABLE", "users"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318")]);
        assert_eq!((config.unwrap().table.as_str(), told.len()), ("users", 1), "{told:?}");
        let (config, told) = read(&[("ROSTER_TABLE", "users")]);
        assert_eq!((config.unwrap().table.as_str(), told.len()), ("users", 0));
        let (config, told) = read(&[("AWS_ENDPOINT_URL_DYNAMODB", "localhost:4566")]);
        assert!(config.is_none() && told.len() == 1, "another AWS would be looked at: {told:?}");
    }
}
