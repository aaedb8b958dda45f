//! Header fields: where they are in the octets of a message, and which they are (RFC 3261 §7.3, §20).

use std::borrow::Cow;
use std::ops::Range;

use super::grammar::{is_lws, trim};

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
    pub(super) fn is_single(self) -> bool {
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
    pub(super) is_clean: bool,
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
pub struct Fields(pub(super) Vec<Field>);

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
    }

    #[test]
    fn commas_split_outside_quotes_and_brackets() {
        let values: Vec<_> = split_values(b"a , \"b,\\\",\" , <c,d>;e,").collect();
        assert_eq!(values, [&b"a"[..], b"\"b,\\\",\"", b"<c,d>;e", b""]);
    }
}
