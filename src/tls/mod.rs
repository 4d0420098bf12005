//! Who we are and whom we believe on encrypted connections: certificates, keys, and what is agreed on with
//! whom. How bytes come and go is `net`'s business.

mod acceptor;
mod agreement;
mod authorities;
mod challenges;
mod client;
mod expiry;
mod identity;
mod managed;
mod offer;
mod pem;
mod process;
mod shown;
mod trust;

pub use acceptor::{Acceptor, Refusal};
pub use agreement::{Agreement, Application};
pub use authorities::Authorities;
pub use challenges::Challenges;
pub use client::{Client, Distrust, Expectations, explain};
pub use expiry::Expiry;
pub use identity::{Identity, KeyKind};
pub use managed::{Managed, ManagedIdentities};
pub use offer::{ClientTerms, Offer, Terms};
pub use pem::Problem;
pub use process::Process;
pub use shown::shown_certificate;
pub use trust::{client_config, is_about_time};
