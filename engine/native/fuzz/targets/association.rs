//! Datagrams, each after its length, reach a port that ICE and DTLS listen on, and one that DTLS listens on alone: nothing falls,
//! nobody is found, and there are no keys.
#![no_main]

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use _native::media::association::{Association, DtlsTerms, Effect, Terms};
use _native::media::dtls::handshake::Identity;
use _native::media::ice::checks::{Credentials, Terms as IceTerms};
use _native::media::ice::turn::Servers;
use libfuzzer_sys::fuzz_target;

static IDENTITY: OnceLock<Identity> = OnceLock::new();

fn terms(has_ice: bool, identity: &Identity) -> Terms {
    let address = SocketAddr::from(([192, 0, 2, 1], 4000));
    let credentials = |name: &str| Credentials {
        ufrag: name.into(),
        password: "0123456789012345678901".into(),
    };
    let ice = IceTerms {
        local: credentials("ours"),
        remote: Some(credentials("them")),
        is_lite: false,
        is_controlling: true,
        address,
        candidates: vec!["candidate:1 1 UDP 1 192.0.2.2 9 typ host".into()],
    };
    Terms {
        ice: has_ice.then_some(ice),
        dtls: Some(DtlsTerms {
            is_client: has_ice,
            fingerprints: vec![identity.certificate.fingerprint.clone()],
        }),
        remote: (!has_ice).then_some(address),
    }
}

fuzz_target!(|data: &[u8]| {
    let identity = IDENTITY.get_or_init(|| Identity::generate().expect("a certificate"));
    let mut now = Instant::now();
    let from = SocketAddr::from(([192, 0, 2, 2], 9));
    for has_ice in [true, false] {
        let mut effects = Vec::new();
        let mut association = Association::new(identity.clone(), Servers::default());
        association.update(terms(has_ice, identity), now, &mut effects);
        let mut rest = data;
        while let Some((&length, after)) = rest.split_first() {
            let (packet, after) = after.split_at(usize::from(length).min(after.len()));
            association.receive(packet, from, now, &mut effects);
            now += Duration::from_millis(100);
            if association.deadline().is_some_and(|at| at <= now) {
                association.advance(now, &mut effects);
            }
            rest = after;
        }
        assert!(!effects
            .iter()
            .any(|effect| matches!(effect, Effect::Secure(_) | Effect::Route(..))));
    }
});
