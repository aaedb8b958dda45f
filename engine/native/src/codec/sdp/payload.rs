//! What the numbers of an RTP stream mean: a=rtpmap and a=fmtp (RFC 8866 §6.6, §6.15), and the static table of RFC 3551 §6.

use super::Attribute;
use crate::codec::grammar::{is_all, number, TOKEN};

/// One format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// The payload type.
    pub number: u8,
    /// As it came; compare without case.
    pub encoding: String,
    /// Hz
    pub clock_rate: u32,
    /// Usually 1.
    pub channels: u8,
    /// Format parameters.
    pub fmtp: Option<String>,
}

impl Payload {
    /// The attributes that say it.
    pub fn attributes(&self) -> Vec<Attribute> {
        let Self {
            number,
            encoding,
            clock_rate,
            channels,
            ..
        } = self;
        let channels = if *channels == 1 {
            String::new()
        } else {
            format!("/{channels}")
        };
        let rtpmap = format!("{number} {encoding}/{clock_rate}{channels}");
        let mut out = vec![("rtpmap".to_owned(), Some(rtpmap))];
        out.extend(
            self.fmtp
                .iter()
                .map(|fmtp| ("fmtp".to_owned(), Some(format!("{number} {fmtp}")))),
        );
        out
    }
}

/// Of these formats those that are numbers with a meaning.
pub(super) fn read_all(formats: &[String], attributes: &[Attribute]) -> Vec<Payload> {
    formats
        .iter()
        .filter_map(|format| read(number(format.as_bytes(), 127)? as u8, attributes))
        .collect()
}

fn read(number: u8, attributes: &[Attribute]) -> Option<Payload> {
    let mut payload = match about(number, "rtpmap", attributes) {
        Some(rtpmap) => read_rtpmap(number, rtpmap)?,
        None => static_payload(number)?,
    };
    payload.fmtp = about(number, "fmtp", attributes).map(str::to_owned);
    Some(payload)
}

/// The rest of the attribute of this name that begins with this payload type.
fn about<'a>(payload_type: u8, name: &str, attributes: &'a [Attribute]) -> Option<&'a str> {
    attributes
        .iter()
        .filter(|(other, _)| other == name)
        .find_map(|(_, value)| {
            let (digits, rest) = value.as_deref()?.split_once(' ')?;
            (number(digits.as_bytes(), 127)? == u64::from(payload_type)).then(|| rest.trim())
        })
}

fn read_rtpmap(payload_type: u8, rtpmap: &str) -> Option<Payload> {
    let mut parts = rtpmap.split('/');
    let encoding = parts
        .next()
        .filter(|encoding| is_all(TOKEN, encoding.as_bytes()))?;
    let clock_rate = number(parts.next()?.as_bytes(), 1_000_000)? as u32;
    let channels = parts
        .next()
        .map_or(Some(1), |channels| number(channels.as_bytes(), 255))? as u8;
    Some(Payload {
        number: payload_type,
        encoding: encoding.to_owned(),
        clock_rate,
        channels,
        fmtp: None,
    })
}

fn static_payload(number: u8) -> Option<Payload> {
    let (_, encoding, clock_rate, channels) = STATIC.iter().find(|(other, ..)| *other == number)?;
    let encoding = (*encoding).to_owned();
    Some(Payload {
        number,
        encoding,
        clock_rate: *clock_rate,
        channels: *channels,
        fmtp: None,
    })
}

const STATIC: &[(u8, &str, u32, u8)] = &[
    (0, "PCMU", 8000, 1),
    (3, "GSM", 8000, 1),
    (4, "G723", 8000, 1),
    (5, "DVI4", 8000, 1),
    (6, "DVI4", 16000, 1),
    (7, "LPC", 8000, 1),
    (8, "PCMA", 8000, 1),
    (9, "G722", 8000, 1),
    (10, "L16", 44100, 2),
    (11, "L16", 44100, 1),
    (12, "QCELP", 8000, 1),
    (13, "CN", 8000, 1),
    (14, "MPA", 90000, 1),
    (15, "G728", 8000, 1),
    (16, "DVI4", 11025, 1),
    (17, "DVI4", 22050, 1),
    (18, "G729", 8000, 1),
    (25, "CelB", 90000, 1),
    (26, "JPEG", 90000, 1),
    (28, "nv", 90000, 1),
    (31, "H261", 90000, 1),
    (32, "MPV", 90000, 1),
    (33, "MP2T", 90000, 1),
    (34, "H263", 90000, 1),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_read_back() {
        for (encoding, channels, fmtp) in [("opus", 2, Some("a=1")), ("PCMU", 1, None)] {
            let fmtp = fmtp.map(str::to_owned);
            let payload = Payload {
                number: 96,
                encoding: encoding.to_owned(),
                clock_rate: 48000,
                channels,
                fmtp,
            };
            assert_eq!(
                read_all(&["96".to_owned()], &payload.attributes()),
                [payload]
            );
        }
    }

    #[test]
    fn formats_without_a_meaning_are_left_out() {
        let maps = [
            "96 opus",
            "97 opus/x",
            "98 /8000",
            "99 a/1/2000",
            "x",
            "0 other/16000",
        ];
        let attributes: Vec<_> = maps
            .map(|map| ("rtpmap".to_owned(), Some(map.to_owned())))
            .to_vec();
        let formats = ["95", "96", "97", "98", "99", "128", "word", "0"].map(str::to_owned);
        let payloads = read_all(&formats, &attributes);
        assert_eq!(payloads.len(), 1);
        assert_eq!(
            (payloads[0].number, payloads[0].encoding.as_str()),
            (0, "other")
        );
    }
}
