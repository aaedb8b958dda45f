use super::super::rtp::{Pt, Seq, Ssrc};
use super::*;

fn pipe(hears_sent: bool) -> Pipe {
    let spec = PipeSpec {
        name: "1".into(),
        id: 5,
        shape: Shape::of(Encoding::Linear, 8000).unwrap(),
        hears_received: true,
        hears_sent,
        gauge: Arc::default(),
    };
    Pipe::new(spec, Moment(0))
}

fn packet(number: u16) -> Header {
    Header {
        marker: false,
        payload_type: Pt(0),
        sequence: Seq(number),
        timestamp: u32::from(number) * FRAME as u32,
        ssrc: Ssrc(9),
    }
}

#[test]
fn a_frame_of_each_side_comes_each_turn_be_it_silence() {
    let (mut pipe, mut reports) = (pipe(true), Reports::default());
    for turn in 1..=10 {
        let now = Moment(0).plus_ms(u64::from(turn) * 20);
        pipe.hear(&packet(turn), &[1000; FRAME], now);
        pipe.turn(now, &mut reports);
    }
    let frames = reports.frames();
    let sides: Vec<(Side, u64)> = frames
        .iter()
        .map(|(frame, _)| (frame.side, frame.at_ms))
        .collect();
    assert_eq!(sides.len(), 20);
    assert_eq!(sides[18..], [(Side::Received, 200), (Side::Sent, 200)]);
    let last = |side| {
        let (_, range) = frames
            .iter()
            .filter(|(frame, _)| frame.side == side)
            .last()
            .unwrap();
        let octets = &frames.octets()[range];
        i16::from_le_bytes([octets[200], octets[201]])
    };
    assert_eq!((last(Side::Received), last(Side::Sent)), (1000, 0));
}

#[test]
fn a_side_that_nobody_wants_gives_nothing() {
    let (mut pipe, mut reports) = (pipe(false), Reports::default());
    pipe.hear_sent(&packet(1), &[1000; FRAME], Moment(0));
    pipe.turn(Moment(0).plus_ms(20), &mut reports);
    assert_eq!(reports.frames().iter().count(), 1);
}
