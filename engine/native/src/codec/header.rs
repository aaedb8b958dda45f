//! Header fields: where they are in the octets of a message, and which they are (RFC 3261 §7.3, §20).

use std::borrow::Cow;
use std::ops::Range;

use super::error::{excerpt, ParseError};
use super::grammar::{is_all, is_lws, trim, TOKEN};
use super::limits::{MAX_HEADER_FIELDS, MAX_HEADER_SECTION};

macro_rules! kinds {
    ($($kind:ident $name:literal $compact:literal,)*) => {
        /// The header fields that are looked up often or have a compact form.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Kind { $($kind,)* Other }

        const KINDS: &[(Kind, &str, &str)] = &[$((Kind::$kind, $name, $compact),)*];
    };
}

kinds! {
    Via "Via" "v",
    From "From" "f",
    To "To" "t",
    CallId "Call-ID" "i",
    CSeq "CSeq" "",
    Contact "Contact" "m",
    MaxForwards "Max-Forwards" "",
    ContentLength "Content-Length" "l",
    ContentType "Content-Type" "c",
    Route "Route" "",
    RecordRoute "Record-Route" "",
    Timestamp "Timestamp" "",
    Expires "Expires" "",
    Supported "Supported" "k",
    Subject "Subject" "s",
    ContentEncoding "Content-Encoding" "e",
    ReferTo "Refer-To" "r",
    ReferredBy "Referred-By" "b",
    Event "Event" "o",
    AllowEvents "Allow-Events" "u",
    SessionExpires "Session-Expires" "x",
    AcceptContact "Accept-Contact" "a",
    RejectContact "Reject-Contact" "j",
    RequestDisposition "Request-Disposition" "d",
    Identity "Identity" "y",
}

impl Kind {
    /// The kind of a name in any case, long or compact.
    pub fn of(name: &[u8]) -> Self {
        let is_it = |long: &str, compact: &str| {
            let known = if name.len() == 1 { compact } else { long };
            known.len() == name.len() && known.as_bytes().eq_ignore_ascii_case(name)
        };
        KINDS
            .iter()
            .find(|(_, long, compact)| is_it(long, compact))
            .map_or(Self::Other, |(kind, ..)| *kind)
    }

    /// The long name; empty for others.
    pub fn name(self) -> &'static str {
        KINDS
            .iter()
            .find(|(kind, ..)| *kind == self)
            .map_or("", |(_, long, _)| long)
    }

    /// May stand once in a message (RFC 3261 §7.3.1), and a second one would make its meaning doubtful.
    fn is_single(self) -> bool {
        matches!(
            self,
            Self::From
                | Self::To
                | Self::CallId
                | Self::CSeq
                | Self::MaxForwards
                | Self::ContentLength
                | Self::ContentType
                | Self::ContentEncoding
                | Self::Expires
                | Self::ReferTo
        )
    }
}

/// One header field, as places in the octets.
#[derive(Debug, Clone)]
pub struct Field {
    /// Which it is.
    pub kind: Kind,
    /// Its name as it came.
    pub name: Range<usize>,
    /// Its value without the spaces around it; folds are still in it.
    pub value: Range<usize>,
    is_clean: bool,
}

impl Field {
    /// The value on one line: each fold is one space, and so is any stray CR or LF of a malformed message.
    pub fn text<'a>(&self, raw: &'a [u8]) -> Cow<'a, [u8]> {
        let value = &raw[self.value.clone()];
        if self.is_clean {
            return Cow::Borrowed(value);
        }
        let mut out: Vec<u8> = Vec::with_capacity(value.len());
        let mut in_fold = false;
        for &octet in value {
            if octet == b'\r' || octet == b'\n' {
                in_fold = true;
                while out.last().is_some_and(|&last| is_lws(last)) {
                    out.pop();
                }
                continue;
            }
            if in_fold && is_lws(octet) {
                continue;
            }
            if in_fold {
                out.push(b' ');
                in_fold = false;
            }
            out.push(octet);
        }
        Cow::Owned(trim(&out).to_vec())
    }
}

/// The header fields of a message, in their order.
#[derive(Debug, Clone, Default)]
pub struct Fields(Vec<Field>);

impl Fields {
    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Field> {
        self.0.iter()
    }

    /// Those of a kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Field> {
        self.0.iter().filter(move |field| field.kind == kind)
    }

    /// The first of a kind.
    pub fn first(&self, kind: Kind) -> Option<&Field> {
        self.0.iter().find(|field| field.kind == kind)
    }

    /// Those of a name, which may be compact.
    pub fn named<'a>(&'a self, raw: &'a [u8], name: &'a str) -> impl Iterator<Item = &'a Field> {
        let kind = Kind::of(name.as_bytes());
        self.0.iter().filter(move |field| {
            field.kind == kind
                && (kind != Kind::Other
                    || raw[field.name.clone()].eq_ignore_ascii_case(name.as_bytes()))
        })
    }
}

/// The start line and the header fields of a message, found but not yet understood.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) start_line: Range<usize>,
    pub(crate) fields: Fields,
    /// Behind the empty line.
    pub(crate) end: usize,
    /// The first thing that is wrong with its lines: where it ends is then anybody's guess.
    pub(crate) error: Option<ParseError>,
}

impl Head {
    /// The head that begins at `from`. What is wrong with it is noted, and reading goes on: it may have to be answered.
    pub(crate) fn read(raw: &[u8], from: usize) -> Self {
        let mut lines = Lines {
            raw,
            at: from,
            is_clean: true,
        };
        let start_line = lines.next().unwrap_or(from..from);
        let mut head = Self {
            start_line,
            fields: Fields::default(),
            end: raw.len(),
            error: None,
        };
        if !lines.is_clean {
            head.note(ParseError::new(
                "Bad Request",
                "expected no lone CR or LF in the start line",
            ));
        }
        loop {
            lines.is_clean = true;
            match lines.next() {
                None => {
                    head.note(ParseError::new(
                        "Bad Request",
                        "expected an empty line after the header fields",
                    ));
                    break;
                }
                Some(line) if line.is_empty() => {
                    head.end = lines.at;
                    break;
                }
                Some(line) => head.add(raw, line, lines.is_clean),
            }
            if head.fields.0.len() > MAX_HEADER_FIELDS {
                head.note(too_large(&format!(
                    "at most {MAX_HEADER_FIELDS} header fields"
                )));
                break;
            }
        }
        if head.end - from > MAX_HEADER_SECTION {
            head.note(too_large(&format!(
                "at most {MAX_HEADER_SECTION} octets of header fields"
            )));
        }
        head
    }

    /// The value of Content-Length, None without one.
    pub(crate) fn content_length(&self, raw: &[u8]) -> Result<Option<usize>, ParseError> {
        let mut fields = self.fields.of(Kind::ContentLength);
        let Some(field) = fields.next() else {
            return Ok(None);
        };
        let bad = |got: &[u8]| {
            ParseError::new(
                "Bad Content-Length",
                format!("expected one number, got {}", excerpt(got)),
            )
        };
        let text = field.text(raw);
        if let Some(other) = fields.next() {
            return Err(bad(&raw[other.value.clone()]));
        }
        // 2**32: whatever is above MAX_BODY is refused by who asks, and said to be too large there.
        let length = super::grammar::number(&text, 1 << 32).ok_or_else(|| bad(&text))?;
        Ok(Some(length as usize))
    }

    /// The first kind that stands twice and may not.
    pub(crate) fn repeated(&self) -> Option<Kind> {
        let mut seen = 0u32;
        self.fields.iter().map(|field| field.kind).find(|&kind| {
            let bit = 1u32 << (kind as u32);
            let is_repeated = kind.is_single() && seen & bit != 0;
            seen |= bit;
            is_repeated
        })
    }

    fn add(&mut self, raw: &[u8], line: Range<usize>, is_one_line: bool) {
        let octets = &raw[line.clone()];
        let Some(colon) = octets.iter().position(|&octet| octet == b':') else {
            return self.note(ParseError::new(
                "Bad Header",
                format!("expected a colon in {}", excerpt(octets)),
            ));
        };
        let name_length = octets[..colon]
            .iter()
            .rposition(|&octet| !is_lws(octet))
            .map_or(0, |last| last + 1);
        let name = line.start..line.start + name_length;
        if !is_all(TOKEN, &raw[name.clone()]) {
            return self.note(ParseError::new(
                "Bad Header",
                format!("expected a header name, got {}", excerpt(octets)),
            ));
        }
        let value = &octets[colon + 1..];
        if !is_one_line && has_stray_line_end(value) {
            self.note(ParseError::new(
                "Bad Header",
                format!("expected no lone CR or LF in {}", excerpt(octets)),
            ));
        }
        let is_space = |octet: &u8| b" \t\r\n".contains(octet);
        let before = value.iter().take_while(|octet| is_space(octet)).count();
        let length = value
            .iter()
            .rposition(|octet| !is_space(octet))
            .map_or(before, |last| last + 1);
        let start = line.start + colon + 1;
        let kind = Kind::of(&raw[name.clone()]);
        let value = start + before..start + length;
        self.fields.0.push(Field {
            kind,
            name,
            value,
            is_clean: is_one_line,
        });
    }

    fn note(&mut self, error: ParseError) {
        self.error.get_or_insert(error);
    }
}

fn too_large(expected: &str) -> ParseError {
    ParseError::new("Message Too Large", format!("expected {expected}")).with_status(513)
}

/// A CR or LF that is not part of a fold (CRLF and then a space or tab).
fn has_stray_line_end(value: &[u8]) -> bool {
    let mut at = 0;
    while let Some(&octet) = value.get(at) {
        match octet {
            b'\r'
                if value.get(at + 1) == Some(&b'\n')
                    && value.get(at + 2).copied().is_some_and(is_lws) =>
            {
                at += 3
            }
            b'\r' | b'\n' => return true,
            _ => at += 1,
        }
    }
    false
}

/// Lines ended by CRLF, with the folded ones (RFC 3261 §7.3.1) joined on. The empty line ends nothing here.
struct Lines<'a> {
    raw: &'a [u8],
    at: usize,
    /// No CR or LF was seen but those that end a line.
    is_clean: bool,
}

impl Lines<'_> {
    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let mut at = start;
        loop {
            at += self.raw[at..]
                .iter()
                .position(|octet| matches!(octet, b'\r' | b'\n'))?;
            if !self.raw[at..].starts_with(b"\r\n") {
                self.is_clean = false;
                at += 1;
                continue;
            }
            let is_folded = at > start && self.raw.get(at + 2).copied().is_some_and(is_lws);
            if !is_folded {
                self.at = at + 2;
                return Some(start..at);
            }
            self.is_clean = false;
            at += 2;
        }
    }
}

/// The values of a list, split at the commas outside quotes and angle brackets.
pub fn split_values(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let text = rest?;
        let (mut in_quotes, mut in_brackets, mut is_escaped) = (false, false, false);
        let comma = text.iter().position(|&octet| {
            match octet {
                _ if is_escaped => is_escaped = false,
                b'\\' if in_quotes => is_escaped = true,
                b'"' => in_quotes = !in_quotes,
                b'<' if !in_quotes => in_brackets = true,
                b'>' if !in_quotes => in_brackets = false,
                b',' => return !in_quotes && !in_brackets,
                _ => (),
            }
            false
        });
        rest = comma.map(|comma| &text[comma + 1..]);
        Some(trim(&text[..comma.unwrap_or(text.len())]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(head: &Head, raw: &[u8]) -> Vec<String> {
        head.fields
            .iter()
            .map(|field| String::from_utf8_lossy(&field.text(raw)).into_owned())
            .collect()
    }

    #[test]
    fn folds_become_one_space_wherever_they_are() {
        let raw =
            b"X\r\nTO :\r\n sip:a@b ;   tag    = 1\r\nS:\r\nA: b \r\n \t c\r\n  \r\nB:\r\n\r\n";
        let head = Head::read(raw, 0);
        assert!(head.error.is_none(), "{:?}", head.error);
        assert_eq!(texts(&head, raw), ["sip:a@b ;   tag    = 1", "", "b c", ""]);
        assert_eq!(head.end, raw.len());
    }

    #[test]
    fn names_are_known_in_any_case_and_compact() {
        for (name, kind) in [
            ("vIa", Kind::Via),
            ("V", Kind::Via),
            ("i", Kind::CallId),
            ("q", Kind::Other),
            ("", Kind::Other),
        ] {
            assert_eq!(Kind::of(name.as_bytes()), kind, "{name}");
        }
        assert_eq!((Kind::CallId.name(), Kind::Other.name()), ("Call-ID", ""));
        let raw = b"X\r\nx-Foo: 1\r\nX-foo: 2\r\nl: 0\r\n\r\n";
        let head = Head::read(raw, 0);
        assert_eq!(head.fields.named(raw, "X-FOO").count(), 2);
        assert_eq!(head.fields.named(raw, "content-length").count(), 1);
    }

    #[test]
    fn lone_line_ends_are_noted_and_never_copied() {
        for value in ["a\rb", "a\nb", "a\n b", "a\r\n\tb\r", "\ra", "a\r\r\n b"] {
            let raw = format!("X\r\nA: {value}\r\n\r\n");
            let head = Head::read(raw.as_bytes(), 0);
            assert!(head.error.is_some(), "{value:?}");
            assert!(texts(&head, raw.as_bytes())
                .iter()
                .all(|text| !text.contains(['\r', '\n'])));
        }
        assert!(Head::read(b"X\rY\r\n\r\n", 0).error.is_some());
        assert!(Head::read(b"X\r\n folded: 1\r\n\r\n", 0).error.is_some());
    }

    #[test]
    fn lines_that_are_no_fields_are_noted_and_passed_over() {
        for line in ["no colon", ": nameless", "sp ace: x", "\u{e9}: x"] {
            let raw = format!("X\r\n{line}\r\nA: 1\r\n\r\n");
            let head = Head::read(raw.as_bytes(), 0);
            assert!(head.error.is_some(), "{line}");
            assert_eq!(texts(&head, raw.as_bytes()), ["1"]);
        }
        assert!(Head::read(b"X\r\nA: 1\r\n", 0).error.is_some());
    }

    #[test]
    fn sizes_are_bounded() {
        let many = format!("X\r\n{}\r\n", "A: 1\r\n".repeat(MAX_HEADER_FIELDS + 1));
        assert_eq!(Head::read(many.as_bytes(), 0).error.unwrap().status, 513);
        let long = format!("X\r\nA: {}\r\n\r\n", "a".repeat(MAX_HEADER_SECTION));
        assert_eq!(Head::read(long.as_bytes(), 0).error.unwrap().status, 513);
    }

    #[test]
    fn commas_split_outside_quotes_and_brackets() {
        let values: Vec<_> = split_values(b"a , \"b,\\\",\" , <c,d>;e,").collect();
        assert_eq!(values, [&b"a"[..], b"\"b,\\\",\"", b"<c,d>;e", b""]);
    }
}
