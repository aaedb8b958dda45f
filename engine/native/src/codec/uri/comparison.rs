//! When two URIs are one (RFC 3261 §19.1.4).

use std::hash::{Hash, Hasher};

use super::Uri;
use crate::codec::grammar::{unescape, URI_HEADER};

/// Not transitive where parameters are missing, as the RFC has it.
impl PartialEq for Uri {
    fn eq(&self, other: &Self) -> bool {
        if !self.is_sip() || !other.is_sip() {
            return self.text == other.text;
        }
        self.scheme == other.scheme
            && self.user == other.user
            && self.password == other.password
            && self.host.eq_ignore_ascii_case(&other.host)
            && self.port == other.port
            && are_params_equal(self, other)
            && sorted_headers(self) == sorted_headers(other)
    }
}

impl Hash for Uri {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.is_sip() {
            self.scheme.hash(state);
            self.user.hash(state);
            self.host.to_ascii_lowercase().hash(state);
            self.port.hash(state);
        } else {
            self.text.hash(state);
        }
    }
}

fn are_params_equal(one: &Uri, other: &Uri) -> bool {
    // "A user, ttl, or method uri-parameter appearing in only one URI never matches", and so maddr and transport.
    const DECISIVE: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];
    let agrees = |name: &str, value: Option<&str>, there: &Uri| match there.param(name) {
        None => !DECISIVE.contains(&name),
        Some(other) => match (value, other) {
            (Some(value), Some(other)) => value.eq_ignore_ascii_case(other),
            (value, other) => value == other,
        },
    };
    one.params
        .iter()
        .all(|(name, value)| agrees(name, value.as_deref(), other))
        && other
            .params
            .iter()
            .all(|(name, value)| agrees(name, value.as_deref(), one))
}

fn sorted_headers(uri: &Uri) -> Vec<Vec<u8>> {
    let mut headers: Vec<_> = uri
        .headers
        .split('&')
        .map(|header| unescape(header.as_bytes(), URI_HEADER).unwrap_or_default())
        .map(|header| {
            let name = header
                .iter()
                .position(|&octet| octet == b'=')
                .unwrap_or(header.len());
            let (name, value) = header.split_at(name);
            [name.to_ascii_lowercase().as_slice(), value].concat()
        })
        .collect();
    headers.sort_unstable();
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn comparison_follows_19_1_4() {
        for (one, other) in [
            (
                "sip:%61lice@atlanta.com;transport=TCP",
                "sip:alice@AtlanTa.CoM;Transport=tcp",
            ),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER",
                "sip:biloxi.com;method=REGISTER;transport=tcp",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
        ] {
            assert_eq!(uri(one), uri(other));
        }
        for (one, other) in [
            (
                "sip:ALICE@AtLanTa.CoM;Transport=udp",
                "sip:alice@AtLanTa.CoM;Transport=UDP",
            ),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            (
                "sip:bob@biloxi.com",
                "sip:bob@biloxi.com:6000;transport=tcp",
            ),
            (
                "sip:carol@chicago.com",
                "sip:carol@chicago.com?Subject=next%20meeting",
            ),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
            (
                "sip:carol@chicago.com;security=on",
                "sip:carol@chicago.com;security=off",
            ),
        ] {
            assert_ne!(uri(one), uri(other));
        }
    }
}
