//! What frames can be misused for: each time the connection ends, little memory and time is used, and others are
//! served as before.

use std::time::Duration;

use super::{fixed, proxied, site};
use crate::support::frames::*;
use crate::support::kernel::{most_resident, processor_time};
use crate::support::{Origin, Proxy};

/// More than any of this may take of either.
const MEMORY: u64 = 24 * 1024 * 1024;
const TIME: Duration = Duration::from_secs(4);

/// Does something `times`, and tells how the server took it.
fn flood(proxy: &Proxy, times: u32, act: impl Fn(&mut Vec<u8>, u32)) -> Offence {
    flood_with(proxy, Frames::open(proxy), times, act)
}

fn flood_with(proxy: &Proxy, mut client: Frames, times: u32, act: impl Fn(&mut Vec<u8>, u32)) -> Offence {
    let (memory, time) = (most_resident(proxy.pid()), processor_time(proxy.pid()));
    let mut other = Frames::open(proxy);
    let mut bytes = Vec::new();
    for turn in 0..times {
        act(&mut bytes, turn);
        if bytes.len() > 16 * 1024 {
            client.send(&bytes);
            bytes.clear();
        }
    }
    client.send(&bytes);
    other.ping();
    let mut offence = client.offence();
    while matches!(offence, Offence::Stream(..)) {
        offence = client.offence();
    }
    let used = most_resident(proxy.pid()) - memory;
    assert!(used < MEMORY, "{used} bytes");
    let used = processor_time(proxy.pid()).saturating_sub(time);
    assert!(used < TIME, "{used:?}");
    offence
}

fn calms(proxy: &Proxy, offence: Offence) {
    assert!(matches!(offence, Offence::Connection(ENHANCE_YOUR_CALM)), "{offence:?}");
    let line = proxy.wait_for_log("too many frames");
    assert!(line.contains("remedy="), "{line}");
}

fn push(bytes: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    bytes.extend(frame(kind, flags, stream, payload));
}

/// CVE-2023-44487.
#[test]
fn requests_that_are_reset_at_once() {
    let origin = Origin::hanging();
    let proxy = proxied(&origin);
    let get = block(GET);
    let offence = flood(&proxy, 20_000, |bytes, turn| {
        push(bytes, HEADERS, END_STREAM | END_HEADERS, turn * 2 + 1, &get);
        push(bytes, RST_STREAM, 0, turn * 2 + 1, &[0, 0, 0, 8]);
    });
    calms(&proxy, offence);
    assert!(origin.connections() < 2000, "{} reached the application", origin.connections());
}

#[test]
fn requests_that_are_reset_a_little_later() {
    let origin = Origin::hanging();
    let proxy = proxied(&origin);
    let get = block(GET);
    let offence = flood(&proxy, 20_000, |bytes, turn| {
        push(bytes, HEADERS, END_STREAM | END_HEADERS, turn * 2 + 1, &get);
        if let Some(before) = turn.checked_sub(100) {
            push(bytes, RST_STREAM, 0, before * 2 + 1, &[0, 0, 0, 8]);
        }
    });
    calms(&proxy, offence);
    assert!(origin.connections() < 2000, "{} reached the application", origin.connections());
}

/// CVE-2025-8671: the server is made to reset the streams itself.
#[test]
fn requests_that_the_server_has_to_reset() {
    let origin = Origin::hanging();
    let proxy = proxied(&origin);
    let post = block(POST);
    for fault in [
        frame(WINDOW_UPDATE, 0, 0, [0; 4]),
        frame(WINDOW_UPDATE, 0, 0, [0x7f, 0xff, 0xff, 0xff]),
        frame(PRIORITY, 0, 0, [0, 0, 0, 0, 15]),
        frame(HEADERS, END_HEADERS, 0, block(&[("a", "b")])),
    ] {
        let before = origin.connections();
        let offence = flood(&proxy, 5_000, |bytes, turn| {
            let stream = (turn * 2 + 1).to_be_bytes();
            push(bytes, HEADERS, END_HEADERS, turn * 2 + 1, &post);
            let mut fault = fault.clone();
            fault[5..9].copy_from_slice(&stream);
            if fault[3] == PRIORITY {
                fault[9..13].copy_from_slice(&stream);
            }
            bytes.extend(fault);
        });
        // Some of them end the connection at once.
        let ends = matches!(offence, Offence::Connection(ENHANCE_YOUR_CALM | PROTOCOL_ERROR));
        assert!(ends, "{fault:?}: {offence:?}");
        assert!(origin.connections() - before < 500);
    }
}

/// CVE-2024-27316 and its like.
#[test]
fn a_block_of_fields_without_end() {
    let proxy = fixed();
    for piece in [&b""[..], &block(&[("a", "b")]), &block(&[("name", &"x".repeat(16000))])] {
        let offence = flood(&proxy, 20_000, |bytes, turn| {
            let kind = if turn == 0 { HEADERS } else { CONTINUATION };
            push(bytes, kind, 0, 1, piece);
        });
        assert!(matches!(offence, Offence::Connection(ENHANCE_YOUR_CALM | COMPRESSION_ERROR)), "{offence:?}");
    }
}

/// CVE-2019-9518.
#[test]
fn empty_frames() {
    let origin = Origin::hanging();
    let proxy = proxied(&origin);
    let post = block(POST);
    let offence = flood(&proxy, 100_000, |bytes, turn| match turn {
        0 => push(bytes, HEADERS, END_HEADERS, 1, &post),
        _ => push(bytes, DATA, 0, 1, b""),
    });
    assert!(matches!(offence, Offence::Connection(ENHANCE_YOUR_CALM)), "{offence:?}");
    let offence = flood(&proxy, 100_000, |bytes, turn| push(bytes, HEADERS, END_HEADERS, turn * 2 + 1, b""));
    assert!(matches!(offence, Offence::Connection(ENHANCE_YOUR_CALM)), "{offence:?}");
}

/// CVE-2019-9512, 9515, 9513, and what is left of their kind.
#[test]
fn frames_that_ask_for_nothing_useful() {
    let proxy = fixed();
    for (kind, flags, stream, payload) in [
        (PING, 0, 0, &[0; 8][..]),
        (PING, ACK, 0, &[0; 8]),
        (SETTINGS, 0, 0, &[]),
        (SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 1]),
        (PRIORITY, 0, 3, &[0, 0, 0, 1, 15]),
        (WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
        (0x16, 0, 0, b"x"),
    ] {
        let offence = flood(&proxy, 100_000, |bytes, _| push(bytes, kind, flags, stream, payload));
        calms(&proxy, offence);
    }
}

/// A window of one byte after the other makes the server send frames of one byte.
#[test]
fn windows_that_grow_byte_by_byte() {
    let proxy = site("files = \"www\"\n").file("www/a", vec![b'x'; 5_000_000]).start();
    let client = Frames::with_settings(&proxy, &[(4, 0)]);
    let get = block(&[&[(":path", "/a")], &GET[..2], &GET[3..]].concat());
    let offence = flood_with(&proxy, client, 100_000, |bytes, turn| match turn {
        0 => push(bytes, HEADERS, END_STREAM | END_HEADERS, 1, &get),
        _ => push(bytes, WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]),
    });
    calms(&proxy, offence);
}

/// A value of 4000 bytes, remembered, then named by one byte again and again.
fn bomb() -> (Vec<u8>, Vec<u8>) {
    let value = "x".repeat(4000);
    let remembered = [&[0x40][..], &text("x"), &text(&value)].concat();
    ([block(GET), remembered].concat(), [block(GET), vec![0xbe; 16_000]].concat())
}

/// CVE-2016-6581.
#[test]
fn fields_that_grow_when_they_are_decompressed() {
    let proxy = fixed();
    let (first, next) = bomb();
    let offence = flood(&proxy, 500, |bytes, turn| {
        let block = if turn == 0 { &first } else { &next };
        push(bytes, HEADERS, END_STREAM | END_HEADERS, turn * 2 + 1, block);
    });
    assert!(matches!(offence, Offence::Connection(ENHANCE_YOUR_CALM)), "{offence:?}");
}

/// CVE-2026-47774: tiny fields, which take more memory than bytes, held by answers that cannot be sent.
#[test]
fn tiny_fields_held_by_a_closed_window() {
    let proxy = site("files = \"www\"\n").file("www/a", vec![b'x'; 5_000_000]).start();
    let memory = most_resident(proxy.pid());
    let mut client = Frames::with_settings(&proxy, &[(4, 0)]);
    // `accept-encoding: gzip, deflate`, of the static table.
    let tiny = [block(&[&[(":path", "/a")], &GET[..2], &GET[3..]].concat()), vec![0x90; 90]].concat();
    let many = [block(GET), vec![0x90; 900]].concat();
    for stream in 0..100 {
        client.frame(HEADERS, END_STREAM | END_HEADERS, stream * 4 + 1, &tiny);
        client.frame(HEADERS, END_STREAM | END_HEADERS, stream * 4 + 3, &many);
        assert_eq!(client.wait(|frame| frame.stream == stream * 4 + 3).kind, HEADERS);
    }
    client.ping();
    let used = most_resident(proxy.pid()) - memory;
    assert!(used < MEMORY, "{used} bytes");
}

#[test]
fn a_cookie_in_many_crumbs() {
    let proxy = fixed();
    let mut client = Frames::open(&proxy);
    // `cookie` of the static table, with an empty value each.
    let crumbs = [block(GET), [0x10 | 15, 17, 0].repeat(2000)].concat();
    assert_eq!(client.frame(HEADERS, END_STREAM | END_HEADERS, 1, crumbs).answer(1).status, 431);
    client.goes_on(3);
}

/// CVE-2019-9511 and 9517: many large answers are asked for, and none is taken.
#[test]
fn answers_that_nobody_takes() {
    let proxy = Proxy::site(
        "h2c = true\n[site.timeouts]\nsend = \"1s\"\n[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n",
    )
    .file("www/a", vec![b'x'; 20_000_000])
    .start();
    let memory = most_resident(proxy.pid());
    let get = block(&[&[(":path", "/a")], &GET[..2], &GET[3..]].concat());
    for window in [0, 1, i32::MAX as u32] {
        let mut client = Frames::with_settings(&proxy, &[(4, window)]);
        client.window(0, i32::MAX as u32 - 65535);
        for stream in 0..128 {
            client.frame(HEADERS, END_STREAM | END_HEADERS, stream * 2 + 1, &get);
        }
        proxy.access.wait_for_nth("\"GET /a HTTP/2.0\" 200 ", 128);
    }
    proxy.wait_for_log("client-stalled");
    let used = most_resident(proxy.pid()) - memory;
    assert!(used < MEMORY, "{used} bytes");
    Frames::open(&proxy).ping();
}

/// Innocent: some clients open both windows again for every frame that they get.
#[test]
fn eager_window_updates_are_no_flood() {
    let proxy = site("files = \"www\"\n").file("www/a", vec![b'x'; 40_000_000]).start();
    let mut client = Frames::open(&proxy);
    client.request(1, &[&[(":path", "/a")], &GET[..2], &GET[3..]].concat());
    let (mut received, mut open) = (0, 0);
    while received < 40_000_000 {
        let frame = client.next().expect("the connection goes on");
        assert_ne!(frame.kind, GOAWAY, "after {received} bytes");
        if frame.kind == DATA {
            received += frame.payload.len();
            open += frame.payload.len();
        }
        while open >= 4096 {
            client.window(1, 4096).window(0, 4096);
            open -= 4096;
        }
    }
}

#[test]
fn a_faulty_frame_right_behind_the_preface_is_named() {
    let proxy = fixed();
    let mut client = Frames::silent(&proxy);
    let ping = frame(PING, 0, 0, [0; 7]);
    client.send([&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &settings(&[]), &ping].concat());
    client.fails(&[FRAME_SIZE_ERROR]);
}
