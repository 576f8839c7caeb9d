//! The whole directory, driven through its doors on real engines: one fresh database per test, all in parallel, offline.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod harness;

mod attempts;
mod authorization;
mod avatar_crashes;
mod avatar_images;
mod avatar_memory;
mod avatar_races;
mod avatar_uploads;
mod bad_input;
mod change_password;
mod conflicts;
mod contract;
mod create_user;
mod cursors;
mod delete_user;
mod durability;
mod filters;
mod get_user;
mod hardening;
mod iam;
mod import;
mod issuer_keys;
mod issuer_tls;
mod lambda;
mod leases;
mod legacy_hashes;
mod list_model;
mod lists;
mod local;
mod local_issuer;
mod pages;
mod password_policy;
mod patch_user;
mod pepper;
mod problems;
mod quotas;
mod races;
mod replace_user;
mod secrets;
mod table;
mod tidy;
mod tokens;
mod vectors;
mod verify_password;
