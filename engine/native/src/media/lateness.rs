//! How late a media thread is by work of its own: what an engine asks before it takes more calls.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Written by one media thread, read by whoever steers.
#[derive(Debug, Default)]
pub struct Lateness {
    most: AtomicU64,
    worked: AtomicU64,
}

impl Lateness {
    /// Frames due `late` nanoseconds ago are done now, by a thread that has worked for `worked` nanoseconds in all.
    ///
    /// A thread that had no processor is late, too, but fewer calls would not have helped.
    pub fn note(&self, late: u64, worked: u64) {
        let before = self.worked.swap(worked, Relaxed);
        self.most
            .fetch_max(late.min(worked.saturating_sub(before)), Relaxed);
    }

    /// The most since the last time, in nanoseconds.
    pub fn take(&self) -> u64 {
        self.most.swap(0, Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_late_by_its_own_work_only() {
        let lateness = Lateness::default();
        lateness.note(0, 100);
        lateness.note(30, 150);
        lateness.note(80, 160);
        assert_eq!(lateness.take(), 30);
        assert_eq!(lateness.take(), 0);
        lateness.note(80, 230);
        assert_eq!(lateness.take(), 70);
    }
}
