//! A body in chunks (RFC 9112 section 7.1): what is data, and where it ends.

use bytes::{Buf, Bytes, BytesMut};

/// Longest line of a chunk's size with its extensions, and most bytes of trailers.
const LONGEST_LINE: usize = 4 * 1024;
const MOST_TRAILERS: usize = 64 * 1024;

/// Where in the body the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunks {
    /// Before the line of a size.
    Size,
    /// In a chunk, with so many bytes to come.
    Data(u64),
    /// Before the line end that closes a chunk.
    End,
    /// Behind the last chunk; so many bytes of trailers have been dropped.
    Trailers(usize),
    /// Behind all of it.
    Done,
}

/// The body is not made of chunks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Chunks {
    /// Takes the next data off the front of `input`; `None` when more input is needed or the body is done.
    pub(crate) fn take(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, Malformed> {
        loop {
            *self = match *self {
                Self::Size => match line(input, LONGEST_LINE)? {
                    None => return Ok(None),
                    Some(line) => match size(&line)? {
                        0 => Self::Trailers(0),
                        size => Self::Data(size),
                    },
                },
                Self::Data(_) if input.is_empty() => return Ok(None),
                Self::Data(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    *self = match left - here as u64 {
                        0 => Self::End,
                        left => Self::Data(left),
                    };
                    return Ok(Some(input.split_to(here).freeze()));
                }
                Self::End => match line(input, 0)? {
                    None => return Ok(None),
                    Some(_) => Self::Size,
                },
                Self::Trailers(dropped) => match line(input, MOST_TRAILERS - dropped)? {
                    None => return Ok(None),
                    Some(line) if line.is_empty() => Self::Done,
                    Some(line) => Self::Trailers((dropped + line.len() + 2).min(MOST_TRAILERS)),
                },
                Self::Done => return Ok(None),
            }
        }
    }
}

/// Takes a line off the front, without its end; `None` while it is not whole.
fn line(input: &mut BytesMut, longest: usize) -> Result<Option<BytesMut>, Malformed> {
    let window = input.len().min(longest + 2);
    match memchr::memchr(b'\n', &input[..window]) {
        Some(end) => {
            let mut line = input.split_to(end);
            input.advance(1);
            // A bare line feed is a line end to some and none to others: two readings of one body.
            if line.last() != Some(&b'\r') {
                return Err(Malformed);
            }
            line.truncate(end - 1);
            Ok(Some(line))
        }
        None if window == longest + 2 => Err(Malformed),
        None => Ok(None),
    }
}

/// The size that a line says; extensions after it mean nothing to us.
fn size(line: &[u8]) -> Result<u64, Malformed> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    // Sixteen digits would fit, too; nobody needs chunks of an exabyte.
    if digits.is_empty() || digits.len() > 15 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Malformed);
    }
    let text = std::str::from_utf8(digits).map_err(|_| Malformed)?;
    u64::from_str_radix(text, 16).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data of a body that comes in pieces of this size; where it stands at the end, and what it left.
    fn read(text: &str, piece: usize) -> Result<(Vec<u8>, Chunks, usize), Malformed> {
        let (mut chunks, mut input, mut data) = (Chunks::Size, BytesMut::new(), Vec::new());
        for piece in text.as_bytes().chunks(piece) {
            input.extend_from_slice(piece);
            while let Some(bytes) = chunks.take(&mut input)? {
                assert!(!bytes.is_empty());
                data.extend_from_slice(&bytes);
            }
        }
        Ok((data, chunks, input.len()))
    }

    #[test]
    fn data_is_found_however_it_comes() {
        let body = "5\r\nhello\r\nA;x=\"y\"\r\n0123456789\r\n0 \r\nx-trailer: 1\r\n\r\nrest";
        for piece in 1..=body.len() {
            let (data, chunks, left) = read(body, piece).unwrap();
            assert_eq!((&*data, chunks, left), (&b"hello0123456789"[..], Chunks::Done, 4), "{piece}");
        }
        assert_eq!(read("5\r\nhel", 1), Ok((b"hel".to_vec(), Chunks::Data(2), 0)));
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        let (long, trailers) =
            (format!("5;{}", "x".repeat(LONGEST_LINE)), format!("0\r\n{}", "x: y\r\n".repeat(20_000)));
        for bad in [
            "ZZ\r\n",
            "\r\n",
            "-1\r\n",
            "0x5\r\n",
            "5\nhello",
            "5\r\nhelloX\r\n",
            "1000000000000000\r\n",
            &long,
            &trailers,
        ] {
            assert_eq!(read(bad, 7), Err(Malformed), "{bad:.30}");
            assert_eq!(read(bad, bad.len()), Err(Malformed), "{bad:.30}");
        }
    }
}
