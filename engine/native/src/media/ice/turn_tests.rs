use super::*;

const KEY_REALM: &[u8] = b"example.org";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn server() -> SocketAddr {
    address("192.0.2.10:3478")
}

fn account() -> Account {
    Account {
        server: server(),
        username: "alice".into(),
        password: "secret".into(),
    }
}

struct Talk {
    client: Client,
    now: Instant,
    steps: Vec<Step>,
}

impl Talk {
    fn new(servers: Servers) -> Self {
        let mut steps = Vec::new();
        let now = Instant::now();
        Talk {
            client: Client::new(servers, now, &mut steps),
            now,
            steps,
        }
    }

    fn allocated() -> Self {
        let mut talk = Talk::new(Servers {
            stun: None,
            turn: Some(account()),
        });
        talk.challenge(401, b"nonce");
        let relayed = address("192.0.2.10:50000");
        talk.succeed(|transaction| {
            vec![
                (
                    XOR_RELAYED_ADDRESS,
                    stun::write_address(relayed, transaction),
                ),
                (
                    XOR_MAPPED_ADDRESS,
                    stun::write_address(address("203.0.113.5:7"), transaction),
                ),
                (LIFETIME, vec![0, 0, 2, 88]),
            ]
        });
        talk
    }

    /// The last request that went out.
    fn request(&self) -> Vec<u8> {
        let sent = self.steps.iter().rev().find_map(|step| match step {
            Step::Send(packet, _) if Message::read(packet).is_some() => Some(packet.clone()),
            _ => None,
        });
        sent.unwrap()
    }

    fn answer(&mut self, class: u16, attributes: &[(u16, Vec<u8>)], key: Option<&[u8]>) {
        let request = self.request();
        let message = Message::read(&request).unwrap();
        let kind = message.kind() | class;
        let packet = stun::write(kind, message.transaction(), attributes, key);
        self.steps.clear();
        self.client.receive(&packet, self.now, &mut self.steps);
    }

    fn challenge(&mut self, error: u16, nonce: &[u8]) {
        let code = vec![0, 0, (error / 100) as u8, (error % 100) as u8];
        let realm = (REALM, KEY_REALM.to_vec());
        self.answer(
            CLASS,
            &[(0x0009, code), realm, (NONCE, nonce.to_vec())],
            None,
        );
    }

    fn succeed(&mut self, attributes: impl Fn(&Transaction) -> Vec<(u16, Vec<u8>)>) {
        let request = self.request();
        let transaction = Message::read(&request).unwrap().transaction();
        let key = long_term_key(&account(), KEY_REALM);
        self.answer(SUCCESS, &attributes(&transaction), Some(&key));
    }

    fn pass(&mut self, seconds: f64) {
        let end = self.now + Duration::from_secs_f64(seconds);
        self.steps.clear();
        while let Some(at) = self.client.deadline().filter(|at| *at <= end) {
            self.now = at;
            self.client.advance(self.now, &mut self.steps);
        }
        self.now = end;
    }

    fn sent(&self) -> usize {
        let sent = |step: &&Step| matches!(step, Step::Send(..));
        self.steps.iter().filter(sent).count()
    }
}

#[test]
fn a_stun_server_tells_our_address() {
    let servers = Servers {
        stun: Some(server()),
        turn: None,
    };
    let mut talk = Talk::new(servers);
    let mapped = address("203.0.113.5:7");
    let request = talk.request();
    let transaction = Message::read(&request).unwrap().transaction();
    let attribute = (
        XOR_MAPPED_ADDRESS,
        stun::write_address(mapped, &transaction),
    );
    talk.answer(SUCCESS, &[attribute], None);
    assert_eq!(talk.steps, [Step::Mapped(mapped), Step::Complete]);
    assert_eq!(talk.client.deadline(), None);
}

#[test]
fn a_server_that_is_silent_is_given_up() {
    let servers = Servers {
        stun: Some(server()),
        turn: Some(account()),
    };
    let mut talk = Talk::new(servers);
    assert_eq!(talk.sent(), 2);
    talk.pass(10.0);
    assert_eq!(talk.sent(), 8);
    assert_eq!(talk.steps.last(), Some(&Step::Complete));
}

#[test]
fn an_allocation_is_had_with_credentials_and_refreshed() {
    let mut talk = Talk::allocated();
    let relayed = address("192.0.2.10:50000");
    assert_eq!(
        talk.steps[..2],
        [
            Step::Mapped(address("203.0.113.5:7")),
            Step::Relayed(relayed)
        ]
    );
    assert!(matches!(talk.steps[2], Step::Farewell(..)));
    assert_eq!(talk.steps[3], Step::Complete);
    talk.pass(299.0);
    assert_eq!(talk.sent(), 0);
    talk.pass(1.1);
    let request = talk.request();
    let message = Message::read(&request).unwrap();
    assert_eq!(message.kind(), REFRESH);
    assert!(message.is_signed(&long_term_key(&account(), KEY_REALM)));
    talk.challenge(438, b"another");
    let request = talk.request();
    assert_eq!(
        Message::read(&request).unwrap().attribute(NONCE),
        Some(&b"another"[..])
    );
}

#[test]
fn a_wrong_password_is_not_tried_again_and_again() {
    let mut talk = Talk::new(Servers {
        stun: None,
        turn: Some(account()),
    });
    talk.challenge(401, b"nonce");
    talk.challenge(401, b"other");
    assert_eq!(talk.steps, [Step::Complete]);
}

#[test]
fn an_answer_that_is_not_signed_is_not_the_servers() {
    let mut talk = Talk::new(Servers {
        stun: None,
        turn: Some(account()),
    });
    talk.challenge(401, b"nonce");
    let request = talk.steps.len();
    talk.answer(SUCCESS, &[(LIFETIME, vec![0, 0, 2, 88])], Some(b"guess"));
    assert_eq!(
        (request, talk.steps.len(), talk.client.relayed()),
        (1, 0, None)
    );
}

#[test]
fn packets_wait_for_their_channel_and_go_by_it() {
    let mut talk = Talk::allocated();
    let peer = address("198.51.100.7:9");
    for packet in [b"one", b"two"] {
        talk.client.send(packet, peer, talk.now, &mut talk.steps);
    }
    let request = talk.request();
    let message = Message::read(&request).unwrap();
    assert_eq!(
        (message.kind(), message.address(XOR_PEER_ADDRESS)),
        (CHANNEL_BIND, Some(peer))
    );
    talk.succeed(|_| Vec::new());
    assert_eq!(
        talk.steps,
        [
            Step::Bound(peer, FIRST_CHANNEL),
            Step::Send(b"\x40\0\0\x03one".to_vec(), server()),
            Step::Send(b"\x40\0\0\x03two".to_vec(), server()),
        ]
    );
    talk.steps.clear();
    talk.client.send(b"three", peer, talk.now, &mut talk.steps);
    assert_eq!(
        talk.steps,
        [Step::Send(b"\x40\0\0\x05three".to_vec(), server())]
    );
    assert_eq!(
        talk.client.unframe(b"\x40\0\0\x02okrest"),
        Some((peer, &b"ok"[..]))
    );
    assert_eq!(talk.client.unframe(b"\x40\x01\0\x02ok"), None);
    assert_eq!(talk.client.unframe(b"\x40\0\0\x09ok"), None);
    talk.pass(241.0);
    let request = talk.request();
    assert_eq!(Message::read(&request).unwrap().kind(), CHANNEL_BIND);
}
