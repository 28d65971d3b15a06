//! The places of a document that are read, and what is found there.

/// A place in a document: what is taken there, and which places below it matter. The tree is a `static`.
#[derive(Debug)]
pub struct Node<F: 'static> {
    /// What is reported when a value stands here.
    pub takes: Takes<F>,
    /// Members of an object that matter.
    pub fields: &'static [(&'static str, &'static Self)],
    /// The items of an array, when they matter.
    pub items: Option<&'static Self>,
}

/// The kind of value that is reported at a place; other kinds found there are passed over.
#[derive(Debug, Clone, Copy)]
pub enum Takes<F> {
    /// Nothing: the place only leads to others, or is skipped.
    Nothing,
    /// A string.
    Text(F),
    /// A whole number that is not negative.
    Count(F),
    /// `true` or `false`.
    Flag(F),
    /// The mere fact that a string, array or object stands here and is not empty; told at its first byte.
    Content(F),
}

/// A value that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// For [`Takes::Text`].
    Text(&'a str),
    /// For [`Takes::Count`].
    Count(u64),
    /// For [`Takes::Flag`].
    Flag(bool),
    /// For [`Takes::Content`].
    Content,
}
