//! What goes wrong when reading and when writing.

use std::fmt;

use super::message::Message;

/// Octets that are not what they should be.
#[derive(Debug, Clone)]
pub struct ParseError {
    /// What to answer: 400, 505, 513.
    pub status: u16,
    /// The reason phrase to answer; never the peer's text.
    pub reason: &'static str,
    /// What was expected and what came, for logs.
    pub detail: String,
    /// A request of which enough was read to be answered.
    pub partial: Option<Box<Message>>,
}

/// What a parser gives.
pub type Result<T> = std::result::Result<T, ParseError>;

impl ParseError {
    /// A 400 with this reason phrase.
    pub fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status: 400,
            reason,
            detail: detail.into(),
            partial: None,
        }
    }

    /// The same, answered with another status.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same, as a fault of this header field or part.
    pub fn within(mut self, reason: &'static str) -> Self {
        self.reason = reason;
        self
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)
    }
}

impl std::error::Error for ParseError {}

/// Something that cannot be written into a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError(pub String);

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BuildError {}

/// The peer's octets for an error text: quoted, escaped, cut short.
pub(crate) fn excerpt(octets: &[u8]) -> String {
    const LENGTH: usize = 60;
    let text = String::from_utf8_lossy(&octets[..octets.len().min(LENGTH)]);
    let dots = if octets.len() > LENGTH { "..." } else { "" };
    format!("{text:?}{dots}")
}
