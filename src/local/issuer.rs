//! This machine's own issuer of tokens, for `roster serve --auth jwt`: a key pair in the data folder.
//!
//! For development. Whoever can read the folder can be anyone.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use axum::Router;
use axum::http::header;
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Trouble;
use crate::config::{LOCAL_AUDIENCE, LOCAL_ISSUER};
use crate::domain::Timestamp;

/// The issuer's folder below the data folder.
pub const ISSUER_FOLDER: &str = "issuer";

/// An issuer with one key (ES256).
pub struct Issuer {
    folder: PathBuf,
    key: EcdsaKeyPair,
    random: SystemRandom,
}

/// What a token says.
#[derive(Clone, Debug, Default)]
pub struct Grant {
    /// `sub`
    pub subject: Option<String>,
    /// `scope`
    pub scope: Option<String>,
    /// `client_id`
    pub client: Option<String>,
    /// Seconds until `exp`.
    pub expires_in: i64,
}

impl Issuer {
    /// Opens the issuer in `folder`; makes a key pair there if it is missing.
    pub fn open(folder: &Path) -> Result<Self, Trouble> {
        let trouble = |error| Trouble::Data { path: folder.into(), error };
        let random = SystemRandom::new();
        let path = folder.join("key.pkcs8");
        if !path.exists() {
            make(folder, &path, &random).map_err(trouble)?;
        }
        let pkcs8 = Zeroizing::new(fs::read(&path).map_err(trouble)?);
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &random)
            .map_err(|_| trouble(io::Error::other("key.pkcs8 is not an EC key; remove it, and a new one is made")))?;
        let issuer = Self { folder: folder.into(), key, random };
        fs::write(issuer.jwks(), issuer.key_set().to_string()).map_err(trouble)?;
        Ok(issuer)
    }

    /// The name in `iss`.
    pub const NAME: &'static str = LOCAL_ISSUER;

    /// Where the key pair is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file with the public key.
    pub fn jwks(&self) -> PathBuf {
        self.folder.join("jwks.json")
    }

    /// Signs a token.
    pub fn token(&self, grant: &Grant, now: Timestamp) -> Result<String, Trouble> {
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": self.key_id()});
        let issued = now.unix_seconds();
        let mut claims = json!({
            "iss": LOCAL_ISSUER, "aud": LOCAL_AUDIENCE, "iat": issued, "exp": issued + grant.expires_in,
        });
        for (name, value) in [("sub", &grant.subject), ("scope", &grant.scope), ("client_id", &grant.client)] {
            if let Some(value) = value {
                claims[name] = json!(value);
            }
        }
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self
            .key
            .sign(&self.random, message.as_bytes())
            .map_err(|_| Trouble::Start { part: "the issuer", reason: "it cannot sign".to_owned() })?;
        Ok(format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Serves the public key beside `rest`, at `/.well-known/jwks.json`.
    pub(super) fn beside(&self, rest: Router) -> Router {
        let keys = self.key_set().to_string();
        let answer = async move || ([(header::CONTENT_TYPE, "application/jwk-set+json")], keys);
        Router::new().route("/.well-known/jwks.json", get(answer)).fallback_service(rest)
    }

    /// A command that prints a token which may do everything.
    pub(super) fn token_command(&self) -> String {
        let data = self.folder.parent().unwrap_or(&self.folder).display();
        format!("roster token --data {data} --scope 'users:read users:write users:delete users:verify users:admin'")
    }

    fn key_set(&self) -> Value {
        // An uncompressed point: 4, x, y.
        let point = self.key.public_key().as_ref();
        let coordinate = |range| point.get::<std::ops::Range<usize>>(range).map(|x| BASE64_URL_SAFE_NO_PAD.encode(x));
        let (x, y) = (coordinate(1..33), coordinate(33..65));
        json!({"keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.key_id(), "x": x, "y": y,
        }]})
    }

    fn key_id(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(self.key.public_key())[..12])
    }
}

/// Makes a key pair for its owner's eyes only. If two processes do at once, the first one's stays.
fn make(folder: &Path, path: &Path, random: &SystemRandom) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)?;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, random)
        .map_err(|_| io::Error::other("this machine has no randomness"))?;
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let temporary = folder.join(format!("key.{}", std::process::id()));
    options.write(true).create_new(true).open(&temporary)?.write_all(pkcs8.as_ref())?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
