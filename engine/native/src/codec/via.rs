//! Via (RFC 3261 §20.42, RFC 3581).

use std::fmt;

use super::error::{ParseError, Result};
use super::grammar::{is_lws, text, Cursor};
use super::host::{read_host_port, write_host_port};
use super::param::Params;

/// What a branch of RFC 3261 begins with (§8.1.1.7).
pub const COOKIE: &str = "z9hG4bK";

/// One Via value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// In upper case.
    pub transport: String,
    /// sent-by; an IPv6 address without its brackets.
    pub host: String,
    /// None: not said.
    pub port: Option<u16>,
    /// branch, received, rport and others.
    pub params: Params,
}

impl Via {
    /// The value that is the whole text (without folds).
    pub fn parse(value: &[u8]) -> Result<Self> {
        let mut cursor = Cursor::new(value);
        let via = Self::read(&mut cursor)?;
        cursor.end()?;
        Ok(via)
    }

    /// The value that begins here; the cursor stops at a comma or the end.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self> {
        let mut via = Self::read_sent_by(cursor)?;
        via.params.read(cursor)?;
        via.check()?;
        cursor.skip_lws();
        match cursor.peek() {
            None | Some(b',') => Ok(via),
            Some(_) => Err(cursor.error("a parameter, a comma or the end")),
        }
    }

    /// As much of a value as can be read, to answer a malformed request. None: not even where it was sent from.
    pub(crate) fn read_leniently(cursor: &mut Cursor<'_>) -> Option<Self> {
        let mut via = Self::read_sent_by(cursor).ok()?;
        let _ = via.params.read(cursor);
        Some(via)
    }

    /// None: a request of RFC 2543.
    pub fn branch(&self) -> Option<&str> {
        self.params.get("branch").flatten()
    }

    /// The branch is unique for its transaction: the cookie with something after it.
    pub fn has_cookie(&self) -> bool {
        self.branch()
            .is_some_and(|branch| branch.len() > COOKIE.len() && branch.starts_with(COOKIE))
    }

    /// Where the request really came from; without brackets, which some write (RFC 5118 §4.5).
    pub fn received(&self) -> Option<&str> {
        let received = self.params.get("received").flatten()?;
        Some(
            received
                .strip_prefix('[')
                .and_then(|inner| inner.strip_suffix(']'))
                .unwrap_or(received),
        )
    }

    /// The port it really came from.
    pub fn rport(&self) -> Option<u16> {
        self.params.get("rport").flatten()?.parse().ok()
    }

    /// rport without a value: the answer shall go to the port the request came from (RFC 3581 §4).
    pub fn wants_rport(&self) -> bool {
        self.params.get("rport") == Some(None)
    }

    fn read_sent_by(cursor: &mut Cursor<'_>) -> Result<Self> {
        cursor.skip_lws();
        cursor.token()?;
        cursor.expect(b'/')?;
        cursor.token()?;
        cursor.expect(b'/')?;
        let transport = text(cursor.token()?).to_ascii_uppercase();
        if !cursor.peek().is_some_and(is_lws) {
            return Err(cursor.error("a space before the host"));
        }
        cursor.skip_lws();
        let (host, port) = read_host_port(cursor)?;
        Ok(Self {
            transport,
            host,
            port,
            params: Params::default(),
        })
    }

    fn check(&self) -> Result<()> {
        let bad = |what: &str| Err(ParseError::new("Bad Via", format!("expected {what}")));
        if self.params.get("branch") == Some(None) {
            return bad("branch=token");
        }
        match self.params.get("rport") {
            Some(Some(port)) if port.parse::<u16>().is_err() => return bad("rport=port"),
            _ => (),
        }
        match self.params.get("received") {
            Some(None) => bad("received=address"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = format!("SIP/2.0/{} ", self.transport);
        write_host_port(&mut out, &self.host, self.port);
        self.params.write(&mut out);
        f.write_str(&out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_are_allowed_where_the_grammar_has_them() {
        let via = Via::parse(
            b"SIP  / 2.0  / udp     spindle.example.com : 5070  ;  branch  =   z9hG4bK9ikj8  ",
        )
        .unwrap();
        assert_eq!(
            via.to_string(),
            "SIP/2.0/UDP spindle.example.com:5070;branch=z9hG4bK9ikj8"
        );
        assert!(via.has_cookie());
    }

    #[test]
    fn the_cookie_alone_is_no_branch_of_rfc_3261() {
        assert!(!Via::parse(b"SIP/2.0/UDP a;branch=z9hG4bK")
            .unwrap()
            .has_cookie());
        assert!(!Via::parse(b"SIP/2.0/UDP a").unwrap().has_cookie());
    }

    #[test]
    fn received_and_rport_are_values() {
        let via = Via::parse(b"SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];rport=5062")
            .unwrap();
        assert_eq!(
            (via.received(), via.rport(), via.wants_rport()),
            (Some("2001:db8::9:255"), Some(5062), false)
        );
        let via = Via::parse(b"SIP/2.0/UDP a;received=2001:db8::9:255;rport").unwrap();
        assert_eq!(
            (via.received(), via.rport(), via.wants_rport()),
            (Some("2001:db8::9:255"), None, true)
        );
    }

    #[test]
    fn what_is_no_via_is_refused() {
        for bad in [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0 a",
            "SIP/2.0/UDP ",
            "SIP/2.0/UDPa:1:2",
            "SIP/2.0/UDP a;;",
            "SIP/2.0/UDP a;branch",
            "SIP/2.0/UDP a;rport=x",
            "SIP/2.0/UDP a;received",
            "SIP/2.0/UDP a b",
            "SIP/2.0/UDP a:70000",
            "SIP/2.0/UDP [::1",
        ] {
            assert!(Via::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
