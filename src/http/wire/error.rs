//! What is wrong with the bytes of a peer.

/// A violation of RFC 9112, worded for the log of the side that reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("a line of the head ends in LF without CR")]
    BareLf,
    #[error("CR without LF in the head")]
    BareCr,
    #[error("NUL in the head")]
    Nul,
    #[error("a line of the head begins with a blank")]
    ObsFold,
    #[error("a header field's name or value is not valid")]
    BadField,
    #[error("too many header fields")]
    TooManyFields,
    #[error("it does not begin with an HTTP/1.0 or HTTP/1.1 status line")]
    BadStatusLine,
    #[error("it is a TLS record: that port speaks TLS")]
    Tls,
    #[error("it is an HTTP/2 frame: that port speaks HTTP/2")]
    Http2,
    #[error("Content-Length is not a number of at most 64 bits")]
    BadContentLength,
    #[error("Content-Length is there twice with different values")]
    ContentLengthDiffers,
    #[error("Content-Length and Transfer-Encoding are both there")]
    TwoLengths,
    #[error("Transfer-Encoding in HTTP/1.0")]
    TransferEncodingInHttp10,
    /// A well-formed list of codings, but not of ours: 501 for a request.
    #[error("Transfer-Encoding names a coding other than chunked")]
    UnknownCoding,
    #[error("Transfer-Encoding is not exactly `chunked`")]
    BadTransferEncoding,
    #[error("a chunk's size is not 1 to 16 hexadecimal digits")]
    BadChunkSize,
    #[error("a chunk's extension holds a control character")]
    BadChunkExtension,
    #[error("the extensions of the chunks are too long")]
    ChunkExtensionsTooLong,
    #[error("a chunk is not ended by CRLF")]
    BadChunkEnd,
    #[error("the trailer section is too large")]
    TrailersTooLarge,
}
