//! What the tests of this crate share.

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Wait for a condition, at most ten seconds.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

/// A folder that goes with the test.
pub struct Folder(PathBuf);

impl Folder {
    /// Empty.
    pub fn new() -> Self {
        let folder =
            std::env::temp_dir().join(format!("callflow-{:016x}", super::syscalls::random()));
        std::fs::create_dir(&folder).unwrap();
        Folder(folder)
    }

    /// A path inside.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A range of `pairs` port pairs of which, just now, all were free.
pub fn free_ports(pairs: u16) -> std::ops::RangeInclusive<u16> {
    loop {
        let start = 20_000 + (super::syscalls::random() % 12_000) as u16 * 2; // below the ephemeral ports' greater part
        let range = start..=start + pairs * 2 - 1;
        if range
            .clone()
            .all(|port| std::net::UdpSocket::bind(("127.0.0.1", port)).is_ok())
        {
            return range;
        }
    }
}
