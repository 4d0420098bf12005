//! Certificates that are about to expire.

use std::time::{Duration, SystemTime};

use super::Identity;

const DAY: Duration = Duration::from_hours(24);
/// An operator is told so long before, or once two thirds of a shorter life are over.
const SOON: Duration = Duration::from_hours(30 * 24);
/// And told as of an error.
const URGENT: Duration = Duration::from_hours(7 * 24);

/// How much a certificate's age matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expiry {
    Fine,
    Soon,
    Urgent,
    Expired,
    /// Its time has not begun, or our clock is wrong.
    NotYet,
}

impl Identity {
    pub fn expiry(&self, now: SystemTime) -> Expiry {
        let life = self.not_after.duration_since(self.not_before).unwrap_or_default();
        if now < self.not_before {
            return Expiry::NotYet;
        }
        match self.not_after.duration_since(now) {
            Err(_) => Expiry::Expired,
            Ok(left) if left < URGENT.min(life / 10) => Expiry::Urgent,
            Ok(left) if left < SOON.min(life / 3) => Expiry::Soon,
            Ok(_) => Expiry::Fine,
        }
    }

    /// Tells the operator, if there is something to tell.
    pub fn tell_expiry(&self, now: SystemTime) {
        let cert = self.cert.display();
        let days = self.lasts(now).as_secs() / DAY.as_secs();
        let remedy =
            "put the renewed certificate and key in the place of these files: they are taken up at once";
        match self.expiry(now) {
            Expiry::Fine => {}
            Expiry::Soon => tracing::warn!(days, remedy, "the certificate {cert} expires soon"),
            Expiry::Urgent => tracing::error!(days, remedy, "the certificate {cert} is about to expire"),
            Expiry::Expired => {
                tracing::error!(remedy, "the certificate {cert} has expired: browsers refuse it");
            }
            Expiry::NotYet => {
                let remedy = "look at this machine's clock";
                tracing::error!(remedy, "the certificate {cert} is not valid yet: browsers refuse it");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn fixture(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("static_fixtures/tls").join(name)
    }

    #[test]
    fn a_certificate_is_told_of_a_month_and_again_a_week_before_its_end() {
        let identity = Identity::load(&fixture("localhost.pem"), &fixture("localhost.key")).unwrap();
        for (days, expiry) in [(31, Expiry::Fine), (29, Expiry::Soon), (6, Expiry::Urgent)] {
            assert_eq!(identity.expiry(identity.not_after - days * DAY), expiry, "{days} days before");
        }
        assert_eq!(identity.expiry(identity.not_after + DAY), Expiry::Expired);
        assert_eq!(identity.expiry(identity.not_before - DAY), Expiry::NotYet);
    }
}
