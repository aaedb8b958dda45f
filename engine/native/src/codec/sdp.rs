//! Session descriptions (RFC 8866) as values, and into octets.

use std::fmt::Write;

use super::error::BuildError;

mod crypto;
mod parse;
mod payload;

pub use crypto::Crypto;
pub use payload::Payload;

/// An attribute: its name, and what is after the colon.
pub type Attribute = (String, Option<String>);

/// o= (§5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// "-" for nobody.
    pub username: String,
    /// Unique for the host.
    pub session_id: u64,
    /// Rises with every change.
    pub version: u64,
    /// An address or a name.
    pub host: String,
}

/// An m= line and what belongs to it (§5.14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// "audio"
    pub kind: String,
    /// 0: refused or gone.
    pub port: u16,
    /// "RTP/AVP"
    pub protocol: String,
    /// Payload types, when the protocol is one of RTP.
    pub formats: Vec<String>,
    /// Of its own c= line.
    pub host: Option<String>,
    /// In their order.
    pub attributes: Vec<Attribute>,
}

/// A whole description (§5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDescription {
    /// o=
    pub origin: Origin,
    /// s=
    pub name: String,
    /// Of the c= line at session level.
    pub host: Option<String>,
    /// The first t= line.
    pub time: String,
    /// Those at session level.
    pub attributes: Vec<Attribute>,
    /// In their order.
    pub media: Vec<Media>,
}

impl Media {
    /// The formats that have a known meaning, in their order.
    pub fn payloads(&self) -> Vec<Payload> {
        payload::read_all(&self.formats, &self.attributes)
    }

    /// Who sends, if said here.
    pub fn direction(&self) -> Option<&str> {
        direction(&self.attributes)
    }

    /// The number in an attribute: ptime, maxptime.
    pub fn number(&self, name: &str) -> Option<u32> {
        let (_, value) = self.attributes.iter().find(|(other, _)| other == name)?;
        value.as_deref()?.trim().parse().ok()
    }
}

impl SessionDescription {
    /// Who sends, if said for all media.
    pub fn direction(&self) -> Option<&str> {
        direction(&self.attributes)
    }

    /// The wire form. Refused: what would not read back as the same.
    pub fn build(&self) -> Result<Vec<u8>, BuildError> {
        let octets = self.to_text().into_bytes();
        match Self::parse_any_size(&octets) {
            Ok(read) if read == *self => Ok(octets),
            Ok(_) => Err(BuildError(
                "expected texts that fit into lines of SDP".to_owned(),
            )),
            Err(error) => Err(BuildError(error.to_string())),
        }
    }

    fn to_text(&self) -> String {
        let Origin {
            username,
            session_id,
            version,
            host,
        } = &self.origin;
        let mut out = format!(
            "v=0\r\no={username} {session_id} {version} {}\r\ns={}\r\n",
            net(host),
            self.name
        );
        write_host(&mut out, self.host.as_deref());
        let _ = write!(out, "t={}\r\n", self.time);
        write_attributes(&mut out, &self.attributes);
        for media in &self.media {
            let Media {
                kind,
                port,
                protocol,
                formats,
                ..
            } = media;
            let _ = write!(out, "m={kind} {port} {protocol} {}\r\n", formats.join(" "));
            write_host(&mut out, media.host.as_deref());
            write_attributes(&mut out, &media.attributes);
        }
        out
    }
}

fn direction(attributes: &[Attribute]) -> Option<&str> {
    const DIRECTIONS: [&str; 4] = ["sendrecv", "sendonly", "recvonly", "inactive"];
    let is_one =
        |(name, value): &&Attribute| value.is_none() && DIRECTIONS.contains(&name.as_str());
    attributes
        .iter()
        .find(is_one)
        .map(|(name, _)| name.as_str())
}

fn net(host: &str) -> String {
    format!(
        "IN {} {host}",
        if host.contains(':') { "IP6" } else { "IP4" }
    )
}

fn write_host(out: &mut String, host: Option<&str>) {
    if let Some(host) = host {
        let _ = write!(out, "c={}\r\n", net(host));
    }
}

fn write_attributes(out: &mut String, attributes: &[Attribute]) {
    for (name, value) in attributes {
        let _ = match value {
            Some(value) => write!(out, "a={name}:{value}\r\n"),
            None => write!(out, "a={name}\r\n"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=sendonly\r\n\
        m=audio 4000 RTP/AVP 0 96 8 97 13 5x\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n\
        a=rtpmap:97 telephone-event/8000\r\na=ptime:20\r\na=maxptime:x\r\n\
        m=video 0 RTP/AVP 31\r\nc=IN IP6 2001:db8::1\r\na=inactive\r\n";

    #[test]
    fn a_description_is_read_and_written() {
        let description = SessionDescription::parse(OFFER.as_bytes()).unwrap();
        assert_eq!(description.build().unwrap(), OFFER.as_bytes());
        assert_eq!(description.direction(), Some("sendonly"));
        let [audio, video] = description.media.as_slice() else {
            panic!()
        };
        assert_eq!(
            (
                audio.direction(),
                audio.number("ptime"),
                audio.number("maxptime")
            ),
            (None, Some(20), None)
        );
        assert_eq!(
            (video.direction(), video.port, video.host.as_deref()),
            (Some("inactive"), 0, Some("2001:db8::1"))
        );
        let payloads: Vec<_> = audio
            .payloads()
            .into_iter()
            .map(|p| (p.number, p.encoding, p.clock_rate, p.channels))
            .collect();
        let expected = [
            (0, "PCMU", 8000, 1),
            (96, "opus", 48000, 2),
            (8, "PCMA", 8000, 1),
            (97, "telephone-event", 8000, 1),
            (13, "CN", 8000, 1),
        ];
        assert_eq!(
            payloads,
            expected.map(|(n, e, r, c)| (n, e.to_owned(), r, c))
        );
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let good = SessionDescription::parse(OFFER.as_bytes()).unwrap();
        let mut names: Vec<SessionDescription> = vec![good.clone(); 5];
        names[0].name = "a\r\nb".to_owned();
        names[1].origin.username = "a b".to_owned();
        names[2].media[0].kind = String::new();
        names[3].attributes.push(("a:b".to_owned(), None));
        names[4].host = Some("a b".to_owned());
        assert!(names.iter().all(|description| description.build().is_err()));
    }
}
