//! Messages out of a stream (RFC 3261 §18.3, RFC 5626 §3.5.1).

use super::error::ParseError;
use super::head::Head;
use super::limits::{MAX_BODY, MAX_HEADER_SECTION};
use super::message::Message;
use super::reason::reason_phrase;

/// Octets of room that a stream keeps after a message that needed more.
const KEPT: usize = 16 * 1024;

/// What a stream brings.
#[derive(Debug, Clone)]
pub enum Item {
    /// A whole message.
    Message(Box<Message>),
    /// A message that is malformed. The next one may be whole, unless the reader is broken.
    Malformed(ParseError),
    /// A double CRLF between messages.
    KeepAlive,
}

/// Cuts a stream into messages, however the octets are chunked.
#[derive(Debug, Default)]
pub struct StreamReader {
    buffer: Vec<u8>,
    /// Of the buffer, known to hold no end of a header section.
    scanned: usize,
    /// A head that is complete; its body is not.
    waiting: Option<(Head, usize)>,
    is_broken: bool,
}

impl StreamReader {
    /// Take octets, give what is complete.
    pub fn feed(&mut self, data: &[u8]) -> Vec<Item> {
        let mut items = Vec::new();
        if self.is_broken {
            return items;
        }
        self.buffer.extend_from_slice(data);
        let mut at = 0;
        while !self.is_broken {
            match self.next(&mut at) {
                Some(item) => items.push(item),
                None => break,
            }
        }
        self.buffer.drain(..at);
        if self.is_broken {
            self.buffer = Vec::new();
        } else if self.buffer.len() < KEPT {
            self.buffer.shrink_to(KEPT);
        }
        items
    }

    /// Where the next message begins cannot be known any more: close the connection.
    pub fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Octets of a message that is not complete yet.
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// No more is waited for: the error of what has come of a message, to be answered with this status if it can be.
    pub fn give_up(&mut self, status: u16, why: &str) -> ParseError {
        let error = ParseError::new(reason_phrase(status), why).with_status(status);
        let buffer = std::mem::take(&mut self.buffer);
        self.is_broken = true;
        self.waiting = None;
        unfinished(&buffer, error)
    }

    /// The next complete thing at `at`, which moves behind it.
    fn next(&mut self, at: &mut usize) -> Option<Item> {
        if self.waiting.is_none() {
            if self.skip_line_ends(at)? {
                return Some(Item::KeepAlive);
            }
            match self.read_head(*at)? {
                Ok(waiting) => self.waiting = Some(waiting),
                Err(error) => {
                    self.is_broken = true;
                    return Some(Item::Malformed(error));
                }
            }
        }
        let (head, length) = self.waiting.take()?;
        let end = *at + head.end + length;
        if self.buffer.len() < end {
            self.waiting = Some((head, length));
            return None;
        }
        let raw = self.buffer[*at..end].to_vec();
        let body = head.end..head.end + length;
        *at = end;
        self.scanned = 0;
        Some(match Message::read(raw, head, body, None) {
            Ok(message) => Item::Message(Box::new(message)),
            Err(error) => Item::Malformed(error),
        })
    }

    /// Between messages: true for a double CRLF, a single one is nothing (§7.5). None: more octets must tell.
    fn skip_line_ends(&self, at: &mut usize) -> Option<bool> {
        const PING: &[u8] = b"\r\n\r\n";
        let rest = &self.buffer[*at..];
        if rest.starts_with(PING) {
            *at += PING.len();
            return Some(true);
        }
        if PING.starts_with(rest) {
            return None;
        }
        if rest.starts_with(b"\r\n") {
            *at += 2;
        }
        Some(false)
    }

    /// The head at `at` with the length of its body, when it is complete.
    fn read_head(&mut self, at: usize) -> Option<Result<(Head, usize), ParseError>> {
        let rest = &self.buffer[at..];
        let from = self.scanned.saturating_sub(3);
        let Some(empty_line) = rest[from..]
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
        else {
            self.scanned = rest.len();
            if rest.len() <= MAX_HEADER_SECTION {
                return None;
            }
            let why = format!("expected at most {MAX_HEADER_SECTION} octets of header fields");
            let error = ParseError::new("Message Too Large", why).with_status(513);
            return Some(Err(unfinished(rest, error)));
        };
        let octets = &rest[..from + empty_line + 4];
        let mut head = Head::read(octets, 0);
        Some(match framing(&head, octets) {
            Ok(length) => Ok((head, length)),
            Err(error) => {
                let error = head.error.take().unwrap_or(error);
                head.error = Some(error.clone());
                let body = octets.len()..octets.len();
                Err(Message::read(octets.to_vec(), head, body, None)
                    .err()
                    .unwrap_or(error))
            }
        })
    }
}

/// The error of a message whose end will not be seen, with what is needed to answer it if that has come.
fn unfinished(octets: &[u8], error: ParseError) -> ParseError {
    let mut head = Head::read(octets, 0);
    let body = head.end..head.end;
    let raw = octets[..head.end].to_vec();
    head.error = Some(error.clone());
    match Message::read(raw, head, body, None) {
        Err(found) if found.partial.is_some() => ParseError {
            partial: found.partial,
            ..error
        },
        _ => error,
    }
}

/// The length of the body, if it can be trusted.
fn framing(head: &Head, octets: &[u8]) -> Result<usize, ParseError> {
    if let Some(error) = &head.error {
        return Err(error.clone());
    }
    match head.content_length(octets)? {
        None => Err(ParseError::new(
            "Missing Content-Length",
            "expected a Content-Length header field on a stream",
        )),
        Some(length) if length > MAX_BODY => {
            let why = format!("expected at most {MAX_BODY} octets of body, got {length}");
            Err(ParseError::new("Message Too Large", why).with_status(513))
        }
        Some(length) => Ok(length),
    }
}
