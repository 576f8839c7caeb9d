//! The laptop: the engines that stand in for AWS, and the server that runs everything in one process.
//!
//! - [`dynamodb`] and [`s3`] answer as DynamoDB and S3 do, over real HTTP, each on a thread of its own
//! - [`serve`] is `roster serve`: engines, table, bucket, API, and a tidy end
//! - [`table`] is the table for commands that need no server: in the data folder, or in the server that holds it
//! - `connections` serves HTTP, with limits and a graceful stop; `engine` is a server on a thread
//! - `guard` keeps web pages away from it, `front` stands before the DynamoDB engine and `tokens`
//!   sees to it that a transaction is done once, `s3_access` before the S3 engine
//! - `awaited` looks whether endpoints that stand in for the engines are there
//! - [`issuer`] signs tokens for `roster serve --auth jwt`
//! - `pages` serves the console and the explorer
//! - [`watched`] tells of finished uploads, and `uploads` hands them to the handler that Lambda runs
//! - [`stream`] is the DynamoDB engine's stream of changes, and [`changes`] hands it to the handler that Lambda runs
//! - [`listen`] binds addresses, `data` holds the data folder, `mend` completes what is in it, `signals` hears Ctrl-C, `banner` tells where
//!   everything is, and [`Trouble`] is all that can go wrong
//!
//! Nothing here is in a Lambda binary (feature `local`), and no other module calls into it but the command line.

mod awaited;
mod banner;
pub mod changes;
mod connections;
mod data;
pub mod dynamodb;
mod engine;
mod engines;
mod front;
mod guard;
pub mod issuer;
pub mod listen;
mod mend;
mod pages;
#[cfg(test)]
mod probe;
pub mod s3;
mod s3_access;
pub mod serve;
mod signals;
pub mod stream;
pub mod table;
mod tokens;
mod trouble;
mod uploads;
pub mod watched;

pub use dynamodb::DynamoDb;
pub use s3::S3;
pub use trouble::Trouble;
pub(crate) use trouble::plain;
