//! Digits going out, one after another, each with its gap: as events (RFC 4733), a packet every frame and an end said three
//! times, or as their tones, for peers that know nothing else.

use std::collections::VecDeque;

use super::clock::FRAME;
use super::report::{Report, Reports};
use super::telephone_event::{code_of, digit_of, TelephoneEvent};

/// The end is said three times (RFC 4733 §2.5.1.4).
const END_PACKETS: u8 = 3;
/// Digits that may wait to be sent.
const MAX_WAITING: usize = 4096;
/// Longest key, so that its duration fits 16 bits without segments.
const MAX_DURATION_MS: u32 = 8000;

/// How digits go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As RFC 4733 events.
    Event,
    /// In band, as tones.
    Tone,
}

/// Digits waiting to be sent under one name.
#[derive(Debug)]
struct Sending {
    way: Way,
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
pub enum Outgoing {
    /// A packet of an event.
    Event {
        /// The payload.
        event: TelephoneEvent,
        /// First packet of its key: a new timestamp, and the marker.
        is_first: bool,
    },
    /// A frame of a key's tones, so many samples after their beginning.
    Tone {
        /// The key.
        key: char,
        /// How far it is.
        position: u16,
    },
    /// A frame of the silence between two keys' tones.
    Silence,
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
        way: Way,
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
        let copies = match way {
            Way::Event => u32::from(END_PACKETS) - 1,
            Way::Tone => 0,
        };
        self.sendings.push_back(Sending {
            way,
            name,
            keys,
            sent: String::new(),
            duration: (frames * FRAME as u32) as u16,
            gap_frames: gap_ms
                .min(60_000)
                .div_ceil(20)
                .saturating_sub(copies)
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

    /// Nothing that waits can be sent as events: no telephone-event was agreed.
    pub fn refuse_events(&mut self, reports: &mut Reports) {
        let is_refused = |sending: &Sending| sending.way == Way::Event;
        let was_running = self.sendings.front().is_some_and(is_refused);
        let (refused, kept) = std::mem::take(&mut self.sendings)
            .into_iter()
            .partition(is_refused);
        self.sendings = kept;
        let refused: VecDeque<Sending> = refused;
        for sending in refused {
            sending.finish(reports);
        }
        if was_running {
            self.begin_key(reports);
        }
    }

    /// What this frame is; None in the gap after an event. `can_send` false: time runs on, and the key does not count as sent.
    pub fn frame(&mut self, can_send: bool, reports: &mut Reports) -> Option<Outgoing> {
        if let Some(Step::Gap { frames_left }) = self.step {
            if frames_left > 1 {
                self.step = Some(Step::Gap {
                    frames_left: frames_left - 1,
                });
            } else {
                self.begin_key(reports);
            }
            let is_tone = |sending: &Sending| sending.way == Way::Tone;
            return (self.sendings.front().is_some_and(is_tone)).then_some(Outgoing::Silence);
        }
        let sending = self.sendings.front_mut()?;
        match self.step? {
            Step::Gap { .. } => None,
            Step::Down { code, duration } if sending.way == Way::Tone => {
                self.tone_frame(code, duration, can_send, reports)
            }
            Step::Down { code, duration } => {
                let now = duration + FRAME as u16;
                let is_end = now >= sending.duration;
                self.step = Some(if is_end {
                    if can_send {
                        sending.sent.extend(digit_of(code));
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

    fn tone_frame(
        &mut self,
        code: u8,
        duration: u16,
        can_send: bool,
        reports: &mut Reports,
    ) -> Option<Outgoing> {
        let sending = self.sendings.front_mut()?;
        let key = digit_of(code)?;
        let now = duration + FRAME as u16;
        self.step = Some(Step::Down {
            code,
            duration: now,
        });
        if now >= sending.duration {
            sending.sent.extend(can_send.then_some(key));
            self.step = Some(Step::Gap {
                frames_left: sending.gap_frames,
            });
            if sending.keys.is_empty() {
                if let Some(done) = self.sendings.pop_front() {
                    done.finish(reports);
                }
            }
        }
        Some(Outgoing::Tone {
            key,
            position: duration,
        })
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
    Outgoing::Event {
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

    #[test]
    fn a_key_grows_ends_three_times_and_keeps_its_gap() {
        let (mut sender, mut reports) = (DigitSender::default(), Reports::default());
        sender.send("s".into(), "1x#", Way::Event, 50, 80, &mut reports);
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
        sender.send("a".into(), "12", Way::Event, 20, 0, &mut reports);
        sender.send("b".into(), "3", Way::Event, 20, 0, &mut reports);
        sender.send("c".into(), "4", Way::Event, 20, 0, &mut reports);
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
        sender.send("empty".into(), "", Way::Event, 100, 80, &mut reports);
        sender.send(
            "huge".into(),
            &"1".repeat(5000),
            Way::Event,
            100,
            80,
            &mut reports,
        );
        sender.send("refused".into(), "1", Way::Event, 100, 80, &mut reports);
        sender.refuse_events(&mut reports);
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
        sender.send("held".into(), "7", Way::Event, 20, 0, &mut reports);
        while sender.is_busy() {
            sender.frame(false, &mut reports);
        }
        assert_eq!(
            reports.take(),
            [digits_sent("held".into(), String::new(), true)]
        );
    }

    #[test]
    fn tones_are_frames_of_a_key_and_of_the_silence_after_it() {
        let (mut sender, mut reports) = (DigitSender::default(), Reports::default());
        sender.send("s".into(), "5#", Way::Tone, 50, 40, &mut reports);
        let mut frames = Vec::new();
        while sender.is_busy() {
            frames.push(sender.frame(true, &mut reports));
        }
        let tone = |key, position| Some(Outgoing::Tone { key, position });
        let five = [tone('5', 0), tone('5', 160), tone('5', 320)];
        let hash = [tone('#', 0), tone('#', 160), tone('#', 320)];
        let silence = Some(Outgoing::Silence);
        assert_eq!(frames[..3], five);
        assert_eq!(frames[3..5], [silence; 2]);
        assert_eq!(frames[5..8], hash);
        assert_eq!(reports.take(), [digits_sent("s".into(), "5#".into(), true)]);
    }

    #[test]
    fn what_cannot_go_as_an_event_leaves_what_goes_as_tones() {
        let (mut sender, mut reports) = (DigitSender::default(), Reports::default());
        sender.send("event".into(), "1", Way::Event, 50, 40, &mut reports);
        sender.send("tone".into(), "2", Way::Tone, 50, 40, &mut reports);
        sender.refuse_events(&mut reports);
        assert_eq!(
            reports.take(),
            [digits_sent("event".into(), String::new(), true)]
        );
        let first = sender.frame(true, &mut reports);
        assert_eq!(
            first,
            Some(Outgoing::Tone {
                key: '2',
                position: 0
            })
        );
    }
}
