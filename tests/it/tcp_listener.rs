//! Listening on addresses and ports.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use crate::support::{Client, Origin, Proxy, Request};

fn proxy(listen: &str, origin: &Origin) -> Proxy {
    Proxy::config(&format!(
        "[log]\naccess = \"stdout\"\n[[site]]\nlisten = [{listen}]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n",
        origin.address()
    ))
    .start()
}

/// Machines without IPv6 have one address less to be asked at.
fn addresses(port: u16) -> Vec<SocketAddr> {
    let mut addresses = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        addresses.push(SocketAddr::from((Ipv6Addr::LOCALHOST, port)));
    }
    addresses
}

/// A client's IPv4 address stays one on a socket that takes both families.
#[test]
fn a_bare_port_is_every_address_of_both_families() {
    let origin = Origin::ok("page");
    let proxy = proxy("\":0\"", &origin);
    for (count, address) in addresses(proxy.addr().port()).iter().enumerate() {
        let mut client = Client::connect(&address.to_string());
        assert_eq!(client.exchange(&Request::get("/")).text(), "page", "{address}");
        let ip = address.ip().to_string();
        let received = origin.wait_for_request(count + 1);
        assert_eq!(received.header("x-forwarded-for"), Some(&*ip));
        assert_eq!(received.header("x-real-ip"), Some(&*ip));
        proxy.wait_for_access(&format!("{ip} - - ["));
    }
}

#[test]
fn one_site_listens_on_several_addresses() {
    let origin = Origin::ok("page");
    let proxy = proxy("\"127.0.0.1:0\", \"127.0.0.2:0\"", &origin);
    assert_eq!(proxy.addresses().len(), 2);
    for address in proxy.addresses() {
        assert_eq!(Client::connect(address).exchange(&Request::get("/")).text(), "page", "{address}");
    }
}

/// A reload takes such addresses up one after the other, and the next start has to, too.
#[test]
fn every_address_and_one_of_them_may_have_the_same_port() {
    let origin = Origin::ok("page");
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let proxy = proxy(&format!("\"127.0.0.1:{port}\", \":{port}\""), &origin);
    for address in addresses(port) {
        assert_eq!(Client::connect(&address.to_string()).exchange(&Request::get("/")).text(), "page");
    }
    assert_eq!(proxy.addresses().len(), 2);
}

#[test]
fn a_restart_gets_its_port_back_at_once() {
    let origin = Origin::ok("page");
    let first = proxy("\"127.0.0.1:0\"", &origin);
    let address = first.addr().to_string();
    let mut client = first.connect();
    client.exchange(&Request::get("/"));
    // Closed by the server first: the port keeps a connection in TIME_WAIT.
    drop(first);
    assert_eq!(proxy(&format!("{address:?}"), &origin).get("/").text(), "page");
}
