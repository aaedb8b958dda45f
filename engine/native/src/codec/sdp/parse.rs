//! Octets of a session description into values (RFC 8866 §9).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Attribute, Media, Origin, SessionDescription};
use crate::codec::error::{excerpt, ParseError, Result};
use crate::codec::grammar::{is_all, number, text, HOST, TOKEN, VISIBLE};
use crate::codec::limits::{MAX_ATTRIBUTES, MAX_FORMATS, MAX_MEDIA, MAX_SDP};

impl SessionDescription {
    /// The description in a body. Lines may end with LF alone, and s= and t= may be missing: both are seen.
    pub fn parse(data: &[u8]) -> Result<Self> {
        if data.len() > MAX_SDP {
            return Err(error(&format!("at most {MAX_SDP} octets"), &[]));
        }
        Self::parse_any_size(data)
    }

    pub(super) fn parse_any_size(data: &[u8]) -> Result<Self> {
        let mut reader = Reader::default();
        let mut lines = lines(data).peekable();
        if lines.next() != Some(b"v=0") {
            return Err(error("v=0", data));
        }
        while let Some(line) = lines.next() {
            if line.is_empty() && lines.peek().is_none() {
                break;
            }
            reader.read(line)?;
        }
        reader.finish()
    }
}

fn lines(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let data = data.strip_suffix(b"\n").unwrap_or(data);
    data.split(|&octet| octet == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

#[derive(Default)]
struct Reader {
    origin: Option<Origin>,
    name: Option<String>,
    host: Option<String>,
    time: Option<String>,
    attributes: Vec<Attribute>,
    media: Vec<Media>,
}

impl Reader {
    fn read(&mut self, line: &[u8]) -> Result<()> {
        let [letter, b'=', value @ ..] = line else {
            return Err(error("letter=value", line));
        };
        if value.iter().any(|octet| matches!(octet, b'\r' | 0)) {
            return Err(error("no CR or NUL in a line", line));
        }
        match (letter, self.media.last_mut()) {
            (b'm', _) => return self.read_media(value),
            (b'c', media) => {
                let host = read_net(value)?;
                media
                    .map_or(&mut self.host, |media| &mut media.host)
                    .get_or_insert(host);
            }
            (b'a', media) => {
                let attributes = media.map_or(&mut self.attributes, |media| &mut media.attributes);
                if attributes.len() == MAX_ATTRIBUTES {
                    return Err(error(&format!("at most {MAX_ATTRIBUTES} attributes"), line));
                }
                attributes.push(read_attribute(value)?);
            }
            (b'i' | b'b' | b'k', _) => (), // of no use to a switch
            (b'o', None) if self.origin.is_none() => self.origin = Some(read_origin(value)?),
            (b's', None) if self.name.is_none() => self.name = Some(lossy(value)),
            (b't', None) => {
                self.time.get_or_insert_with(|| lossy(value));
            }
            (b'u' | b'e' | b'p' | b'r' | b'z', None) => (),
            _ => return Err(error("a known line in its place", line)),
        }
        Ok(())
    }

    fn read_media(&mut self, value: &[u8]) -> Result<()> {
        let bad = || error("kind port protocol formats", value);
        if self.media.len() == MAX_MEDIA {
            return Err(error(&format!("at most {MAX_MEDIA} m= lines"), value));
        }
        let mut words = words(value);
        let kind = words
            .next()
            .filter(|kind| is_all(TOKEN, kind))
            .ok_or_else(bad)?;
        let port = words.next().and_then(read_port).ok_or_else(bad)?;
        let protocol = words
            .next()
            .filter(|protocol| is_all(VISIBLE, protocol))
            .ok_or_else(bad)?;
        let formats: Vec<_> = words.take(MAX_FORMATS + 1).map(text).collect();
        if formats.is_empty()
            || formats.len() > MAX_FORMATS
            || !formats.iter().all(|f| is_all(VISIBLE, f.as_bytes()))
        {
            return Err(bad());
        }
        let (kind, protocol) = (text(kind), text(protocol));
        self.media.push(Media {
            kind,
            port,
            protocol,
            formats,
            host: None,
            attributes: Vec::new(),
        });
        Ok(())
    }

    fn finish(self) -> Result<SessionDescription> {
        Ok(SessionDescription {
            origin: self.origin.ok_or_else(|| error("an o= line", &[]))?,
            name: self.name.unwrap_or_else(|| "-".to_owned()),
            host: self.host,
            time: self.time.unwrap_or_else(|| "0 0".to_owned()),
            attributes: self.attributes,
            media: self.media,
        })
    }
}

/// Split at single spaces; more of them are tolerated.
fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&octet| octet == b' ')
        .filter(|word| !word.is_empty())
}

/// port [ "/" number of ports ]
fn read_port(word: &[u8]) -> Option<u16> {
    let mut parts = word.splitn(2, |&octet| octet == b'/');
    let port = number(parts.next()?, u64::from(u16::MAX))?;
    parts
        .next()
        .map_or(Some(0), |count| number(count, u64::from(u16::MAX)))?;
    Some(port as u16)
}

fn read_origin(value: &[u8]) -> Result<Origin> {
    let bad = || error("username id version IN IP4|IP6 address", value);
    let mut parts = value.splitn(4, |&octet| octet == b' ');
    let username = parts
        .next()
        .filter(|name| !name.is_empty())
        .ok_or_else(bad)?;
    let session_id = parts
        .next()
        .and_then(|id| number(id, u64::MAX))
        .ok_or_else(bad)?;
    let version = parts
        .next()
        .and_then(|version| number(version, u64::MAX))
        .ok_or_else(bad)?;
    let host = read_net(parts.next().ok_or_else(bad)?)?;
    Ok(Origin {
        username: lossy(username),
        session_id,
        version,
        host,
    })
}

/// IN IP4|IP6 and an address or a name; the TTL and the number of addresses (of multicast) are left out.
fn read_net(value: &[u8]) -> Result<String> {
    let bad = || error("IN IP4|IP6 address", value);
    let mut words = words(value);
    let (net, family, address) = (words.next(), words.next(), words.next().ok_or_else(bad)?);
    let host = text(
        address
            .split(|&octet| octet == b'/')
            .next()
            .unwrap_or_default(),
    );
    let is_name = is_all(HOST, host.as_bytes())
        && !host
            .bytes()
            .all(|octet| octet.is_ascii_digit() || octet == b'.');
    let is_good = match family {
        Some(b"IP4") => is_name || host.parse::<Ipv4Addr>().is_ok(),
        Some(b"IP6") => is_name || host.parse::<Ipv6Addr>().is_ok(),
        _ => false,
    };
    if net != Some(b"IN") || !is_good || words.next().is_some() {
        return Err(bad());
    }
    Ok(host)
}

fn read_attribute(value: &[u8]) -> Result<Attribute> {
    let colon = value.iter().position(|&octet| octet == b':');
    let name = &value[..colon.unwrap_or(value.len())];
    if !is_all(TOKEN, name) {
        return Err(error("an attribute", value));
    }
    Ok((text(name), colon.map(|colon| lossy(&value[colon + 1..]))))
}

fn lossy(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn error(expected: &str, got: &[u8]) -> ParseError {
    ParseError::new(
        "Bad SDP",
        format!("expected {expected}, got {}", excerpt(got)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "v=0\no=- 1 2 IN IP4 192.0.2.1\n";

    #[test]
    fn liberal_where_the_world_is() {
        let text = format!("{HEAD}s=\nm=audio 4000/2 RTP/AVP  0 8\na=x:\nb=AS:64\nc=IN IP4 224.2.1.1/127/3\nc=IN IP4 1.2.3.4\r\n\n");
        let description = SessionDescription::parse(text.as_bytes()).unwrap();
        assert_eq!(
            (
                description.name.as_str(),
                description.time.as_str(),
                description.host
            ),
            ("", "0 0", None)
        );
        let media = &description.media[0];
        assert_eq!(
            (media.port, media.formats.len(), media.host.as_deref()),
            (4000, 2, Some("224.2.1.1"))
        );
        assert_eq!(media.attributes, [("x".to_owned(), Some(String::new()))]);
    }

    #[test]
    fn what_is_no_description_is_refused() {
        for bad in [
            "",
            "v=1\n",
            "o=- 1 2 IN IP4 a\n",
            "v=0\n",
            "v=0\no=- 1 2 IN IP4\n",
            "v=0\no=- x 2 IN IP4 a\n",
            "v=0\no=- 1 2 ATM IP4 a\n",
            "v=0\no=- 1 99999999999999999999 IN IP4 a\n",
            "v=0\no= 1 2 IN IP4 a\n",
        ] {
            assert!(
                SessionDescription::parse(bad.as_bytes()).is_err(),
                "{bad:?}"
            );
        }
        for bad in [
            "x=1",
            "noequals",
            "o=- 1 2 IN IP4 a",
            "",
            "c=IN IP4 1.2.3",
            "c=IN IP4 ::1",
            "c=IN IP6 1.2.3.4",
            "c=IN IP5 a",
            "c=IN IP4 a b",
            "m=audio 1 RTP/AVP",
            "m=audio 70000 RTP/AVP 0",
            "m=audio 1/x RTP/AVP 0",
            "m=audio",
            "m=au@dio 1 RTP/AVP 0",
            "a=",
            "a=:x",
            "a=x:\0",
            "a=x:\ry",
            "m=audio 1 RTP/AVP 0\nt=0 0",
        ] {
            let text = format!("{HEAD}s=-\n{bad}\na=end\n");
            assert!(
                SessionDescription::parse(text.as_bytes()).is_err(),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn sizes_are_bounded() {
        for text in [
            format!("{HEAD}{}", "a=x\n".repeat(MAX_ATTRIBUTES + 1)),
            format!("{HEAD}{}", "m=audio 1 RTP/AVP 0\n".repeat(MAX_MEDIA + 1)),
            format!("{HEAD}m=audio 1 RTP/AVP{}\n", " 0".repeat(MAX_FORMATS + 1)),
            format!("{HEAD}a={}\n", "x".repeat(MAX_SDP)),
        ] {
            assert!(SessionDescription::parse(text.as_bytes()).is_err());
        }
    }
}
