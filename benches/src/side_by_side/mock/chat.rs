//! A chat completion as OpenAI streams it, one event for each token.

use crate::side_by_side::wire::{PROMPT_TOKENS, print};

const ROLE: &str = r#"[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]"#;
const TOKEN: &str = r#"[{"index":0,"delta":{"content":" word"},"finish_reason":null}]"#;
const STOP: &str = r#"[{"index":0,"delta":{},"finish_reason":"stop"}]"#;

/// Writes a token: the role before the first one, and behind the last one that it was the last, and the usage.
pub(super) fn write_token(out: &mut Vec<u8>, number: usize, tokens: usize) {
    if number == 0 {
        write_chunk(out, ROLE, "null");
    }
    write_chunk(out, TOKEN, "null");
    if number + 1 == tokens {
        write_chunk(out, STOP, "null");
        let total = PROMPT_TOKENS + tokens;
        let usage =
            format!(r#"{{"prompt_tokens":{PROMPT_TOKENS},"completion_tokens":{tokens},"total_tokens":{total}}}"#);
        write_chunk(out, "[]", &usage);
    }
}

fn write_chunk(out: &mut Vec<u8>, choices: &str, usage: &str) {
    const HEAD: &str = concat!(
        r#"data: {"id":"chatcmpl-side-by-side","object":"chat.completion.chunk","created":1700000000,"model":"bench-1","#,
        r#""system_fingerprint":"fp_side_by_side","choices":"#
    );
    print(out, format_args!("{HEAD}{choices},\"usage\":{usage}}}\n\n"));
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_completion_begins_with_its_role_and_ends_with_its_usage() {
        let mut out = Vec::new();
        (0..3).for_each(|number| write_token(&mut out, number, 3));
        let text = String::from_utf8(out).unwrap();
        let chunks = text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap());
        let chunks: Vec<Value> = chunks.map(|chunk| serde_json::from_str(chunk).unwrap()).collect();
        let content = |chunk: &Value| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned);
        let said: String = chunks.iter().filter_map(content).collect();
        assert_eq!((chunks.len(), &*said), (6, " word word word"));
        assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
        assert_eq!(chunks[4]["choices"][0]["finish_reason"], "stop");
        assert_eq!(chunks[5]["choices"], serde_json::json!([]));
        assert_eq!(chunks[5]["usage"]["total_tokens"], PROMPT_TOKENS + 3);
    }
}
