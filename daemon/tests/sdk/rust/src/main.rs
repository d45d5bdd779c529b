//! Gets role credentials as an application does, with the SDK's default chain, and prints their key id. With the argument
//! `renew` it goes on until the chain gives others, and prints their key id, too.

use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_config::from_env().http_client(http).load().await;
    let provider = config.credentials_provider().expect("a provider");
    let key_id = async || provider.provide_credentials().await.expect("credentials").access_key_id().to_owned();
    let first = key_id().await;
    println!("{first}");
    if std::env::args().nth(1).as_deref() != Some("renew") {
        return;
    }
    loop {
        let next = key_id().await;
        if next != first {
            println!("{next}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
