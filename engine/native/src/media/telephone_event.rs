//! Digits as named events (RFC 4733): the payload, the receiver that makes one key of many packets, and the sender.

use std::collections::VecDeque;

use super::clock::{Moment, FRAME};
use super::report::{Report, Reports};
use super::rtp::{samples_between, Malformed};

/// The payload's length.
pub const PAYLOAD: usize = 4;
/// Without a packet for so long, a key that never ended has ended.
const TIMEOUT_MS: u64 = 200;
/// The end is said three times (RFC 4733 §2.5.1.4).
const END_PACKETS: u8 = 3;
/// 10 to the minus what our tones would have in dBm0.
const VOLUME: u8 = 10;
/// Events 0 to 15, in the order of their codes (RFC 4733 §3.2).
const KEYS: &[u8; 16] = b"0123456789*#ABCD";
/// Digits that may wait to be sent.
const MAX_WAITING: usize = 4096;
/// Longest key, so that its duration fits 16 bits without segments.
const MAX_DURATION_MS: u32 = 8000;

/// One packet's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelephoneEvent {
    /// Which event; 0 to 15 are keys.
    pub code: u8,
    /// The event is over.
    pub is_end: bool,
    /// So far, in samples.
    pub duration: u16,
}

impl TelephoneEvent {
    /// Read a payload; further events after the first four octets are not looked at.
    pub fn read(payload: &[u8]) -> Result<Self, Malformed> {
        let octets: &[u8; PAYLOAD] = payload.first_chunk().ok_or(Malformed)?;
        Ok(TelephoneEvent {
            code: octets[0],
            is_end: octets[1] & 0x80 != 0,
            duration: u16::from_be_bytes([octets[2], octets[3]]),
        })
    }

    /// Write the payload.
    pub fn write(&self, payload: &mut [u8]) {
        payload[0] = self.code;
        payload[1] = u8::from(self.is_end) << 7 | VOLUME;
        payload[2..4].copy_from_slice(&self.duration.to_be_bytes());
    }
}

/// The event code of a key, None if it is none.
pub fn code_of(key: char) -> Option<u8> {
    let key = key.to_ascii_uppercase();
    KEYS.iter()
        .position(|known| char::from(*known) == key)
        .map(|code| code as u8)
}

/// Makes one start and one end of a key's packets, however many come, in whatever order.
#[derive(Debug, Default)]
pub struct DigitReceiver {
    key: Option<Key>,
}

#[derive(Debug)]
struct Key {
    code: u8,
    timestamp: u32,
    /// Samples of segments before the current one (RFC 4733 §2.5.1.3).
    before: u32,
    duration: u16,
    heard_at: Moment,
    is_down: bool,
}

impl Key {
    fn end(&mut self, reports: &mut Reports) {
        self.is_down = false;
        reports.push(Report::DigitEnded {
            digit: digit_of(self.code),
            duration_ms: (self.before + u32::from(self.duration)) / 8,
        });
    }
}

impl DigitReceiver {
    /// An event packet with its RTP timestamp. Events that are no keys (flash, ...) are passed over.
    pub fn receive(
        &mut self,
        event: TelephoneEvent,
        timestamp: u32,
        now: Moment,
        reports: &mut Reports,
    ) {
        if usize::from(event.code) >= KEYS.len() {
            return;
        }
        if let Some(key) = &mut self.key {
            let step = samples_between(key.timestamp, timestamp);
            let is_next_segment = key.is_down
                && event.code == key.code
                && key.duration >= 0x8000
                && step == i32::from(key.duration);
            if is_next_segment {
                key.before += u32::from(key.duration);
                key.timestamp = timestamp;
                key.duration = 0;
            } else if step < 0 && now.ms_since(key.heard_at) < 1000 {
                return; // a late packet of the key before
            } else if step != 0 {
                if key.is_down {
                    key.end(reports);
                }
                self.key = None;
            }
        }
        let key = self.key.get_or_insert_with(|| {
            reports.push(Report::DigitStarted {
                digit: digit_of(event.code),
            });
            Key {
                code: event.code,
                timestamp,
                before: 0,
                duration: 0,
                heard_at: now,
                is_down: true,
            }
        });
        if key.is_down {
            key.heard_at = now;
            key.duration = key.duration.max(event.duration);
            if event.is_end {
                key.end(reports);
            }
        }
    }

    /// A key is down: it may have to be timed out.
    pub fn is_down(&self) -> bool {
        self.key.as_ref().is_some_and(|key| key.is_down)
    }

    /// End a key whose packets have stopped.
    pub fn expire(&mut self, now: Moment, reports: &mut Reports) {
        if let Some(key) = self.key.as_mut().filter(|key| key.is_down) {
            if now.ms_since(key.heard_at) >= TIMEOUT_MS {
                key.end(reports);
            }
        }
    }

    /// The source is another one: its timestamps say nothing about the last key.
    pub fn restart(&mut self, reports: &mut Reports) {
        if let Some(key) = self.key.as_mut().filter(|key| key.is_down) {
            key.end(reports);
        }
        self.key = None;
    }
}

fn digit_of(code: u8) -> char {
    char::from(KEYS[usize::from(code) & 15])
}

/// Digits waiting to be sent under one name.
#[derive(Debug)]
struct Sending {
    name: String,
    keys: VecDeque<u8>,
    sent: String,
    duration: u16,
    gap_frames: u32,
    is_stopped: bool,
}

impl Sending {
    fn finish(self, reports: &mut Reports) {
        reports.push(digits_sent(self.name, self.sent, !self.is_stopped));
    }
}

/// What to send in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The payload.
    pub event: TelephoneEvent,
    /// First packet of its key: a new timestamp, and the marker.
    pub is_first: bool,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Down { code: u8, duration: u16 },
    Ending { code: u8, copies_left: u8 },
    Gap { frames_left: u32 },
}

/// Sends digits one after another, one packet a frame.
#[derive(Debug, Default)]
pub struct DigitSender {
    sendings: VecDeque<Sending>,
    step: Option<Step>,
}

impl DigitSender {
    /// Send `digits` after what still waits. Too many waiting: it ends at once, with none sent.
    pub fn send(
        &mut self,
        name: String,
        digits: &str,
        duration_ms: u32,
        gap_ms: u32,
        reports: &mut Reports,
    ) {
        let waiting: usize = self
            .sendings
            .iter()
            .map(|sending| sending.keys.len() + 1)
            .sum();
        let keys: VecDeque<u8> = digits.chars().filter_map(code_of).collect();
        if waiting + keys.len() > MAX_WAITING {
            reports.push(digits_sent(name, String::new(), false));
            return;
        }
        // Whole frames; the end packets after the first take two frames of the gap.
        let frames = duration_ms.clamp(20, MAX_DURATION_MS).div_ceil(20);
        self.sendings.push_back(Sending {
            name,
            keys,
            sent: String::new(),
            duration: (frames * FRAME as u32) as u16,
            gap_frames: gap_ms
                .min(60_000)
                .div_ceil(20)
                .saturating_sub(u32::from(END_PACKETS) - 1)
                .max(1),
            is_stopped: false,
        });
        if self.step.is_none() {
            self.begin_key(reports);
        }
    }

    /// True while there is something to send, or a gap to keep.
    pub fn is_busy(&self) -> bool {
        self.step.is_some()
    }

    /// Stop the sending of that name. A key that is down comes up properly first.
    pub fn stop(&mut self, name: &str, reports: &mut Reports) {
        let Some(index) = self
            .sendings
            .iter()
            .position(|sending| sending.name == name)
        else {
            return;
        };
        let sending = &mut self.sendings[index];
        sending.keys.clear();
        sending.is_stopped = true;
        match self.step {
            Some(Step::Down { duration, .. }) if index == 0 => {
                sending.duration = duration + FRAME as u16
            }
            Some(Step::Ending { .. }) if index == 0 => {}
            _ if index == 0 => self.begin_key(reports),
            _ => {
                if let Some(sending) = self.sendings.remove(index) {
                    sending.finish(reports);
                }
            }
        }
    }

    /// None of what waits can be sent: no telephone-event was agreed.
    pub fn refuse(&mut self, reports: &mut Reports) {
        self.step = None;
        for sending in self.sendings.drain(..) {
            sending.finish(reports);
        }
    }

    /// The packet of this frame; None in a gap. `can_send` false: time runs on, and the key does not count as sent.
    pub fn frame(&mut self, can_send: bool, reports: &mut Reports) -> Option<Outgoing> {
        if let Some(Step::Gap { frames_left }) = self.step {
            if frames_left > 1 {
                self.step = Some(Step::Gap {
                    frames_left: frames_left - 1,
                });
            } else {
                self.begin_key(reports);
            }
            return None;
        }
        let sending = self.sendings.front_mut()?;
        match self.step? {
            Step::Gap { .. } => None,
            Step::Down { code, duration } => {
                let now = duration + FRAME as u16;
                let is_end = now >= sending.duration;
                self.step = Some(if is_end {
                    if can_send {
                        sending.sent.push(digit_of(code));
                    }
                    Step::Ending {
                        code,
                        copies_left: END_PACKETS - 1,
                    }
                } else {
                    Step::Down {
                        code,
                        duration: now,
                    }
                });
                Some(outgoing(code, is_end, now, duration == 0))
            }
            Step::Ending { code, copies_left } => {
                let packet = outgoing(code, true, sending.duration, false);
                self.step = Some(if copies_left > 1 {
                    Step::Ending {
                        code,
                        copies_left: copies_left - 1,
                    }
                } else {
                    Step::Gap {
                        frames_left: sending.gap_frames,
                    }
                });
                if copies_left <= 1 && sending.keys.is_empty() {
                    if let Some(done) = self.sendings.pop_front() {
                        done.finish(reports);
                    }
                }
                Some(packet)
            }
        }
    }

    fn begin_key(&mut self, reports: &mut Reports) {
        self.step = None;
        while let Some(sending) = self.sendings.front_mut() {
            if let Some(code) = sending.keys.pop_front() {
                self.step = Some(Step::Down { code, duration: 0 });
                return;
            }
            if let Some(done) = self.sendings.pop_front() {
                done.finish(reports);
            }
        }
    }
}

fn outgoing(code: u8, is_end: bool, duration: u16, is_first: bool) -> Outgoing {
    Outgoing {
        event: TelephoneEvent {
            code,
            is_end,
            duration,
        },
        is_first,
    }
}

fn digits_sent(sending: String, digits: String, is_complete: bool) -> Report {
    Report::DigitsSent {
        sending,
        digits,
        is_complete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(frame: u64) -> Moment {
        Moment(0).plus_ms(frame * 20)
    }

    fn event(code: u8, is_end: bool, duration: u16) -> TelephoneEvent {
        TelephoneEvent {
            code,
            is_end,
            duration,
        }
    }

    fn started(digit: char) -> Report {
        Report::DigitStarted { digit }
    }

    fn ended(digit: char, duration_ms: u32) -> Report {
        Report::DigitEnded { digit, duration_ms }
    }

    #[test]
    fn payloads_read_as_written() {
        let mut payload = [0; 4];
        event(11, true, 960).write(&mut payload);
        assert_eq!(payload, [11, 0x8a, 3, 0xc0]);
        assert_eq!(TelephoneEvent::read(&payload), Ok(event(11, true, 960)));
        assert_eq!(TelephoneEvent::read(&payload[..3]), Err(Malformed));
        assert_eq!(
            (code_of('#'), code_of('d'), code_of('x')),
            (Some(11), Some(15), None)
        );
    }

    #[test]
    fn many_packets_are_one_key() {
        let (mut receiver, mut reports) = (DigitReceiver::default(), Reports::default());
        for frame in 0..5 {
            receiver.receive(
                event(5, false, 160 * (frame as u16 + 1)),
                1000,
                at(frame),
                &mut reports,
            );
        }
        assert!(receiver.is_down());
        for _ in 0..3 {
            receiver.receive(event(5, true, 960), 1000, at(5), &mut reports);
        }
        receiver.receive(event(5, false, 800), 1000, at(6), &mut reports); // late
        assert_eq!(reports.take(), [started('5'), ended('5', 120)]);
        receiver.expire(at(500), &mut reports);
        assert!(reports.take().is_empty());
    }

    #[test]
    fn the_same_key_twice_is_two_keys() {
        let (mut receiver, mut reports) = (DigitReceiver::default(), Reports::default());
        receiver.receive(event(1, true, 800), 1000, at(0), &mut reports);
        receiver.receive(event(1, true, 400), 3000, at(10), &mut reports);
        receiver.receive(event(1, true, 800), 1000, at(11), &mut reports); // late, of the first
        assert_eq!(
            reports.take(),
            [started('1'), ended('1', 100), started('1'), ended('1', 50)]
        );
    }

    #[test]
    fn a_key_without_end_ends_by_time_or_by_the_next_key() {
        let (mut receiver, mut reports) = (DigitReceiver::default(), Reports::default());
        receiver.receive(event(2, false, 160), 0, at(0), &mut reports);
        receiver.receive(event(3, false, 320), 4000, at(5), &mut reports);
        receiver.expire(at(14), &mut reports);
        assert_eq!(reports.take(), [started('2'), ended('2', 20), started('3')]);
        receiver.expire(at(15), &mut reports);
        assert_eq!(reports.take(), [ended('3', 40)]);
        receiver.receive(event(3, false, 160), 9000, at(20), &mut reports);
        receiver.restart(&mut reports);
        assert_eq!(reports.take(), [started('3'), ended('3', 20)]);
    }

    #[test]
    fn segments_of_a_long_key_are_one_key() {
        let (mut receiver, mut reports) = (DigitReceiver::default(), Reports::default());
        receiver.receive(event(9, false, 0xffff), 0, at(0), &mut reports);
        receiver.receive(event(9, false, 160), 0xffff, at(1), &mut reports);
        receiver.receive(event(9, true, 800), 0xffff, at(5), &mut reports);
        assert_eq!(
            reports.take(),
            [started('9'), ended('9', (0xffff + 800) / 8)]
        );
    }

    #[test]
    fn what_is_no_key_is_passed_over() {
        let (mut receiver, mut reports) = (DigitReceiver::default(), Reports::default());
        receiver.receive(event(16, true, 800), 0, at(0), &mut reports);
        assert!(reports.take().is_empty());
    }

    #[test]
    fn a_key_grows_ends_three_times_and_keeps_its_gap() {
        let (mut sender, mut reports) = (DigitSender::default(), Reports::default());
        sender.send("s".into(), "1x#", 50, 80, &mut reports);
        let mut frames = Vec::new();
        while sender.is_busy() {
            frames.push(sender.frame(true, &mut reports));
        }
        let key = |code| {
            [
                Some(outgoing(code, false, 160, true)),
                Some(outgoing(code, false, 320, false)),
                Some(outgoing(code, true, 480, false)),
                Some(outgoing(code, true, 480, false)),
                Some(outgoing(code, true, 480, false)),
                None,
                None,
            ]
        };
        assert_eq!(frames, [key(1), key(11)].concat());
        assert_eq!(reports.take(), [digits_sent("s".into(), "1#".into(), true)]);
    }

    #[test]
    fn sendings_queue_and_each_can_be_stopped() {
        let (mut sender, mut reports) = (DigitSender::default(), Reports::default());
        sender.send("a".into(), "12", 20, 0, &mut reports);
        sender.send("b".into(), "3", 20, 0, &mut reports);
        sender.send("c".into(), "4", 20, 0, &mut reports);
        sender.stop("b", &mut reports);
        sender.stop("a", &mut reports);
        sender.stop("nobody", &mut reports);
        let stopped = |name: &str, sent: &str| digits_sent(name.into(), sent.into(), false);
        assert_eq!(reports.take(), [stopped("b", "")]);
        let frames: Vec<_> = (0..6).map(|_| sender.frame(true, &mut reports)).collect();
        assert_eq!(
            frames[..3],
            [
                Some(outgoing(1, true, 160, true)),
                Some(outgoing(1, true, 160, false)),
                Some(outgoing(1, true, 160, false))
            ]
        );
        assert_eq!(frames[4], Some(outgoing(4, true, 160, true)));
        sender.frame(true, &mut reports);
        assert_eq!(
            reports.take(),
            [stopped("a", "1"), digits_sent("c".into(), "4".into(), true)]
        );
    }

    #[test]
    fn nothing_to_send_and_nothing_agreed_end_at_once() {
        let (mut sender, mut reports) = (DigitSender::default(), Reports::default());
        sender.send("empty".into(), "", 100, 80, &mut reports);
        sender.send("huge".into(), &"1".repeat(5000), 100, 80, &mut reports);
        sender.send("refused".into(), "1", 100, 80, &mut reports);
        sender.refuse(&mut reports);
        assert!(!sender.is_busy());
        assert_eq!(
            reports.take(),
            [
                digits_sent("empty".into(), String::new(), true),
                digits_sent("huge".into(), String::new(), false),
                digits_sent("refused".into(), String::new(), true),
            ]
        );
    }

    #[test]
    fn what_may_not_be_sent_does_not_count_as_sent() {
        let (mut sender, mut reports) = (DigitSender::default(), Reports::default());
        sender.send("held".into(), "7", 20, 0, &mut reports);
        while sender.is_busy() {
            sender.frame(false, &mut reports);
        }
        assert_eq!(
            reports.take(),
            [digits_sent("held".into(), String::new(), true)]
        );
    }
}
