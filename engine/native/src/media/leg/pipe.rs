//! A leg's pipes: programs outside that hear what it says and hears, and of which one at a time speaks.

use super::super::clock::{Moment, FRAME};
use super::super::codec::Rate;
use super::super::pipe::{Inflow, Pipe, PipeSpec, MAX_PIPES};
use super::super::report::Reports;
use super::{Leg, Outgoing, MAX_PACKET};

impl Leg {
    /// Open one more. Too many are not opened, which whoever steers knows, too.
    pub fn open_pipe(&mut self, spec: PipeSpec, now: Moment) {
        if self.pipes.len() < MAX_PIPES {
            self.pipes.push(Pipe::new(spec, now));
            self.listen_to_itself();
        }
    }

    /// What comes into the pipe of that id. What is over takes nothing.
    pub fn pour(&mut self, id: u64, inflow: Inflow, now: Moment, reports: &mut Reports) {
        let Some(index) = self.pipes.iter().position(|pipe| pipe.id == id) else {
            return;
        };
        let mouth = &mut self.pipes[index].mouth;
        let was_open = mouth.is_open();
        match inflow {
            Inflow::Piece(piece) => return mouth.take(piece, now, reports),
            Inflow::Clear => mouth.clear(reports),
            Inflow::Close => drop(self.pipes.remove(index)),
        }
        if was_open {
            self.packetizer.clear();
            self.sender.interrupt();
        }
    }

    /// A program speaks: others do not.
    pub(super) fn is_piped(&self) -> bool {
        self.pipes.iter().any(|pipe| pipe.mouth.is_open())
    }

    /// A program has something to say, and nothing of higher rank is sent.
    pub(super) fn has_pipe_the_word(&mut self, due: Moment) -> bool {
        !self.digits_out.is_busy()
            && self.player.is_none()
            && self.destination().is_some()
            && self
                .pipes
                .iter_mut()
                .any(|pipe| pipe.mouth.is_speaking(due))
    }

    /// The next frame of what a program says.
    pub(super) fn pipe_frame(
        &mut self,
        due: Moment,
        packet: &mut [u8; MAX_PACKET],
        reports: &mut Reports,
    ) -> Option<Outgoing> {
        let mut mouths = self.pipes.iter_mut().map(|pipe| &mut pipe.mouth);
        let mouth = mouths.find_map(|mouth| mouth.is_speaking(due).then_some(mouth))?;
        let mut samples = [0; FRAME];
        mouth.fill(&mut samples, reports);
        let is_last = !mouth.is_open();
        self.push_samples(&samples, Rate::Narrow, due);
        self.next_packet(is_last, packet)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::codec::{g711::Law, Codec};
    use super::super::super::pipe::{Encoding, Gauge, Piece, Shape};
    use super::super::super::player::PlaySpec;
    use super::super::super::report::{LegId, Report};
    use super::super::super::rtp::{Header, Pt, Seq, Ssrc, HEADER};
    use super::super::super::testing::stream_with;
    use super::*;

    struct Scene {
        leg: Leg,
        reports: Reports,
        gauge: Arc<Gauge>,
        turns: u64,
    }

    impl Scene {
        fn new() -> Self {
            let mut scene = Scene {
                leg: Leg::new(LegId(1), [1, 2]),
                reports: Reports::default(),
                gauge: Arc::default(),
                turns: 0,
            };
            let stream = stream_with(([192, 0, 2, 1], 4000).into());
            scene.leg.update(stream, Moment(0), &mut scene.reports);
            let spec = PipeSpec {
                name: "p".into(),
                id: 9,
                shape: Shape::of(Encoding::Mu, 8000).unwrap(),
                hears_received: true,
                hears_sent: true,
                gauge: scene.gauge.clone(),
            };
            scene.leg.open_pipe(spec, Moment(0));
            scene
        }

        fn say(&mut self, sample: i16, ms: usize) {
            let samples = vec![sample; ms * 8];
            self.gauge.add(samples.len());
            self.pour(Inflow::Piece(Piece::Sound(samples)));
        }

        fn mark(&mut self, mark: u64) {
            self.gauge.add(0);
            self.pour(Inflow::Piece(Piece::Mark(mark)));
        }

        fn pour(&mut self, inflow: Inflow) {
            let now = Moment(0).plus_ms(self.turns * 20);
            self.leg.pour(9, inflow, now, &mut self.reports);
        }

        /// The first sample of what is sent in the next turn.
        fn turn(&mut self) -> Option<i16> {
            self.turns += 1;
            let due = Moment(0).plus_ms(self.turns * 20);
            let mut packet = [0; MAX_PACKET];
            let outgoing = self.leg.frame(due, &mut packet, &mut self.reports)?;
            assert_eq!(outgoing.length, HEADER + FRAME);
            Some(Law::Mu.expand(packet[HEADER]))
        }

        fn relays(&mut self) -> bool {
            let header = Header {
                marker: false,
                payload_type: Pt(0),
                sequence: Seq(self.turns as u16),
                timestamp: self.turns as u32 * 160,
                ssrc: Ssrc(4),
            };
            let now = Moment(0).plus_ms(self.turns * 20);
            let mut payload = [Law::Mu.compress(2000); FRAME];
            self.leg
                .relay_audio(&header, &mut payload, Codec::G711(Law::Mu), now)
                .is_some()
        }
    }

    #[test]
    fn what_is_said_leaves_frame_by_frame_in_place_of_the_relayed_voice() {
        let mut scene = Scene::new();
        scene.leg.is_relayed = true;
        assert!(scene.relays());
        scene.say(1000, 60);
        let said: Vec<Option<i16>> = (0..4).map(|_| scene.turn()).collect();
        assert_eq!(said, [Some(988), Some(988), Some(988), None]); // mu-law's nearest to 1000
        assert!(scene.relays());
        scene.say(1000, 60);
        scene.turn();
        assert!(!scene.relays());
    }

    #[test]
    fn cleared_the_next_turn_is_silent_and_the_mark_was_not_heard() {
        let mut scene = Scene::new();
        scene.say(1000, 10_000);
        scene.mark(3);
        assert!(scene.turn().is_some());
        scene.pour(Inflow::Clear);
        assert_eq!(scene.turn(), None);
        let passed = Report::PipeMarked {
            pipe: "p".into(),
            mark: 3,
            is_heard: false,
        };
        assert_eq!(scene.reports.take(), [passed]);
        assert_eq!(scene.gauge.said(), 160);
    }

    #[test]
    fn a_playback_goes_first_and_none_of_what_waits_is_lost() {
        let mut scene = Scene::new();
        scene.say(1000, 60);
        let spec = PlaySpec {
            name: "play".into(),
            repeat: 1,
            gain_db: 0.0,
            offset_ms: 0,
            fades_ms: Default::default(),
        };
        scene.leg.play(spec, Arc::default(), &mut scene.reports);
        assert_eq!((scene.turn(), scene.turn()), (None, None)); // its file is still being read
        let now = Moment(0).plus_ms(40);
        scene.leg.stop("play", now, &mut scene.reports);
        assert_eq!((0..4).filter_map(|_| scene.turn()).count(), 3);
    }

    #[test]
    fn what_is_said_is_heard_on_the_side_of_what_is_sent() {
        let mut scene = Scene::new();
        scene.say(1000, 400);
        for _ in 0..10 {
            scene.turn();
        }
        let frames = scene.reports.frames();
        let heard = frames
            .iter()
            .filter(|(frame, range)| {
                frame.side == super::super::super::frames::Side::Sent
                    && frames.octets()[range.start + 80] == Law::Mu.compress(1000)
            })
            .count();
        assert!(heard >= 6, "{heard} of 10 frames");
    }

    #[test]
    fn what_cannot_be_sent_waits() {
        let mut scene = Scene::new();
        let held = super::super::super::stream::Stream {
            may_send: false,
            ..stream_with(([192, 0, 2, 1], 4000).into())
        };
        scene.leg.update(held, Moment(0), &mut scene.reports);
        scene.say(1000, 60);
        assert_eq!(scene.turn(), None);
        assert_eq!(scene.gauge.waiting(), 480);
    }
}
