//! Answers about tokens, for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ring::digest::{SHA256, digest};

use crate::distribute::authenticate::{Identity, Refused};

/// How long an answer holds; a token that is withdrawn is noticed by then.
const HOLDS: Duration = Duration::from_secs(60);
/// How many are kept.
const MOST: usize = 4096;

/// Answers by the hash of the token: tokens themselves are not kept.
#[derive(Default)]
pub(super) struct Memory(Mutex<HashMap<[u8; 32], Answer>>);

struct Answer {
    said: Result<Identity, Refused>,
    until: SystemTime,
}

impl Memory {
    /// What was said of the token.
    pub(super) fn recall(&self, token: &str, now: SystemTime) -> Option<Result<Identity, Refused>> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(&key(token)?).filter(|answer| answer.until > now).map(|answer| answer.said.clone())
    }

    /// Keeps what was said, never beyond the end of the token.
    pub(super) fn keep(&self, token: &str, said: Result<Identity, Refused>, now: SystemTime) {
        let end = said.as_ref().ok().and_then(|identity| identity.expires);
        let until = end.map_or(now + HOLDS, |end| end.min(now + HOLDS));
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST {
            answers.retain(|_, answer| answer.until > now);
        }
        if let (Some(key), true) = (key(token), answers.len() < MOST) {
            answers.insert(key, Answer { said, until });
        }
    }
}

fn key(token: &str) -> Option<[u8; 32]> {
    digest(&SHA256, token.as_bytes()).as_ref().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_for_a_minute_or_the_tokens_life() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let after = |seconds| now + Duration::from_secs(seconds);
        let identity = |expires| Identity { namespace: "ai".into(), service_account: "a".into(), expires };
        let memory = Memory::default();
        memory.keep("long", Ok(identity(None)), now);
        memory.keep("short", Ok(identity(Some(after(10)))), now);
        memory.keep("bad", Err(Refused::Invalid), now);
        assert_eq!(memory.recall("long", after(59)), Some(Ok(identity(None))));
        assert_eq!(memory.recall("long", after(60)), None);
        assert_eq!(memory.recall("short", after(10)), None);
        assert_eq!(memory.recall("bad", after(1)), Some(Err(Refused::Invalid)));
        assert_eq!(memory.recall("other", now), None);
    }
}
