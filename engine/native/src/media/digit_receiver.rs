//! Digits coming in (RFC 4733): one start and one end of each key, however many packets carry it.

use super::clock::Moment;
use super::inband_receiver::Known;
use super::report::{Report, Reports};
use super::rtp::samples_between;
use super::telephone_event::{digit_of, TelephoneEvent};

/// Without a packet for so long, a key that never ended has ended.
const TIMEOUT_MS: u64 = 200;
/// The sound of a key may come so much later than its events.
const SOUND_MS: u64 = 500;

/// Makes one start and one end of a key's packets, however many come, in whatever order.
#[derive(Debug, Default)]
pub struct DigitReceiver {
    key: Option<Key>,
}

#[derive(Debug)]
struct Key {
    digit: char,
    timestamp: u32,
    /// Units of segments before the current one (RFC 4733 §2.5.1.3).
    before: u32,
    /// Units for each ms.
    units: u32,
    duration: u16,
    heard_at: Moment,
    is_down: bool,
}

impl Key {
    fn end(&mut self, reports: &mut Reports) {
        self.is_down = false;
        reports.push(Report::DigitEnded {
            digit: self.digit,
            duration_ms: (self.before + u32::from(self.duration)) / self.units,
        });
    }
}

impl DigitReceiver {
    /// An event packet with its RTP timestamp, by a clock with so many units for each sample of 8 kHz. Events that are no keys (flash, ...) are passed over. `known` is asked of each
    /// new key whether it was heard already.
    pub fn receive(
        &mut self,
        event: TelephoneEvent,
        (timestamp, clock): (u32, u32),
        now: Moment,
        known: impl FnOnce(char) -> Known,
        reports: &mut Reports,
    ) {
        let Some(digit) = digit_of(event.code) else {
            return;
        };
        if let Some(key) = &mut self.key {
            let step = samples_between(key.timestamp, timestamp);
            let is_next_segment = key.is_down
                && digit == key.digit
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
            let known = known(digit);
            if known == Known::Not {
                reports.push(Report::DigitStarted { digit });
            }
            Key {
                digit,
                timestamp,
                before: 0,
                units: clock.max(1) * 8,
                duration: 0,
                heard_at: now,
                is_down: known != Known::Over,
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

    /// True for a while after a key: what is heard meanwhile is that key's sound.
    pub fn is_fresh(&self, now: Moment) -> bool {
        self.key
            .as_ref()
            .is_some_and(|key| key.is_down || now.ms_since(key.heard_at) < SOUND_MS)
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
    fn many_packets_are_one_key() {
        let (mut receiver, mut reports) = (DigitReceiver::default(), Reports::default());
        for frame in 0..5 {
            receiver.receive(
                event(5, false, 160 * (frame as u16 + 1)),
                (1000, 1),
                at(frame),
                |_| Known::Not,
                &mut reports,
            );
        }
        assert!(receiver.is_down());
        for _ in 0..3 {
            receiver.receive(
                event(5, true, 960),
                (1000, 1),
                at(5),
                |_| Known::Not,
                &mut reports,
            );
        }
        receiver.receive(
            event(5, false, 800),
            (1000, 1),
            at(6),
            |_| Known::Not,
            &mut reports,
        ); // late
        assert_eq!(reports.take(), [started('5'), ended('5', 120)]);
        receiver.expire(at(500), &mut reports);
        assert!(reports.take().is_empty());
    }

    #[test]
    fn the_same_key_twice_is_two_keys() {
        let (mut receiver, mut reports) = (DigitReceiver::default(), Reports::default());
        receiver.receive(
            event(1, true, 800),
            (1000, 1),
            at(0),
            |_| Known::Not,
            &mut reports,
        );
        receiver.receive(
            event(1, true, 400),
            (3000, 1),
            at(10),
            |_| Known::Not,
            &mut reports,
        );
        receiver.receive(
            event(1, true, 800),
            (1000, 1),
            at(11),
            |_| Known::Not,
            &mut reports,
        ); // late, of the first
        assert_eq!(
            reports.take(),
            [started('1'), ended('1', 100), started('1'), ended('1', 50)]
        );
    }

    #[test]
    fn a_key_without_end_ends_by_time_or_by_the_next_key() {
        let (mut receiver, mut reports) = (DigitReceiver::default(), Reports::default());
        receiver.receive(
            event(2, false, 160),
            (0, 1),
            at(0),
            |_| Known::Not,
            &mut reports,
        );
        receiver.receive(
            event(3, false, 320),
            (4000, 1),
            at(5),
            |_| Known::Not,
            &mut reports,
        );
        receiver.expire(at(14), &mut reports);
        assert_eq!(reports.take(), [started('2'), ended('2', 20), started('3')]);
        receiver.expire(at(15), &mut reports);
        assert_eq!(reports.take(), [ended('3', 40)]);
        receiver.receive(
            event(3, false, 160),
            (9000, 1),
            at(20),
            |_| Known::Not,
            &mut reports,
        );
        receiver.restart(&mut reports);
        assert_eq!(reports.take(), [started('3'), ended('3', 20)]);
    }

    #[test]
    fn segments_of_a_long_key_are_one_key() {
        let (mut receiver, mut reports) = (DigitReceiver::default(), Reports::default());
        receiver.receive(
            event(9, false, 0xffff),
            (0, 1),
            at(0),
            |_| Known::Not,
            &mut reports,
        );
        receiver.receive(
            event(9, false, 160),
            (0xffff, 1),
            at(1),
            |_| Known::Not,
            &mut reports,
        );
        receiver.receive(
            event(9, true, 800),
            (0xffff, 1),
            at(5),
            |_| Known::Not,
            &mut reports,
        );
        assert_eq!(
            reports.take(),
            [started('9'), ended('9', (0xffff + 800) / 8)]
        );
    }

    #[test]
    fn what_is_no_key_is_passed_over() {
        let (mut receiver, mut reports) = (DigitReceiver::default(), Reports::default());
        receiver.receive(
            event(16, true, 800),
            (0, 1),
            at(0),
            |_| Known::Not,
            &mut reports,
        );
        assert!(reports.take().is_empty());
    }
}
