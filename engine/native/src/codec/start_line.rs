//! Request-Line and Status-Line (RFC 3261 §7.1, §7.2).

use std::ops::Range;

use super::error::{excerpt, ParseError};
use super::grammar::{is_all, number, TOKEN};
use super::uri::Uri;

/// The first line, as places in the octets and what they mean.
#[derive(Debug, Clone)]
pub enum StartLine {
    /// Of a request.
    Request {
        /// A token.
        method: Range<usize>,
        /// What stands between method and version.
        uri_text: Range<usize>,
        /// None: it is malformed (only in a partial request).
        uri: Option<Uri>,
    },
    /// Of a response.
    Response {
        /// 100 to 699.
        status: u16,
        /// The reason phrase, perhaps empty.
        reason: Range<usize>,
    },
}

/// Read the line at `place`. Without a StartLine it cannot even be answered.
pub(crate) fn read(raw: &[u8], place: Range<usize>) -> (Option<StartLine>, Option<ParseError>) {
    let line = &raw[place.clone()];
    if line
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
    {
        return match read_status_line(line, place.start) {
            Ok(start_line) => (Some(start_line), None),
            Err(error) => (None, Some(error)),
        };
    }
    read_request_line(line, place.start)
}

fn read_status_line(line: &[u8], start: usize) -> Result<StartLine, ParseError> {
    let bad = || {
        ParseError::new(
            "Bad Status-Line",
            format!("expected SIP/2.0 status reason, got {}", excerpt(line)),
        )
    };
    let rest = line
        .get(..8)
        .filter(|version| version.eq_ignore_ascii_case(b"SIP/2.0 "))
        .map(|_| &line[8..]);
    let rest = rest.ok_or_else(bad)?;
    let digits = rest
        .iter()
        .position(|&octet| octet == b' ')
        .unwrap_or(rest.len());
    let status = number(&rest[..digits], 699)
        .filter(|&status| digits == 3 && status >= 100)
        .ok_or_else(bad)?;
    let reason = (start + 8 + digits + 1).min(start + line.len())..start + line.len();
    Ok(StartLine::Response {
        status: status as u16,
        reason,
    })
}

fn read_request_line(line: &[u8], start: usize) -> (Option<StartLine>, Option<ParseError>) {
    let bad = || {
        ParseError::new(
            "Bad Request-Line",
            format!("expected method URI SIP/2.0, got {}", excerpt(line)),
        )
    };
    let space = line
        .iter()
        .position(|&octet| octet == b' ')
        .unwrap_or(line.len());
    if !is_all(TOKEN, &line[..space]) {
        return (None, Some(bad()));
    }
    // Spaces that should not be there end up in the URI, or make the version empty: both are refused.
    let last = line
        .iter()
        .rposition(|&octet| octet == b' ')
        .unwrap_or(space);
    let uri_start = (space + 1).min(last);
    let uri_text = &line[uri_start..last];
    let mut error = version_error(line.get(last + 1..).unwrap_or_default(), bad);
    let uri = match Uri::parse(uri_text) {
        Ok(uri) if uri.headers.is_empty() => Some(uri),
        Ok(_) => {
            let why = format!(
                "expected no headers in the Request-URI, got {}",
                excerpt(uri_text)
            );
            error.get_or_insert(ParseError::new("Bad Request-URI", why));
            None
        }
        Err(why) => {
            error.get_or_insert(why.within("Bad Request-URI"));
            None
        }
    };
    let (method, uri_text) = (start..start + space, start + uri_start..start + last);
    (
        Some(StartLine::Request {
            method,
            uri_text,
            uri,
        }),
        error,
    )
}

fn version_error(version: &[u8], bad: impl Fn() -> ParseError) -> Option<ParseError> {
    if version.eq_ignore_ascii_case(b"SIP/2.0") {
        return None;
    }
    let is_other_version = version
        .get(..4)
        .is_some_and(|name| name.eq_ignore_ascii_case(b"SIP/"))
        && version[4..]
            .iter()
            .all(|octet| octet.is_ascii_digit() || *octet == b'.')
        && version.len() > 4;
    if is_other_version {
        let why = format!("expected SIP/2.0, got {}", excerpt(version));
        return Some(ParseError::new("Version Not Supported", why).with_status(505));
    }
    Some(bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status_of(line: &str) -> u16 {
        read(line.as_bytes(), 0..line.len())
            .1
            .map_or(200, |error| error.status)
    }

    #[test]
    fn request_lines_are_exact() {
        assert_eq!(status_of("INVITE sip:a@b SIP/2.0"), 200);
        assert_eq!(status_of("INVITE sip:a@b sip/2.0"), 200);
        assert_eq!(status_of("INVITE sip:a@b SIP/7.0"), 505);
        for bad in [
            "",
            " ",
            "INVITE",
            "INVITE ",
            "INVITE sip:a@b",
            "INVITE  sip:a@b SIP/2.0",
            "INVITE sip:a@b  SIP/2.0",
            "INVITE sip:a@b SIP/2.0 ",
            "INVITE <sip:a@b> SIP/2.0",
            "INVITE sip:a@b; lr SIP/2.0",
            "INVITE sip:a@b?x=y SIP/2.0",
            "INV\u{e9}TE sip:a@b SIP/2.0",
            "INVITE sip:a@b HTTP/1.1",
            "INVITE sip:a@b SIP/x",
            "INVITE SIP/2.0",
            "INVITE  SIP/2.0",
        ] {
            assert_eq!(status_of(bad), 400, "{bad:?}");
        }
    }

    #[test]
    fn status_lines_are_exact() {
        for good in [
            "SIP/2.0 200 OK",
            "SIP/2.0 100 ",
            "SIP/2.0 699",
            "sip/2.0 200 = 2**3 * 5**2",
        ] {
            assert_eq!(status_of(good), 200, "{good:?}");
        }
        for bad in [
            "SIP/2.0 4294967301 x",
            "SIP/2.0 099 x",
            "SIP/2.0 700 x",
            "SIP/2.0 20 x",
            "SIP/2.0",
            "SIP/3.0 200 OK",
            "SIP/2.0  200 OK",
        ] {
            assert_eq!(status_of(bad), 400, "{bad:?}");
        }
    }
}
