//! The thread that does ICE and DTLS for all legs. What a handshake costs in arithmetic (a millisecond or more) makes no other
//! call's sound late: media threads hand over what is no RTP, and are told what to send, where the peer is, and the keys.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Condvar, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::association::{Association, Effect, Terms};
use super::dtls::handshake::Identity;
use super::lock::Lock;
use super::report::LegId;

/// Datagrams that may wait; more are lost, as datagrams are.
const MAX_PACKETS: usize = 4096;

/// What is told to the thread.
enum Order {
    Update(LegId, Box<Terms>),
    Packet(LegId, Vec<u8>, SocketAddr),
    Close(LegId),
}

#[derive(Default)]
struct Waiting {
    orders: VecDeque<Order>,
    packets: usize,
    is_over: bool,
}

/// The way to the thread.
#[derive(Default)]
pub struct Mailbox {
    waiting: Lock<Waiting>,
    changed: Condvar,
}

impl Mailbox {
    /// What is known of a leg. There is one for each command.
    pub fn update(&self, leg: LegId, terms: Terms) {
        self.push(Order::Update(leg, Box::new(terms)));
    }

    /// A datagram came to a leg that is no RTP.
    pub fn receive(&self, leg: LegId, packet: &[u8], from: SocketAddr) {
        let mut waiting = self.waiting.hold();
        if waiting.packets < MAX_PACKETS {
            waiting.packets += 1;
            let order = Order::Packet(leg, packet.to_vec(), from);
            waiting.orders.push_back(order);
            self.changed.notify_one();
        }
    }

    /// A leg is over.
    pub fn close(&self, leg: LegId) {
        self.push(Order::Close(leg));
    }

    fn push(&self, order: Order) {
        self.waiting.hold().orders.push_back(order);
        self.changed.notify_one();
    }

    /// The next thing to do; nothing: it is `until`, or over.
    fn take(&self, until: Option<Instant>, orders: &mut VecDeque<Order>) -> bool {
        let mut waiting = self.waiting.hold();
        while waiting.orders.is_empty() && !waiting.is_over {
            waiting = match until.map(|at| at.saturating_duration_since(Instant::now())) {
                Some(left) if left.is_zero() => break,
                Some(left) => {
                    let woken = self.changed.wait_timeout(waiting, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let woken = self.changed.wait(waiting);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
        waiting.packets = 0;
        std::mem::swap(orders, &mut waiting.orders);
        !waiting.is_over
    }
}

/// The thread, until it is stopped.
pub struct Associations {
    mailbox: Arc<Mailbox>,
    thread: JoinHandle<()>,
}

impl Associations {
    /// Let it run. `act` does what is to be done with a leg, at once and without waiting.
    pub fn start(
        identity: Identity,
        mailbox: Arc<Mailbox>,
        act: impl Fn(LegId, Effect) + Send + 'static,
    ) -> io::Result<Self> {
        let own = mailbox.clone();
        let thread = thread::Builder::new()
            .name("media-keys".into())
            .spawn(move || Desk::new(identity).run(&own, &act))?;
        Ok(Associations { mailbox, thread })
    }

    /// Let it end.
    pub fn stop(self) -> JoinHandle<()> {
        self.mailbox.waiting.hold().is_over = true;
        self.mailbox.changed.notify_all();
        self.thread
    }
}

/// What the thread has before it.
struct Desk {
    identity: Identity,
    associations: HashMap<LegId, (Association, Option<Instant>)>,
    due: BTreeSet<(Instant, LegId)>,
    effects: Vec<Effect>,
}

impl Desk {
    fn new(identity: Identity) -> Self {
        Desk {
            identity,
            associations: HashMap::new(),
            due: BTreeSet::new(),
            effects: Vec::new(),
        }
    }

    fn run(&mut self, mailbox: &Mailbox, act: &impl Fn(LegId, Effect)) {
        let mut orders = VecDeque::new();
        while mailbox.take(self.due.first().map(|(at, _)| *at), &mut orders) {
            for order in orders.drain(..) {
                self.obey(order, act);
            }
            self.advance(act);
        }
    }

    fn obey(&mut self, order: Order, act: &impl Fn(LegId, Effect)) {
        let now = Instant::now();
        match order {
            Order::Update(leg, terms) => {
                let identity = &self.identity;
                let fresh = || (Association::new(identity.clone()), None);
                self.associations.entry(leg).or_insert_with(fresh);
                self.step(leg, act, |association, effects| {
                    association.update(*terms, now, effects);
                });
            }
            Order::Packet(leg, packet, from) => {
                self.step(leg, act, |association, effects| {
                    association.receive(&packet, from, now, effects);
                });
            }
            Order::Close(leg) => self.forget(leg),
        }
    }

    /// Those whose time has come, once each: what comes in the meantime waits no longer for them.
    fn advance(&mut self, act: &impl Fn(LegId, Effect)) {
        let now = Instant::now();
        let due: Vec<LegId> = self
            .due
            .iter()
            .take_while(|(at, _)| *at <= now)
            .map(|(_, leg)| *leg)
            .collect();
        for leg in due {
            self.step(leg, act, |association, effects| {
                association.advance(now, effects);
            });
        }
    }

    /// Do something with one, and what comes of it. If it falls over a defect, it falls alone.
    fn step(
        &mut self,
        leg: LegId,
        act: &impl Fn(LegId, Effect),
        work: impl FnOnce(&mut Association, &mut Vec<Effect>),
    ) {
        let Some((association, _)) = self.associations.get_mut(&leg) else {
            return;
        };
        let effects = &mut self.effects;
        if catch_unwind(AssertUnwindSafe(|| work(association, effects))).is_err() {
            self.effects.clear();
            self.forget(leg);
            act(
                leg,
                Effect::Lose("a defect of the engine's ICE or DTLS".into()),
            );
            return;
        }
        self.settle(leg, act);
    }

    fn forget(&mut self, leg: LegId) {
        if let Some((_, Some(at))) = self.associations.remove(&leg) {
            self.due.remove(&(at, leg));
        }
    }

    /// Do what came of it, and note when it is due again.
    fn settle(&mut self, leg: LegId, act: &impl Fn(LegId, Effect)) {
        for effect in self.effects.drain(..) {
            act(leg, effect);
        }
        let Some((association, noted)) = self.associations.get_mut(&leg) else {
            return;
        };
        let next = association.deadline();
        if *noted != next {
            if let Some(at) = noted.take() {
                self.due.remove(&(at, leg));
            }
            if let Some(at) = next {
                self.due.insert((at, leg));
            }
            *noted = next;
        }
    }
}
