//! The lines of a message: its start line and its header fields, found but not yet understood (RFC 3261 §7.3.1).

use std::ops::Range;

use super::error::{excerpt, ParseError};
use super::grammar::{is_all, is_lws, number, TOKEN};
use super::header::{Field, Fields, Kind};
use super::limits::{MAX_HEADER_FIELDS, MAX_HEADER_SECTION};

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
        let length = number(&text, 1 << 32).ok_or_else(|| bad(&text))?;
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
    fn fields_are_found_by_any_of_their_names() {
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
}
