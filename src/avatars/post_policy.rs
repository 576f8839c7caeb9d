//! Presigned forms for browsers: a policy that fixes key, type, length and end, signed with the key of the day.
//! (Amazon S3 API Reference, "Authenticating Requests: Browser-Based Uploads Using POST".)

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::presign::{Signer, amz_date};
use crate::domain::Timestamp;
use crate::domain::avatar::Upload;

/// The fields of a form that uploads exactly this file, in the order to send them; `file` comes last.
pub fn fields(signer: &Signer, bucket: &str, upload: &Upload, now: Timestamp) -> Vec<(&'static str, String)> {
    let date = amz_date(now);
    let mut fields = vec![
        ("key", upload.object()),
        ("Content-Type", upload.file.content_type.as_str().to_owned()),
        ("x-amz-algorithm", "AWS4-HMAC-SHA256".to_owned()),
        ("x-amz-credential", signer.credential(&date)),
        ("x-amz-date", date.clone()),
    ];
    if let Some(checksum) = &upload.file.checksum {
        fields.push(("x-amz-checksum-sha256", checksum.to_string()));
    }
    if let Some(token) = signer.session_token() {
        fields.push(("x-amz-security-token", token.to_owned()));
    }
    let length = upload.file.content_length;
    let mut conditions = vec![json!({"bucket": bucket}), json!(["content-length-range", length, length])];
    conditions.extend(fields.iter().map(|(name, value)| json!(["eq", format!("${name}"), value])));
    let policy = json!({"expiration": upload.expires_at.to_string(), "conditions": conditions});
    let policy = STANDARD.encode(policy.to_string());
    let signature = signer.sign(now, &date, &policy);
    fields.push(("policy", policy));
    fields.push(("x-amz-signature", signature));
    fields
}
