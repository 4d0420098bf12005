//! Our account at an authority: made once, and found again.

use instant_acme::{Account, Error, Key};
use rcgen::KeyPair;

use super::Wanted;
use super::client::Client;
use super::store::{AccountFile, State, StoredAccount};
use super::trouble::Trouble;

/// The account, made if there is none. Its key is on disk before the authority hears of it: whatever comes in
/// between, the same key finds the same account again (RFC 8555 7.3.1).
pub(super) async fn account(state: &State, wanted: &Wanted, client: &Client) -> Result<Account, Trouble> {
    let file = state.account(wanted.directory(), wanted.email.as_deref());
    let disk = |error| Trouble::of_disk(file.path(), &error);
    let _lock = file.lock().await.map_err(disk)?;
    let stored = match file.read().await.map_err(disk)? {
        Some(stored) => stored,
        None => new(&file, wanted).await?,
    };
    let told = |error| Trouble::of_authority(&error, wanted.directory(), &client.pause());
    let account = if let Some(url) = &stored.url {
        known(&stored, url, client).await.map_err(told)?
    } else {
        let account = register(&stored, client).await.map_err(told)?;
        let stored = StoredAccount { url: Some(account.id().to_owned()), ..stored };
        file.write(&stored).await.map_err(disk)?;
        account
    };
    Ok(account)
}

/// The account if it is known already; asking for news of a certificate is no reason to make one.
pub(super) async fn existing(state: &State, wanted: &Wanted, client: &Client) -> Option<Account> {
    let file = state.account(wanted.directory(), wanted.email.as_deref());
    let stored = file.read().await.ok().flatten()?;
    known(&stored, stored.url.as_deref()?, client).await.ok()
}

/// Has it made anew, by the same key, when it is needed: the authority knows it no longer.
pub(super) async fn forget(state: &State, wanted: &Wanted) {
    let file = state.account(wanted.directory(), wanted.email.as_deref());
    if let (Ok(_lock), Ok(Some(stored))) = (file.lock().await, file.read().await) {
        let _ = file.write(&StoredAccount { url: None, ..stored }).await;
    }
}

async fn new(file: &AccountFile, wanted: &Wanted) -> Result<StoredAccount, Trouble> {
    let stored = StoredAccount {
        directory: wanted.directory().to_owned(),
        email: wanted.email.clone(),
        key: new_key()?.serialize_pem(),
        url: None,
    };
    file.write(&stored).await.map_err(|error| Trouble::of_disk(file.path(), &error))?;
    Ok(stored)
}

/// A key of the kind that every authority and every client knows: ECDSA on P-256.
pub(super) fn new_key() -> Result<KeyPair, Trouble> {
    KeyPair::generate().map_err(|error| {
        Trouble::new(format!("no key can be made: {error}"), "report this as a bug of rproxy")
    })
}

async fn known(stored: &StoredAccount, url: &str, client: &Client) -> Result<Account, Error> {
    let key = private_key(stored)?;
    let builder = Account::builder_with_http(Box::new(client.clone()));
    builder.from_parts(url.to_owned(), key.into(), stored.directory.clone()).await
}

async fn register(stored: &StoredAccount, client: &Client) -> Result<Account, Error> {
    let der = private_key(stored)?;
    let key = Key::from_pkcs8_der(der.clone().into())?;
    let der = der.try_into().map_err(|error: &str| Error::Other(error.into()))?;
    let builder = Account::builder_with_http(Box::new(client.clone()));
    let (account, _) = builder.create_from_key((key, der), stored.directory.clone()).await?;
    if let Some(email) = &stored.email {
        account.update_contacts(&[&format!("mailto:{email}")]).await?;
    }
    tracing::info!("the account {} is ours", account.id());
    Ok(account)
}

/// In DER.
fn private_key(stored: &StoredAccount) -> Result<Vec<u8>, Error> {
    let key = KeyPair::from_pem(&stored.key).map_err(|error| Error::Other(error.into()))?;
    Ok(key.serialize_der())
}
