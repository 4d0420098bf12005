use std::future::poll_fn;

use bytes::BytesMut;

use super::*;

fn spool(quota: u64) -> (tempfile::TempDir, Arc<Spool>) {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::new(directory.path().to_owned(), quota, u64::MAX);
    (directory, spool)
}

async fn append(writer: &mut Writer, text: &str) -> Result<(), SpoolError> {
    writer.append(&mut BytesMut::from(text)).await
}

async fn all(mut reader: Reader) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(piece) = poll_fn(|cx| reader.poll_piece(cx)).await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    bytes
}

#[tokio::test]
async fn what_is_written_can_be_read_and_ends_with_its_last_holder() {
    let (directory, spool) = spool(1 << 20);
    let mut writer = Writer::new(&spool);
    let long = "0123456789".repeat(20_000);
    for text in ["the ", &long] {
        append(&mut writer, text).await.unwrap();
    }
    let (file, length) = writer.finish().unwrap();
    assert_eq!((length, spool.used()), (200_004, 200_004));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "its name is gone");
    assert!(all(Reader::new(file, length)).await == format!("the {long}").as_bytes());
    assert_eq!(spool.used(), 0);
}

#[tokio::test]
async fn memory_is_used_again_for_the_next_piece() {
    let (_directory, spool) = spool(1 << 20);
    let mut writer = Writer::new(&spool);
    let mut bytes = BytesMut::from("piece");
    let before = bytes.as_ptr();
    writer.append(&mut bytes).await.unwrap();
    assert!(bytes.is_empty());
    bytes.extend_from_slice(b"other");
    assert_eq!(bytes.as_ptr(), before);
}

#[tokio::test]
async fn what_goes_past_the_quota_stays_in_memory() {
    let (_directory, spool) = spool(10);
    let mut writer = Writer::new(&spool);
    append(&mut writer, "12345678").await.unwrap();
    let mut bytes = BytesMut::from("9ab");
    let error = writer.append(&mut bytes).await.unwrap_err();
    assert!(matches!(error, SpoolError::Quota { quota: 10 }));
    assert_eq!((&bytes[..], spool.used()), (&b"9ab"[..], 8));
    // Somebody else's file still fits.
    append(&mut Writer::new(&spool), "9a").await.unwrap();
    let (file, length) = writer.finish().unwrap();
    assert_eq!(all(Reader::new(file, length)).await, b"12345678");
}

#[tokio::test]
async fn one_file_has_its_share_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::new(directory.path().to_owned(), 20, 10);
    let mut writer = Writer::new(&spool);
    append(&mut writer, "12345678").await.unwrap();
    let error = append(&mut writer, "9ab").await.unwrap_err();
    assert!(matches!(error, SpoolError::Share { share: 10 }));
    append(&mut writer, "9a").await.unwrap();
    append(&mut Writer::new(&spool), "0123456789").await.unwrap();
}

#[tokio::test]
async fn a_file_is_read_while_it_grows() {
    let (_directory, spool) = spool(1 << 20);
    let mut writer = Writer::new(&spool);
    append(&mut writer, "first").await.unwrap();
    let (file, length) = writer.written().unwrap();
    let mut reader = Reader::new(Arc::clone(file), length);
    assert_eq!(poll_fn(|cx| reader.poll_piece(cx)).await.unwrap().unwrap(), "first");
    assert!(poll_fn(|cx| reader.poll_piece(cx)).await.is_none());
    append(&mut writer, "second").await.unwrap();
    reader.extend(writer.written().unwrap().1);
    assert_eq!(all(reader).await, b"second");
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_named() {
    let (directory, spool) = spool(10);
    assert!(spool.check().is_ok());
    let path = directory.path().to_owned();
    drop(directory);
    let mut bytes = BytesMut::from("body");
    let error = Writer::new(&spool).append(&mut bytes).await.unwrap_err();
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    assert_eq!((&bytes[..], spool.used()), (&b"body"[..], 0));
    assert!(spool.check().is_err());
}
