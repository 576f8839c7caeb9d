//! The bare peer as one writes it, with the C library's allocator.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    peers::run().await
}
