//! The Lambda function behind API Gateway.

use roster::app::App;
use roster::config::Config;
use roster::doors::{lambda, rest};
use roster::telemetry;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let config = Config::from_env().unwrap_or_else(|mistakes| telemetry::refuse_to_start(&mistakes));
    telemetry::init(&config);
    let app = App::new(&config).await.unwrap_or_else(|mistakes| telemetry::refuse_to_start(&mistakes));
    app.warm().await;
    lambda::run(rest::router(app)).await
}
