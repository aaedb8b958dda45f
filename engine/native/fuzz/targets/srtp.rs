//! What comes to a leg that protects its packets: each is opened, or rejected and left as it is. Its first octet says how it is
//! made: with the peer's key, so that it is authentic, or as it stands.
#![no_main]

use _native::media::srtp::{Keys, MasterKey, Profile, Session, MAX_CONTROL_OVERHEAD, MAX_OVERHEAD};
use libfuzzer_sys::fuzz_target;

fn session(profile: Profile, local: u8, remote: u8) -> Option<Session> {
    let length = profile.key_length() + profile.salt_length();
    let key = |seed| MasterKey::from_octets(profile, &[seed; 64][..length]).ok();
    Some(Session::new(&Keys {
        local: key(local)?,
        remote: key(remote)?.with_mki(&[1, 2]).ok()?,
    }))
}

fuzz_target!(|data: &[u8]| {
    let [first, data @ ..] = data else {
        return;
    };
    let profile = Profile::ALL[usize::from(*first) % Profile::ALL.len()];
    let (Some(mut one), Some(mut other)) = (session(profile, 1, 2), session(profile, 2, 1)) else {
        return;
    };
    let mut rest = data;
    while let [kind, length, ..] = rest {
        let (is_media, is_sealed) = (kind & 1 == 0, kind & 2 == 0);
        let (packet, others) = rest[2..].split_at(usize::from(*length).min(rest.len() - 2));
        rest = others;
        let mut room = packet.to_vec();
        let mut length = room.len();
        if is_sealed {
            room.resize(length + MAX_OVERHEAD.max(MAX_CONTROL_OVERHEAD), 0);
            let sealed = if is_media {
                other.protect(&mut room, length)
            } else {
                other.protect_control(&mut room, length)
            };
            match sealed {
                Ok(whole) => length = whole,
                Err(_) => continue,
            }
            room.truncate(length);
        }
        let before = room.clone();
        let opened = if is_media {
            one.unprotect(&mut room)
        } else {
            one.unprotect_control(&mut room)
        };
        match opened {
            Ok(length) => assert!(length <= room.len()),
            Err(_) => assert_eq!(room, before),
        }
    }
});
