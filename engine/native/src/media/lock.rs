//! The one kind of lock of the data plane. The media threads take none per packet.
//!
//! Whoever falls with it in hand leaves what it guards as it was at that moment: each change under a lock is whole, so the
//! others go on.

#![allow(clippy::disallowed_types)] // here they are counted

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A value for several threads, one at a time.
#[derive(Debug, Default)]
pub struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    /// Free.
    pub fn new(value: T) -> Self {
        Lock(Mutex::new(value))
    }

    /// The value, for as long as the guard lives.
    pub fn hold(&self) -> MutexGuard<'_, T> {
        #[cfg(test)]
        TAKEN.with(|taken| taken.set(taken.get() + 1));
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
thread_local! {
    static TAKEN: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// How many locks this thread has taken so far.
#[cfg(test)]
pub fn taken() -> u64 {
    TAKEN.with(std::cell::Cell::get)
}

#[cfg(test)]
mod tests {
    use std::panic::{catch_unwind, AssertUnwindSafe};

    use super::*;

    #[test]
    fn who_falls_with_it_in_hand_leaves_the_value() {
        let lock = Lock::new(1);
        let fallen = catch_unwind(AssertUnwindSafe(|| {
            let mut value = lock.hold();
            *value = 2;
            panic!("in a test");
        }));
        assert!(fallen.is_err());
        assert_eq!(*lock.hold(), 2);
    }

    #[test]
    fn those_that_a_thread_takes_are_counted() {
        let before = taken();
        drop(Lock::new(()).hold());
        assert_eq!(taken() - before, 1);
    }
}
