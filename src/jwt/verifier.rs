//! A token from text to meaning: parsed strictly, verified under a pinned algorithm, held to issuer, audience and time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

use super::jwk::Algorithm;
use super::keys::{KeySet, Keys};
use super::members;
use crate::domain::Timestamp;
use crate::error::Error;

/// Most bytes of a token; API Gateway lets about 10,000 bytes of headers through.
pub const MAX_BYTES: usize = 8 * 1024;
/// How many verified tokens are remembered, so that the next request with one need not verify it again.
const REMEMBERED: usize = 256;
/// The latest moment that a claim may name: the end of the year 9999, in seconds.
const LATEST: u64 = 253_402_300_799;

/// Why a token is refused; said to the caller without a word of the token itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the sentence says it")]
pub enum Refused {
    #[error("The token is not a signed JWT")]
    Malformed,
    #[error("The token's algorithm is not accepted")]
    Algorithm,
    #[error("The token is of another type")]
    Type,
    #[error("The token's header asks for something that is not supported")]
    Header,
    #[error("The token's key is not known")]
    Key,
    #[error("The token's signature is wrong")]
    Signature,
    #[error("The token's claims cannot be read")]
    Claims,
    #[error("The token is from another issuer")]
    Issuer,
    #[error("The token is for another audience")]
    Audience,
    #[error("The token has expired")]
    Expired,
    #[error("The token is not valid yet")]
    Early,
}

/// What is demanded of a token.
#[derive(Clone, Debug)]
pub struct Demands {
    /// The `iss`, exactly.
    pub issuer: String,
    /// The `aud`, one of these.
    pub audiences: Vec<String>,
    /// The `alg`, one of these.
    pub algorithms: Vec<Algorithm>,
    /// The `typ`, one of these in lower case and without `application/`; the empty text stands for none.
    pub types: Vec<String>,
    /// Seconds that clocks may differ.
    pub leeway_seconds: i64,
}

/// What a verified token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// `sub`
    pub subject: Option<String>,
    /// `client_id`, or else `azp`.
    pub client: Option<String>,
    /// The words of `scope`, or else of `scp`.
    pub scopes: Vec<String>,
    expires_at: i64,
    valid_from: i64,
}

/// Verifies tokens.
pub struct Verifier {
    demands: Demands,
    keys: Keys,
    remembered: Mutex<Remembered>,
}

#[derive(Default)]
struct Remembered {
    generation: u64,
    tokens: HashMap<[u8; 32], Arc<Token>>,
}

impl Verifier {
    /// A verifier that takes its keys from `keys`.
    pub fn new(demands: Demands, keys: Keys) -> Self {
        Self { demands, keys, remembered: Mutex::default() }
    }

    /// Fetches the keys, so that the first request finds them. If it fails, that request fetches them.
    pub async fn warm(&self, now: Timestamp) {
        self.keys.warm(now).await;
    }

    /// Verifies a token. The outer error is that the keys cannot be had, the inner that the token is not good.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Result<Arc<Token>, Refused>, Error> {
        if token.len() > MAX_BYTES {
            return Ok(Err(Refused::Malformed));
        }
        let set = self.keys.current(now).await?;
        let digest = fingerprint(token);
        if let Some(known) = self.recall(&digest, set.generation) {
            return Ok(self.is_timely(&known, now).map(|()| known));
        }
        let parts = match self.parse(token) {
            Ok(parts) => parts,
            Err(refused) => return Ok(Err(refused)),
        };
        let Some(set) = self.set_with(&parts, set, now).await? else { return Ok(Err(Refused::Key)) };
        let outcome = self.judge(&parts, &set).and_then(|token| self.is_timely(&token, now).map(|()| Arc::new(token)));
        if let Ok(token) = &outcome {
            self.remember(digest, token, set.generation, now);
        }
        Ok(outcome)
    }

    /// A key set that has the key: this one, or a newer one.
    async fn set_with(
        &self,
        parts: &Parts<'_>,
        set: Arc<KeySet>,
        now: Timestamp,
    ) -> Result<Option<Arc<KeySet>>, Error> {
        let has_key = |set: &KeySet| set.find(parts.key_id.as_deref(), parts.algorithm).is_some();
        if has_key(&set) {
            return Ok(Some(set));
        }
        Ok(self.keys.newer(&set, now).await?.filter(|set| has_key(set)))
    }

    /// Takes the token apart and looks at its header.
    fn parse<'a>(&self, token: &'a str) -> Result<Parts<'a>, Refused> {
        let (message, signature) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(Refused::Malformed)?;
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Refused::Malformed);
        let header = members::parse(&decode(header)?).ok_or(Refused::Malformed)?;
        let signature = decode(signature)?;
        let text = |name: &str| match header.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(Refused::Malformed),
        };
        let algorithm = Algorithm::parse(text("alg")?.ok_or(Refused::Malformed)?)
            .filter(|algorithm| self.demands.algorithms.contains(algorithm))
            .ok_or(Refused::Algorithm)?;
        // Keys come from the issuer alone, and an extension that must be understood is not (RFC 7515, section 4.1.11).
        if ["crit", "jwk", "jku", "x5u", "x5c", "b64", "zip", "enc"].iter().any(|name| header.contains_key(*name)) {
            return Err(Refused::Header);
        }
        let kind = text("typ")?.unwrap_or_default().to_ascii_lowercase();
        let kind = kind.strip_prefix("application/").unwrap_or(&kind);
        if !self.demands.types.iter().any(|accepted| accepted == kind) {
            return Err(Refused::Type);
        }
        let key_id = text("kid")?.map(str::to_owned);
        Ok(Parts { message, payload, signature, algorithm, key_id })
    }

    /// Verifies the signature, and then reads the claims.
    fn judge(&self, parts: &Parts<'_>, set: &KeySet) -> Result<Token, Refused> {
        let key = set.find(parts.key_id.as_deref(), parts.algorithm).ok_or(Refused::Key)?;
        if !key.verifies(parts.message.as_bytes(), &parts.signature) {
            return Err(Refused::Signature);
        }
        let payload = BASE64_URL_SAFE_NO_PAD.decode(parts.payload).map_err(|_| Refused::Malformed)?;
        let claims = Claims(members::parse(&payload).ok_or(Refused::Claims)?);
        if claims.text("iss")? != Some(&self.demands.issuer) {
            return Err(Refused::Issuer);
        }
        if !claims.texts("aud")?.iter().any(|audience| self.demands.audiences.iter().any(|ours| ours == audience)) {
            return Err(Refused::Audience);
        }
        let valid_from = claims.time("nbf")?.into_iter().chain(claims.time("iat")?).max().unwrap_or(0);
        let scopes = claims.words("scope")?.map_or_else(|| claims.words("scp"), |words| Ok(Some(words)))?;
        let client = claims.text("client_id")?.or(claims.text("azp")?);
        Ok(Token {
            subject: claims.text("sub")?.cloned(),
            client: client.cloned(),
            scopes: scopes.unwrap_or_default(),
            expires_at: claims.time("exp")?.ok_or(Refused::Claims)?,
            valid_from,
        })
    }

    fn is_timely(&self, token: &Token, now: Timestamp) -> Result<(), Refused> {
        let (now, leeway) = (now.unix_seconds(), self.demands.leeway_seconds);
        if now >= token.expires_at + leeway {
            Err(Refused::Expired)
        } else if now < token.valid_from - leeway {
            Err(Refused::Early)
        } else {
            Ok(())
        }
    }

    fn recall(&self, digest: &[u8; 32], generation: u64) -> Option<Arc<Token>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.generation == generation { remembered.tokens.get(digest).cloned() } else { None }
    }

    fn remember(&self, digest: [u8; 32], token: &Arc<Token>, generation: u64, now: Timestamp) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.generation != generation {
            *remembered = Remembered { generation, tokens: HashMap::new() };
        }
        if remembered.tokens.len() >= REMEMBERED {
            remembered.tokens.retain(|_, token| self.is_timely(token, now).is_ok());
        }
        if remembered.tokens.len() >= REMEMBERED {
            remembered.tokens.clear();
        }
        remembered.tokens.insert(digest, Arc::clone(token));
    }
}

/// A token's parts, of which the header has been looked at.
struct Parts<'a> {
    message: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
    algorithm: Algorithm,
    key_id: Option<String>,
}

/// Claims, each of the type that it must have.
struct Claims(Map<String, Value>);

impl Claims {
    fn text(&self, name: &str) -> Result<Option<&String>, Refused> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refused::Claims),
        }
    }

    /// One text or several.
    fn texts(&self, name: &str) -> Result<Vec<&str>, Refused> {
        match self.0.get(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text]),
            Some(Value::Array(all)) => all.iter().map(|text| text.as_str().ok_or(Refused::Claims)).collect(),
            Some(_) => Err(Refused::Claims),
        }
    }

    /// Words with spaces between them (RFC 8693, section 4.2), or an array of words.
    fn words(&self, name: &str) -> Result<Option<Vec<String>>, Refused> {
        let texts = self.texts(name)?;
        let words = texts.iter().flat_map(|text| text.split(' ')).filter(|word| !word.is_empty()).map(str::to_owned);
        Ok(self.0.contains_key(name).then(|| words.collect()))
    }

    /// Whole seconds since 1970. RFC 7519 would allow a fraction; nobody needs one, and rounding differs.
    fn time(&self, name: &str) -> Result<Option<i64>, Refused> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => {
                let seconds = value.as_u64().filter(|seconds| *seconds <= LATEST).ok_or(Refused::Claims)?;
                i64::try_from(seconds).map(Some).map_err(|_| Refused::Claims)
            }
        }
    }
}

fn fingerprint(token: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    bytes
}
