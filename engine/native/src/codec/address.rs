//! name-addr and addr-spec with their parameters (RFC 3261 §20.10): From, To, Contact, Route.

use std::fmt;

use super::error::{excerpt, ParseError, Result};
use super::grammar::{is_all, quote, text, trim, Cursor, DISPLAY, TOKEN, URI};
use super::limits::MAX_VALUES;
use super::param::Params;
use super::uri::Uri;

/// One address.
#[derive(Debug, Clone, PartialEq)]
pub struct Address {
    /// The display name without its quotes; empty when there is none.
    pub name: String,
    /// Who is meant.
    pub uri: Uri,
    /// The parameters of the header field, not of the URI.
    pub params: Params,
}

impl Address {
    /// The address that is the whole text (without folds).
    pub fn parse(value: &[u8]) -> Result<Self> {
        let mut cursor = Cursor::new(value);
        let address = Self::read(&mut cursor)?;
        cursor.end()?;
        Ok(address)
    }

    /// The addresses of a list.
    pub fn parse_list(value: &[u8]) -> Result<Vec<Self>> {
        let mut cursor = Cursor::new(value);
        let mut list = vec![Self::read(&mut cursor)?];
        while cursor.take(b',') {
            if list.len() == MAX_VALUES {
                return Err(cursor.error(&format!("at most {MAX_VALUES} values")));
            }
            list.push(Self::read(&mut cursor)?);
        }
        cursor.end()?;
        Ok(list)
    }

    /// The tag of From and To.
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag").flatten()
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Self> {
        cursor.skip_lws();
        let start = cursor.at;
        let name = match cursor.peek() {
            Some(b'"') => cursor.quoted()?,
            _ => text(trim(cursor.run(DISPLAY))).replace('\t', " "),
        };
        cursor.skip_lws();
        let (name, uri) = if cursor.peek() == Some(b'<') {
            cursor.at += 1;
            (name, Uri::parse(cursor.until(b'>')?)?)
        } else {
            cursor.at = start;
            (String::new(), read_addr_spec(cursor)?)
        };
        let mut params = Params::default();
        params.read(cursor)?;
        match params.get("tag") {
            Some(tag) if !tag.is_some_and(|tag| is_all(TOKEN, tag.as_bytes())) => {
                Err(ParseError::new("Bad Tag", "expected tag=token"))
            }
            _ => Ok(Self { name, uri, params }),
        }
    }
}

/// Without brackets the URI ends at the first of ";", "," and LWS, and may not hold "?" (RFC 3261 §20).
fn read_addr_spec(cursor: &mut Cursor<'_>) -> Result<Uri> {
    let rest = cursor.rest();
    let length = rest
        .iter()
        .position(|octet| b"; \t,".contains(octet))
        .unwrap_or(rest.len());
    let uri = &rest[..length];
    if uri.contains(&b'?') || !is_all(URI, uri) {
        return Err(ParseError::new(
            "Bad Address",
            format!("expected a URI that needs no <>, got {}", excerpt(rest)),
        ));
    }
    cursor.at += length;
    Uri::parse(uri)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        if self
            .name
            .chars()
            .any(|character| !character.is_ascii_control())
        {
            quote(&mut out, &self.name);
            out.push(' ');
        }
        out.push('<');
        out.push_str(self.uri.as_str());
        out.push('>');
        self.params.write(&mut out);
        f.write_str(&out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn names_are_read_in_every_form() {
        for (text, name) in [
            ("sip:a@b", ""),
            ("<sip:a@b>", ""),
            ("caller<sip:a@b>", "caller"),
            (
                "token1~` token2'+_ token3*%!.- <sip:a@b>",
                "token1~` token2'+_ token3*%!.-",
            ),
            (
                "\"J Rosenberg \\\\\\\"\"       <sip:a@b>",
                "J Rosenberg \\\"",
            ),
            ("\"NUL:\\\0\" <sip:a@b>", "NUL:\0"),
            ("B\u{fc}ro <sip:a@b>", "B\u{fc}ro"),
        ] {
            assert_eq!(address(text).name, name, "{text}");
        }
    }

    #[test]
    fn without_brackets_parameters_belong_to_the_header() {
        let bare = address("sip:a@b;unknown ; tag = x");
        assert_eq!(
            (bare.uri.as_str(), bare.params.get("unknown"), bare.tag()),
            ("sip:a@b", Some(None), Some("x"))
        );
        let bracketed = address("<sip:a@b;unknown>");
        assert_eq!(
            (
                bracketed.uri.param("unknown"),
                bracketed.params.get("unknown")
            ),
            (Some(None), None)
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "<>",
            "alan@jasomi.com",
            "\"Mr. J <sip:a@b>",
            "Bell, Alexander <sip:a@b>",
            "< sip:a@b >",
            "<sip:a@b",
            "sip:a@b?x=y",
            "<sip:a@b>;;",
            "<sip:a@b>;a=",
            "<sip:a@b>;tag",
            "<sip:a@b>;tag=a b",
            "<sip:a@b>;tag=1;TAG=2",
            "<sip:a@b> x",
            "<sip:a@b>;tag=\"a b\"",
            "<sip:a@b>, <sip:c@d>",
        ] {
            assert!(Address::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_wire_form_reads_back() {
        for text in [
            "\"a \\\"b\\\\\" <sip:a@b;lr>;tag=x;q=0.3;i=\"<urn:uuid:1>\"",
            "<tel:+1>;a",
        ] {
            assert_eq!(address(text).to_string(), text);
        }
        assert_eq!(
            address("\"a\\\u{7}\" <sip:a@b>").to_string(),
            "\"a\" <sip:a@b>"
        );
    }

    #[test]
    fn lists_are_split_outside_quotes_and_brackets() {
        let list =
            Address::parse_list(b"\"a, b\" <sip:a,b@c>;x=\",\" , sip:d@e;y, <sip:f>").unwrap();
        assert_eq!(
            list.iter().map(|a| a.uri.host.as_str()).collect::<Vec<_>>(),
            ["c", "e", "f"]
        );
        assert!(Address::parse_list(b"<sip:a>,,<sip:b>").is_err());
    }
}
