//! What a STUN and a TURN server answer to a client of ours, and what comes by its channels: of each datagram its kind, whether
//! the server signed it, and its attributes, well-formed or not. Nothing falls, and what is asked is bounded.
#![no_main]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use _native::media::ice::stun::{self, Message, Transaction};
use _native::media::ice::turn::{self, Account, Client, Servers, Step};
use libfuzzer_sys::fuzz_target;

/// MD5 of "alice:r:secret" (RFC 8489 §9.2.2).
const KEY: [u8; 16] = [
    0x5a, 0x2a, 0x15, 0x86, 0xd5, 0x18, 0x9f, 0x52, 0x7d, 0x03, 0xbc, 0x41, 0xfb, 0xde, 0x19, 0x37,
];
/// Of binding, allocation, refreshment and channels: success and failure.
const KINDS: [u16; 8] = [
    0x0101, 0x0103, 0x0104, 0x0109, 0x0111, 0x0113, 0x0114, 0x0119,
];
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const ERROR_CODE: u16 = 0x0009;

/// The transactions that wait for an answer, as far as they were sent.
fn asked(steps: &mut Vec<Step>) -> Vec<Transaction> {
    let packets = steps.drain(..).filter_map(|step| match step {
        Step::Send(packet, _) => Message::read(&packet).map(|message| message.transaction()),
        _ => None,
    });
    packets.collect()
}

/// A list of attributes: each its name, its length and its value.
fn attributes(mut body: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut attributes = Vec::new();
    while let [name, length, rest @ ..] = body {
        let (value, others) = rest.split_at(usize::from(*length).min(rest.len()));
        attributes.push((u16::from(*name), value.to_vec()));
        body = others;
    }
    attributes
}

fuzz_target!(|data: &[u8]| {
    let server = SocketAddr::from(([192, 0, 2, 10], 3478));
    let peer = SocketAddr::from(([192, 0, 2, 20], 4000));
    let (mut now, mut steps) = (Instant::now(), Vec::new());
    let servers = Servers {
        stun: Some(server),
        turn: Some(Account {
            server,
            username: "alice".into(),
            password: "secret".into(),
        }),
    };
    let mut client = Client::new(servers, now, &mut steps);
    for transaction in asked(&mut steps) {
        let challenge = [
            (ERROR_CODE, vec![0, 0, 4, 1]),
            (REALM, b"r".to_vec()),
            (NONCE, b"n".to_vec()),
        ];
        let answer = stun::write(0x0113, transaction, &challenge, None);
        client.receive(&answer, now, &mut steps);
    }
    let mut waiting = asked(&mut steps);
    let mut rest = data;
    while let [kind, how, length, after @ ..] = rest {
        let (body, others) = after.split_at(usize::from(*length).min(after.len()));
        rest = others;
        let transaction = waiting.last().copied().unwrap_or([0; 12]);
        let kind = KINDS[usize::from(*kind) % KINDS.len()];
        match how % 5 {
            0 => client.receive(body, now, &mut steps),
            1 => client.send(body, peer, now, &mut steps),
            2 => drop(
                client
                    .unframe(body)
                    .or(turn::unframe(body).map(|(_, data)| (peer, data))),
            ),
            3 => {
                let mut answer = stun::write(kind, transaction, &[], None);
                answer.extend(body);
                answer[3] = body.len() as u8;
                client.receive(&answer, now, &mut steps);
            }
            _ => {
                let answer = stun::write(kind, transaction, &attributes(body), Some(&KEY));
                client.receive(&answer, now, &mut steps);
            }
        }
        now += Duration::from_millis(200);
        client.advance(now, &mut steps);
        assert!(steps.len() < 200);
        waiting.extend(asked(&mut steps));
    }
});
