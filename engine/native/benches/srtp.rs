//! What protecting a packet of 20 ms takes, and opening it, by crypto-suite; beside `media`, which relays one plainly.

use _native::media::srtp::{Keys, MasterKey, Profile, Session, MAX_OVERHEAD};
use criterion::{criterion_group, criterion_main, BatchSize, Criterion};

mod subject;

use subject::packet;

fn session(profile: Profile, local: u8, remote: u8) -> Option<Session> {
    let length = profile.key_length() + profile.salt_length();
    let key = |seed| MasterKey::from_octets(profile, &[seed; 64][..length]).ok();
    Some(Session::new(&Keys {
        local: key(local)?,
        remote: key(remote)?,
    }))
}

/// The packet of that number with room behind it, and its length.
fn room(number: u64) -> (Vec<u8>, usize) {
    let mut room = packet(number);
    let length = room.len();
    room.resize(length + MAX_OVERHEAD, 0);
    (room, length)
}

fn suites(criterion: &mut Criterion) {
    for profile in Profile::ALL {
        let (Some(mut one), Some(mut other)) = (session(profile, 1, 2), session(profile, 2, 1))
        else {
            return;
        };
        let mut number = 0;
        criterion.bench_function(&format!("protect by {}", profile.name()), |bench| {
            bench.iter_batched_ref(
                || {
                    number += 1;
                    room(number)
                },
                |(room, length)| one.protect(room, *length).is_ok(),
                BatchSize::SmallInput,
            );
        });
        criterion.bench_function(&format!("open by {}", profile.name()), |bench| {
            bench.iter_batched_ref(
                || {
                    number += 1;
                    let (mut room, length) = room(number);
                    let length = one.protect(&mut room, length).unwrap_or_default();
                    room.truncate(length);
                    room
                },
                |room| other.unprotect(room).is_ok(),
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, suites);
criterion_main!(benches);
