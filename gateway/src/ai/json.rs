//! A JSON scanner that reads a few values in passing: any chunking, bounded memory, no copy of what it skips.
//!
//! It is a reader, not a validator: inside values that nobody asked for it only counts brackets and finds the ends
//! of strings. Where it cannot follow, it stops looking, and never fails the body that passes through it.

mod place;
mod text;

use super::kept::Kept;
pub use place::{Node, Takes, Value};
use text::{LONGEST, Run, Text, run, unescaped};

/// Reads one document, whose top is an object.
#[derive(Debug)]
pub struct Scanner<F: 'static> {
    root: &'static Node<F>,
    /// The open containers that lead to places that matter: never deeper than the tree.
    open: Vec<Frame<F>>,
    state: State<F>,
    /// The key, text or number that one is in.
    kept: Kept<LONGEST>,
}

#[derive(Debug)]
enum Frame<F: 'static> {
    Object(&'static Node<F>),
    Array(&'static Node<F>),
}

#[derive(Debug, Clone, Copy)]
enum State<F: 'static> {
    /// Before the document.
    Start,
    /// Before a value; without a place it is skipped.
    Value(Option<&'static Node<F>>),
    /// After `[` of an array that is followed.
    FirstItem(&'static Node<F>),
    /// Before a key or `}`.
    Key,
    /// Before the `:` of a member.
    Colon(Option<&'static Node<F>>),
    /// After the first bracket of a container whose content is to be told.
    Inside(F),
    /// After a value.
    After,
    /// In a string.
    Text(Role<F>, Text),
    /// In a number or literal.
    Bare(Takes<F>),
    /// In a container that is skipped: how deep, and the string one is in.
    Skip(u64, Option<Text>),
    /// After the document.
    Done,
    /// Lost: this is not the JSON we read.
    Lost,
}

/// What a string is read for.
#[derive(Debug, Clone, Copy)]
enum Role<F> {
    Key,
    Value(F),
    Content(F),
    Skipped,
}

impl<F: Copy> Scanner<F> {
    /// A scanner for documents of this shape.
    pub fn new(root: &'static Node<F>) -> Self {
        Self { root, open: Vec::new(), state: State::Start, kept: Kept::default() }
    }

    /// Makes ready for the next document.
    pub fn reset(&mut self) {
        self.open.clear();
        self.state = State::Start;
    }

    /// Whether the document was read to its last bracket.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Takes the next bytes and tells what is found in them.
    pub fn feed(&mut self, bytes: &[u8], found: &mut impl FnMut(F, Value<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = self.step(rest, found);
            rest = rest.get(used..).unwrap_or_default();
            rest = self.separators(rest);
        }
    }

    /// Takes the colon after a key and the comma after a member, where they follow at once: half of all steps.
    fn separators<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        match (&self.state, bytes) {
            (State::Colon(node), [b':', rest @ ..]) => {
                self.state = State::Value(*node);
                rest
            }
            (State::After, [b',', rest @ ..]) if matches!(self.open.last(), Some(Frame::Object(_))) => {
                self.state = State::Key;
                rest
            }
            _ => bytes,
        }
    }

    /// Goes on by at least one byte or one state; the number of bytes used.
    fn step(&mut self, bytes: &[u8], found: &mut impl FnMut(F, Value<'_>)) -> usize {
        match self.state {
            State::Done | State::Lost => bytes.len(),
            State::Text(role, text) => self.text(role, text, bytes, found),
            State::Bare(takes) => self.bare(takes, bytes, found),
            State::Skip(depth, text) => self.skip(depth, text, bytes),
            _ => {
                let blank = bytes.iter().take_while(|b| b.is_ascii_whitespace()).count();
                bytes.get(blank).map_or(blank, |byte| blank + usize::from(self.punctuation(*byte, found)))
            }
        }
    }

    /// Decides by one byte that is no white space; whether the byte is used up.
    fn punctuation(&mut self, byte: u8, found: &mut impl FnMut(F, Value<'_>)) -> bool {
        match (self.state, byte) {
            (State::Start, b'{') => self.enter(Frame::Object(self.root)),
            (State::Value(node), _) => return self.value(node, byte),
            (State::FirstItem(_) | State::Key, b']' | b'}') | (State::After, b'}' | b']') => self.leave(),
            (State::FirstItem(node), _) => {
                self.state = State::Value(Some(node));
                return false;
            }
            (State::Key, b'"') => self.keep(Role::Key),
            (State::Colon(node), b':') => self.state = State::Value(node),
            (State::Inside(_), b'}' | b']') => self.state = State::After,
            (State::Inside(field), _) => {
                found(field, Value::Content);
                self.state = State::Skip(1, None);
                return false;
            }
            (State::After, b',') => {
                self.state = match self.open.last() {
                    Some(Frame::Object(_)) => State::Key,
                    Some(Frame::Array(items)) => State::Value(Some(items)),
                    None => State::Lost,
                }
            }
            _ => self.state = State::Lost,
        }
        true
    }

    /// Begins a value by its first byte.
    fn value(&mut self, node: Option<&'static Node<F>>, byte: u8) -> bool {
        let takes = node.map_or(Takes::Nothing, |node| node.takes);
        match byte {
            b'"' => self.keep(match takes {
                Takes::Text(field) => Role::Value(field),
                Takes::Content(field) => Role::Content(field),
                _ => Role::Skipped,
            }),
            b'{' | b'[' => self.container(node, byte == b'{'),
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                self.kept.clear();
                self.state = State::Bare(takes);
                return false;
            }
            _ => self.state = State::Lost,
        }
        true
    }

    fn container(&mut self, node: Option<&'static Node<F>>, object: bool) {
        match node {
            Some(node) if object && !node.fields.is_empty() => self.enter(Frame::Object(node)),
            Some(Node { items: Some(items), .. }) if !object => {
                self.enter(Frame::Array(items));
            }
            Some(Node { takes: Takes::Content(field), .. }) => self.state = State::Inside(*field),
            _ => self.state = State::Skip(1, None),
        }
    }

    fn enter(&mut self, frame: Frame<F>) {
        self.state = match frame {
            Frame::Object(_) => State::Key,
            Frame::Array(items) => State::FirstItem(items),
        };
        self.open.push(frame);
    }

    fn leave(&mut self) {
        self.open.pop();
        self.state = if self.open.is_empty() { State::Done } else { State::After };
    }

    fn keep(&mut self, role: Role<F>) {
        self.kept.clear();
        self.state = State::Text(role, Text::Plain);
    }

    fn text(&mut self, role: Role<F>, text: Text, bytes: &[u8], found: &mut impl FnMut(F, Value<'_>)) -> usize {
        if let (Role::Content(field), Some(byte)) = (role, bytes.first()) {
            if *byte != b'"' {
                found(field, Value::Content);
            }
            self.state = State::Text(Role::Skipped, text);
            return 0;
        }
        let (used, end) = run(text, bytes);
        let piece = bytes.get(..used).unwrap_or_default();
        match (role, end) {
            (Role::Key | Role::Value(_), Run::In(text)) => {
                self.kept.push(piece);
                self.state = State::Text(role, text);
            }
            (_, Run::In(text)) => self.state = State::Text(role, text),
            (Role::Key, Run::Over) => {
                let place = self.kept.with(piece).and_then(|key| named(self.open.last()?, key));
                self.state = State::Colon(place);
            }
            (Role::Value(field), Run::Over) => {
                if let Some(text) = self.kept.with(piece).and_then(unescaped) {
                    found(field, Value::Text(&text));
                }
                self.state = State::After;
            }
            (Role::Content(_) | Role::Skipped, Run::Over) => self.state = State::After,
        }
        used
    }

    fn bare(&mut self, takes: Takes<F>, bytes: &[u8], found: &mut impl FnMut(F, Value<'_>)) -> usize {
        let end = bytes.iter().position(|b| matches!(b, b',' | b'}' | b']') || b.is_ascii_whitespace());
        let used = end.unwrap_or(bytes.len());
        let piece = bytes.get(..used).unwrap_or_default();
        if end.is_none() {
            self.kept.push(piece);
        } else {
            match (takes, self.kept.with(piece).unwrap_or_default()) {
                (Takes::Flag(field), b"true") => found(field, Value::Flag(true)),
                (Takes::Flag(field), b"false") => found(field, Value::Flag(false)),
                (Takes::Count(field), digits) => {
                    if let Some(count) = count(digits) {
                        found(field, Value::Count(count));
                    }
                }
                _ => {}
            }
            self.state = State::After;
        }
        used
    }

    fn skip(&mut self, depth: u64, text: Option<Text>, bytes: &[u8]) -> usize {
        if let Some(text) = text {
            let (used, end) = run(text, bytes);
            let text = if let Run::In(text) = end { Some(text) } else { None };
            self.state = State::Skip(depth, text);
            return used;
        }
        let Some(at) = bytes.iter().position(|b| matches!(b, b'"' | b'{' | b'[' | b'}' | b']')) else {
            return bytes.len();
        };
        self.state = match bytes.get(at) {
            Some(b'"') => State::Skip(depth, Some(Text::Plain)),
            Some(b'{' | b'[') => State::Skip(depth.saturating_add(1), None),
            _ if depth > 1 => State::Skip(depth - 1, None),
            _ => State::After,
        };
        at + 1
    }
}

/// The place in a container that a key leads to, which is as it was written and with its closing quote.
fn named<F>(open: &Frame<F>, key: &[u8]) -> Option<&'static Node<F>> {
    let Frame::Object(node) = open else { return None };
    let find = |key: &[u8]| node.fields.iter().find(|(name, _)| name.as_bytes() == key).map(|(_, node)| *node);
    match key.split_last() {
        Some((_, plain)) if !plain.contains(&b'\\') => find(plain),
        _ => find(unescaped(key)?.as_bytes()),
    }
}

fn count(digits: &[u8]) -> Option<u64> {
    let plain = digits.iter().all(u8::is_ascii_digit);
    if plain { std::str::from_utf8(digits).ok()?.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    static LEAF_A: Node<char> = Node { takes: Takes::Text('a'), fields: &[], items: None };
    static LEAF_N: Node<char> = Node { takes: Takes::Count('n'), fields: &[], items: None };
    static LEAF_F: Node<char> = Node { takes: Takes::Flag('f'), fields: &[], items: None };
    static LEAF_C: Node<char> = Node { takes: Takes::Content('c'), fields: &[], items: None };
    static ITEM: Node<char> = Node { takes: Takes::Nothing, fields: &[("c", &LEAF_C)], items: None };
    static LIST: Node<char> = Node { takes: Takes::Nothing, fields: &[], items: Some(&ITEM) };
    static ROOT: Node<char> = Node {
        takes: Takes::Nothing,
        fields: &[("a", &LEAF_A), ("n", &LEAF_N), ("f", &LEAF_F), ("l", &LIST), ("ü\"", &LEAF_N)],
        items: None,
    };

    fn scan(document: &[u8], size: usize) -> (String, bool) {
        let mut scanner = Scanner::new(&ROOT);
        let mut seen = String::new();
        for chunk in document.chunks(size) {
            scanner.feed(chunk, &mut |field, value| seen.push_str(&format!("{field}:{value:?} ")));
        }
        (seen, scanner.is_done())
    }

    fn check(document: &str, expected: &str) {
        for size in 1..=document.len() {
            let (seen, done) = scan(document.as_bytes(), size);
            assert_eq!(seen.trim_end(), expected, "{document} in chunks of {size}");
            assert!(done, "{document} in chunks of {size}");
        }
    }

    #[test]
    fn it_finds_what_the_tree_names() {
        check(r#"{"a":"x","n":12,"f":true}"#, r#"a:Text("x") n:Count(12) f:Flag(true)"#);
        check(r#" { "n" : 0 , "x" : { "a" : "no" } , "f" : false } "#, "n:Count(0) f:Flag(false)");
        check(r#"{"x":[{"a":"no"},"}]\"",[]],"a":"yes"}"#, r#"a:Text("yes")"#);
        check(r#"{"l":[{"c":""},{"c":null},{"c":"t"},{"c":[]},{"c":[ 1]},{"c":{}},{"c":{"a":1}}]}"#, {
            "c:Content c:Content c:Content"
        });
        check(r#"{"l":[],"l":[{}],"n":1}"#, "n:Count(1)");
    }

    #[test]
    fn escapes_and_utf8_are_read_in_any_chunking() {
        check(r#"{"a":"q\"\\\u00fcü\n"}"#, "a:Text(\"q\\\"\\\\üü\\n\")");
        check(r#"{"\u0061":"x","\u00fc\"":3,"x\"a":"\\"}"#, r#"a:Text("x") ü":Count(3)"#.replace("ü\"", "n").as_str());
    }

    #[test]
    fn other_kinds_of_value_are_passed_over() {
        check(r#"{"a":1,"n":"1","f":"true","l":{"c":"x"},"n":-1,"n":1.5,"n":1e3,"a":null,"a":["x"]}"#, "");
        check(r#"{"n":99999999999999999999999999999999999}"#, "");
        check(&format!(r#"{{"a":"{}","n":7}}"#, "x".repeat(LONGEST + 9)), "n:Count(7)");
    }

    #[test]
    fn depth_costs_nothing() {
        let deep = format!(r#"{{"x":{}{},"n":7}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(scan(deep.as_bytes(), 4096), ("n:Count(7) ".to_owned(), true));
    }

    #[test]
    fn what_is_no_object_is_left_alone() {
        for text in ["[1,2]", "[DONE]", "\"a\"", "{]", "{a:1}", "{\"a\" 1}", "{\"a\":}", "{\"a\":1 2", "\u{feff}{}"] {
            for size in 1..=text.len() {
                assert_eq!(scan(text.as_bytes(), size).0, "", "{text}");
            }
        }
    }
}
