use std::time::Duration;

use super::super::ice::checks::Credentials;
use super::*;

struct End {
    association: Association,
    address: SocketAddr,
    effects: Vec<Effect>,
}

struct Talk {
    ends: [End; 2],
    now: Instant,
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

fn credentials(name: &str) -> Credentials {
    Credentials {
        ufrag: name.into(),
        password: format!("{name}-password-of-22-octets"),
    }
}

fn ice(local: &str, remote: &str, port: u16, candidates: &[u16]) -> Option<IceTerms> {
    Some(IceTerms {
        local: credentials(local),
        remote: Some(credentials(remote)),
        is_lite: candidates.is_empty(),
        is_controlling: !candidates.is_empty(),
        address: address(port),
        candidates: candidates
            .iter()
            .map(|port| format!("candidate:1 1 UDP 2130706431 192.0.2.1 {port} typ host"))
            .collect(),
    })
}

fn dtls(is_client: bool, peer: &Identity) -> Option<DtlsTerms> {
    Some(DtlsTerms {
        is_client,
        fingerprints: vec![peer.certificate.fingerprint.clone()],
    })
}

impl Talk {
    fn new(one: &Identity, two: &Identity) -> Self {
        let end = |identity: &Identity, port| End {
            association: Association::new(identity.clone()),
            address: address(port),
            effects: Vec::new(),
        };
        Talk {
            ends: [end(one, 1), end(two, 2)],
            now: Instant::now(),
        }
    }

    fn update(&mut self, which: usize, terms: Terms) {
        let mut effects = Vec::new();
        self.ends[which]
            .association
            .update(terms, self.now, &mut effects);
        self.take(which, effects);
    }

    fn take(&mut self, which: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(packet, to) => {
                    let from = self.ends[which].address;
                    self.deliver(&packet, from, to);
                }
                other => self.ends[which].effects.push(other),
            }
        }
    }

    fn deliver(&mut self, packet: &[u8], from: SocketAddr, to: SocketAddr) {
        let Some(which) = self.ends.iter().position(|end| end.address == to) else {
            return;
        };
        let mut effects = Vec::new();
        let association = &mut self.ends[which].association;
        association.receive(packet, from, self.now, &mut effects);
        self.take(which, effects);
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            self.now += Duration::from_millis(25);
            for which in 0..2 {
                let mut effects = Vec::new();
                let association = &mut self.ends[which].association;
                if association.deadline().is_some_and(|at| at <= self.now) {
                    association.advance(self.now, &mut effects);
                }
                self.take(which, effects);
            }
        }
    }

    fn keys(&self, which: usize) -> Vec<&Keys> {
        let effects = self.ends[which].effects.iter();
        let keys = |effect: &'_ Effect| matches!(effect, Effect::Secure(_));
        effects
            .filter(|effect| keys(effect))
            .map(|effect| match effect {
                Effect::Secure(keys) => keys,
                _ => unreachable!(),
            })
            .collect()
    }

    fn losses(&self, which: usize) -> usize {
        let effects = self.ends[which].effects.iter();
        effects
            .filter(|effect| matches!(effect, Effect::Lose(_)))
            .count()
    }
}

fn identities() -> (Identity, Identity) {
    (Identity::generate().unwrap(), Identity::generate().unwrap())
}

#[test]
fn a_full_and_a_lite_end_reach_each_other_and_share_keys() {
    for is_client in [true, false] {
        let (one, two) = identities();
        let mut talk = Talk::new(&one, &two);
        let terms = Terms {
            ice: ice("one", "two", 1, &[2]),
            dtls: dtls(is_client, &two),
            remote: None,
        };
        talk.update(0, terms);
        let terms = Terms {
            ice: ice("two", "one", 2, &[]),
            dtls: dtls(!is_client, &one),
            remote: None,
        };
        talk.update(1, terms);
        talk.run(3);
        assert!(talk.ends[0].effects.contains(&Effect::Route(address(2))));
        assert!(talk.ends[1].effects.contains(&Effect::Route(address(1))));
        assert_eq!(talk.keys(0)[0].local, talk.keys(1)[0].remote);
        talk.run(60);
        assert_eq!((talk.losses(0), talk.losses(1)), (0, 0));
        assert_eq!(talk.ends[0].effects.len(), 2);
    }
}

#[test]
fn without_ice_the_handshake_is_with_the_address_of_the_sdp() {
    let (one, two) = identities();
    let mut talk = Talk::new(&one, &two);
    let terms = |is_client, peer, port| Terms {
        ice: None,
        dtls: dtls(is_client, peer),
        remote: Some(address(port)),
    };
    talk.update(1, terms(false, &one, 9)); // behind a NAT: where it comes from is where it is
    talk.update(0, terms(true, &two, 2));
    talk.run(3);
    assert_eq!(talk.keys(0)[0].local, talk.keys(1)[0].remote);
}

#[test]
fn the_same_terms_again_keep_the_keys_and_another_fingerprint_does_not() {
    let (one, two) = identities();
    let three = Identity::generate().unwrap();
    let mut talk = Talk::new(&one, &two);
    let terms = |is_client, peer, port| Terms {
        ice: None,
        dtls: dtls(is_client, peer),
        remote: Some(address(port)),
    };
    talk.update(1, terms(false, &one, 1));
    talk.update(0, terms(true, &two, 2));
    talk.run(2);
    talk.update(0, terms(true, &two, 2));
    talk.run(2);
    assert_eq!(talk.keys(0).len(), 1);
    talk.ends[1].association = Association::new(three.clone());
    talk.update(1, terms(false, &one, 1));
    talk.update(0, terms(true, &three, 2));
    talk.run(3);
    assert_eq!(talk.keys(0).len(), 2);
    assert_eq!(talk.losses(0), 0);
}

#[test]
fn a_handshake_from_where_the_peer_never_was_is_not_heard() {
    let (one, two) = identities();
    let mut talk = Talk::new(&one, &two);
    let lite = Terms {
        ice: ice("two", "one", 2, &[]),
        dtls: dtls(false, &one),
        remote: None,
    };
    talk.update(1, lite);
    let stranger = Terms {
        ice: None,
        dtls: dtls(true, &two),
        remote: Some(address(2)),
    };
    talk.update(0, stranger);
    talk.run(3);
    assert!(talk.keys(0).is_empty() && talk.keys(1).is_empty());
    assert!(talk.ends[1].association.handshake.is_none());
}
