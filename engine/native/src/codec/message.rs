//! Requests and responses (RFC 3261 §7), read once.

use std::borrow::Cow;
use std::ops::Range;

use super::address::Address;
use super::error::{ParseError, Result};
use super::grammar::{is_all, text, trim, TOKEN};
use super::head::Head;
use super::header::{split_values, Fields, Kind};
use super::limits::MAX_BODY;
use super::start_line::{self, StartLine};
use super::via::Via;

mod reader;

use reader::{read_vias, Reader};

/// A message: its octets, where everything is, and what has been understood.
///
/// The parts are missing only in the `partial` of a ParseError.
#[derive(Debug, Clone)]
pub struct Message {
    raw: Vec<u8>,
    /// The first line.
    pub start_line: StartLine,
    /// The header fields.
    pub fields: Fields,
    body: Range<usize>,
    via: Option<Via>,
    /// The top Via could be read only in part.
    pub(crate) is_via_partial: bool,
    from: Option<Address>,
    to: Option<Address>,
    call_id: Option<String>,
    cseq: Option<CSeq>,
    contact: Option<Contact>,
    max_forwards: Option<u8>,
}

/// CSeq (RFC 3261 §20.16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2**31 (§8.1.1.5).
    pub number: u32,
    /// Case-sensitive.
    pub method: String,
}

/// What the Contact fields say.
#[derive(Debug, Clone, PartialEq)]
pub enum Contact {
    /// These, perhaps none.
    Addresses(Vec<Address>),
    /// "*": all bindings (RFC 3261 §10.2.2).
    Star,
}

/// The message in a datagram. Octets after its Content-Length are dropped (RFC 3261 §18.3).
pub fn parse_datagram(data: &[u8]) -> Result<Message> {
    // §7.5: CRLF before the start line is ignored.
    let mut from = 0;
    while data[from..].starts_with(b"\r\n") {
        from += 2;
    }
    if from == data.len() {
        return Err(ParseError::new(
            "Bad Request",
            "expected a message, got none",
        ));
    }
    let head = Head::read(data, from);
    let rest = data.len() - head.end;
    let (length, error) = match head.content_length(data) {
        Ok(Some(length)) if length > rest => {
            let why = format!("expected {length} octets of body, got {rest}");
            (rest, Some(ParseError::new("Bad Content-Length", why)))
        }
        Ok(length) => (length.unwrap_or(rest), None),
        Err(error) => (rest, Some(error)),
    };
    let body = head.end..head.end + length;
    Message::read(data[..body.end].to_vec(), head, body, error)
}

impl Message {
    /// Understand what was found. `framing_error` is what is wrong with the body's length.
    pub(crate) fn read(
        raw: Vec<u8>,
        mut head: Head,
        body: Range<usize>,
        framing_error: Option<ParseError>,
    ) -> Result<Self> {
        let (start_line, start_error) = start_line::read(&raw, head.start_line.clone());
        let mut reader = Reader {
            raw: &raw,
            fields: &head.fields,
            error: start_error,
        };
        reader.note(head.error.take());
        let Some(start_line) = start_line else {
            return Err(reader
                .error
                .unwrap_or_else(|| ParseError::new("Bad Request", "expected a start line")));
        };
        reader.note(framing_error);
        if body.len() > MAX_BODY {
            let why = format!("expected at most {MAX_BODY} octets of body");
            reader.note(Some(
                ParseError::new("Message Too Large", why).with_status(513),
            ));
        }
        if let Some(kind) = head.repeated() {
            let why = format!("expected {} once", kind.name());
            reader.note(Some(ParseError::new("Repeated Header", why)));
        }
        let (via, is_via_partial) = reader.via();
        let cseq = reader.cseq();
        if let (Some(cseq), StartLine::Request { method, .. }) = (&cseq, &start_line) {
            if cseq.method.as_bytes() != &raw[method.clone()] {
                let why = format!(
                    "expected CSeq {}, got {}",
                    text(&raw[method.clone()]),
                    cseq.method
                );
                reader.note(Some(ParseError::new("CSeq Method Mismatch", why)));
            }
        }
        let from = reader.address(Kind::From, "Missing From", "Bad From");
        let to = reader.address(Kind::To, "Missing To", "Bad To");
        let call_id = reader.call_id();
        let contact = reader.contact();
        let max_forwards = reader.max_forwards();
        reader.check_routes();
        let error = reader.error;
        let fields = head.fields;
        let message = Self {
            raw,
            start_line,
            fields,
            body,
            via,
            is_via_partial,
            from,
            to,
            call_id,
            cseq,
            contact,
            max_forwards,
        };
        match error {
            None => Ok(message),
            Some(mut error) => {
                error.partial = message.is_answerable().then(|| Box::new(message));
                Err(error)
            }
        }
    }

    /// A malformed request can be answered when there is something of each that a response copies (§8.2.6.2).
    fn is_answerable(&self) -> bool {
        let is_answered = match &self.start_line {
            StartLine::Request { method, .. } => &self.raw[method.clone()] != b"ACK",
            StartLine::Response { .. } => false,
        };
        let copied = [Kind::From, Kind::To, Kind::CallId, Kind::CSeq];
        is_answered
            && self.via.is_some()
            && copied.iter().all(|&kind| self.fields.first(kind).is_some())
    }

    /// All octets.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The octets of the body.
    pub fn body(&self) -> &[u8] {
        &self.raw[self.body.clone()]
    }

    /// The top Via.
    pub fn via(&self) -> Result<&Via> {
        self.via.as_ref().ok_or_else(|| unread("Via"))
    }

    /// From.
    pub fn from(&self) -> Result<&Address> {
        self.from.as_ref().ok_or_else(|| unread("From"))
    }

    /// To.
    pub fn to(&self) -> Result<&Address> {
        self.to.as_ref().ok_or_else(|| unread("To"))
    }

    /// Call-ID.
    pub fn call_id(&self) -> Result<&str> {
        self.call_id.as_deref().ok_or_else(|| unread("Call-ID"))
    }

    /// CSeq.
    pub fn cseq(&self) -> Result<&CSeq> {
        self.cseq.as_ref().ok_or_else(|| unread("CSeq"))
    }

    /// Contact.
    pub fn contact(&self) -> Result<&Contact> {
        self.contact.as_ref().ok_or_else(|| unread("Contact"))
    }

    /// None: not said (RFC 2543). What is above 255 counts as 255.
    pub fn max_forwards(&self) -> Option<u8> {
        self.max_forwards
    }

    /// Every Via, the top one first.
    pub fn vias(&self) -> Result<Vec<Via>> {
        let mut vias = Vec::new();
        for field in self.fields.of(Kind::Via) {
            read_vias(&field.text(&self.raw), |via| vias.push(via))
                .map_err(|error| error.within("Bad Via"))?;
        }
        Ok(vias)
    }

    /// The text of every field of this name, unfolded.
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Cow<'a, [u8]>> {
        self.fields
            .named(&self.raw, name)
            .map(|field| field.text(&self.raw))
    }

    /// The values of every field of this name, split at commas; empty ones are left out (RFC 3261 §7.3.1).
    pub fn values(&self, name: &str) -> Vec<String> {
        let split = |text: &[u8]| {
            split_values(text)
                .filter(|v| !v.is_empty())
                .map(lossy)
                .collect::<Vec<_>>()
        };
        self.headers(name).flat_map(|text| split(&text)).collect()
    }

    /// The addresses in every field of this name; none in `Contact: *`.
    pub fn addresses(&self, name: &str) -> Result<Vec<Address>> {
        let mut list = Vec::new();
        if Kind::of(name.as_bytes()) == Kind::Contact && self.contact == Some(Contact::Star) {
            return Ok(list);
        }
        for text in self.headers(name) {
            list.extend(Address::parse_list(&text)?);
        }
        Ok(list)
    }

    /// Content-Type in lower case and without its parameters.
    pub fn body_type(&self) -> Option<String> {
        let field = self.fields.first(Kind::ContentType)?;
        let value = field.text(&self.raw);
        let essence = value
            .split(|&octet| octet == b';')
            .next()
            .unwrap_or_default();
        let mut parts = essence.splitn(2, |&octet| octet == b'/').map(trim);
        let (kind, subtype) = (parts.next()?, parts.next()?);
        let is_type = is_all(TOKEN, kind) && is_all(TOKEN, subtype);
        is_type.then(|| format!("{}/{}", text(kind), text(subtype)).to_ascii_lowercase())
    }
}

/// What a lenient reading leaves empty.
fn unread(what: &'static str) -> ParseError {
    ParseError::new(
        "Bad Request",
        format!("{what} of this malformed message could not be read"),
    )
}

/// Text for people and programs: what is no UTF-8 is replaced.
pub fn lossy(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}
