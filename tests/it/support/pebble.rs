//! Pebble, Let's Encrypt's own server for tests of clients: an authority that makes it hard for them on purpose.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::lines::Lines;
use super::package;

/// How it is to be.
#[derive(Clone, Copy, Debug)]
pub struct Builder {
    validity: u64,
    refused_nonces: u32,
    slowness: u32,
    http: u16,
    tls: u16,
}

/// A running authority with name servers of its own, for which every name is 127.0.0.1. It ends with this value.
#[derive(Debug)]
pub struct Pebble {
    authority: Child,
    name_servers: Child,
    pub log: Lines,
    port: u16,
    records: u16,
    dns: u16,
    /// Where it looks for plain HTTP, and for TLS.
    pub http: u16,
    pub tls: u16,
    builder: Builder,
    dir: TempDir,
}

impl Pebble {
    pub fn builder() -> Builder {
        package::require("pebble", || {
            ["pebble", "pebble-challtestsrv"]
                .iter()
                .all(|program| Command::new(program).arg("-h").output().is_ok())
        });
        let [http, tls] = [(); 2].map(|()| free_port());
        Builder { validity: 90 * 24 * 3600, refused_nonces: 5, slowness: 0, http, tls }
    }

    pub fn start() -> Self {
        Self::builder().start()
    }

    pub fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.port)
    }

    /// Who has signed the certificate of its directory, in PEM.
    pub fn ca(&self) -> String {
        fs::read_to_string(self.dir.path().join("ca.pem")).unwrap()
    }

    /// A command that sets and removes records of its name servers.
    pub fn hook(&self) -> String {
        format!(
            r#"#!/bin/bash
case $1 in
present) path=/set-txt; body="{{\"host\":\"$2.\",\"value\":\"$3\"}}" ;;
cleanup) path=/clear-txt; body="{{\"host\":\"$2.\"}}" ;;
esac
exec 3<>/dev/tcp/127.0.0.1/{records} || exit 1
printf 'POST %s HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s' $path ${{#body}} "$body" >&3
read -r answer <&3
echo "$1 $2 $answer" >&2
[[ $answer == *200* ]]
"#,
            records = self.records
        )
    }

    /// How often a line of its log has `text`.
    pub fn count(&self, text: &str) -> usize {
        self.log.all().iter().filter(|line| line.contains(text)).count()
    }

    /// Of whatever kind.
    pub fn requests(&self) -> usize {
        self.count("calling handler()")
    }

    pub fn orders(&self) -> usize {
        self.count("Added order")
    }

    /// How many keys it knows.
    pub fn accounts(&self) -> usize {
        self.count("accounts in memory")
    }

    /// Has it forget everything, but not where it is.
    pub fn restart(&mut self) {
        let _ = self.authority.kill();
        let _ = self.authority.wait();
        (self.authority, self.log) = self.builder.launch(&self.dir, self.dns);
    }

    pub fn stop(&mut self) {
        for child in [&mut self.authority, &mut self.name_servers] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Builder {
    /// For how many seconds its certificates are valid.
    #[must_use]
    pub const fn validity(mut self, seconds: u64) -> Self {
        self.validity = seconds;
        self
    }

    /// How many good nonces of a hundred it refuses.
    #[must_use]
    pub const fn refuse_nonces(mut self, percent: u32) -> Self {
        self.refused_nonces = percent;
        self
    }

    /// Up to how many seconds it waits before it looks.
    #[must_use]
    pub const fn slow(mut self, seconds: u32) -> Self {
        self.slowness = seconds;
        self
    }

    /// Where it looks for plain HTTP.
    #[must_use]
    pub const fn looks_at(mut self, http: u16) -> Self {
        self.http = http;
        self
    }

    pub fn start(self) -> Pebble {
        let dir = tempfile::Builder::new().prefix("pebble-").tempdir().unwrap();
        make_certificates(&dir);
        let [dns, records] = [(); 2].map(|()| free_port());
        let name_servers = Command::new("pebble-challtestsrv")
            .args(["-dns01", &at(dns), "-management", &at(records), "-defaultIPv6", ""])
            .args(["-http01", "", "-https01", "", "-tlsalpn01", ""])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let port = free_port();
        let config = format!(
            r#"{{"pebble": {{"listenAddress": "{}", "managementListenAddress": "", "certificate": "cert.pem",
                "privateKey": "key.pem", "httpPort": {}, "tlsPort": {}, "ocspResponderURL": "",
                "externalAccountBindingRequired": false, "domainBlocklist": ["refused.test"],
                "certificateValidityPeriod": {}}}}}"#,
            at(port),
            self.http,
            self.tls,
            self.validity
        );
        fs::write(dir.path().join("pebble.json"), config).unwrap();
        let (authority, log) = self.launch(&dir, dns);
        let Self { http, tls, .. } = self;
        Pebble { authority, name_servers, log, port, records, dns, http, tls, builder: self, dir }
    }

    fn launch(self, dir: &TempDir, dns: u16) -> (Child, Lines) {
        let mut authority = Command::new("pebble");
        authority.args(["-config", "pebble.json", "-strict", "-dnsserver", &at(dns)]).current_dir(dir.path());
        authority.env("PEBBLE_WFE_NONCEREJECT", self.refused_nonces.to_string());
        authority.env("PEBBLE_AUTHZREUSE", "0");
        match self.slowness {
            0 => authority.env("PEBBLE_VA_NOSLEEP", "1"),
            seconds => authority.env("PEBBLE_VA_SLEEPTIME", seconds.to_string()),
        };
        let mut authority = authority.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let log = Lines::of(authority.stdout.take().unwrap());
        log.wait_for("ACME directory available");
        (authority, log)
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of pebble ---\n{}", self.log.all().join("\n"));
        }
        self.stop();
    }
}

fn at(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// A port that nobody else has, outside of those that the kernel gives to who asks for any.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Each process of tests begins elsewhere.
    let process = u16::try_from(std::process::id() % 97).unwrap();
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + (process * 113 + step) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// An authority of our own, and what it has signed for the directory of pebble.
fn make_certificates(dir: &TempDir) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let names = ["localhost", "127.0.0.1"].map(String::from);
    // What is valid from 1975 to 4096 would hide that our clock is wrong.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let day = Duration::from_secs(24 * 3600);
    let mut parameters = CertificateParams::new(names).unwrap();
    parameters.not_before = rcgen::date_time_ymd(1970, 1, 1) + now.checked_sub(day).unwrap();
    parameters.not_after = rcgen::date_time_ymd(1970, 1, 1) + now + day * 30;
    let certificate = parameters.signed_by(&key, &issuer).unwrap();
    for (name, text) in
        [("ca.pem", ca_certificate.pem()), ("cert.pem", certificate.pem()), ("key.pem", key.serialize_pem())]
    {
        fs::write(dir.path().join(name), text).unwrap();
    }
}
