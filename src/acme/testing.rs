//! An authority that says what a test wants it to.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use ::http::{Method, Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use instant_acme::{Account, BodyWrapper, BytesResponse, Error, HttpClient};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::{Listening, Wanted, Way};
use crate::tls::{Identity, ManagedIdentities};

/// What was asked: method, path and body.
pub(super) type Asked = Arc<Mutex<Vec<(Method, String, Bytes)>>>;

/// By the beginning of a path.
type Answers = Vec<(&'static str, Response<String>)>;

type Answer = Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>>;

/// Answers requests by their path, in order; what it has nothing for is a 404.
struct Fake {
    answers: Arc<Mutex<Answers>>,
    asked: Asked,
}

/// An account at an authority with that directory and these answers.
pub(super) async fn account(directory: &str, answers: Answers) -> (Account, Asked) {
    let mut all = vec![("/dir", Response::new(directory.to_owned()))];
    all.extend(answers);
    let asked = Asked::default();
    let fake = Fake { answers: Arc::new(Mutex::new(all)), asked: Arc::clone(&asked) };
    let key = KeyPair::generate().unwrap().serialize_der();
    let builder = Account::builder_with_http(Box::new(fake));
    let account = builder.from_parts("https://ca.test/me".into(), key.into(), "https://ca.test/dir".into());
    (account.await.unwrap(), asked)
}

impl HttpClient for Fake {
    fn request(&self, request: Request<BodyWrapper<Bytes>>) -> Answer {
        let (answers, asked) = (Arc::clone(&self.answers), Arc::clone(&self.asked));
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let path = parts.uri.path().to_owned();
            let mut answers = answers.lock().unwrap();
            let found = answers.iter().position(|(prefix, _)| path.starts_with(prefix));
            let answer = found.map(|found| answers.remove(found).1);
            asked.lock().unwrap().push((parts.method, path, body));
            let answer = answer.unwrap_or_else(|| Response::builder().status(404).body("{}".into()).unwrap());
            Ok(BytesResponse::from(answer.map(|text| Full::new(Bytes::from(text)))))
        })
    }
}

/// A certificate for `name` that is wanted.
pub(super) fn wanted(name: &str) -> Wanted {
    let managed = ManagedIdentities::default().get("https://ca.test/dir", [name.to_owned()]);
    let (email, authorities, listening) = (None, None, Listening::default());
    Wanted { managed, email, authorities, way: Way::Http, listening }
}

/// A key and a certificate for `name` that lasts, in PEM.
pub(super) fn pem(name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
    (key.serialize_pem(), certificate.pem())
}

/// Signed by an authority of its own, for `name`.
pub(super) fn identity(name: &str) -> Identity {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
    parameters.use_authority_key_identifier_extension = true;
    let certificate = parameters.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    let secret = key.serialize_der().try_into().unwrap();
    Identity::new(vec![certificate.der().clone()], &secret, "cert.pem".as_ref(), "key.pem".as_ref()).unwrap()
}
