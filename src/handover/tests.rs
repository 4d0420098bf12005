use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use tokio::time::timeout;

use super::activation::Local;
use super::channel::{Channel, DESCRIPTORS_MAX, Note};
use super::inheritance::receive_all;
use super::upgrade::hand_over;
use super::*;

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn parcel(address: &str, sockets: Vec<OwnedFd>) -> Parcel {
    Parcel { purpose: Purpose::Listen(address.into()), sockets }
}

/// What arrives of `parcels` at the other end.
async fn through_a_channel(parcels: Vec<Parcel>) -> Inheritance {
    let (ours, theirs) = Channel::pair().unwrap();
    let theirs = Channel::of(theirs).unwrap();
    let handing = hand_over(&ours, &parcels);
    let receiving = async {
        let received = receive_all(&theirs).await.unwrap();
        theirs.send(&Note::Ready, &[]).await.unwrap();
        received
    };
    let both = async { tokio::join!(handing, receiving) };
    let (handed, received) = timeout(Duration::from_secs(20), both).await.expect("in time");
    handed.unwrap();
    Inheritance::of(received).unwrap()
}

#[tokio::test]
async fn a_socket_is_the_same_on_the_other_side() {
    let socket = listener();
    let address = socket.local_addr().unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"waiting in the queue").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut inheritance = through_a_channel(vec![parcel("127.0.0.1:0", vec![socket.into()])]).await;
    let found = inheritance.listener(&"127.0.0.1:0".parse().unwrap()).unwrap().unwrap();
    let adopted = TcpListener::from(found.sockets.into_iter().next().unwrap());
    let mut text = String::new();
    adopted.accept().unwrap().0.read_to_string(&mut text).unwrap();
    assert_eq!(text, "waiting in the queue");
}

#[tokio::test]
async fn every_socket_of_many_arrives() {
    let socket = listener();
    let count = DESCRIPTORS_MAX * 2 + 3;
    let copies = (0..count).map(|_| socket.as_fd().try_clone_to_owned().unwrap()).collect();
    let other = parcel("127.0.0.1:2", vec![listener().into()]);
    let mut inheritance = through_a_channel(vec![parcel("127.0.0.1:1", copies), other]).await;
    let mut sockets =
        |address: &str| inheritance.listener(&address.parse().unwrap()).unwrap().unwrap().sockets.len();
    assert_eq!((sockets("127.0.0.1:1"), sockets("127.0.0.1:2")), (count, 1));
}

#[tokio::test]
async fn each_use_of_an_address_has_its_own_sockets() {
    let of = |purpose| Parcel { purpose, sockets: vec![listener().into()] };
    let address: crate::net::ListenAddr = "127.0.0.1:0".parse().unwrap();
    let all = [Purpose::Admin(address.to_string()), Purpose::Control, Purpose::Listen(address.to_string())];
    let mut inheritance = through_a_channel(all.map(of).into()).await;
    assert!(inheritance.listener(&"127.0.0.1:1".parse().unwrap()).unwrap().is_none());
    for times in [1, 0] {
        assert_eq!(inheritance.listener(&address).unwrap().iter().count(), times);
        assert_eq!(inheritance.admin(&address).unwrap().iter().count(), times);
        assert_eq!(inheritance.control().len(), times);
    }
}

#[tokio::test]
async fn a_former_process_that_ends_early_is_noticed() {
    let (ours, theirs) = Channel::pair().unwrap();
    let theirs = Channel::of(theirs).unwrap();
    drop(ours);
    assert!(receive_all(&theirs).await.is_err());
}

#[tokio::test]
async fn only_a_channel_is_taken_for_one() {
    assert!(Channel::of(listener().into()).is_err());
    assert!(Channel::of(std::fs::File::open("/dev/null").unwrap().into()).is_err());
}

#[test]
fn the_files_of_sockets_that_nobody_wants_go_unless_others_made_them() {
    let dir = tempfile::TempDir::new().unwrap();
    let [ours, others] = ["ours.sock", "others.sock"].map(|name| dir.path().join(name));
    let of = |path: &std::path::Path, purpose| Parcel {
        purpose,
        sockets: vec![std::os::unix::net::UnixListener::bind(path).unwrap().into()],
    };
    let listen = Purpose::Listen(format!("unix:{}", ours.display()));
    Inheritance::of(vec![of(&ours, listen), of(&others, Purpose::Activated)]).unwrap().drop_the_rest();
    assert!(!ours.exists() && others.exists());
}

#[test]
fn what_a_service_manager_has_bound_can_be_had_again() {
    let socket = listener();
    let address: crate::net::ListenAddr = socket.local_addr().unwrap().to_string().parse().unwrap();
    let activated = Parcel { purpose: Purpose::Activated, sockets: vec![socket.into()] };
    let mut inheritance = Inheritance::of(vec![activated]).unwrap();
    for _ in 0..2 {
        let inherited = inheritance.listener(&address).unwrap().unwrap();
        assert!(inherited.foreign);
        assert_eq!(inherited.sockets.len(), 1);
    }
    assert_eq!(inheritance.parcels().unwrap().len(), 1);
}

#[test]
fn an_activation_socket_serves_the_address_it_is_bound_to() {
    let tcp = |local: &str| Local::Tcp(local.parse().unwrap());
    let unix = |path: &str| Local::Unix(path.into());
    for (local, configured, serves) in [
        (tcp("127.0.0.1:80"), "127.0.0.1:80", true),
        (tcp("127.0.0.1:80"), "127.0.0.1:81", false),
        (tcp("127.0.0.1:80"), ":80", false),
        (tcp("[::]:80"), ":80", true),
        (tcp("0.0.0.0:80"), ":80", true),
        (tcp("0.0.0.0:80"), "0.0.0.0:80", true),
        (tcp("[::]:80"), "[::]:80", true),
        (tcp("[::]:80"), ":81", false),
        (unix("/run/a.sock"), "unix:/run/a.sock", true),
        (unix("/run/a.sock"), "unix:/run/b.sock", false),
        (unix("/run/a.sock"), ":80", false),
        (Local::Other, "unix:/run/a.sock", false),
    ] {
        assert_eq!(local.serves(&configured.parse().unwrap()), serves, "{local} for {configured}");
    }
}
