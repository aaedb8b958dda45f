//! A leg without sockets, on a clock of our own.

use std::fs;
use std::sync::OnceLock;

use super::super::clip::Clip;
use super::super::clock::{Clock, FRAME};
use super::super::codec::Codec;
use super::super::dtmf;
use super::super::g711::Law;
use super::super::hearing::Noticed;
use super::super::player::Voice;
use super::super::recorder::{RecordSpec, Sides};
use super::super::report::{RecordingOutcome, ReportQueue};
use super::super::rtp::{samples_between, Pt, Seq, Ssrc};
use super::super::telephone_event::TelephoneEvent;
use super::super::testing::{likeness_of, voice, Folder};
use super::super::tone::{Tone, ToneSpec};
use super::super::wav;
use super::super::writer::Writer;
use super::*;

const EVENT: Pt = Pt(101);

/// A leg, what it reported, and a peer that sends to it.
struct Scene {
    leg: Leg,
    reports: Reports,
    frame: u64,
    sequence: u16,
}

fn peer() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 4000))
}

fn stranger() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 9], 666))
}

fn stream() -> Stream {
    Stream {
        remote: Some(peer()),
        signalled_from: None,
        codec: Codec::G711(Law::Mu),
        event_clock: 1,
        comfort_noise: None,
        payload_type: Pt(0),
        packet_samples: 160,
        telephone_event: Some(EVENT),
        hears_tones: false,
        is_muxed: false,
        may_send: true,
        may_receive: true,
    }
}

fn packet(header: &Header, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; HEADER];
    header.write(&mut packet);
    packet.extend_from_slice(payload);
    packet
}

impl Scene {
    fn new() -> Self {
        let mut scene = Scene {
            leg: Leg::new(LegId(1), [1, 2]),
            reports: Reports::default(),
            frame: 0,
            sequence: 100,
        };
        scene.update(stream());
        scene
    }

    fn now(&self) -> Moment {
        Moment(0).plus_ms(self.frame * 20)
    }

    fn update(&mut self, stream: Stream) {
        let now = self.now();
        self.leg.update(stream, now, &mut self.reports);
    }

    fn header(&self, payload_type: Pt) -> Header {
        Header {
            marker: false,
            payload_type,
            sequence: Seq(self.sequence),
            timestamp: self.frame as u32 * 160,
            ssrc: Ssrc(77),
        }
    }

    fn receive_from(&mut self, from: SocketAddr, header: &Header, payload: &[u8]) -> Received {
        let now = self.now();
        self.sequence += 1;
        self.leg
            .receive(&mut packet(header, payload), from, now, &mut self.reports)
    }

    /// The peer's next frame.
    fn hear(&mut self, payload: &[u8]) -> Received {
        let header = self.header(Pt(0));
        self.receive_from(peer(), &header, payload)
    }

    /// 20 ms pass.
    fn turn(&mut self) -> Option<(Header, Vec<u8>)> {
        let now = self.now();
        self.frame += 1;
        let mut room = [0; MAX_PACKET];
        let outgoing = self.leg.frame(now, &mut room, &mut self.reports)?;
        let payload = room[HEADER..outgoing.length].to_vec();
        self.leg.sent(&outgoing, now);
        let (header, _) = Header::read(&room[..outgoing.length]).unwrap();
        Some((header, payload))
    }

    fn play(&mut self, name: &str, voices: Vec<Voice>) {
        let spec = PlaySpec {
            name: name.into(),
            repeat: 1,
            gain_db: 0.0,
            offset_ms: 0,
            fades_ms: [0, 0],
        };
        let loading = Arc::new(OnceLock::from(Ok(voices)));
        self.leg.play(spec, loading, &mut self.reports);
    }
}

fn tone() -> Voice {
    let spec = ToneSpec {
        frequencies: vec![440.0],
        cadence_ms: vec![],
        duration_ms: None,
        level_dbm0: -10.0,
    };
    Voice::Tone(Tone::new(&spec), None)
}

fn finished(playback: &str, heard_ms: u64, end: PlaybackEnd) -> Report {
    Report::PlaybackFinished {
        playback: playback.into(),
        heard_ms,
        end,
    }
}

fn started(playback: &str) -> Report {
    Report::PlaybackStarted {
        playback: playback.into(),
    }
}

#[test]
fn what_is_heard_is_told_while_somebody_asks_and_costs_frames_only_then() {
    let mut scene = Scene::new();
    let talk: Vec<u8> = (2000..2000 + 160 * 20)
        .map(|n| Law::Mu.compress(voice(n)))
        .collect();
    assert!(!scene.leg.needs_frames());
    scene.leg.detect(Some(-42.0), scene.now());
    assert!(scene.leg.needs_frames());
    for packet in talk.chunks(160) {
        scene.turn();
        scene.hear(packet);
    }
    for _ in 0..25 {
        scene.turn();
    }
    let noticed: Vec<Noticed> = scene
        .reports
        .take()
        .into_iter()
        .filter_map(|report| match report {
            Report::SoundDetected { noticed, .. } => Some(noticed),
            _ => None,
        })
        .collect();
    assert_eq!(noticed, [Noticed::TalkStarted, Noticed::TalkStopped]);
    scene.leg.detect(None, scene.now());
    assert!(!scene.leg.needs_frames());
}

#[test]
fn a_playback_is_sent_frame_by_frame_and_counted() {
    let mut scene = Scene::new();
    scene.play("p", vec![Voice::Clip(Clip::new((0..480).collect()))]);
    let packets: Vec<(Header, Vec<u8>)> = std::iter::from_fn(|| scene.turn()).collect();
    assert_eq!(packets.len(), 3);
    assert_eq!(packets[0].1[100], Law::Mu.compress(100));
    assert!(packets[0].0.marker && !packets[1].0.marker);
    let step = samples_between(packets[1].0.timestamp, packets[2].0.timestamp);
    assert_eq!(step, 160);
    assert!(!scene.leg.needs_frames());
    let expected = [started("p"), finished("p", 60, PlaybackEnd::Completed)];
    assert_eq!(scene.reports.take(), expected);
}

#[test]
fn a_playback_goes_on_in_time_while_held_and_only_what_was_sent_is_heard() {
    let mut scene = Scene::new();
    scene.play("p", vec![Voice::Silence(1600)]);
    scene.turn();
    scene.update(Stream {
        may_send: false,
        ..stream()
    });
    for _ in 0..5 {
        assert_eq!(scene.turn(), None);
    }
    scene.update(stream());
    let packets = std::iter::from_fn(|| scene.turn()).count();
    assert_eq!(packets, 4);
    assert_eq!(
        scene.reports.take()[1],
        finished("p", 100, PlaybackEnd::Completed)
    );
}

#[test]
fn a_new_playback_stops_the_old_and_a_failed_one_was_never_heard() {
    let mut scene = Scene::new();
    scene.play("p", vec![tone()]);
    scene.turn();
    let spec = PlaySpec {
        name: "q".into(),
        repeat: 1,
        gain_db: 0.0,
        offset_ms: 0,
        fades_ms: [0, 0],
    };
    let loading = Loading::default();
    scene.leg.play(spec, loading.clone(), &mut scene.reports);
    assert_eq!(scene.turn(), None);
    loading.set(Err("gone".into())).unwrap();
    scene.turn();
    let failed = PlaybackEnd::Failed("gone".into());
    assert_eq!(
        scene.reports.take(),
        [
            started("p"),
            finished("p", 20, PlaybackEnd::Stopped),
            finished("q", 0, failed)
        ]
    );
}

#[test]
fn digits_interrupt_a_playback_that_loses_nothing() {
    let mut scene = Scene::new();
    scene.play("p", vec![Voice::Silence(320)]);
    scene.turn();
    scene
        .leg
        .send_digits("d".into(), ("5", None), 40, 0, &mut scene.reports);
    let types: Vec<Option<u8>> = (0..7)
        .map(|_| scene.turn().map(|(header, _)| header.payload_type.0))
        .collect();
    let event = Some(EVENT.0);
    assert_eq!(types, [event, event, event, event, None, Some(0), None]);
    let reports = scene.reports.take();
    assert!(reports.contains(&finished("p", 40, PlaybackEnd::Completed)));
}

#[test]
fn digits_go_in_band_to_who_agreed_on_no_events_and_are_heard_so() {
    let mut scene = Scene::new();
    scene.update(Stream {
        telephone_event: None,
        hears_tones: true,
        ..stream()
    });
    scene
        .leg
        .send_digits("d".into(), ("5", None), 80, 60, &mut scene.reports);
    let frames: Vec<Vec<u8>> = (0..7)
        .map_while(|_| scene.turn().map(|(_, payload)| payload))
        .collect();
    assert_eq!(frames.len(), 4);
    scene.reports.take();
    for payload in frames {
        scene.hear(&payload);
    }
    scene.hear(&[0xff; 480]);
    let reports = scene.reports.take();
    assert_eq!(reports[0], Report::DigitStarted { digit: '5' });
    assert!(matches!(reports[1], Report::DigitEnded { digit: '5', .. }));
    assert_eq!(reports.len(), 2);
}

#[test]
fn a_key_that_comes_as_sound_and_as_event_is_one_key() {
    for events_first in [true, false] {
        let mut scene = Scene::new();
        scene.update(Stream {
            hears_tones: true,
            ..stream()
        });
        let mut tone = [0; 480];
        Tone::of(&dtmf::tones_of('7').unwrap(), -9.0).fill(0, &mut tone);
        let mut octets = [0; 480];
        Law::Mu.compress_into(&tone, &mut octets);
        let event = |scene: &mut Scene, is_end| {
            let mut payload = [0; 4];
            let event = TelephoneEvent {
                code: 7,
                is_end,
                duration: 800,
            };
            event.write(&mut payload);
            let header = Header {
                timestamp: 77,
                ..scene.header(EVENT)
            };
            scene.receive_from(peer(), &header, &payload);
        };
        if events_first {
            event(&mut scene, false);
            event(&mut scene, true);
        }
        for payload in octets.chunks(160) {
            scene.hear(payload);
        }
        if !events_first {
            event(&mut scene, false);
            event(&mut scene, true);
        }
        let ended = Report::DigitEnded {
            digit: '7',
            duration_ms: 100,
        };
        let started = Report::DigitStarted { digit: '7' };
        assert_eq!(scene.reports.take(), [started, ended]);
    }
}

#[test]
fn what_is_not_a_packet_of_the_peer_is_discarded_and_counted() {
    let mut scene = Scene::new();
    assert_ne!(scene.hear(&[0xff; 160]), Received::Discarded);
    let unknown = scene.header(Pt(96));
    let known = Header {
        ssrc: Ssrc(1),
        ..scene.header(Pt(0))
    };
    assert_eq!(
        scene.receive_from(peer(), &unknown, &[0; 160]),
        Received::Discarded
    );
    assert_eq!(
        scene.receive_from(stranger(), &known, &[0; 160]),
        Received::Discarded
    );
    assert_eq!(
        scene.receive_from(peer(), &known, &[0; MAX_PAYLOAD + 1]),
        Received::Discarded
    );
    let now = scene.now();
    scene.leg.receive(
        &mut b"\x00\x01STUN".to_vec(),
        peer(),
        now,
        &mut scene.reports,
    );
    let figures = scene.leg.counters.read();
    assert_eq!(
        (figures.packets_received, figures.packets_discarded),
        (1, 4)
    );
}

#[test]
fn nothing_is_received_before_anything_is_agreed() {
    let mut leg = Leg::new(LegId(1), [1, 2]);
    let scene = Scene::new();
    let mut octets = packet(&scene.header(Pt(0)), &[0; 160]);
    let received = leg.receive(&mut octets, peer(), Moment(0), &mut Reports::default());
    assert_eq!(received, Received::Discarded);
    assert!(leg.goodbye(&Clock::start(), Moment(0)).is_none());
}

#[test]
fn the_stream_goes_to_where_packets_come_from() {
    let mut scene = Scene::new();
    let header = scene.header(Pt(0));
    scene.receive_from(stranger(), &header, &[0xff; 160]); // the first: behind a NAT, it is the peer
    scene.play("p", vec![tone()]);
    let mut room = [0; MAX_PACKET];
    let outgoing = scene.leg.frame(scene.now(), &mut room, &mut scene.reports);
    assert_eq!(outgoing.unwrap().destination, stranger());
}

#[test]
fn keys_are_reported_and_time_out() {
    let mut scene = Scene::new();
    let header = scene.header(EVENT);
    let received = scene.receive_from(peer(), &header, &[5, 10, 0, 160]);
    assert!(matches!(received, Received::Digit(..)));
    assert!(scene.leg.needs_frames());
    while scene.leg.needs_frames() {
        scene.turn();
    }
    assert_eq!(
        scene.reports.take(),
        [
            Report::DigitStarted { digit: '5' },
            Report::DigitEnded {
                digit: '5',
                duration_ms: 20
            }
        ]
    );
    assert_eq!(scene.frame, 11);
    let short = scene.header(EVENT);
    assert_eq!(
        scene.receive_from(peer(), &short, &[5]),
        Received::Discarded
    );
}

#[test]
fn relayed_audio_is_transcoded_and_digits_change_their_payload_type() {
    let mut scene = Scene::new();
    scene.update(Stream {
        codec: Codec::G711(Law::A),
        event_clock: 1,
        comfort_noise: None,
        payload_type: Pt(8),
        telephone_event: Some(Pt(96)),
        ..stream()
    });
    let mut payload = [Law::Mu.compress(1000); 160];
    let incoming = scene.header(Pt(0));
    let now = scene.now();
    let (header, destination) = scene
        .leg
        .relay_audio(&incoming, &mut payload, Codec::G711(Law::Mu), now)
        .unwrap();
    assert_eq!((header.payload_type, destination), (Pt(8), peer()));
    assert!((i32::from(Law::A.expand(payload[0])) - 1000).abs() < 40);
    let digit = Header {
        sequence: incoming.sequence.plus(1),
        timestamp: incoming.timestamp + 160,
        ..scene.header(EVENT)
    };
    let (passed, _) = scene
        .leg
        .relay_digit(&digit, &mut [1, 0, 0, 160], 1, now)
        .unwrap();
    assert_eq!(passed.payload_type, Pt(96));
    assert_eq!(passed.sequence, header.sequence.plus(1));
    scene.update(Stream {
        telephone_event: None,
        ..stream()
    });
    assert_eq!(
        scene.leg.relay_digit(&digit, &mut [1, 0, 0, 160], 1, now),
        None
    );
}

#[test]
fn a_playback_has_the_stage_and_gives_it_back() {
    let mut scene = Scene::new();
    let now = scene.now();
    let incoming = scene.header(Pt(0));
    let relay = |scene: &mut Scene| {
        let mut payload = [0; 160];
        scene
            .leg
            .relay_audio(&incoming, &mut payload, Codec::G711(Law::Mu), now)
            .is_some()
    };
    assert!(relay(&mut scene));
    scene.play("p", vec![Voice::Silence(160)]);
    assert!(
        relay(&mut scene),
        "a playback that has not begun takes nothing"
    );
    scene.turn();
    assert!(!relay(&mut scene));
    scene.turn();
    assert!(relay(&mut scene));
}

/// What is echoed of a voice, of which each frame comes under the header that is made of the usual one.
fn echoed(frames: usize, header: impl Fn(usize, Header) -> Header) -> Vec<i16> {
    let mut scene = Scene::new();
    scene.leg.echo(Some(0));
    let mut heard = Vec::new();
    for frame in 0..frames {
        let said: [i16; FRAME] = std::array::from_fn(|n| voice(frame * FRAME + n));
        let mut payload = [0; FRAME];
        Law::Mu.compress_into(&said, &mut payload);
        let header = header(frame, scene.header(Pt(0)));
        scene.receive_from(peer(), &header, &payload);
        let mut samples = [0; FRAME];
        if let Some((_, payload)) = scene.turn() {
            Law::Mu.expand_into(&payload, &mut samples);
        }
        heard.extend(samples);
    }
    heard
}

/// For each of so many turns whether something was sent, while the peer speaks in the first ones.
fn sent(scene: &mut Scene, turns: usize, spoken: usize) -> Vec<bool> {
    let spoke = |turn: usize, scene: &mut Scene| {
        if turn < spoken {
            let said: [u8; FRAME] =
                std::array::from_fn(|n| Law::Mu.compress(voice(turn * FRAME + n)));
            scene.hear(&said);
        }
        scene.turn().is_some()
    };
    (0..turns).map(|turn| spoke(turn, scene)).collect()
}

#[test]
fn a_delayed_echo_is_the_same_as_the_other_so_many_frames_later_and_drains() {
    let (mut scene, mut later) = (Scene::new(), Scene::new());
    scene.leg.echo(Some(0));
    later.leg.echo(Some(500));
    let (at_once, delayed) = (sent(&mut scene, 100, 40), sent(&mut later, 100, 40));
    let count = at_once.iter().filter(|it| **it).count();
    assert!((40..50).contains(&count), "{count}"); // what is lost at the end is made up, fading
    assert_eq!(delayed[..25], [false; 25]);
    assert_eq!(delayed[25..], at_once[..75]);
}

#[test]
fn a_delayed_echo_goes_on_unheard_while_a_playback_is_heard() {
    let mut scene = Scene::new();
    scene.leg.echo(Some(500));
    sent(&mut scene, 20, 20);
    scene.play("p", vec![tone()]);
    assert_eq!(sent(&mut scene, 15, 0), [true; 15]);
    let now = scene.now();
    scene.leg.stop("p", now, &mut scene.reports);
    let heard = sent(&mut scene, 60, 0);
    let last = heard.iter().rposition(|it| *it).unwrap();
    assert!((9..19).contains(&last), "{last}"); // the rest of what was said, not all of it
}

#[test]
fn an_echo_that_ends_leaves_nothing_under_way() {
    let mut scene = Scene::new();
    scene.leg.echo(Some(200));
    sent(&mut scene, 8, 8);
    scene.leg.echo(None);
    assert_eq!(sent(&mut scene, 30, 0), [false; 30]);
    scene.leg.echo(Some(200));
    assert_eq!(sent(&mut scene, 30, 0), [false; 30]);
}

#[test]
fn a_stream_that_restarts_jumps_or_has_another_source_is_heard_as_it_was_said() {
    let original: Vec<i16> = (0..300 * FRAME).map(voice).collect();
    type Rewrite = fn(Header) -> Header;
    let changes: [(&str, Rewrite); 4] = [
        ("restart, back in its numbers", |usual| Header {
            sequence: usual.sequence.plus(60_000),
            timestamp: usual.timestamp.wrapping_add(0x5000_0000),
            ..usual
        }),
        ("restart, ahead in its numbers", |usual| Header {
            sequence: usual.sequence.plus(20_000),
            timestamp: usual.timestamp.wrapping_add(0x5000_0000),
            ..usual
        }),
        ("leap of the timestamps", |usual| Header {
            timestamp: usual.timestamp.wrapping_sub(90_000),
            ..usual
        }),
        ("another source", |usual| Header {
            ssrc: Ssrc(78),
            sequence: usual.sequence.plus(7),
            timestamp: usual.timestamp.wrapping_add(12_345),
            ..usual
        }),
    ];
    for (what, change) in changes {
        let heard = echoed(
            300,
            |frame, usual| {
                if frame < 100 {
                    usual
                } else {
                    change(usual)
                }
            },
        );
        let from = 110 * FRAME; // it is heard again within 200 ms
        let likeness = likeness_of(&heard[from..from + 25 * FRAME], &original, from, 480);
        assert!(likeness > 0.95, "{what}: {likeness}");
    }
}

/// When it sends silence, in milliseconds of so long.
fn silent_for(scene: &mut Scene, milliseconds: u64) -> Vec<u64> {
    let mut sent = Vec::new();
    for milliseconds in (0..milliseconds).step_by(100) {
        let now = Moment(0).plus_ms(milliseconds);
        let mut room = [0; MAX_PACKET];
        if let Some(outgoing) = scene.leg.idle_frame(now, &mut room) {
            scene.leg.sent(&outgoing, now);
            assert!(room[HEADER..outgoing.length]
                .iter()
                .all(|octet| *octet == 0xff));
            sent.push(milliseconds);
        }
    }
    sent
}

#[test]
fn an_idle_leg_sends_a_frame_of_silence_a_second_until_its_peer_is_heard() {
    let mut scene = Scene::new();
    let sent = silent_for(&mut scene, 5000);
    assert_eq!(sent, [1000, 2000, 3000, 4000]);
    scene.update(Stream {
        remote: Some(stranger()),
        ..stream()
    });
    scene.hear(&[0xff; 160]);
    scene.leg.sent_at = Moment(0);
    assert_eq!(silent_for(&mut scene, 9000), [2000, 4000, 6000, 8000]);
}

#[test]
fn a_leg_that_has_others_to_speak_for_it_sends_no_silence() {
    let mut scene = Scene::new();
    scene.leg.is_relayed = true;
    let mut room = [0; MAX_PACKET];
    assert_eq!(
        scene.leg.idle_frame(Moment(0).plus_ms(9000), &mut room),
        None
    );
    scene.leg.is_relayed = false;
    scene.update(Stream {
        may_send: false,
        ..stream()
    });
    assert_eq!(
        scene.leg.idle_frame(Moment(0).plus_ms(9000), &mut room),
        None
    );
}

#[test]
fn control_is_taken_from_the_peers_host_alone() {
    let mut scene = Scene::new();
    let clock = Clock::start();
    let now = scene.now();
    let (compound, destination) = scene.leg.goodbye(&clock, now).unwrap();
    assert_eq!(destination.port(), 4001);
    let octets = compound.octets();
    scene
        .leg
        .receive_control(&mut octets.to_vec(), peer(), &clock, now);
    assert_eq!(scene.leg.counters.read().packets_discarded, 0);
    scene
        .leg
        .receive_control(&mut octets.to_vec(), stranger(), &clock, now);
    scene
        .leg
        .receive_control(&mut b"garbage".to_vec(), peer(), &clock, now);
    assert_eq!(scene.leg.counters.read().packets_discarded, 2);
    assert!(scene.leg.report(&clock, now, || 0).is_none());
    let later = now.plus_ms(2000);
    assert!(scene.leg.report(&clock, later, || 0).is_some());
    assert!(scene.leg.report(&clock, later, || 0).is_none());
}

#[test]
fn a_recording_holds_what_was_heard_and_too_many_fail() {
    let folder = Folder::new();
    let queue = Arc::new(ReportQueue::new().unwrap());
    let mut writer = Writer::start(queue.clone()).unwrap();
    let mut scene = Scene::new();
    for index in 0..=MAX_RECORDINGS {
        let name = format!("r{index}");
        let track = writer.open(LegId(1), name.clone(), folder.path(&name), 1);
        let spec = RecordSpec {
            name,
            sides: Sides::Received,
            max_ms: 60_000,
            silence_ms: 0,
            is_trimmed: false,
        };
        let recorder = Recorder::new(spec, track, scene.now());
        scene.leg.record(recorder);
    }
    scene.leg.watch_audio(true, scene.now());
    for _ in 0..10 {
        scene.turn();
        scene.hear(&[Law::Mu.compress(8000); 160]);
    }
    let now = scene.now();
    scene.leg.stop("r0", now, &mut scene.reports);
    scene.leg.close(now);
    writer.stop().unwrap().join().unwrap();
    assert_eq!(
        scene.reports.take(),
        [Report::AudioHeard { is_sound: true }]
    );
    let ended: Vec<String> = queue
        .drain()
        .into_iter()
        .map(|(_, report)| match report {
            Report::RecordingFinished { recording, .. } => recording,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ended, ["r8", "r0"]);
    let wav = wav::read(&fs::read(folder.path("r0")).unwrap()).unwrap();
    assert_eq!(wav.samples.len(), 1600);
    assert!(wav.samples.iter().all(|sample| *sample > 7900.0));
    assert!(folder.path("r1").exists());
}

/// Recordings of both sides, as many as there may be.
fn record_all(scene: &mut Scene, writer: &Writer, folder: &Folder) {
    for index in 0..MAX_RECORDINGS {
        let name = format!("r{index}");
        let track = writer.open(LegId(1), name.clone(), folder.path(&name), 2);
        let spec = RecordSpec {
            name,
            sides: Sides::Stereo,
            max_ms: 3_600_000,
            silence_ms: 0,
            is_trimmed: false,
        };
        scene.leg.record(Recorder::new(spec, track, scene.now()));
    }
}

#[test]
fn a_disk_that_takes_nothing_ends_recordings_and_the_audio_is_as_it_would_be_without() {
    let folder = Folder::new();
    let pipe = folder.path("r0.part"); // it holds 64 kB, and nobody reads it: whoever writes more waits
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let queue = Arc::new(ReportQueue::new().unwrap());
    let mut writer = Writer::start(queue.clone()).unwrap();
    let (mut recorded, mut alone) = (Scene::new(), Scene::new());
    record_all(&mut recorded, &writer, &folder);
    for scene in [&mut recorded, &mut alone] {
        scene.leg.echo(Some(0));
    }
    let mut turns = 0;
    while !recorded.leg.recorders.is_empty() {
        turns += 1;
        assert!(turns < 10_000, "what waits for the disk has no bound");
        let said: [u8; FRAME] = std::array::from_fn(|n| Law::Mu.compress(voice(turns * FRAME + n)));
        recorded.hear(&said);
        alone.hear(&said);
        assert_eq!(recorded.turn(), alone.turn());
    }
    let reader = std::thread::spawn(move || fs::read(pipe).unwrap().len());
    writer.stop().unwrap().join().unwrap();
    assert!(reader.join().unwrap() > 0);
    let reports = queue.drain();
    assert_eq!(reports.len(), MAX_RECORDINGS);
    for (_, report) in reports {
        assert!(
            matches!(&report, Report::RecordingFinished { outcome: RecordingOutcome::Failed(reason), .. }
                if reason.ends_with("the disk is too slow")),
            "{report:?}"
        );
    }
}

/// A room's turn, in which it gives that; what then leaves.
fn room_turn(scene: &mut Scene, given: Option<u8>) -> Option<u8> {
    let now = scene.now();
    scene.frame += 1;
    let mut heard = [0; FRAME];
    scene.leg.hear_turn(&mut heard, now, &mut scene.reports);
    let mut room = [0; MAX_PACKET];
    let octets = given.map(|octet| [octet; FRAME]);
    let outgoing = scene.leg.room_frame(
        now,
        octets.as_ref().map(Said::Octets),
        &mut room,
        &mut scene.reports,
    )?;
    scene.leg.sent(&outgoing, now);
    Some(room[HEADER])
}

#[test]
fn in_a_room_it_sends_what_the_room_gives_unless_something_is_played_to_it() {
    let mut scene = Scene::new();
    scene.leg.enter_room(true);
    assert!(!scene.leg.needs_frames());
    assert_eq!(room_turn(&mut scene, Some(7)), Some(7));
    assert_eq!(room_turn(&mut scene, None), None);
    scene.play("p", vec![Voice::Silence(320)]);
    let silence = Law::Mu.silence();
    for _ in 0..2 {
        assert_eq!(room_turn(&mut scene, Some(7)), Some(silence));
    }
    assert_eq!(room_turn(&mut scene, Some(8)), Some(8));
    let finished = Report::PlaybackFinished {
        playback: "p".into(),
        heard_ms: 40,
        end: PlaybackEnd::Completed,
    };
    assert!(scene.reports.take().contains(&finished));
    scene.leg.mutes_outgoing = true;
    assert_eq!(room_turn(&mut scene, Some(7)), None);
    scene.leg.mutes_outgoing = false;
    scene.leg.leave_room();
    assert!(!scene.leg.needs_frames());
}

#[test]
fn a_digit_of_its_peer_is_passed_on_without_the_room_s_sound_between_its_packets() {
    let mut scene = Scene::new();
    scene.leg.is_relayed = true;
    scene.leg.enter_room(true);
    assert_eq!(room_turn(&mut scene, Some(7)), Some(7));
    let digit = scene.header(EVENT);
    let mut sent = Vec::new();
    for _ in 0..4 {
        let now = scene.now();
        let (header, _) = scene
            .leg
            .relay_digit(&digit, &mut [1, 0, 0, 160], 1, now)
            .unwrap();
        sent.push(header.timestamp);
        assert_eq!(room_turn(&mut scene, Some(7)), None);
    }
    assert!(sent.iter().all(|timestamp| *timestamp == sent[0]));
    let later: Vec<_> = (0..4).map(|_| room_turn(&mut scene, Some(7))).collect();
    assert_eq!(later.last(), Some(&Some(7)));
}

#[test]
fn who_hears_the_room_does_not_hear_its_relay_and_who_is_deaf_to_it_does() {
    let mut scene = Scene::new();
    scene.leg.is_relayed = true;
    let mut payload = [0x55; FRAME];
    for (is_fed, hears_relay) in [(true, false), (false, true)] {
        scene.leg.enter_room(is_fed);
        let (header, now) = (scene.header(Pt(0)), scene.now());
        let relayed = scene
            .leg
            .relay_audio(&header, &mut payload, Codec::G711(Law::Mu), now);
        assert_eq!(relayed.is_some(), hears_relay);
        assert_eq!(room_turn(&mut scene, Some(7)).is_some(), is_fed);
    }
}
