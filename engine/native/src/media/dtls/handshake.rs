//! One DTLS association (RFC 6347, RFC 9147) that keys SRTP (RFC 5764): datagrams and time in, datagrams and keys out.
//!
//! The peer's certificate is none that anybody vouches for: it must be the one whose fingerprint its SDP told (RFC 5763 §5).
//! No key leaves here before that is known.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::crypto::rust_crypto::default_provider;
use dimpl::{Config, Dtls, KeyingMaterial, Output, SrtpProfile};

use super::super::srtp::{Keys, MasterKey, Profile};
use super::certificate::Certificate;
use super::fingerprint::Fingerprint;

/// Room for any record that is sent: more than its MTU.
const ROOM: usize = 2048;
/// Without an end for so long a handshake has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// What all handshakes of an engine share.
#[derive(Clone)]
pub struct Identity {
    /// What we show.
    pub certificate: Certificate,
    config: Arc<Config>,
}

impl Identity {
    /// A new certificate.
    pub fn generate() -> io::Result<Self> {
        let config = Config::builder()
            .with_crypto_provider(default_provider())
            .handshake_timeout(PATIENCE)
            .build()
            .map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Identity {
            certificate: Certificate::generate()?,
            config: Arc::new(config),
        })
    }
}

/// What a step of a handshake came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// This is to be sent to the peer.
    Send(Vec<u8>),
    /// It is done; the peer is who its SDP says.
    Keyed(Keys),
    /// It is over; the text says why.
    Failed(String),
}

/// One handshake, and what comes after it.
pub struct Handshake {
    dtls: Dtls,
    is_client: bool,
    fingerprints: Vec<Fingerprint>,
    is_verified: bool,
    is_over: bool,
    deadline: Option<Instant>,
    room: Box<[u8; ROOM]>,
}

impl Handshake {
    /// As the client, which begins, or as the server. Any of the fingerprints will do (RFC 8122 §5).
    pub fn new(
        identity: &Identity,
        is_client: bool,
        fingerprints: Vec<Fingerprint>,
        now: Instant,
    ) -> Self {
        let pair = identity.certificate.pair.clone();
        let mut dtls = Dtls::new_auto(identity.config.clone(), pair, now);
        dtls.set_active(is_client);
        Handshake {
            dtls,
            is_client,
            fingerprints,
            is_verified: false,
            is_over: false,
            deadline: Some(now),
            room: Box::new([0; ROOM]),
        }
    }

    /// Is it of this role, with the owner of these?
    pub fn is_of(&self, is_client: bool, fingerprints: &[Fingerprint]) -> bool {
        self.is_client == is_client && self.fingerprints == fingerprints
    }

    /// When `advance` is due; None: no more.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline.filter(|_| !self.is_over)
    }

    /// Time has passed.
    pub fn advance(&mut self, now: Instant, steps: &mut Vec<Step>) {
        if self.is_over {
            return;
        }
        if let Err(error) = self.dtls.handle_timeout(now) {
            return self.fail(&error, steps);
        }
        self.poll(steps);
    }

    /// A datagram of the peer.
    pub fn receive(&mut self, packet: &[u8], now: Instant, steps: &mut Vec<Step>) {
        if self.is_over {
            return;
        }
        let taken = self
            .dtls
            .handle_timeout(now)
            .and_then(|()| self.dtls.handle_packet(packet));
        // What it had to say before it fell is the alert that tells the peer.
        self.poll(steps);
        if let Err(error) = taken {
            self.fail(&error, steps);
        }
    }

    fn fail(&mut self, error: &dimpl::Error, steps: &mut Vec<Step>) {
        if !self.is_over {
            self.is_over = true;
            steps.push(Step::Failed(format!("the DTLS handshake failed: {error}")));
        }
    }

    fn poll(&mut self, steps: &mut Vec<Step>) {
        while !self.is_over {
            let step = match self.dtls.poll_output(&mut *self.room) {
                Output::Packet(packet) => Step::Send(packet.to_vec()),
                Output::Timeout(at) => {
                    self.deadline = Some(at);
                    return;
                }
                Output::PeerCert(certificate) => {
                    let fits = |each: &Fingerprint| each.fits(certificate);
                    if self.fingerprints.iter().any(fits) {
                        self.is_verified = true;
                        continue;
                    }
                    let got = Fingerprint::of(certificate);
                    Step::Failed(format!(
                        "expected the certificate that the peer's SDP told, got one with the fingerprint {got}"
                    ))
                }
                Output::KeyingMaterial(material, profile) if self.is_verified => {
                    match keys(&material, profile, self.is_client) {
                        Some(keys) => Step::Keyed(keys),
                        None => Step::Failed(format!("no such SRTP profile is known: {profile}")),
                    }
                }
                Output::KeyingMaterial(..) => {
                    Step::Failed("the DTLS peer showed no certificate".into())
                }
                Output::CloseNotify => {
                    self.is_over = true; // the keys that it gave stay good: SIP tells when the call ends
                    return;
                }
                Output::BufferTooSmall { needed } => {
                    Step::Failed(format!("a DTLS record of {needed} octets is too long"))
                }
                _ => continue, // data of applications: none was agreed on
            };
            self.is_over = matches!(step, Step::Failed(_));
            steps.push(step);
        }
    }
}

/// Keys and salts in the order of RFC 5764 §4.2: the client's key, the server's, the client's salt, the server's.
fn keys(material: &KeyingMaterial, profile: SrtpProfile, is_client: bool) -> Option<Keys> {
    let profile = match profile {
        SrtpProfile::AES128_CM_SHA1_80 => Profile::AesCm128HmacSha1_80,
        SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
        SrtpProfile::AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
        _ => return None,
    };
    let (keys, salts) = material.split_at_checked(2 * profile.key_length())?;
    let mut keys = keys.chunks(profile.key_length());
    let mut salts = salts.chunks(profile.salt_length());
    let client = MasterKey::new(profile, keys.next()?, salts.next()?).ok()?;
    let server = MasterKey::new(profile, keys.next()?, salts.next()?).ok()?;
    let (local, remote) = if is_client {
        (client, server)
    } else {
        (server, client)
    };
    Some(Keys { local, remote })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct End {
        handshake: Handshake,
        steps: Vec<Step>,
    }

    impl End {
        fn new(identity: &Identity, is_client: bool, peer: &Identity, now: Instant) -> Self {
            let fingerprints = vec![peer.certificate.fingerprint.clone()];
            End {
                handshake: Handshake::new(identity, is_client, fingerprints, now),
                steps: Vec::new(),
            }
        }

        fn outgoing(&mut self) -> Vec<Vec<u8>> {
            let (packets, rest) = std::mem::take(&mut self.steps)
                .into_iter()
                .partition::<Vec<_>, _>(|step| matches!(step, Step::Send(_)));
            self.steps = rest;
            let packet = |step| match step {
                Step::Send(packet) => packet,
                _ => unreachable!(),
            };
            packets.into_iter().map(packet).collect()
        }

        fn keys(&self) -> Option<&Keys> {
            self.steps.iter().find_map(|step| match step {
                Step::Keyed(keys) => Some(keys),
                _ => None,
            })
        }
    }

    /// Let both talk until neither has anything to say. `reaches` tells which packet arrives.
    fn talk(
        client: &mut End,
        server: &mut End,
        mut now: Instant,
        mut reaches: impl FnMut(usize) -> bool,
    ) {
        let mut count = 0;
        for _ in 0..40 {
            client.handshake.advance(now, &mut client.steps);
            server.handshake.advance(now, &mut server.steps);
            loop {
                let (there, back) = (client.outgoing(), server.outgoing());
                if there.is_empty() && back.is_empty() {
                    break;
                }
                for (packets, end) in [(there, &mut *server), (back, &mut *client)] {
                    for packet in packets {
                        count += 1;
                        if reaches(count) {
                            end.handshake.receive(&packet, now, &mut end.steps);
                        }
                    }
                }
            }
            now += Duration::from_millis(500);
        }
    }

    fn identities() -> (Identity, Identity) {
        (Identity::generate().unwrap(), Identity::generate().unwrap())
    }

    #[test]
    fn two_who_know_each_others_fingerprint_have_the_same_keys() {
        let (ours, theirs) = identities();
        let now = Instant::now();
        let mut client = End::new(&ours, true, &theirs, now);
        let mut server = End::new(&theirs, false, &ours, now);
        talk(&mut client, &mut server, now, |_| true);
        let (client, server) = (client.keys().unwrap(), server.keys().unwrap());
        assert_eq!(client.local, server.remote);
        assert_eq!(client.remote, server.local);
        assert_ne!(client.local, client.remote);
    }

    #[test]
    fn every_third_packet_may_get_lost() {
        let (ours, theirs) = identities();
        let now = Instant::now();
        let mut client = End::new(&ours, true, &theirs, now);
        let mut server = End::new(&theirs, false, &ours, now);
        talk(&mut client, &mut server, now, |count| count % 3 != 0);
        assert_eq!(client.keys().unwrap().local, server.keys().unwrap().remote);
    }

    #[test]
    fn who_is_not_whom_the_sdp_told_gets_no_keys() {
        let (ours, theirs) = identities();
        let now = Instant::now();
        let mut client = End::new(&ours, true, &ours, now);
        let mut server = End::new(&theirs, false, &ours, now);
        talk(&mut client, &mut server, now, |_| true);
        assert!(client.keys().is_none());
        let expected = format!(
            "expected the certificate that the peer's SDP told, got one with the fingerprint {}",
            theirs.certificate.fingerprint
        );
        assert_eq!(client.steps, [Step::Failed(expected)]);
        assert_eq!(client.handshake.deadline(), None);
    }

    #[test]
    fn a_peer_that_never_answers_is_given_up() {
        let (ours, theirs) = identities();
        let now = Instant::now();
        let mut client = End::new(&ours, true, &theirs, now);
        let mut steps = Vec::new();
        for second in 0..60 {
            client
                .handshake
                .advance(now + Duration::from_secs(second), &mut steps);
        }
        assert!(matches!(steps.last(), Some(Step::Failed(_))));
    }

    #[test]
    fn noise_is_no_end_of_it() {
        let (ours, theirs) = identities();
        let now = Instant::now();
        let mut client = End::new(&ours, true, &theirs, now);
        let mut server = End::new(&theirs, false, &ours, now);
        for noise in [
            &[22u8; 40][..],
            &[20],
            &[23; 13],
            &[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255],
        ] {
            server.handshake.receive(noise, now, &mut server.steps);
        }
        talk(&mut client, &mut server, now, |_| true);
        assert!(server.keys().is_some());
    }
}
