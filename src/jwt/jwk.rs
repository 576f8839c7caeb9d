//! One public key (RFC 7517, RFC 7518, RFC 8037), bound to the one algorithm that it may verify.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use ring::signature::{UnparsedPublicKey, VerificationAlgorithm};
use serde_json::{Map, Value};

use super::members;

/// Most keys that are read from one set.
const MAX_KEYS: usize = 64;

/// A signature algorithm. There is no `none`, and nothing with a shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, keys of 2048 bits or more.
    Rs256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Es256, Self::Rs256, Self::EdDsa];

    /// The name in `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Reads a name; case counts. RFC 9864 calls EdDSA over curve 25519 `Ed25519`.
    pub fn parse(name: &str) -> Option<Self> {
        if name == "Ed25519" { Some(Self::EdDsa) } else { Self::ALL.into_iter().find(|a| a.name() == name) }
    }
}

/// A public key for signatures.
#[derive(Clone, Debug)]
pub struct Jwk {
    id: Option<String>,
    algorithm: Algorithm,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    /// A point on P-256, uncompressed; or a point on edwards25519.
    Point(Vec<u8>),
    /// Modulus and exponent, big-endian.
    Rsa(Vec<u8>, Vec<u8>),
}

impl Jwk {
    /// The `kid`.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What the key verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Reads a key; `None` for one that is for something else or is not sound.
    pub fn read(members: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| members.get(name).map(|value| value.as_str().unwrap_or("\0"));
        let bytes = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let algorithm = match (text("kty")?, text("crv")) {
            ("EC", Some("P-256")) => Algorithm::Es256,
            ("RSA", None) => Algorithm::Rs256,
            ("OKP", Some("Ed25519")) => Algorithm::EdDsa,
            _ => return None,
        };
        if text("alg").is_some_and(|name| Algorithm::parse(name) != Some(algorithm))
            || text("use").is_some_and(|usage| usage != "sig")
            || members.get("key_ops").is_some_and(|operations| {
                !operations.as_array().is_some_and(|all| all.iter().any(|operation| operation == "verify"))
            })
        {
            return None;
        }
        let material = match algorithm {
            Algorithm::Es256 => {
                let (x, y) = (bytes("x")?, bytes("y")?);
                (x.len() == 32 && y.len() == 32).then(|| Material::Point([&[4][..], &x, &y].concat()))?
            }
            Algorithm::EdDsa => Material::Point(bytes("x").filter(|x| x.len() == 32)?),
            Algorithm::Rs256 => {
                let (n, e) = (bytes("n")?, bytes("e")?);
                ((256..=1024).contains(&n.len()) && (1..=8).contains(&e.len())).then_some(Material::Rsa(n, e))?
            }
        };
        Some(Self { id: text("kid").map(str::to_owned), algorithm, material })
    }

    /// Whether `signature` is this key's over `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let point = |algorithm: &'static dyn VerificationAlgorithm, point: &Vec<u8>| {
            UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
        };
        match (&self.material, self.algorithm) {
            (Material::Point(bytes), Algorithm::Es256) => point(&ECDSA_P256_SHA256_FIXED, bytes),
            (Material::Point(bytes), _) => point(&ED25519, bytes),
            (Material::Rsa(n, e), _) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
        }
    }
}

/// Reads a key set (RFC 7517, section 5). Keys that are for something else are left out; `None` if it is no key set at all.
pub fn read_set(document: &[u8]) -> Option<Vec<Jwk>> {
    let keys = members::parse(document)?;
    let keys = keys.get("keys")?.as_array()?;
    Some(keys.iter().take(MAX_KEYS).filter_map(|key| Jwk::read(key.as_object()?)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Option<Jwk> {
        Jwk::read(&members::parse(text.as_bytes()).unwrap())
    }

    /// RFC 8037, appendix A.4 and A.5.
    #[test]
    fn the_example_of_rfc_8037_verifies() {
        let key = key(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#).unwrap();
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(key.verifies(message, &signature));
        assert!(!key.verifies(&message[1..], &signature));
    }

    #[test]
    fn keys_for_something_else_are_left_out() {
        let x = "04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY";
        let y = "UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw";
        let ec = |more: &str| key(&format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"{more}}}"#));
        assert_eq!(ec(r#","kid":"1","alg":"ES256","use":"sig""#).unwrap().id(), Some("1"));
        for more in [
            r#","alg":"ES384""#,
            r#","alg":"HS256""#,
            r#","alg":1"#,
            r#","use":"enc""#,
            r#","key_ops":["sign"]"#,
            r#","key_ops":"verify""#,
        ] {
            assert!(ec(more).is_none(), "{more}");
        }
        for other in [
            r#"{"kty":"oct","k":"c2VjcmV0"}"#.to_owned(),
            format!(r#"{{"kty":"EC","crv":"P-384","x":"{x}","y":"{y}"}}"#),
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}"}}"#),
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"AA"}}"#),
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned(),
            r#"{"kty":"OKP","crv":"Ed448","x":"AA"}"#.to_owned(),
            "{}".to_owned(),
        ] {
            assert!(key(&other).is_none(), "{other}");
        }
        assert!(read_set(b"[]").is_none());
        assert_eq!(read_set(br#"{"keys":[1,{},{"kty":"oct","k":"AA"}]}"#).unwrap().len(), 0);
    }
}
