//! One order, from the names to the certificate (RFC 8555 7.4).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeStatus, ChallengeType, Error, Identifier,
    NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use super::challenge::{Shown, Stage};
use super::client::Pause;
use super::fault::Fault;
use super::store::{Folder, OpenOrder};
use super::trouble::Trouble;
use super::{Wanted, Way, account};
use crate::tls::Identity;

/// Authorities look from several places, and try more than once.
const DECISION: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(500))
    .backoff(1.4)
    .timeout(Duration::from_secs(300));

/// An order with all that it needs.
pub(super) struct Ordering<'a> {
    pub wanted: &'a Wanted,
    pub account: &'a Account,
    pub folder: &'a Folder,
    pub stage: &'a Stage,
    pub pause: &'a Pause,
    /// What it is to replace (RFC 9773 5), if the authority heeds that.
    pub replaces: Option<Arc<Identity>>,
}

/// A certificate's key and its chain, in PEM.
pub(super) struct Issued {
    pub key: String,
    pub chain: String,
}

impl Ordering<'_> {
    /// Goes on with the order that was begun, or makes one, and leads it to its end.
    pub async fn run(&self) -> Result<Issued, Trouble> {
        let (mut order, key) = match self.resume().await? {
            Some(begun) => begun,
            None => self.begin().await?,
        };
        // Shown until there is a certificate: some authorities look again before they issue it.
        let mut shown = Vec::new();
        loop {
            match order.state().status {
                OrderStatus::Pending => {
                    shown.extend(self.authorize(&mut order).await?);
                    self.decided(&mut order).await?;
                }
                OrderStatus::Ready => {
                    let request = self.signing_request(&key)?;
                    order.finalize_csr(&request).await.map_err(|error| self.told(&error))?;
                }
                OrderStatus::Processing | OrderStatus::Valid => {
                    let chain = order.poll_certificate(&DECISION).await.map_err(|error| self.told(&error))?;
                    return Ok(Issued { key: key.serialize_pem(), chain });
                }
                OrderStatus::Invalid => return Err(self.refused(&mut order).await),
            }
        }
    }

    /// The order that this process, or another one, had begun: as far as the authority still knows it.
    async fn resume(&self) -> Result<Option<(Order, KeyPair)>, Trouble> {
        let Some(open) = self.folder.order().await else { return Ok(None) };
        let Ok(key) = KeyPair::from_pem(&open.key) else { return Ok(None) };
        let mut order = match self.account.order(open.url).await {
            Ok(order) => order,
            Err(error) if is_final(&error) => return Ok(None),
            // Orders are counted: it is looked at again later.
            Err(error) => return Err(self.told(&error)),
        };
        if order.state().status == OrderStatus::Invalid {
            return Ok(None);
        }
        tracing::info!("going on with the order for {}", self.wanted.title());
        Ok(Some((order, key)))
    }

    /// Makes an order, and keeps its key before anything is signed for it.
    async fn begin(&self) -> Result<(Order, KeyPair), Trouble> {
        let identifiers: Vec<Identifier> = self.wanted.names().iter().map(|name| identifier(name)).collect();
        let order = self.place(&identifiers).await.map_err(|error| self.told(&error))?;
        let key = account::new_key()?;
        let open = OpenOrder { url: order.url().to_owned(), key: key.serialize_pem() };
        let written = self.folder.write_order(&open).await;
        written.map_err(|error| Trouble::of_disk(self.folder.path(), &error))?;
        Ok((order, key))
    }

    async fn place(&self, identifiers: &[Identifier]) -> Result<Order, Error> {
        let chain = self.replaces.as_ref().map(|identity| &identity.certified().cert);
        let former = chain.and_then(|chain| CertificateIdentifier::try_from(chain.first()?).ok());
        if let Some(former) = former {
            let order = self.account.new_order(&NewOrder::new(identifiers).replaces(former)).await;
            // What it is to replace may be another account's, or replaced already: that is no reason for none.
            match order {
                Err(Error::Api(problem)) if is_about_limits(problem.r#type.as_deref()) => {
                    return Err(problem.into());
                }
                Ok(order) => return Ok(order),
                Err(_) => {}
            }
        }
        self.account.new_order(&NewOrder::new(identifiers)).await
    }

    /// Shows what the authority wants to see for each name, and has it look.
    async fn authorize(&self, order: &mut Order) -> Result<Vec<Shown>, Trouble> {
        let mut shown = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(|error| self.told(&error))?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let title = authorization.identifier().to_string();
            let name = title.strip_prefix("*.").unwrap_or(&title).to_owned();
            let Some(mut challenge) = authorization.challenge(kind(&self.wanted.way)) else {
                return Err(self.not_offered(&title));
            };
            let key_authorization = challenge.key_authorization();
            let token = challenge.token.clone();
            shown.push(self.stage.show(self.wanted, &name, &token, &key_authorization).await?);
            if challenge.status == ChallengeStatus::Pending {
                challenge.set_ready().await.map_err(|error| self.told(&error))?;
            }
        }
        Ok(shown)
    }

    /// Waits until the authority has seen enough.
    async fn decided(&self, order: &mut Order) -> Result<(), Trouble> {
        match order.poll_ready(&DECISION).await {
            // Why it is invalid, its authorizations tell better.
            Ok(_) | Err(Error::Api(_)) if order.state().status == OrderStatus::Invalid => {
                Err(self.refused(order).await)
            }
            Ok(_) => Ok(()),
            Err(error) => Err(self.told(&error)),
        }
    }

    /// Why the authority has turned an order down.
    async fn refused(&self, order: &mut Order) -> Trouble {
        // Nothing will come of it any more.
        let _ = self.folder.remove_order().await;
        let general = order.state().error.clone();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let Ok(mut authorization) = authorization else { break };
            let name = authorization.identifier().to_string();
            let Ok(state) = authorization.refresh().await else { continue };
            if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.clone()) {
                let trouble = self.told(&Error::Api(problem));
                return Trouble { what: format!("{name}: {}", trouble.what), ..trouble };
            }
        }
        match general {
            Some(problem) => self.told(&Error::Api(problem)),
            None => Trouble::new(
                "the authority has turned the order down without a reason",
                "none: another order is made",
            ),
        }
    }

    fn signing_request(&self, key: &KeyPair) -> Result<Vec<u8>, Trouble> {
        let request = CertificateParams::new(self.wanted.names()).and_then(|mut parameters| {
            parameters.distinguished_name = DistinguishedName::new();
            parameters.serialize_request(key)
        });
        let request = request.map_err(|error| {
            let what = format!("no request for {} can be made: {error}", self.wanted.title());
            Trouble::new(what, "see whether each of `hosts` is a name that DNS could have")
        })?;
        Ok(request.der().to_vec())
    }

    fn not_offered(&self, name: &str) -> Trouble {
        let way = self.wanted.way.name();
        let remedy = if name.starts_with("*.") {
            "use `challenge = \"dns-01\"` with a `hook`: wildcards cannot be shown otherwise"
        } else {
            "use another `challenge`"
        };
        Trouble::new(format!("the authority does not offer {way} for {name}"), remedy)
    }

    fn told(&self, error: &Error) -> Trouble {
        Trouble::of_authority(error, self.wanted.directory(), self.pause)
    }
}

fn identifier(name: &str) -> Identifier {
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or_else(|_| Identifier::Dns(name.to_owned()), Identifier::Ip)
}

fn kind(way: &Way) -> ChallengeType {
    match way {
        Way::Http => ChallengeType::Http01,
        Way::TlsAlpn => ChallengeType::TlsAlpn01,
        Way::Dns { .. } => ChallengeType::Dns01,
    }
}

/// Whether the authority says that it has nothing for us there, and not only that it cannot say so now.
fn is_final(error: &Error) -> bool {
    const PASSING: [&str; 3] = [":rateLimited", ":badNonce", ":serverInternal"];
    let refuses = |status: u16| (400..500).contains(&status) && !matches!(status, 408 | 429);
    match error {
        Error::Api(problem) => {
            let kind = problem.r#type.as_deref().unwrap_or_default();
            !PASSING.iter().any(|passing| kind.ends_with(passing)) && problem.status.is_none_or(refuses)
        }
        Error::Other(other) => {
            matches!(other.downcast_ref(), Some(Fault::Status(status)) if refuses(status.as_u16()))
        }
        _ => false,
    }
}

/// Whether asking once more would do harm.
fn is_about_limits(kind: Option<&str>) -> bool {
    kind.is_some_and(|kind| kind.ends_with(":rateLimited"))
}

#[cfg(test)]
mod tests {
    use ::http::Response;

    use super::*;
    use crate::acme::store::State;
    use crate::acme::testing;

    /// How many orders are made where the first is refused like that, and whether there is one in the end.
    async fn orders_after(refusal: &str) -> (usize, bool) {
        let directory = r#"{"newNonce":"https://ca.test/nonce","newAccount":"","newOrder":"https://ca.test/order",
            "renewalInfo":"https://ca.test/ari"}"#;
        let nonce = || Response::builder().header("replay-nonce", "n");
        let refused = format!(r#"{{"type":"urn:ietf:params:acme:error:{refusal}","detail":"no"}}"#);
        let order = r#"{"status":"pending","authorizations":[],"finalize":"https://ca.test/finalize"}"#;
        let answers = vec![
            ("/nonce", nonce().body(String::new()).unwrap()),
            ("/nonce", nonce().body(String::new()).unwrap()),
            ("/order", nonce().status(409).body(refused).unwrap()),
            (
                "/order",
                nonce().status(201).header("location", "https://ca.test/1").body(order.into()).unwrap(),
            ),
        ];
        let (account, asked) = testing::account(directory, answers).await;
        let state = tempfile::tempdir().unwrap();
        let wanted = testing::wanted("a.test");
        let folder = State::new(state.path()).folder(&wanted);
        let ordering = Ordering {
            wanted: &wanted,
            account: &account,
            folder: &folder,
            stage: &Stage { challenges: Arc::default(), tokens: state.path().to_owned() },
            pause: &Pause::default(),
            replaces: Some(Arc::new(testing::identity("a.test"))),
        };
        let is_begun = ordering.begin().await.is_ok();
        assert_eq!(folder.order().await.is_some(), is_begun);
        let asked = asked.lock().unwrap();
        let orders: Vec<_> = asked.iter().filter(|(_, path, _)| path == "/order").collect();
        if let [(_, _, first), (_, _, second)] = orders[..] {
            assert!(first.len() > second.len(), "the second replaces nothing");
        }
        (orders.len(), is_begun)
    }

    #[tokio::test]
    async fn what_cannot_be_replaced_is_ordered_all_the_same() {
        assert_eq!(orders_after("alreadyReplaced").await, (2, true));
    }

    #[tokio::test]
    async fn who_has_asked_too_often_asks_no_more() {
        assert_eq!(orders_after("rateLimited").await, (1, false));
    }

    /// Whether an open order is gone on with, or another one may be made, where it is answered for like that.
    async fn resumed(status: u16, body: &str) -> Result<bool, String> {
        let directory = r#"{"newNonce":"https://ca.test/nonce","newAccount":"","newOrder":""}"#;
        let nonce = || Response::builder().header("replay-nonce", "n");
        let answers = vec![
            ("/nonce", nonce().body(String::new()).unwrap()),
            ("/1", nonce().status(status).body(body.to_owned()).unwrap()),
        ];
        let (account, _) = testing::account(directory, answers).await;
        let (state, wanted) = (tempfile::tempdir().unwrap(), testing::wanted("a.test"));
        let folder = State::new(state.path()).folder(&wanted);
        let key = account::new_key().unwrap().serialize_pem();
        folder.write_order(&OpenOrder { url: "https://ca.test/1".into(), key }).await.unwrap();
        let ordering = Ordering {
            wanted: &wanted,
            account: &account,
            folder: &folder,
            stage: &Stage { challenges: Arc::default(), tokens: state.path().to_owned() },
            pause: &Pause::default(),
            replaces: None,
        };
        ordering.resume().await.map(|order| order.is_some()).map_err(|trouble| trouble.what)
    }

    #[tokio::test]
    async fn an_open_order_is_left_when_the_authority_does_not_know_it_and_not_before() {
        let order = r#"{"status":"pending","authorizations":[],"finalize":"https://ca.test/finalize"}"#;
        assert_eq!(resumed(200, order).await, Ok(true));
        let malformed = r#"{"type":"urn:ietf:params:acme:error:malformed","status":404}"#;
        assert_eq!(resumed(404, malformed).await, Ok(false));
        for kind in ["serverInternal", "rateLimited"] {
            let problem = format!(r#"{{"type":"urn:ietf:params:acme:error:{kind}","detail":"later"}}"#);
            let told = format!("the authority refuses ({kind}): later");
            assert_eq!(resumed(503, &problem).await, Err(told));
        }
    }
}
