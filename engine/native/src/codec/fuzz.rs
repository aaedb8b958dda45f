//! The codec given anything: seeded loops, the same on every run. Nothing may panic, and what is read can be written.

use super::build::{self, ResponseParts};
use super::message::{parse_datagram, Message};
use super::sdp::SessionDescription;
use super::start_line::StartLine;
use super::stream::{Item, StreamReader};

const INVITE: &str = "INVITE sip:bea;x=%41?@[2001:db8::2]:5070;lr SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.1:5062;rport;branch=z9hG4bKa , SIP / 2.0 / TCP [::1];received=[::2]\r\n\
    v: SIP/2.0/TLS proxy\r\nMax-Forwards: 70\r\nf: \"Ann \\\"A\\\"\"\r\n <sip:ann@example.org>;tag=a1\r\n\
    To: Bea Cee<sip:bea:pw@example.org;user=phone?a=b&c=d>;x=\"y;z\"\r\nCall-ID: 1@192.0.2.1\r\nCSeq: 0002 INVITE\r\n\
    Contact: <sip:ann@192.0.2.1>;q=0.5, sip:ann@192.0.2.2\r\nRecord-Route: <sip:p;lr>,<sip:q;lr>\r\n\
    Content-Type: application/sdp;x=y\r\nX-Empty:\r\nContent-Length: 3\r\n\r\nabc";
const RESPONSE: &str = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKb\r\nFrom: <sip:a>;tag=1\r\nTo: sip:b;tag=2\r\n\
    i: c\r\nCSeq: 1 BYE\r\nContact: *\r\nl: 0\r\n\r\n";
const SDP: &str = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=sendonly\r\n\
    m=audio 4000/2 RTP/AVP 0 96 101\r\nc=IN IP6 ::1\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-15\r\na=ptime:20\r\nm=video 0 RTP/AVP 31\r\n";

/// splitmix64
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end.max(1) as u64) as usize
    }

    /// The seed with a few octets replaced, taken out, doubled or put in.
    fn mutate(&mut self, seed: &str) -> Vec<u8> {
        const MORSELS: &[u8] = b"\r\n\0 \t,;<>\"\\:%@=*[]/?0123456789\xff\xc3";
        let mut octets = seed.as_bytes().to_vec();
        for _ in 0..self.below(7) {
            let at = self.below(octets.len());
            let end = (at + self.below(9)).min(octets.len());
            let put = match self.below(3) {
                0 => vec![MORSELS[self.below(MORSELS.len())]],
                1 => octets[at..end].repeat(2),
                _ => (0..self.below(4)).map(|_| self.below(256) as u8).collect(),
            };
            octets.splice(at..end, put);
        }
        octets
    }
}

fn look_at_everything(message: &Message) {
    let head = (
        message.via().unwrap(),
        message.from().unwrap(),
        message.to().unwrap(),
        message.contact().unwrap(),
    );
    assert_eq!(message.vias().unwrap().first(), Some(head.0));
    for field in message.fields.iter() {
        let text = field.text(message.raw());
        assert!(!text.iter().any(|octet| matches!(octet, b'\r' | b'\n')));
        message.values(&String::from_utf8_lossy(&message.raw()[field.name.clone()]));
    }
    let _ = (
        message.body_type(),
        message.addresses("P-Asserted-Identity"),
        message.call_id().unwrap(),
    );
}

fn check_answer(request: &Message) {
    let parts = ResponseParts {
        status: 200,
        to_tag: Some("t"),
        received: Some(("192.0.2.99", 9)),
        ..Default::default()
    };
    let answer = parse_datagram(&build::response(request, &parts).unwrap()).unwrap();
    assert_eq!(answer.from().unwrap(), request.from().unwrap());
    assert_eq!(answer.cseq().unwrap(), request.cseq().unwrap());
    assert_eq!(answer.call_id().unwrap(), request.call_id().unwrap());
    assert_eq!(answer.vias().unwrap().len(), request.vias().unwrap().len());
}

#[test]
fn datagrams_are_messages_or_errors_and_both_can_be_answered() {
    let mut dice = Dice(1);
    let mut read = 0;
    for round in 0..20_000 {
        let data = dice.mutate(if round % 4 == 0 { RESPONSE } else { INVITE });
        match parse_datagram(&data) {
            Ok(message) => {
                read += 1;
                look_at_everything(&message);
                if matches!(message.start_line, StartLine::Request { .. }) {
                    check_answer(&message);
                }
            }
            Err(error) => {
                let Some(partial) = error.partial else {
                    continue;
                };
                let parts = ResponseParts {
                    status: error.status,
                    to_tag: Some("t"),
                    ..Default::default()
                };
                let answer = build::response(&partial, &parts).unwrap();
                let lines = String::from_utf8_lossy(&answer).replace("\r\n", "");
                assert!(!lines.contains(['\r', '\n']), "{lines:?}");
            }
        }
    }
    assert!(
        read > 4_000,
        "only {read} of the mutated messages were still messages"
    );
}

#[test]
fn streams_say_the_same_however_they_are_chunked() {
    let mut dice = Dice(2);
    for _ in 0..1_500 {
        let mut stream = Vec::new();
        for _ in 0..dice.below(5) {
            match dice.below(4) {
                0 => stream.extend_from_slice(b"\r\n\r\n"),
                1 => stream.extend(dice.mutate(INVITE)),
                2 => stream.extend_from_slice(INVITE.as_bytes()),
                _ => stream.extend_from_slice(RESPONSE.as_bytes()),
            }
        }
        let mut whole = StreamReader::default();
        let expected = seen(whole.feed(&stream));
        let mut reader = StreamReader::default();
        let mut items = Vec::new();
        let mut rest = &stream[..];
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(1 + dice.below(rest.len().min(200)));
            items.extend(seen(reader.feed(chunk)));
            rest = after;
        }
        assert_eq!(items, expected);
        assert_eq!(
            (reader.is_broken(), reader.pending()),
            (whole.is_broken(), whole.pending())
        );
        let half = reader.give_up(400, "late");
        assert_eq!((half.status, reader.pending()), (400, 0));
        assert!(half
            .partial
            .is_none_or(|request| request.via().is_ok() && request.body().is_empty()));
    }
}

fn seen(items: Vec<Item>) -> Vec<String> {
    let say = |item| match item {
        Item::Message(message) => String::from_utf8_lossy(message.raw()).into_owned(),
        Item::Malformed(error) => error.to_string(),
        Item::KeepAlive => "keep-alive".to_owned(),
    };
    items.into_iter().map(say).collect()
}

#[test]
fn descriptions_read_are_written_and_read_again() {
    let mut dice = Dice(3);
    let mut read = 0;
    for _ in 0..20_000 {
        let Ok(description) = SessionDescription::parse(&dice.mutate(SDP)) else {
            continue;
        };
        read += 1;
        description
            .media
            .iter()
            .for_each(|media| assert!(media.payloads().len() <= media.formats.len()));
        assert_eq!(
            SessionDescription::parse(&description.build().unwrap()).unwrap(),
            description
        );
    }
    assert!(
        read > 4_000,
        "only {read} of the mutated descriptions were still descriptions"
    );
}

#[test]
fn the_longest_messages_take_linear_time() {
    // Quadratic work on any of these would be billions of steps.
    for (name, unit) in [
        ("Contact", "<sip:a>,"),
        ("Contact", "<sip:a>;"),
        ("From", ";a"),
        ("Via", "SIP/2.0/UDP a,"),
        ("Subject", "\r\n "),
        ("X", "\r\n\r\n"),
        ("To", "\"\\\""),
        ("To", "a "),
        ("Route", "<<"),
    ] {
        let data = INVITE.replace(
            "X-Empty:",
            &format!("{name}: {}", unit.repeat(60_000 / unit.len())),
        );
        for _ in 0..5 {
            let _ = parse_datagram(data.as_bytes());
            let mut reader = StreamReader::default();
            data.as_bytes()
                .chunks(7)
                .for_each(|chunk| drop(reader.feed(chunk)));
        }
    }
}
