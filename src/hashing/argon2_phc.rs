//! argon2 in PHC strings (<https://github.com/P-H-C/phc-string-format>), our own and those of others.

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, AssociatedData, Block, KeyId, Params, ParamsBuilder, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::recipe::{too_costly, unknown_form};
use super::{HASH_BYTES, Make, Parameters, Pepper, Salt, is_equal};
use crate::domain::Flaw;

/// A hash, or what is to become one.
pub(super) struct Argon2Hash {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    digest: Zeroizing<Vec<u8>>,
    /// Which pepper, if one.
    key_id: Option<String>,
}

impl Argon2Hash {
    /// A hash of ours whose password is still to be filled in.
    pub(super) fn unfilled(make: Make, salt: Salt) -> Result<Self, argon2::Error> {
        let Make { parameters, key_id } = make;
        Ok(Self {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            params: Params::new(parameters.memory_kib, parameters.passes, parameters.lanes, Some(HASH_BYTES))?,
            salt: salt.to_vec(),
            digest: Zeroizing::new(vec![0; HASH_BYTES]),
            key_id,
        })
    }

    /// Reads a PHC string; its cost is bounded.
    pub(super) fn parse(text: &str) -> Result<Self, Flaw> {
        let hash = phc::PasswordHash::new(text).map_err(|_| unknown_form())?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| unknown_form())?;
        let version = match hash.version {
            Some(19) => Version::V0x13,
            None | Some(16) => Version::V0x10,
            Some(_) => return Err(unknown_form()),
        };
        let params = Params::try_from(&hash).map_err(|_| unknown_form())?;
        let asked = Parameters { memory_kib: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost() };
        if !asked.are_affordable() {
            return Err(too_costly("use at most m=262144, p=16 and m times t of 1048576"));
        }
        let (Some(salt), Some(digest)) = (hash.salt, hash.hash) else { return Err(unknown_form()) };
        if salt.len() < 8 || digest.len() < 16 || !params.data().is_empty() {
            return Err(unknown_form());
        }
        let key_id = match params.keyid() {
            [] => None,
            id => Some(std::str::from_utf8(id).map_err(|_| unknown_form())?.to_owned()),
        };
        let digest = Zeroizing::new(digest.as_bytes().to_vec());
        let params = ParamsBuilder::new()
            .m_cost(params.m_cost())
            .t_cost(params.t_cost())
            .p_cost(params.p_cost())
            .output_len(digest.len())
            .keyid(KeyId::new(&[]).map_err(|_| unknown_form())?)
            .data(AssociatedData::new(&[]).map_err(|_| unknown_form())?)
            .build()
            .map_err(|_| unknown_form())?;
        Ok(Self { algorithm, version, params, salt: salt.to_vec(), digest, key_id })
    }

    pub(super) fn memory_kib(&self) -> u32 {
        self.params.m_cost()
    }

    pub(super) fn is_peppered(&self) -> bool {
        self.key_id.is_some()
    }

    /// Whether this is what [`Argon2Hash::unfilled`] would make so.
    pub(super) fn is_made_as(&self, make: &Make) -> bool {
        let Parameters { memory_kib, passes, lanes } = make.parameters;
        self.algorithm == Algorithm::Argon2id
            && self.version == Version::V0x13
            && (self.params.m_cost(), self.params.t_cost(), self.params.p_cost()) == (memory_kib, passes, lanes)
            && self.digest.len() == HASH_BYTES
            && self.key_id == make.key_id
    }

    /// The same with the digest of a password.
    pub(super) fn fill(
        mut self,
        password: &[u8],
        pepper: &Pepper,
        memory: &mut Vec<Block>,
    ) -> Result<Self, &'static str> {
        self.digest = self.digest_of(password, pepper, memory)?;
        Ok(self)
    }

    /// Whether the digest is this password's.
    pub(super) fn matches(
        &self,
        password: &[u8],
        pepper: &Pepper,
        memory: &mut Vec<Block>,
    ) -> Result<bool, &'static str> {
        Ok(is_equal(&self.digest_of(password, pepper, memory)?, &self.digest))
    }

    /// Works in `memory`, which grows if it must, and leaves no trace there.
    fn digest_of(
        &self,
        password: &[u8],
        pepper: &Pepper,
        memory: &mut Vec<Block>,
    ) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        let blocks = self.params.block_count();
        if memory.len() < blocks {
            memory.resize(blocks, Block::new());
        }
        let mut digest = Zeroizing::new(vec![0; self.digest.len()]);
        let argon2 = match &self.key_id {
            None => Argon2::new(self.algorithm, self.version, self.params.clone()),
            Some(id) => {
                let key = pepper.find(id).ok_or("a password hash asks for a pepper that is not configured")?;
                Argon2::new_with_secret(&key.secret, self.algorithm, self.version, self.params.clone())
                    .map_err(|_| "a pepper is too long")?
            }
        };
        let outcome = argon2.hash_password_into_with_memory(password, &self.salt, &mut digest, &mut memory[..blocks]);
        // Plain writes suffice: the memory lives on and is used again, so they cannot be optimised away.
        memory[..blocks].fill(Block::new());
        outcome.map(|()| digest).map_err(|_| "hashing failed")
    }

    /// The string to store.
    pub(super) fn to_phc(&self) -> String {
        let (m, t, p) = (self.params.m_cost(), self.params.t_cost(), self.params.p_cost());
        let key_id =
            self.key_id.as_ref().map(|id| format!(",keyid={}", STANDARD_NO_PAD.encode(id))).unwrap_or_default();
        let (salt, digest) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(&*self.digest));
        format!("$argon2id$v=19$m={m},t={t},p={p}{key_id}${salt}${digest}")
    }
}
