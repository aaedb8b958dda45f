//! What a source's packets have been so far: the greatest index, and which of the 128 below it came (RFC 3711 §3.3.2).

/// How far back it remembers.
const SIZE: u64 = 128;

/// Indices seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    highest: u64,
    /// Bit 0 is the highest.
    seen: u128,
}

impl Window {
    /// The first was that.
    pub fn new(index: u64) -> Self {
        Window {
            highest: index,
            seen: 1,
        }
    }

    /// The greatest so far.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// True when it has not been seen, and is not older than what is remembered.
    pub fn is_new(&self, index: u64) -> bool {
        if index > self.highest {
            return true;
        }
        let age = self.highest - index;
        age < SIZE && self.seen >> age & 1 == 0
    }

    /// It was seen.
    pub fn note(&mut self, index: u64) {
        if index > self.highest {
            let step = index - self.highest;
            let before = if step < SIZE { self.seen << step } else { 0 };
            (self.highest, self.seen) = (index, before | 1);
        } else if self.highest - index < SIZE {
            self.seen |= 1 << (self.highest - index);
        }
    }

    /// The index of an RTP packet with that sequence number: the nearest to the greatest so far (RFC 3711 §3.3.1, appendix A).
    pub fn estimate(&self, sequence: u16) -> u64 {
        let step = sequence.wrapping_sub(self.highest as u16) as i16;
        // Before the beginning there is nothing.
        self.highest
            .checked_add_signed(step.into())
            .unwrap_or(sequence.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_index_is_new_once_and_the_old_ones_never() {
        let mut window = Window::new(1000);
        for index in [1000, 872, 0] {
            assert!(!window.is_new(index), "{index}");
        }
        for index in [873, 999, 1001, 1128, 1001 + 128, 5000, 4999] {
            assert!(window.is_new(index), "{index}");
            window.note(index);
            assert!(!window.is_new(index), "{index}");
        }
        assert_eq!(window.highest(), 5000);
        assert!(!window.is_new(1129) && window.is_new(4873) && !window.is_new(4872));
        window.note(3);
        assert!(window.is_new(4873));
    }

    #[test]
    fn the_rollover_counter_goes_up_and_back_with_the_sequence_numbers() {
        let mut window = Window::new(0xfffe);
        assert_eq!(window.estimate(0xffff), 0xffff);
        assert_eq!(window.estimate(1), 0x1_0001);
        assert_eq!(window.estimate(0x7ffd), 0x1_7ffd);
        assert_eq!(window.estimate(0x7ffe), 0x7ffe);
        window.note(0x1_0001);
        assert_eq!(window.estimate(0xfffd), 0xfffd);
        assert_eq!(window.estimate(2), 0x1_0002);
        assert_eq!(window.estimate(0x8000), 0x1_8000);
    }

    #[test]
    fn there_is_no_round_before_the_first() {
        let window = Window::new(5);
        assert_eq!(window.estimate(0xfff0), 0xfff0);
        assert_eq!(window.estimate(4), 4);
    }
}
