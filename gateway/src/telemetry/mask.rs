//! Masks what looks like a secret in a path before it is logged.

use std::borrow::Cow;

const MASK: &str = "***";

/// Parts of a parameter's name, lower case, that make its value a secret: API keys (Gemini's `key`, Azure's
/// `api-key`), OAuth, signed URLs, and the session of an MCP server over SSE, which whoever knows it can post to.
const SECRET: [&str; 10] = ["key", "token", "secret", "passw", "pwd", "auth", "sig", "credential", "session", "jwt"];

/// The path with the values of such query parameters masked; names and order stay.
pub(super) fn masked(path: &str) -> Cow<'_, str> {
    let Some((before, query)) = path.split_once('?') else { return path.into() };
    if !query.split(['&', ';']).any(is_secret) {
        return path.into();
    }
    let mut out = String::with_capacity(path.len());
    out.push_str(before);
    out.push('?');
    for pair in query.split_inclusive(['&', ';']) {
        let (body, end) = pair.strip_suffix(['&', ';']).map_or((pair, ""), |body| (body, &pair[body.len()..]));
        match body.split_once('=') {
            Some((name, _)) if is_secret(body) => out.extend([name, "=", MASK]),
            _ => out.push_str(body),
        }
        out.push_str(end);
    }
    out.into()
}

fn is_secret(pair: &str) -> bool {
    let Some((name, _)) = pair.split_once('=') else { return false };
    let name = decoded(name).to_ascii_lowercase();
    SECRET.iter().any(|part| memchr::memmem::find(&name, part.as_bytes()).is_some())
}

/// Percent-decoded, so that `%6bey` is no way around.
fn decoded(name: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut bytes = name.as_bytes();
    while let Some((first, rest)) = bytes.split_first() {
        let escaped = if *first == b'%' { rest.get(..2).and_then(hex) } else { None };
        out.push(escaped.unwrap_or(*first));
        bytes = if escaped.is_some() { rest.get(2..).unwrap_or_default() } else { rest };
    }
    out
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok()?;
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_stays() {
        for (path, expected) in [
            ("/v1/models", "/v1/models"),
            ("/v1?limit=3&after=a%20b", "/v1?limit=3&after=a%20b"),
            ("/v1?key=abc", "/v1?key=***"),
            ("/v1?a=1&API_KEY=abc&b=2", "/v1?a=1&API_KEY=***&b=2"),
            ("/v1?%6bey=abc;access-token=x=y;c", "/v1?%6bey=***;access-token=***;c"),
            ("/v1?X-Amz-Signature=1&key=", "/v1?X-Amz-Signature=***&key=***"),
            ("/messages/?session_id=0af3", "/messages/?session_id=***"),
            ("/v1?a=b?token=c", "/v1?a=b?token=c"),
            ("/v1?%zzkey=c&%6=d&%=e&&=f", "/v1?%zzkey=***&%6=d&%=e&&=f"),
        ] {
            assert_eq!(masked(path), expected);
        }
    }
}
