//! The local server as a process.
