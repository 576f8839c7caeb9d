//! How callers prove who they are: `ROSTER_AUTH`, the tokens that are accepted, and what principals may do.

use std::collections::HashMap;

use super::reader::Reader;
use super::{LOCAL_AUDIENCE, LOCAL_ISSUER, Mistakes};
use crate::domain::Scope;
use crate::jwt::jwk::Algorithm;
use crate::jwt::keys::Place;
use crate::jwt::{Demands, is_fetchable};

/// How callers prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Bearer tokens.
    Jwt,
    /// API Gateway has checked a SigV4 signature; the caller is its principal.
    Iam,
    /// Anyone may do anything: local mode only.
    Open,
}

/// Which tokens are accepted, and where their keys are.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// `ROSTER_JWT_ISSUER`: the `iss` of every token, exactly. Required with `jwt`, but in local mode.
    ///
    /// `ROSTER_JWT_AUDIENCE`: one or more `aud`, with commas between them. Required with an issuer.
    ///
    /// `ROSTER_JWT_ALGORITHMS`: of `ES256`, `RS256` and `EdDSA`, with commas. Default: all three.
    ///
    /// `ROSTER_JWT_TYPES`: values of `typ`, with commas; `none` stands for a token without. Default `at+jwt,JWT`.
    ///
    /// `ROSTER_JWT_LEEWAY_SECONDS`: how much clocks may differ, 0 to 300. Default 30.
    pub demands: Demands,
    /// `ROSTER_JWT_JWKS`: URL or file of the issuer's key set. Default: what the issuer's discovery document names.
    pub keys: Place,
}

/// What principals may do in `iam` mode.
#[derive(Clone, Debug, Default)]
pub struct Principals(Option<HashMap<String, Vec<Scope>>>);

impl Principals {
    /// The scopes of a principal: its own, or those of `default`. Where nothing is configured API Gateway's IAM policies have
    /// decided who may call, and whoever may call may do everything.
    pub fn scopes(&self, principal: &str) -> Vec<Scope> {
        match &self.0 {
            None => Scope::ALL.to_vec(),
            Some(map) => map.get(principal).or_else(|| map.get("default")).cloned().unwrap_or_default(),
        }
    }
}

/// `ROSTER_AUTH` on Lambda, where nothing is open and nothing is assumed.
pub(super) fn on_lambda(reader: &mut Reader<'_>) -> Auth {
    match reader.text("ROSTER_AUTH").as_deref() {
        Some("iam") => Auth::Iam,
        Some("jwt") => Auth::Jwt,
        Some("open") => {
            reader.mistake("ROSTER_AUTH=open is for local mode only; set it to jwt or iam");
            Auth::Iam
        }
        Some(_) => {
            reader.mistake("ROSTER_AUTH must be jwt or iam");
            Auth::Iam
        }
        None => {
            reader.mistake("ROSTER_AUTH is missing; set it to jwt or iam");
            Auth::Iam
        }
    }
}

/// `ROSTER_AUTH` in local mode, where no gateway authenticates principals.
pub(super) fn locally(reader: &mut Reader<'_>) -> Auth {
    match reader.text("ROSTER_AUTH").as_deref() {
        None | Some("open") => Auth::Open,
        Some("jwt") => Auth::Jwt,
        Some(_) => {
            reader.mistake("ROSTER_AUTH must be open or jwt in local mode");
            Auth::Open
        }
    }
}

/// The tokens that are accepted; none where no issuer is named.
pub(super) fn tokens(reader: &mut Reader<'_>) -> Option<Tokens> {
    let issuer = reader.text("ROSTER_JWT_ISSUER")?;
    let audiences = reader.list("ROSTER_JWT_AUDIENCE");
    if audiences.is_empty() {
        reader.mistake("ROSTER_JWT_AUDIENCE is missing; set it to the audience that the issuer puts into its tokens");
    }
    let keys = match reader.text("ROSTER_JWT_JWKS") {
        Some(place) if is_fetchable(&place) => Place::Url(place),
        Some(place) if place.contains("://") => {
            reader.mistake("ROSTER_JWT_JWKS must be an https URL (http only on this machine) or a file");
            Place::Url(place)
        }
        Some(path) => Place::File(path),
        None if is_fetchable(&issuer) => Place::Discovery(issuer.clone()),
        None => {
            reader.mistake("ROSTER_JWT_JWKS is missing: ROSTER_JWT_ISSUER is no https URL to discover keys at");
            Place::Discovery(issuer.clone())
        }
    };
    Some(Tokens { demands: demands(reader, issuer, audiences), keys })
}

/// What is demanded of the tokens that local mode issues itself.
pub(super) fn local_demands() -> Demands {
    Demands {
        issuer: LOCAL_ISSUER.to_owned(),
        audiences: vec![LOCAL_AUDIENCE.to_owned()],
        algorithms: vec![Algorithm::Es256],
        types: vec!["at+jwt".to_owned()],
        leeway_seconds: 0,
    }
}

/// What is demanded of tokens beside issuer and audience.
fn demands(reader: &mut Reader<'_>, issuer: String, audiences: Vec<String>) -> Demands {
    let named = reader.list("ROSTER_JWT_ALGORITHMS");
    let mut algorithms: Vec<Algorithm> = named.iter().filter_map(|name| Algorithm::parse(name)).collect();
    if algorithms.len() < named.len() {
        reader.mistake("ROSTER_JWT_ALGORITHMS must list some of ES256, RS256 and EdDSA");
    }
    if named.is_empty() {
        algorithms = Algorithm::ALL.to_vec();
    }
    let mut types = reader.list("ROSTER_JWT_TYPES");
    if types.is_empty() {
        types = vec!["at+jwt".to_owned(), "JWT".to_owned()];
    }
    let types = types.into_iter().map(|name| if name == "none" { String::new() } else { name.to_ascii_lowercase() });
    let leeway = reader.number("ROSTER_JWT_LEEWAY_SECONDS", 30, 0..=300);
    let leeway_seconds = i64::try_from(leeway).unwrap_or(30);
    Demands { issuer, audiences, algorithms, types: types.collect(), leeway_seconds }
}

/// `ROSTER_IAM_SCOPES`: a JSON object of principals and their scopes.
pub(super) fn principals(reader: &mut Reader<'_>) -> Principals {
    let Some(text) = reader.text("ROSTER_IAM_SCOPES") else { return Principals::default() };
    if let Some(map) = read_principals(&text) {
        return Principals(Some(map));
    }
    reader.mistake(
        "ROSTER_IAM_SCOPES must be a JSON object of principals (or default) and scopes, such as \
         {\"arn:aws:sts::123456789012:assumed-role/billing\": \"users:read users:verify\"}",
    );
    Principals::default()
}

fn read_principals(text: &str) -> Option<HashMap<String, Vec<Scope>>> {
    let written: HashMap<String, String> = serde_json::from_str(text).ok()?;
    let scopes = |words: String| words.split_whitespace().map(Scope::parse).collect::<Option<Vec<_>>>();
    written.into_iter().map(|(principal, words)| Some((principal, scopes(words)?))).collect()
}

impl Tokens {
    /// Fails at the start where a file with keys cannot be read, rather than at the first request.
    pub(crate) fn check(&self) -> Result<(), Mistakes> {
        let Place::File(path) = &self.keys else { return Ok(()) };
        let read =
            std::fs::read(path).map_err(|e| Mistakes(vec![format!("ROSTER_JWT_JWKS: cannot read {path}: {e}")]))?;
        match crate::jwt::jwk::read_set(&read) {
            Some(keys) if !keys.is_empty() => Ok(()),
            _ => Err(Mistakes(vec![format!("ROSTER_JWT_JWKS: {path} has no key for ES256, RS256 or EdDSA")])),
        }
    }
}
