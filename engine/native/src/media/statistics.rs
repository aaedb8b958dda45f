//! A leg's figures: written by its media thread alone, read by anybody at any time, without a lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Written by one thread, so that adding needs no more than a load and a store.
#[derive(Debug, Default)]
pub struct Counters {
    packets_sent: AtomicU64,
    octets_sent: AtomicU64,
    packets_received: AtomicU64,
    octets_received: AtomicU64,
    packets_discarded: AtomicU64,
    packets_forged: AtomicU64,
    packets_replayed: AtomicU64,
    packets_lost: AtomicU64,
    jitter: AtomicU32,
    packets_late: AtomicU64,
    /// In samples.
    playout_depth: AtomicU32,
    /// The greatest so far, in samples.
    deepest_playout: AtomicU32,
    packets_delayed: AtomicU64,
    remote_packets_lost: AtomicU32,
    remote_jitter: AtomicU32,
    /// In 1/65536 s, plus one; 0: not known.
    round_trip: AtomicU32,
}

/// The figures at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Their payload.
    pub octets_sent: u64,
    /// RTP packets of the peer.
    pub packets_received: u64,
    /// Their payload.
    pub octets_received: u64,
    /// Of the peer's packets, those that never came.
    pub packets_lost: u64,
    /// Malformed, from a stranger, of an unknown payload type, forged, or replayed.
    pub packets_discarded: u64,
    /// RTP and RTCP that should have been protected and was not authentic.
    pub packets_forged: u64,
    /// Protected RTP and RTCP that came once more.
    pub packets_replayed: u64,
    /// Interarrival jitter.
    pub jitter_ms: f64,
    /// Packets that came too late for the jitter buffer.
    pub packets_late: u64,
    /// How deep the jitter buffer is; 0 while none is needed.
    pub playout_ms: f64,
    /// How deep it has been at most.
    pub deepest_playout_ms: f64,
    /// Packets that came after a gap: more than 10 ms later than the one before says.
    pub packets_delayed: u64,
    /// Of our packets, those that the peer says never came.
    pub remote_packets_lost: u64,
    /// The peer's interarrival jitter.
    pub remote_jitter_ms: f64,
    /// There and back by RTCP.
    pub round_trip_ms: Option<f64>,
}

fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Relaxed) + count, Relaxed);
}

impl Counters {
    /// A packet of that much payload went out.
    pub fn sent(&self, payload: usize) {
        add(&self.packets_sent, 1);
        add(&self.octets_sent, payload as u64);
    }

    /// A packet of that much payload came in from the peer; lost, delayed and jitter (in samples) as they are now.
    pub fn received(&self, payload: usize, lost: i64, delayed: u64, jitter: u32) {
        add(&self.packets_received, 1);
        add(&self.octets_received, payload as u64);
        self.packets_lost.store(lost.max(0) as u64, Relaxed);
        self.packets_delayed.store(delayed, Relaxed);
        self.jitter.store(jitter, Relaxed);
    }

    /// A packet was dropped.
    pub fn discarded(&self) {
        add(&self.packets_discarded, 1);
    }

    /// A packet was not authentic.
    pub fn forged(&self) {
        add(&self.packets_forged, 1);
    }

    /// A packet came once more.
    pub fn replayed(&self) {
        add(&self.packets_replayed, 1);
    }

    /// How deep the jitter buffer is, in samples; 0: there is none.
    pub fn buffered(&self, depth: i32) {
        let depth = depth.max(0) as u32;
        self.playout_depth.store(depth, Relaxed);
        if depth > self.deepest_playout.load(Relaxed) {
            self.deepest_playout.store(depth, Relaxed);
        }
    }

    /// A packet came too late for the jitter buffer.
    pub fn late(&self) {
        add(&self.packets_late, 1);
    }

    /// What the peer's report says; the jitter in samples.
    pub fn reported(&self, lost: i32, jitter: u32) {
        self.remote_packets_lost.store(lost.max(0) as u32, Relaxed);
        self.remote_jitter.store(jitter, Relaxed);
    }

    /// A round trip was measured, in 1/65536 s.
    pub fn round_trip(&self, time: u32) {
        self.round_trip.store(time.saturating_add(1), Relaxed);
    }

    /// Packets and payload octets sent, as a sender report wants them.
    pub fn sent_so_far(&self) -> (u32, u32) {
        (
            self.packets_sent.load(Relaxed) as u32,
            self.octets_sent.load(Relaxed) as u32,
        )
    }

    /// All of them now.
    pub fn read(&self) -> Statistics {
        let samples_to_ms = |samples: u32| f64::from(samples) / 8.0;
        let round_trip = self.round_trip.load(Relaxed);
        Statistics {
            packets_sent: self.packets_sent.load(Relaxed),
            octets_sent: self.octets_sent.load(Relaxed),
            packets_received: self.packets_received.load(Relaxed),
            octets_received: self.octets_received.load(Relaxed),
            packets_lost: self.packets_lost.load(Relaxed),
            packets_discarded: self.packets_discarded.load(Relaxed),
            packets_forged: self.packets_forged.load(Relaxed),
            packets_replayed: self.packets_replayed.load(Relaxed),
            jitter_ms: samples_to_ms(self.jitter.load(Relaxed)),
            packets_late: self.packets_late.load(Relaxed),
            playout_ms: samples_to_ms(self.playout_depth.load(Relaxed)),
            deepest_playout_ms: samples_to_ms(self.deepest_playout.load(Relaxed)),
            packets_delayed: self.packets_delayed.load(Relaxed),
            remote_packets_lost: self.remote_packets_lost.load(Relaxed).into(),
            remote_jitter_ms: samples_to_ms(self.remote_jitter.load(Relaxed)),
            round_trip_ms: (round_trip > 0).then(|| f64::from(round_trip - 1) * 1000.0 / 65536.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_read_in_milliseconds() {
        let counters = Counters::default();
        assert_eq!(counters.read(), Statistics::default());
        counters.sent(160);
        counters.received(80, -2, 2, 16);
        counters.discarded();
        counters.forged();
        counters.replayed();
        counters.buffered(240);
        counters.buffered(160);
        counters.late();
        counters.reported(3, 8);
        counters.round_trip(32768);
        let expected = Statistics {
            packets_sent: 1,
            octets_sent: 160,
            packets_received: 1,
            octets_received: 80,
            packets_lost: 0,
            packets_discarded: 1,
            packets_forged: 1,
            packets_replayed: 1,
            jitter_ms: 2.0,
            packets_late: 1,
            playout_ms: 20.0,
            deepest_playout_ms: 30.0,
            packets_delayed: 2,
            remote_packets_lost: 3,
            remote_jitter_ms: 1.0,
            round_trip_ms: Some(500.0),
        };
        assert_eq!(counters.read(), expected);
        assert_eq!(counters.sent_so_far(), (1, 160));
    }
}
