//! Gets role credentials as an application does, with the SDK's default chain, and prints their key id.

use aws_credential_types::provider::ProvideCredentials;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_config::from_env().http_client(http).load().await;
    let provider = config.credentials_provider().expect("a provider");
    let credentials = provider.provide_credentials().await.expect("credentials");
    println!("{}", credentials.access_key_id());
}
