//! Quotas: what callers are told, and that many sandboxes together keep to them.
