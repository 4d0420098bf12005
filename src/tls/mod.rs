//! Who we are and whom we believe on encrypted connections: certificates, keys, and what is agreed on with
//! whom. How bytes come and go is `net`'s business.

mod authorities;
mod identity;
mod pem;

pub use authorities::Authorities;
pub use identity::{Identity, KeyKind};
pub use pem::Problem;
