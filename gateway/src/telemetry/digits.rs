//! Numbers and addresses as text, for what is written with each request: without the formatter of the standard library,
//! and without memory of their own.

use std::net::{IpAddr, SocketAddr};

/// Longest text: an IPv6 address with a scope, in brackets, and a port.
const LONGEST: usize = 64;

/// A short text that is being put together.
#[derive(Debug)]
pub(crate) struct Text {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Text {
    fn new() -> Self {
        Self { bytes: [0; LONGEST], length: 0 }
    }

    /// An address without a port.
    pub(crate) fn ip(ip: IpAddr) -> Self {
        let mut text = Self::new();
        match ip {
            IpAddr::V4(ip) => {
                for (index, octet) in ip.octets().into_iter().enumerate() {
                    if index > 0 {
                        text.push(b'.');
                    }
                    text.digits(octet.into(), 1);
                }
            }
            // Rare, and not worth a second formatter.
            IpAddr::V6(ip) => text.extend(ip.to_string().as_bytes()),
        }
        text
    }

    /// An address with its port.
    pub(crate) fn socket(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(address) => {
                let mut text = Self::ip((*address.ip()).into());
                text.push(b':');
                text.digits(address.port().into(), 1);
                text
            }
            SocketAddr::V6(address) => {
                let mut text = Self::new();
                text.extend(address.to_string().as_bytes());
                text
            }
        }
    }

    /// Year, month and day, and a time of that day, as ISO 8601 has them in UTC with milliseconds.
    pub(crate) fn time((year, month, day): (u64, u64, u64), second: u64, milli: u32) -> Self {
        let mut text = Self::new();
        let parts = [
            (year, 4, b'-'),
            (month, 2, b'-'),
            (day, 2, b'T'),
            (second / 3600, 2, b':'),
            (second / 60 % 60, 2, b':'),
            (second % 60, 2, b'.'),
            (milli.into(), 3, b'Z'),
        ];
        for (number, digits, after) in parts {
            text.digits(number, digits);
            text.push(after);
        }
        text
    }

    /// A number.
    pub(crate) fn number(number: u64) -> Self {
        let mut text = Self::new();
        text.digits(number, 1);
        text
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.push(*byte));
    }

    /// A number with so many digits at least.
    fn digits(&mut self, mut number: u64, least: usize) {
        let mut digits = [b'0'; 20];
        let mut start = digits.len();
        while number > 0 || digits.len() - start < least {
            start -= 1;
            // Below ten.
            digits[start] += (number % 10) as u8;
            number /= 10;
        }
        self.extend(&digits[start..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_the_standard_library() {
        for text in ["0.0.0.0", "10.0.0.255", "192.168.100.1", "::1", "2001:db8::ffff"] {
            assert_eq!(Text::ip(text.parse().unwrap()).as_bytes(), text.as_bytes());
        }
        for text in ["127.0.0.1:80", "1.2.3.4:65535", "[::1]:443"] {
            assert_eq!(Text::socket(text.parse().unwrap()).as_bytes(), text.as_bytes());
        }
        assert_eq!(Text::time((2026, 1, 9), 86_399, 7).as_bytes(), "2026-01-09T23:59:59.007Z".as_bytes());
    }
}
