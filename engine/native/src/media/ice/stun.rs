//! STUN messages as a client of STUN and TURN servers needs them (RFC 8489 §5, §14): written whole, read as far as they go.
//! Those of connectivity checks are the ICE agent's.

use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::super::syscalls::random;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const DIGEST: usize = 20;

/// What tells which answer is whose.
pub type Transaction = [u8; 12];

/// A new one.
pub fn new_transaction() -> Transaction {
    let mut transaction = [0; 12];
    transaction[..8].copy_from_slice(&random().to_be_bytes());
    transaction[8..].copy_from_slice(&random().to_be_bytes()[..4]);
    transaction
}

/// A message with these attributes; with a key it is signed (RFC 8489 §14.5).
pub fn write(
    kind: u16,
    transaction: Transaction,
    attributes: &[(u16, Vec<u8>)],
    key: Option<&[u8]>,
) -> Vec<u8> {
    let mut message = Vec::with_capacity(256);
    message.extend(kind.to_be_bytes());
    message.extend([0, 0]);
    message.extend(COOKIE);
    message.extend(transaction);
    for (name, value) in attributes {
        append(&mut message, *name, value);
    }
    if let Some(key) = key {
        set_length(&mut message, 4 + DIGEST);
        let digest = sign(key, &[&message]);
        append(&mut message, MESSAGE_INTEGRITY, &digest);
    }
    set_length(&mut message, 0);
    message
}

/// An address as XOR-PEER-ADDRESS and its like have it (§14.2).
pub fn write_address(address: SocketAddr, transaction: &Transaction) -> Vec<u8> {
    let port = address.port() ^ 0x2112;
    let mask = [&COOKIE[..], transaction].concat();
    let (family, octets) = match address.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let hidden = octets.iter().zip(mask).map(|(octet, mask)| octet ^ mask);
    [0, family]
        .into_iter()
        .chain(port.to_be_bytes())
        .chain(hidden)
        .collect()
}

fn append(message: &mut Vec<u8>, name: u16, value: &[u8]) {
    message.extend(name.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

fn set_length(message: &mut [u8], more: usize) {
    let length = (message.len() - HEADER + more) as u16;
    message[2..4].copy_from_slice(&length.to_be_bytes());
}

fn sign(key: &[u8], parts: &[&[u8]]) -> [u8; DIGEST] {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else {
        return [0; DIGEST]; // HMAC takes keys of any length
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// A message that came.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    whole: &'a [u8],
}

impl<'a> Message<'a> {
    /// None: it is no STUN, or is cut off.
    pub fn read(packet: &'a [u8]) -> Option<Self> {
        let length = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
        let is_stun = packet.len() == HEADER + length
            && length.is_multiple_of(4)
            && packet[0] < 0x40
            && packet[4..8] == COOKIE;
        is_stun.then_some(Message { whole: packet })
    }

    /// Its method and class.
    pub fn kind(&self) -> u16 {
        u16::from_be_bytes([self.whole[0], self.whole[1]])
    }

    /// Whose answer it is.
    pub fn transaction(&self) -> Transaction {
        let mut transaction = [0; 12];
        transaction.copy_from_slice(&self.whole[8..HEADER]);
        transaction
    }

    /// The first attribute of that name.
    pub fn attribute(&self, name: u16) -> Option<&'a [u8]> {
        let (_, start, length) = self.attributes().find(|(other, ..)| *other == name)?;
        self.whole.get(start..start + length)
    }

    /// The address in an attribute that hides it.
    pub fn address(&self, name: u16) -> Option<SocketAddr> {
        let value = self.attribute(name)?;
        let port = u16::from_be_bytes([*value.get(2)?, *value.get(3)?]) ^ 0x2112;
        let octets = value.get(4..)?.iter().zip(&self.whole[4..HEADER]);
        let octets: Vec<u8> = octets.map(|(octet, mask)| octet ^ mask).collect();
        let ip = match (value[1], octets.len()) {
            (1, 4) => IpAddr::from(<[u8; 4]>::try_from(octets).ok()?),
            (2, 16) => IpAddr::from(<[u8; 16]>::try_from(octets).ok()?),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }

    /// The number of an error (§14.8).
    pub fn error(&self) -> Option<u16> {
        let value = self.attribute(0x0009)?;
        Some(u16::from(*value.get(2)? & 7) * 100 + u16::from(*value.get(3)?))
    }

    /// Is it signed with this key?
    pub fn is_signed(&self, key: &[u8]) -> bool {
        let Some((_, start, DIGEST)) = self
            .attributes()
            .find(|(name, ..)| *name == MESSAGE_INTEGRITY)
        else {
            return false;
        };
        let length = ((start + DIGEST - HEADER) as u16).to_be_bytes();
        let signed = [&self.whole[..2], &length, &self.whole[4..start - 4]];
        sign(key, &signed)[..] == self.whole[start..start + DIGEST]
    }

    /// Names, where their values begin, and how long those are.
    fn attributes(self) -> impl Iterator<Item = (u16, usize, usize)> + 'a {
        let mut at = HEADER;
        std::iter::from_fn(move || {
            let head = self.whole.get(at..at + 4)?;
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let start = at + 4;
            self.whole.get(start..start + length)?;
            at = start + length.next_multiple_of(4);
            Some((u16::from_be_bytes([head[0], head[1]]), start, length))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_its_signature_holds() {
        let transaction = new_transaction();
        for text in ["192.0.2.7:4000", "[2001:db8::7]:4000"] {
            let address: SocketAddr = text.parse().unwrap();
            let attributes = [
                (0x0006, b"alice".to_vec()),
                (0x0012, write_address(address, &transaction)),
            ];
            let packet = write(0x0003, transaction, &attributes, Some(b"key"));
            let message = Message::read(&packet).unwrap();
            assert_eq!((message.kind(), message.transaction()), (3, transaction));
            assert_eq!(message.attribute(0x0006), Some(&b"alice"[..]));
            assert_eq!(message.address(0x0012), Some(address));
            assert!(message.is_signed(b"key"));
            assert!(!message.is_signed(b"another"));
        }
    }

    #[test]
    fn the_request_of_rfc_5769_is_signed_with_its_password() {
        // RFC 5769 §2.1, up to its MESSAGE-INTEGRITY.
        let text = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e2074657374\
                    20636c69656e74002400046e0001ff80290008932ff9b151263b36000600096576746a\
                    3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a28028000\
                    4e57a3bcf";
        let text: String = text.split_whitespace().collect();
        let packet: Vec<u8> = (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect();
        let message = Message::read(&packet).unwrap();
        assert!(message.is_signed(b"VOkJxbRl1RmTxUk/WvJxBt"));
        assert_eq!(message.attribute(0x0006), Some(&b"evtj:h6vY"[..]));
    }

    #[test]
    fn what_is_cut_off_is_none() {
        let packet = write(1, new_transaction(), &[(0x0009, vec![0, 0, 4, 1])], None);
        assert_eq!(Message::read(&packet).unwrap().error(), Some(401));
        for length in 0..packet.len() {
            assert!(Message::read(&packet[..length]).is_none());
        }
        let mut wrong = packet;
        wrong[23] = 200;
        assert_eq!(Message::read(&wrong).unwrap().error(), None);
    }
}
