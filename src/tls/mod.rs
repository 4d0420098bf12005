//! Who we are and whom we believe on encrypted connections: certificates, keys, and what is agreed on with
//! whom. How bytes come and go is `net`'s business.

mod authorities;
mod challenges;
mod identity;
mod managed;
mod pem;

pub use authorities::Authorities;
pub use challenges::Challenges;
pub use identity::{Identity, KeyKind};
pub use managed::{Managed, ManagedIdentities};
pub use pem::Problem;
