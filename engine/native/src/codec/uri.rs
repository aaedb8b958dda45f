//! URIs (RFC 3261 §19.1).

use std::fmt;

use super::error::{excerpt, ParseError, Result};
use super::grammar::{escape, is, is_all, text, unescape, Cursor};
use super::grammar::{PASSWORD, URI, URI_HEADER, URI_PARAM, USER};
use super::host::{read_host_port, write_host_port};
use super::limits::MAX_PARAMS;

mod comparison;

/// A URI, as it came and taken apart. Of a scheme other than sip and sips only the text and the scheme are known.
#[derive(Debug, Clone)]
pub struct Uri {
    text: String,
    /// In lower case.
    pub scheme: String,
    /// Escapes decoded, once.
    pub user: Option<String>,
    /// Escapes decoded, once.
    pub password: Option<String>,
    /// An IPv6 address without its brackets.
    pub host: String,
    /// None: not said.
    pub port: Option<u16>,
    /// Names in lower case, escapes decoded.
    pub params: Vec<(String, Option<String>)>,
    /// The raw text after the question mark.
    pub headers: String,
}

impl Uri {
    /// The URI that is the whole text.
    pub fn parse(uri: &[u8]) -> Result<Self> {
        let bad = || error("a URI", uri);
        let colon = uri
            .iter()
            .position(|&octet| octet == b':')
            .ok_or_else(bad)?;
        let (scheme, rest) = (&uri[..colon], &uri[colon + 1..]);
        if !is_scheme(scheme) || !is_all(URI, rest) {
            return Err(bad());
        }
        let mut out = Self {
            text: text(uri),
            scheme: text(scheme).to_ascii_lowercase(),
            user: None,
            password: None,
            host: String::new(),
            port: None,
            params: Vec::new(),
            headers: String::new(),
        };
        if out.is_sip() {
            out.read_sip(rest)?;
        }
        Ok(out)
    }

    /// A URI of these parts, checked by reading it.
    pub fn build(parts: &UriParts<'_>) -> Result<Self> {
        Self::parse(parts.to_text().as_bytes())
    }

    /// sip: or sips:
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme.as_str(), "sip" | "sips")
    }

    /// The wire form.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The parameter of this (lower case) name: Some(None) when it has no value.
    pub fn param(&self, name: &str) -> Option<Option<&str>> {
        self.params
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_deref())
    }

    fn read_sip(&mut self, rest: &[u8]) -> Result<()> {
        // An unescaped @ can only end the user part, whatever else that holds: ";", "?" and "/" are its own.
        let rest = match rest.iter().position(|&octet| octet == b'@') {
            Some(at) => {
                self.read_userinfo(&rest[..at])?;
                &rest[at + 1..]
            }
            None => rest,
        };
        let mut cursor = Cursor::new(rest);
        (self.host, self.port) = read_host_port(&mut cursor)?;
        self.read_params(&mut cursor)?;
        match cursor.rest() {
            [] => Ok(()),
            [b'?', headers @ ..]
                if unescape(headers, URI_HEADER).is_some_and(|h| !h.is_empty()) =>
            {
                self.headers = text(headers);
                Ok(())
            }
            rest => Err(error("parameters or headers of a URI", rest)),
        }
    }

    fn read_userinfo(&mut self, userinfo: &[u8]) -> Result<()> {
        let colon = userinfo.iter().position(|&octet| octet == b':');
        let user = &userinfo[..colon.unwrap_or(userinfo.len())];
        if user.is_empty() {
            return Err(error("a user part", userinfo));
        }
        self.user = Some(decode(user, USER, "a user part")?);
        if let Some(colon) = colon {
            self.password = Some(decode(&userinfo[colon + 1..], PASSWORD, "a password")?);
        }
        Ok(())
    }

    fn read_params(&mut self, cursor: &mut Cursor<'_>) -> Result<()> {
        while let [b';', param @ ..] = cursor.rest() {
            let length = param
                .iter()
                .position(|octet| matches!(octet, b';' | b'?'))
                .unwrap_or(param.len());
            let param = &param[..length];
            cursor.at += 1 + length;
            let equal = param.iter().position(|&octet| octet == b'=');
            let name = &param[..equal.unwrap_or(length)];
            if name.is_empty() || equal.is_some_and(|equal| equal + 1 == length) {
                return Err(error("a URI parameter", param));
            }
            let name = decode(name, URI_PARAM, "the name of a URI parameter")?.to_ascii_lowercase();
            let value = equal.map(|equal| {
                decode(
                    &param[equal + 1..],
                    URI_PARAM,
                    "the value of a URI parameter",
                )
            });
            if self.param(&name).is_some() || self.params.len() == MAX_PARAMS {
                return Err(error("each URI parameter once, and not too many", param));
            }
            self.params.push((name, value.transpose()?));
        }
        Ok(())
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a URI is built of; texts are not escaped yet.
#[derive(Debug, Clone, Default)]
pub struct UriParts<'a> {
    /// sip or sips
    pub scheme: &'a str,
    /// None: no user part.
    pub user: Option<&'a str>,
    /// Only with a user.
    pub password: Option<&'a str>,
    /// A name or an address; IPv6 with or without brackets.
    pub host: &'a str,
    /// None: not written.
    pub port: Option<u16>,
    /// In this order.
    pub params: Vec<(String, Option<String>)>,
    /// Written as it is.
    pub headers: &'a str,
}

impl UriParts<'_> {
    fn to_text(&self) -> String {
        let mut out = format!("{}:", self.scheme);
        if let Some(user) = self.user {
            escape(&mut out, user, USER);
            if let Some(password) = self.password {
                out.push(':');
                escape(&mut out, password, PASSWORD);
            }
            out.push('@');
        }
        write_host_port(&mut out, self.host, self.port);
        for (name, value) in &self.params {
            out.push(';');
            escape(&mut out, name, URI_PARAM);
            if let Some(value) = value {
                out.push('=');
                escape(&mut out, value, URI_PARAM);
            }
        }
        if !self.headers.is_empty() {
            out.push('?');
            out.push_str(self.headers);
        }
        out
    }
}

fn decode(part: &[u8], class: u16, what: &str) -> Result<String> {
    unescape(part, class)
        .and_then(|octets| String::from_utf8(octets).ok())
        .ok_or_else(|| error(what, part))
}

fn is_scheme(scheme: &[u8]) -> bool {
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme
            .iter()
            .all(|&octet| octet.is_ascii_alphanumeric() || b"+-.".contains(&octet))
        && is(URI, scheme[0])
}

fn error(expected: &str, got: &[u8]) -> ParseError {
    ParseError::new(
        "Bad URI",
        format!("expected {expected}, got {}", excerpt(got)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn parts_are_decoded_once() {
        let uri = uri("sip:sips%3Auser%40example.com:pw@[2001:db8::10]:5070;%6C%72;n%61me=v%61lue%25%34%31?Route=%3Cx%3E");
        assert_eq!(uri.user.as_deref(), Some("sips:user@example.com"));
        assert_eq!(uri.password.as_deref(), Some("pw"));
        assert_eq!((uri.host.as_str(), uri.port), ("2001:db8::10", Some(5070)));
        assert_eq!(uri.param("lr"), Some(None));
        assert_eq!(uri.param("name"), Some(Some("value%41")));
        assert_eq!(uri.headers, "Route=%3Cx%3E");
    }

    #[test]
    fn the_user_part_keeps_its_semicolons_and_nuls() {
        assert_eq!(
            uri("sip:user;par=u%40example.net@example.com")
                .user
                .as_deref(),
            Some("user;par=u@example.net")
        );
        assert_eq!(
            uri("sip:null-%00-null@example.com").user.as_deref(),
            Some("null-\0-null")
        );
    }

    #[test]
    fn what_is_no_uri_is_refused() {
        for bad in [
            "",
            "sip",
            "sip:",
            "sip:@host",
            "sip:user@",
            "sip:2001:db8::10",
            "sip:host:",
            "sip:host:99999",
            "sip:host;",
            "sip:host;;a",
            "sip:host;a=",
            "sip:host;a;A",
            "sip:host?",
            "sip:u ser@host",
            "<sip:user@host>",
            "sip:%4@host",
            "sip:%ff@host",
            "sip:[::1",
            "sip:[zz]",
            "sip:host;a=\"b\"",
            "1sip:host",
            "sip:a\0@host",
            "tel:",
        ] {
            assert!(Uri::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_built_uri_is_escaped_and_reads_back() {
        let parts = UriParts {
            scheme: "sip",
            user: Some("a b@c:%"),
            host: "::1",
            port: Some(5062),
            ..UriParts::default()
        };
        let built = Uri::build(&parts).unwrap();
        assert_eq!(built.as_str(), "sip:a%20b%40c%3A%25@[::1]:5062");
        assert_eq!(built.user.as_deref(), Some("a b@c:%"));
        assert!(Uri::build(&UriParts {
            host: "a\r\nb",
            ..parts.clone()
        })
        .is_err());
        assert!(Uri::build(&UriParts {
            headers: "a=b\r\n",
            ..parts
        })
        .is_err());
    }
}
