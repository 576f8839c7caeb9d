//! Where spans go, by the variables that OpenTelemetry has set down
//! (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>).

use super::reader::Reader;

/// Where spans go, for binaries built with feature `otel`; headers, sampler and attributes of the resource
/// (`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`, `OTEL_RESOURCE_ATTRIBUTES`) are read by OpenTelemetry itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traces {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: the collector, such as `http://localhost:4318`, to which `/v1/traces` is added; or
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, the whole URL. Default: no spans.
    pub endpoint: String,
    /// `OTEL_SERVICE_NAME`: under which name. Default `roster`.
    pub service: String,
}

/// Reads it.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Traces> {
    let whole = reader.endpoint("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    let base = reader.endpoint("OTEL_EXPORTER_OTLP_ENDPOINT");
    let of_base = || base.map(|base| format!("{}/v1/traces", base.trim_end_matches('/')));
    let endpoint = whole.or_else(of_base)?;
    Some(Traces { endpoint, service: reader.text("OTEL_SERVICE_NAME").unwrap_or_else(|| "roster".to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    #[test]
    fn an_endpoint_is_a_base_or_a_whole_url() {
        for (variables, expected) in [
            (&[][..], Ok(None)),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")], Ok(Some("http://localhost:4318/v1/traces"))),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://x.example/a/")], Ok(Some("https://x.example/a/v1/traces"))),
            (
                &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a"), ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b/c")],
                Ok(Some("http://b/c")),
            ),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318")], Err("OTEL_EXPORTER_OTLP_ENDPOINT must start with")),
        ] {
            let lookup = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned());
            match (Config::for_local(&lookup), expected) {
                (Ok(config), Ok(endpoint)) => {
                    assert_eq!(config.traces.map(|traces| traces.endpoint).as_deref(), endpoint, "{variables:?}");
                }
                (Err(mistakes), Err(told)) => assert!(mistakes.to_string().contains(told), "{mistakes}"),
                (other, _) => panic!("{variables:?}: {other:?}"),
            }
        }
    }
}
