//! Header blocks: names and values with their lengths, compressed over all blocks of a direction with a dictionary
//! that the protocol's draft fixes.

use std::sync::LazyLock;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::frame::Malformed;

/// More than any client sends; keeps a small block from becoming a large one.
const LARGEST: usize = 64 * 1024;

/// Words of the dictionary, each with its length before it.
const WORDS: &str = "options head post put delete trace accept accept-charset accept-encoding accept-language \
    accept-ranges age allow authorization cache-control connection content-base content-encoding content-language \
    content-length content-location content-md5 content-range content-type date etag expect expires from host \
    if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma \
    proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade \
    user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie \
    keep-alive origin";
/// And what comes after them, without.
const REST: &str = "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505\
    203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden\
    404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable\
    Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT\
    chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,\
    publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

static DICTIONARY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut dictionary = Vec::new();
    for word in WORDS.split(' ') {
        let word = word.replace('_', " ");
        dictionary.put_u32(u32::try_from(word.len()).unwrap_or_default());
        dictionary.put_slice(word.as_bytes());
    }
    dictionary.put_slice(REST.as_bytes());
    dictionary
});

/// Reads the header blocks of one direction, which build on each other.
pub(super) struct Unpacker(Decompress);

impl Unpacker {
    pub(super) fn new() -> Self {
        Self(Decompress::new(true))
    }

    /// Names (in small letters) and values of a block.
    pub(super) fn unpack(&mut self, mut block: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
        let mut text = Vec::with_capacity(4096);
        loop {
            let before = (self.0.total_in(), self.0.total_out());
            let step = self.0.decompress_vec(block, &mut text, FlushDecompress::Sync);
            let read = usize::try_from(self.0.total_in() - before.0).map_err(|_| Malformed)?;
            block = block.get(read..).ok_or(Malformed)?;
            match step {
                Err(error) if error.needs_dictionary().is_some() => {
                    self.0.set_dictionary(&DICTIONARY).map_err(|_| Malformed)?;
                    continue;
                }
                Err(_) => return Err(Malformed),
                Ok(Status::Ok | Status::BufError | Status::StreamEnd) => {}
            }
            let wrote = self.0.total_out() > before.1;
            if block.is_empty() && text.len() < text.capacity() || !wrote && read == 0 {
                break;
            }
            if text.len() >= LARGEST {
                return Err(Malformed);
            }
            text.reserve(4096);
        }
        pairs(&text)
    }
}

/// Writes the header blocks of one direction.
pub(super) struct Packer {
    compress: Compress,
    started: bool,
}

impl Packer {
    pub(super) fn new() -> Self {
        Self { compress: Compress::new(Compression::fast(), true), started: false }
    }

    pub(super) fn pack(&mut self, headers: &[(&str, &str)]) -> Result<Bytes, Malformed> {
        if !self.started {
            self.compress.set_dictionary(&DICTIONARY).map_err(|_| Malformed)?;
            self.started = true;
        }
        let mut text = BytesMut::new();
        let length = |text: &str| u32::try_from(text.len()).map_err(|_| Malformed);
        text.put_u32(u32::try_from(headers.len()).map_err(|_| Malformed)?);
        for (name, value) in headers {
            for word in [name, value] {
                text.put_u32(length(word)?);
                text.put_slice(word.as_bytes());
            }
        }
        // Room for everything, so that one step does.
        let mut block = Vec::with_capacity(text.len() + 128);
        let done = self.compress.compress_vec(&text, &mut block, FlushCompress::Sync);
        done.map_err(|_| Malformed)?;
        Ok(block.into())
    }
}

fn pairs(mut text: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    let count = text.try_get_u32().map_err(|_| Malformed)?;
    let mut pairs = Vec::new();
    for _ in 0..count {
        pairs.push((word(&mut text)?.to_ascii_lowercase(), word(&mut text)?));
    }
    Ok(pairs)
}

fn word(text: &mut &[u8]) -> Result<String, Malformed> {
    let length = text.try_get_u32().map_err(|_| Malformed)? as usize;
    let (word, rest) = text.split_at_checked(length).ok_or(Malformed)?;
    *text = rest;
    String::from_utf8(word.to_vec()).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_a_direction_build_on_each_other() {
        let (mut packer, mut unpacker) = (Packer::new(), Unpacker::new());
        for port in ["80", "8080", "443"] {
            let headers = [("streamtype", "error"), ("port", port), ("requestid", "0")];
            let block = packer.pack(&headers).unwrap();
            let read = unpacker.unpack(&block).unwrap();
            let read: Vec<(&str, &str)> = read.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            assert_eq!(read, headers);
        }
        let long = "x".repeat(20_000);
        let block = packer.pack(&[("a", &long)]).unwrap();
        assert_eq!(unpacker.unpack(&block).unwrap(), [("a".to_owned(), long)]);
        assert_eq!(packer.pack(&[]).and_then(|block| unpacker.unpack(&block)), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_block_is_refused() {
        assert_eq!(Unpacker::new().unpack(b"nonsense"), Err(Malformed));
        assert_eq!(pairs(&[0, 0, 0, 1, 0, 0, 0, 9, b'a']), Err(Malformed));
    }

    /// The zlib checksum of the dictionary, as every stream that uses it carries it.
    #[test]
    fn the_dictionary_is_the_one_of_the_draft() {
        let (mut a, mut b) = (1_u32, 0_u32);
        for byte in DICTIONARY.iter() {
            a = (a + u32::from(*byte)) % 65521;
            b = (b + a) % 65521;
        }
        assert_eq!(DICTIONARY.len(), 1423);
        assert_eq!(b << 16 | a, 0xe3c6_a7c2);
    }
}
