//! The Lambda function that tells EventBridge what the table's stream tells it.

use roster::config::Config;
use roster::doors::stream_events;
use roster::{aws, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = Config::from_env().unwrap_or_else(|mistakes| telemetry::refuse_to_start(&mistakes));
    telemetry::init(&config);
    let bus = aws::bus(&config, None).unwrap_or_else(|mistakes| telemetry::refuse_to_start(&mistakes));
    stream_events::run(bus).await
}
