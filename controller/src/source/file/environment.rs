//! `${VAR}` and `${VAR:-default}` in the values of Secrets, so that no key needs to be written to disk.
//!
//! Filled in `stringData` only: `data` is base64, where no `$` can stand. A variable that is unset *or empty* takes the
//! default, as in a shell. `$${` stands for a literal `${`.

use std::collections::BTreeMap;

/// The variables, taken as a value so that nothing below reads the process's own. No `Debug`: some are secrets.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// Why a text cannot be filled in. Names variables, never values.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfilled {
    /// The variable has no value, and no default is given.
    Missing(String),
    /// `${…` is no reference to a variable.
    Malformed,
}

impl Environment {
    /// The variables of this process whose names and values are Unicode.
    pub fn of_process() -> Self {
        Self(std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect())
    }

    /// Fills in a text.
    pub(super) fn fill(&self, text: &str) -> Result<String, Unfilled> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let (before, after) = (&rest[..start], &rest[start + 2..]);
            if let Some(escaped) = before.strip_suffix('$') {
                filled.push_str(escaped);
                filled.push_str("${");
                rest = after;
                continue;
            }
            let (reference, after) = after.split_once('}').ok_or(Unfilled::Malformed)?;
            filled.push_str(before);
            filled.push_str(self.value(reference)?);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn value<'a>(&'a self, reference: &'a str) -> Result<&'a str, Unfilled> {
        let (name, default) = reference.split_once(":-").map_or((reference, None), |(name, text)| (name, Some(text)));
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(is_name) {
            return Err(Unfilled::Malformed);
        }
        match (self.0.get(name).filter(|value| !value.is_empty()), default) {
            (Some(value), _) => Ok(value),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(Unfilled::Missing(name.to_owned())),
        }
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in() {
        let environment = Environment::from_iter([("KEY", "sk-1"), ("EMPTY", "")]);
        let check = |text, expected: &str| assert_eq!(environment.fill(text).unwrap(), expected, "{text}");
        check("Bearer ${KEY}", "Bearer sk-1");
        check("${KEY}${KEY}!", "sk-1sk-1!");
        check("${NONE:-plain}/${EMPTY:-e}/${NONE:-}", "plain/e/");
        check("$KEY $ {KEY} 100$", "$KEY $ {KEY} 100$");
        check("$${KEY} $$", "${KEY} $$");
    }

    #[test]
    fn what_cannot_be_filled_in_is_refused() {
        let environment = Environment::default();
        let check = |text, expected| assert_eq!(environment.fill(text).unwrap_err(), expected, "{text}");
        check("${NONE}", Unfilled::Missing("NONE".to_owned()));
        check("${NONE", Unfilled::Malformed);
        check("${}", Unfilled::Malformed);
        check("${a-b}", Unfilled::Malformed);
        check("${1}", Unfilled::Malformed);
    }
}
