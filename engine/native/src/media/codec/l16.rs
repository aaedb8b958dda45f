//! L16 (RFC 3551 §4.5.11): samples as they are, of 16 bits in network order, one channel.

/// Write as many samples as both have room for; the octets written.
pub fn encode(samples: &[i16], octets: &mut [u8]) -> usize {
    let mut count = 0;
    for (sample, pair) in samples.iter().zip(octets.chunks_exact_mut(2)) {
        pair.copy_from_slice(&sample.to_be_bytes());
        count += 2;
    }
    count
}

/// Read as many samples as both have room for; the samples read. An odd octet at the end is none.
pub fn decode(octets: &[u8], samples: &mut [i16]) -> usize {
    let mut count = 0;
    for (pair, sample) in octets.chunks_exact(2).zip(samples) {
        *sample = i16::from_be_bytes([pair[0], pair[1]]);
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_stand_in_network_order() {
        let mut octets = [9; 6];
        assert_eq!(encode(&[1, -2, i16::MIN, 7], &mut octets), 6);
        assert_eq!(octets, [0, 1, 0xff, 0xfe, 0x80, 0]);
        let mut samples = [0; 8];
        assert_eq!(decode(&octets[..5], &mut samples), 2);
        assert_eq!(samples[..3], [1, -2, 0]);
    }
}
