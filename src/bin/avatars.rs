//! The Lambda function that judges uploaded pictures.

use roster::app::App;
use roster::config::Config;
use roster::doors::s3_events;
use roster::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = Config::from_env()?;
    telemetry::init(&config);
    s3_events::run(App::new(&config).await?).await
}
