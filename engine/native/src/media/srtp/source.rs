//! The sources of one direction (RFC 3711 §3.2.3: a context for each SSRC), as many as are remembered.

use super::window::Window;

/// Sources remembered. One more takes the place of the one that was silent for longest: a peer that holds the key made them all.
pub const MAX_SOURCES: usize = 16;

/// One source.
#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: u32,
    media: Option<Window>,
    control: Option<Window>,
    used: u64,
}

/// All of one direction. Its room is there from the beginning.
#[derive(Clone, Debug)]
pub struct Sources {
    list: Vec<Source>,
    uses: u64,
}

impl Default for Sources {
    fn default() -> Self {
        Sources {
            list: Vec::with_capacity(MAX_SOURCES),
            uses: 0,
        }
    }
}

impl Sources {
    /// What came of a source's RTP; None: nothing yet.
    pub fn media(&self, ssrc: u32) -> Option<&Window> {
        self.find(ssrc)?.media.as_ref()
    }

    /// What came of a source's RTCP.
    pub fn control(&self, ssrc: u32) -> Option<&Window> {
        self.find(ssrc)?.control.as_ref()
    }

    /// An RTP packet was good.
    pub fn note_media(&mut self, ssrc: u32, index: u64) {
        note(&mut self.entry(ssrc).media, index);
    }

    /// An RTCP packet was good.
    pub fn note_control(&mut self, ssrc: u32, index: u64) {
        note(&mut self.entry(ssrc).control, index);
    }

    fn find(&self, ssrc: u32) -> Option<&Source> {
        self.list.iter().find(|source| source.ssrc == ssrc)
    }

    fn entry(&mut self, ssrc: u32) -> &mut Source {
        self.uses += 1;
        let index = match self.list.iter().position(|source| source.ssrc == ssrc) {
            Some(index) => index,
            None => self.make(ssrc),
        };
        let source = &mut self.list[index];
        source.used = self.uses;
        source
    }

    fn make(&mut self, ssrc: u32) -> usize {
        let source = Source {
            ssrc,
            media: None,
            control: None,
            used: 0,
        };
        if self.list.len() < MAX_SOURCES {
            self.list.push(source);
            return self.list.len() - 1;
        }
        let oldest = (0..self.list.len())
            .min_by_key(|index| self.list[*index].used)
            .unwrap_or_default();
        self.list[oldest] = source;
        oldest
    }
}

fn note(window: &mut Option<Window>, index: u64) {
    match window {
        Some(window) => window.note(index),
        None => *window = Some(Window::new(index)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_was_silent_for_longest_is_forgotten_and_no_room_is_made() {
        let mut sources = Sources::default();
        let room = sources.list.capacity();
        for ssrc in 0..MAX_SOURCES as u32 {
            sources.note_media(ssrc, 7);
        }
        sources.note_control(0, 1);
        sources.note_media(99, 5);
        assert_eq!(sources.media(0), Some(&Window::new(7)));
        assert_eq!(sources.control(0), Some(&Window::new(1)));
        assert_eq!(sources.media(1), None);
        assert_eq!(sources.media(99), Some(&Window::new(5)));
        assert_eq!(sources.list.capacity(), room);
    }
}
