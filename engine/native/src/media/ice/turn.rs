//! A client of a TURN server over UDP (RFC 8656), without I/O: an allocation with long-term credentials, and a channel for each
//! peer, whose binding is its permission, too. A plain STUN server is asked in the same manner, for our address outside alone.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use md5::{Digest, Md5};

use super::stun::{self, Message, Transaction};

const BINDING: u16 = 0x0001;
const ALLOCATE: u16 = 0x0003;
const REFRESH: u16 = 0x0004;
const CHANNEL_BIND: u16 = 0x0009;
const SUCCESS: u16 = 0x0100;
const CLASS: u16 = 0x0110;

const USERNAME: u16 = 0x0006;
const CHANNEL_NUMBER: u16 = 0x000c;
const LIFETIME: u16 = 0x000d;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const XOR_RELAYED_ADDRESS: u16 = 0x0016;
const REQUESTED_TRANSPORT: u16 = 0x0019;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

const UDP: u8 = 17;
const UNAUTHORIZED: u16 = 401;
const STALE_NONCE: u16 = 438;

const FIRST_CHANNEL: u16 = 0x4000;
/// Channels of one allocation.
const MAX_CHANNELS: usize = 64;
/// Packets of one peer that wait for its channel: checks are sent again anyhow.
const MAX_WAITING: usize = 4;
/// Octets of a channel's header (§12.4).
pub const CHANNEL_HEADER: usize = 4;
/// A request is sent so often, at 0.25, 0.5, 1, 2 and 4 s.
const TRIES: u32 = 5;
const FIRST_RTO: Duration = Duration::from_millis(250);
/// Before a permission of five minutes ends (§9), its channel is bound again.
const REBIND: Duration = Duration::from_secs(240);
const MAX_LIFETIME: u64 = 600;

/// Whom to ask for addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Servers {
    /// Who tells our address outside.
    pub stun: Option<SocketAddr>,
    /// Who relays.
    pub turn: Option<Account>,
}

/// What a TURN server knows us by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Where it is.
    pub server: SocketAddr,
    /// Whom it knows.
    pub username: String,
    /// By what.
    pub password: String,
}

/// What came of a step.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// This is to be sent there.
    Send(Vec<u8>, SocketAddr),
    /// This is our address outside.
    Mapped(SocketAddr),
    /// This address is relayed to us.
    Relayed(SocketAddr),
    /// A peer has a channel now.
    Bound(SocketAddr, u16),
    /// What ends the allocation when it is sent.
    Farewell(Vec<u8>, SocketAddr),
    /// All that will be known is known.
    Complete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Ask,
    Allocate,
    Refresh,
    Bind(SocketAddr),
}

struct Pending {
    purpose: Purpose,
    packet: Vec<u8>,
    server: SocketAddr,
    tries: u32,
    due: Instant,
}

#[derive(Default)]
struct Channel {
    number: u16,
    is_bound: bool,
    waiting: Vec<Vec<u8>>,
    rebind_at: Option<Instant>,
}

/// What one leg asks of servers.
pub struct Client {
    account: Option<Account>,
    stun: Option<SocketAddr>,
    realm: Vec<u8>,
    nonce: Vec<u8>,
    key: Option<Vec<u8>>,
    pending: HashMap<Transaction, Pending>,
    channels: HashMap<SocketAddr, Channel>,
    relayed: Option<SocketAddr>,
    refresh_at: Option<Instant>,
    is_complete: bool,
}

impl Client {
    /// Begin to ask.
    pub fn new(servers: Servers, now: Instant, steps: &mut Vec<Step>) -> Self {
        let mut client = Client {
            account: servers.turn,
            stun: servers.stun,
            realm: Vec::new(),
            nonce: Vec::new(),
            key: None,
            pending: HashMap::new(),
            channels: HashMap::new(),
            relayed: None,
            refresh_at: None,
            is_complete: false,
        };
        if client.stun.is_some() {
            client.request(Purpose::Ask, now, steps);
        }
        if client.account.is_some() {
            client.request(Purpose::Allocate, now, steps);
        }
        client.note_complete(steps);
        client
    }

    /// Is it one of the servers?
    pub fn is_server(&self, address: SocketAddr) -> bool {
        self.stun == Some(address) || self.turn() == Some(address)
    }

    /// The address that is relayed.
    pub fn relayed(&self) -> Option<SocketAddr> {
        self.relayed
    }

    /// Where the TURN server is.
    pub fn turn(&self) -> Option<SocketAddr> {
        self.account.as_ref().map(|account| account.server)
    }

    /// The channel of a peer, once it is bound.
    pub fn channel(&self, peer: SocketAddr) -> Option<u16> {
        let channel = self.channels.get(&peer)?;
        channel.is_bound.then_some(channel.number)
    }

    /// When `advance` is due.
    pub fn deadline(&self) -> Option<Instant> {
        let pending = self.pending.values().map(|pending| pending.due);
        let channels = self.channels.values().filter_map(|each| each.rebind_at);
        pending.chain(channels).chain(self.refresh_at).min()
    }

    /// Time has passed.
    pub fn advance(&mut self, now: Instant, steps: &mut Vec<Step>) {
        self.retransmit(now, steps);
        if self.refresh_at.is_some_and(|at| at <= now) {
            self.refresh_at = None;
            self.request(Purpose::Refresh, now, steps);
        }
        let is_due = |channel: &Channel| channel.rebind_at.is_some_and(|at| at <= now);
        let due = self.channels.iter().filter(|(_, each)| is_due(each));
        for peer in due.map(|(peer, _)| *peer).collect::<Vec<_>>() {
            if let Some(channel) = self.channels.get_mut(&peer) {
                channel.rebind_at = None;
            }
            self.request(Purpose::Bind(peer), now, steps);
        }
    }

    /// Let the server send this to a peer.
    pub fn send(&mut self, packet: &[u8], peer: SocketAddr, now: Instant, steps: &mut Vec<Step>) {
        let (Some(server), true) = (self.turn(), self.relayed.is_some()) else {
            return;
        };
        let is_new = !self.channels.contains_key(&peer);
        if is_new && self.channels.len() >= MAX_CHANNELS {
            return;
        }
        let number = FIRST_CHANNEL + self.channels.len() as u16;
        let fresh = || Channel {
            number,
            ..Channel::default()
        };
        let channel = self.channels.entry(peer).or_insert_with(fresh);
        let framed = frame(channel.number, packet);
        if channel.is_bound {
            steps.push(Step::Send(framed, server));
        } else if channel.waiting.len() < MAX_WAITING {
            channel.waiting.push(framed);
        }
        if is_new {
            self.request(Purpose::Bind(peer), now, steps);
        }
    }

    /// Data that the TURN server passes on: whose, and what.
    pub fn unframe<'a>(&self, packet: &'a [u8]) -> Option<(SocketAddr, &'a [u8])> {
        let (number, data) = unframe(packet)?;
        let (peer, _) = self
            .channels
            .iter()
            .find(|(_, each)| each.number == number)?;
        Some((*peer, data))
    }

    /// An answer of a server.
    pub fn receive(&mut self, packet: &[u8], now: Instant, steps: &mut Vec<Step>) {
        let Some(message) = Message::read(packet) else {
            return;
        };
        let Some(pending) = self.pending.remove(&message.transaction()) else {
            return;
        };
        let is_success = message.kind() & CLASS == SUCCESS;
        let is_signed = |key: &Vec<u8>| message.is_signed(key);
        let purpose = pending.purpose;
        if is_success && purpose != Purpose::Ask && !self.key.as_ref().is_some_and(is_signed) {
            self.pending.insert(message.transaction(), pending); // it is another's
            return;
        }
        if is_success {
            self.succeed(purpose, &message, now, steps);
        } else {
            self.fail(purpose, &message, now, steps);
        }
        self.note_complete(steps);
    }

    fn succeed(
        &mut self,
        purpose: Purpose,
        message: &Message<'_>,
        now: Instant,
        steps: &mut Vec<Step>,
    ) {
        match purpose {
            Purpose::Ask => steps.extend(message.address(XOR_MAPPED_ADDRESS).map(Step::Mapped)),
            Purpose::Allocate => {
                self.relayed = message.address(XOR_RELAYED_ADDRESS);
                if self.stun.is_none() {
                    steps.extend(message.address(XOR_MAPPED_ADDRESS).map(Step::Mapped));
                }
                steps.extend(self.relayed.map(Step::Relayed));
                self.live_on(message, now, steps);
            }
            Purpose::Refresh => self.live_on(message, now, steps),
            Purpose::Bind(peer) => {
                let server = self.turn();
                let Some((channel, server)) = self.channels.get_mut(&peer).zip(server) else {
                    return;
                };
                channel.rebind_at = Some(now + REBIND);
                if !std::mem::replace(&mut channel.is_bound, true) {
                    steps.push(Step::Bound(peer, channel.number));
                    let waiting = channel.waiting.drain(..);
                    steps.extend(waiting.map(|packet| Step::Send(packet, server)));
                }
            }
        }
    }

    fn fail(
        &mut self,
        purpose: Purpose,
        message: &Message<'_>,
        now: Instant,
        steps: &mut Vec<Step>,
    ) {
        let is_first = self.key.is_none();
        let may_retry = match message.error() {
            Some(UNAUTHORIZED) => is_first,
            Some(STALE_NONCE) => true,
            _ => false,
        };
        let (realm, nonce) = (message.attribute(REALM), message.attribute(NONCE));
        if let (true, Some(account), Some(nonce)) = (may_retry, &self.account, nonce) {
            self.realm = realm.map_or_else(|| std::mem::take(&mut self.realm), <[u8]>::to_vec);
            self.nonce = nonce.to_vec();
            self.key = Some(long_term_key(account, &self.realm));
            self.request(purpose, now, steps);
        }
    }

    /// The allocation lives on; it is refreshed when half of its time is over (§8).
    fn live_on(&mut self, message: &Message<'_>, now: Instant, steps: &mut Vec<Step>) {
        let told = message.attribute(LIFETIME);
        let seconds = told.and_then(|value| <[u8; 4]>::try_from(value).ok());
        let seconds = seconds.map_or(MAX_LIFETIME, |value| u32::from_be_bytes(value).into());
        self.refresh_at = Some(now + Duration::from_secs(seconds.clamp(2, MAX_LIFETIME) / 2));
        if let Some(server) = self.turn() {
            let end = self.build(REFRESH, stun::new_transaction(), |_| {
                vec![(LIFETIME, vec![0; 4])]
            });
            steps.push(Step::Farewell(end, server));
        }
    }

    fn request(&mut self, purpose: Purpose, now: Instant, steps: &mut Vec<Step>) {
        let server = match purpose {
            Purpose::Ask => self.stun,
            _ => self.turn(),
        };
        let Some(server) = server else {
            return;
        };
        let transaction = stun::new_transaction();
        let number = match purpose {
            Purpose::Bind(peer) => self.channels.get(&peer).map_or(0, |each| each.number),
            _ => 0,
        };
        let packet = match purpose {
            Purpose::Ask => stun::write(BINDING, transaction, &[], None),
            Purpose::Allocate => self.build(ALLOCATE, transaction, |_| {
                vec![(REQUESTED_TRANSPORT, vec![UDP, 0, 0, 0])]
            }),
            Purpose::Refresh => self.build(REFRESH, transaction, |_| Vec::new()),
            Purpose::Bind(peer) => self.build(CHANNEL_BIND, transaction, |transaction| {
                let [high, low] = number.to_be_bytes();
                vec![
                    (CHANNEL_NUMBER, vec![high, low, 0, 0]),
                    (XOR_PEER_ADDRESS, stun::write_address(peer, transaction)),
                ]
            }),
        };
        steps.push(Step::Send(packet.clone(), server));
        let pending = Pending {
            purpose,
            packet,
            server,
            tries: 1,
            due: now + FIRST_RTO,
        };
        self.pending.insert(transaction, pending);
    }

    /// A request to the TURN server, signed as soon as it has told its realm.
    fn build(
        &self,
        kind: u16,
        transaction: Transaction,
        attributes: impl Fn(&Transaction) -> Vec<(u16, Vec<u8>)>,
    ) -> Vec<u8> {
        let mut attributes = attributes(&transaction);
        if let (Some(account), Some(_)) = (&self.account, &self.key) {
            attributes.push((USERNAME, account.username.clone().into_bytes()));
            attributes.push((REALM, self.realm.clone()));
            attributes.push((NONCE, self.nonce.clone()));
        }
        stun::write(kind, transaction, &attributes, self.key.as_deref())
    }

    fn retransmit(&mut self, now: Instant, steps: &mut Vec<Step>) {
        self.pending.retain(|_, pending| {
            if pending.due > now {
                return true;
            }
            if pending.tries >= TRIES {
                return false;
            }
            pending.due = now + FIRST_RTO * 2u32.pow(pending.tries);
            pending.tries += 1;
            steps.push(Step::Send(pending.packet.clone(), pending.server));
            true
        });
        self.note_complete(steps);
    }

    fn note_complete(&mut self, steps: &mut Vec<Step>) {
        let asks = |pending: &Pending| matches!(pending.purpose, Purpose::Ask | Purpose::Allocate);
        if !self.is_complete && !self.pending.values().any(asks) {
            self.is_complete = true;
            steps.push(Step::Complete);
        }
    }
}

/// A packet in its channel (§12.4); over UDP it needs no padding.
fn frame(number: u16, packet: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(CHANNEL_HEADER + packet.len());
    framed.extend(channel_header(number, packet.len()));
    framed.extend(packet);
    framed
}

/// What stands before so many octets in a channel.
pub fn channel_header(number: u16, length: usize) -> [u8; CHANNEL_HEADER] {
    let ([a, b], [c, d]) = (number.to_be_bytes(), (length as u16).to_be_bytes());
    [a, b, c, d]
}

/// A channel's number, and what came by it.
pub fn unframe(packet: &[u8]) -> Option<(u16, &[u8])> {
    let (head, rest) = packet.split_at_checked(CHANNEL_HEADER)?;
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    Some((u16::from_be_bytes([head[0], head[1]]), rest.get(..length)?))
}

/// RFC 8489 §9.2.2.
fn long_term_key(account: &Account, realm: &[u8]) -> Vec<u8> {
    let mut md5 = Md5::new();
    md5.update(account.username.as_bytes());
    md5.update(b":");
    md5.update(realm);
    md5.update(b":");
    md5.update(account.password.as_bytes());
    md5.finalize().to_vec()
}

#[cfg(test)]
#[path = "turn_tests.rs"]
mod tests;
