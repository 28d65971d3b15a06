//! What the stand-in says, and the shapes in which DashScope would say it.

use bytes::Bytes;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

use super::admission::Refusal;

/// An answer to one request.
pub(super) struct Answer {
    /// Whether it comes as events.
    pub(super) is_streamed: bool,
    with_usage: bool,
    model: String,
    text: String,
    prompt_bytes: usize,
}

impl Answer {
    /// Reads what was asked.
    pub(super) fn to(asked: &Value) -> Result<Self, Refusal> {
        let model = asked["model"].as_str().ok_or_else(|| Refusal::bad_body("\"model\" is missing"))?;
        let messages = asked["messages"].as_array().ok_or_else(|| Refusal::bad_body("\"messages\" is missing"))?;
        Ok(Self {
            is_streamed: asked["stream"].as_bool().unwrap_or_default(),
            with_usage: asked["stream_options"]["include_usage"].as_bool().unwrap_or_default(),
            model: model.to_owned(),
            text: say(messages),
            prompt_bytes: messages.iter().map(|message| message["content"].to_string().len()).sum(),
        })
    }

    /// The events of a stream: one with the role, one for each word, the reason for the end, the usage where it is
    /// wanted, and the mark of the end.
    pub(super) fn events(&self) -> Vec<Bytes> {
        let base = self.base("chat.completion.chunk");
        let chunk = |choices: Value, usage: Value| {
            let mut chunk = base.clone();
            chunk["choices"] = choices;
            chunk["usage"] = usage;
            Bytes::from(format!("data: {chunk}\n\n"))
        };
        let choice = |delta: Value, finish: Value| {
            chunk(json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]), Value::Null)
        };
        let mut events = vec![choice(json!({ "role": "assistant", "content": "" }), Value::Null)];
        events.extend(self.words().map(|word| choice(json!({ "content": word }), Value::Null)));
        events.push(choice(json!({ "content": "" }), json!("stop")));
        if self.with_usage {
            events.push(chunk(json!([]), self.usage()));
        }
        events.push(Bytes::from_static(b"data: [DONE]\n\n"));
        events
    }

    /// The answer in one piece.
    pub(super) fn whole(&self) -> Value {
        let message = json!({ "role": "assistant", "content": self.text });
        let mut whole = self.base("chat.completion");
        whole["choices"] = json!([{ "index": 0, "message": message, "logprobs": null, "finish_reason": "stop" }]);
        whole["usage"] = self.usage();
        whole
    }

    fn base(&self, object: &str) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let id = format!("chatcmpl-demo-{:x}", now.as_nanos());
        json!({ "id": id, "object": object, "created": now.as_secs(), "model": self.model, "system_fingerprint": null })
    }

    /// A token is a word here; and about four bytes of the prompt.
    fn usage(&self) -> Value {
        let (prompt, completion) = (self.prompt_bytes.div_ceil(4), self.words().count());
        json!({
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": { "cached_tokens": 0 },
        })
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.text.split_inclusive(' ')
    }
}

fn say(messages: &[Value]) -> String {
    let asked = messages.iter().rfind(|message| message["role"] == "user").map(|message| text(&message["content"]));
    let question = asked.unwrap_or_default();
    let shown: String = question.chars().take(80).collect();
    let more = if shown.len() < question.len() { "…" } else { "" };
    format!(
        "You asked: \"{shown}{more}\" I am only the demo's stand-in for a model, so here is what I know. \
         Sluice is a gateway between agents and model providers. It reads the Gateway API and Envoy Gateway \
         objects you would give a cluster, here from plain YAML files. Your agent keeps a placeholder for a \
         key: Sluice finds the route, rewrites path and host, puts the real key on, checks the provider's \
         certificate, and hands you each token the moment it comes. Like this one."
    )
}

/// The text of a message's content: a string, or a list of parts.
fn text(content: &Value) -> String {
    let parts = content.as_array().map(Vec::as_slice).unwrap_or_default();
    let of_parts = || parts.iter().filter_map(|part| part["text"].as_str()).collect();
    content.as_str().map_or_else(of_parts, str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(more: Value) -> Value {
        let mut asked = json!({ "model": "m", "messages": [{ "role": "user", "content": "What is Sluice?" }] });
        more.as_object().unwrap().iter().for_each(|(name, value)| asked[name] = value.clone());
        asked
    }

    fn events(more: Value) -> Vec<String> {
        let events = Answer::to(&asked(more)).unwrap().events();
        events.iter().map(|event| String::from_utf8(event.to_vec()).unwrap()).collect()
    }

    #[test]
    fn the_words_of_the_events_are_the_whole_answer() {
        let events = events(json!({ "stream": true }));
        assert_eq!(events.last().unwrap(), "data: [DONE]\n\n");
        let words = events.iter().filter_map(|event| serde_json::from_str::<Value>(event.strip_prefix("data: ")?).ok());
        let said: String =
            words.filter_map(|e| e["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect();
        let whole = Answer::to(&asked(json!({}))).unwrap().whole();
        assert_eq!(whole["choices"][0]["message"]["content"], said.as_str());
        assert!(said.contains("You asked: \"What is Sluice?\""), "{said}");
    }

    #[test]
    fn usage_comes_when_it_is_wanted() {
        let count = |more| events(more).iter().filter(|event| event.contains("\"completion_tokens\":")).count();
        assert_eq!(count(json!({ "stream": true })), 0);
        assert_eq!(count(json!({ "stream": true, "stream_options": { "include_usage": true } })), 1);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        assert!(Answer::to(&json!({ "model": "m" })).is_err());
        assert!(Answer::to(&json!([])).is_err());
    }
}
