//! The whole data plane: media threads, ports, loader, writer; one door for whoever steers.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::os::fd::{AsRawFd, RawFd};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::association::{Effect, Terms};
use super::associations::{Associations, Mailbox};
use super::clock::Clock;
use super::command::{Inbox, Stalled, Verb};
use super::dtls::handshake::Identity;
use super::frames::Frames;
use super::ice::turn::Servers;
use super::lateness::Lateness;
use super::leg::Leg;
use super::line::Line;
use super::loader::{Loader, SourceSpec};
use super::lock::Lock;
use super::plane::Plane;
use super::player::PlaySpec;
use super::ports::{NoPorts, PortPool};
use super::recorder::RecordSpec;
use super::report::{LegId, Report, ReportQueue};
use super::room::Membership;
use super::statistics::Counters;
use super::syscalls::random;
use super::writer::Writer;

/// How long the end waits for a disk that does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What an engine is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where sockets are bound.
    pub address: IpAddr,
    /// Where ports are taken from.
    pub ports: RangeInclusive<u16>,
    /// Media threads.
    pub threads: usize,
    /// Who is asked for addresses where ICE is used.
    pub servers: Servers,
}

/// A leg that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its name.
    pub leg: LegId,
    /// Its RTP port.
    pub port: u16,
    /// Its figures; they stay readable after it is closed.
    pub counters: Arc<Counters>,
}

/// The data plane. It may be used from any thread; nothing here waits for a media thread.
pub struct Engine {
    pool: Arc<PortPool>,
    reports: Arc<ReportQueue>,
    inboxes: Vec<Arc<Inbox>>,
    lateness: Vec<Arc<Lateness>>,
    /// Which legs are where. Held while commands are pushed, so that two threads' inboxes agree on the order.
    routes: Arc<Lock<Routes>>,
    /// What is known of those that are associated with their peer.
    mailbox: Arc<Mailbox>,
    fingerprint: String,
    workers: Lock<Option<Workers>>,
}

#[derive(Default)]
struct Routes {
    inbox_of: HashMap<LegId, usize>,
    associated: HashSet<LegId>,
    legs_in: Vec<usize>,
    last: u64,
}

impl Routes {
    /// The media thread that has the fewest legs.
    fn emptiest(&self) -> usize {
        (0..self.legs_in.len())
            .min_by_key(|inbox| self.legs_in[*inbox])
            .unwrap_or_default()
    }
}

struct Workers {
    planes: Vec<JoinHandle<()>>,
    associations: Associations,
    loader: Loader,
    writer: Writer,
}

impl Engine {
    /// Bind, start the threads.
    pub fn start(settings: &Settings) -> io::Result<Self> {
        let clock = Clock::start();
        let pool = Arc::new(PortPool::start(settings.address, settings.ports.clone())?);
        let reports = Arc::new(ReportQueue::new()?);
        let count = settings.threads.max(1);
        let inboxes: Vec<Arc<Inbox>> = (0..count)
            .map(|_| Inbox::new().map(Arc::new))
            .collect::<io::Result<_>>()?;
        let mailbox = Arc::new(Mailbox::default());
        let mut planes = Vec::new();
        let mut lateness = Vec::new();
        for inbox in &inboxes {
            let plane = Plane::new(
                clock,
                inbox.clone(),
                pool.clone(),
                reports.clone(),
                mailbox.clone(),
            )?;
            lateness.push(plane.lateness());
            planes.push(spawn(plane, reports.clone())?);
        }
        let routes = Arc::new(Lock::new(Routes {
            legs_in: vec![0; count],
            ..Routes::default()
        }));
        let identity = Identity::generate()?;
        let fingerprint = identity.certificate.fingerprint.to_string();
        let act = actor(routes.clone(), inboxes.clone(), reports.clone());
        let workers = Workers {
            planes,
            associations: Associations::start(
                identity,
                settings.servers.clone(),
                mailbox.clone(),
                act,
            )?,
            loader: Loader::start(teller(routes.clone(), inboxes.clone()))?,
            writer: Writer::start(reports.clone())?,
        };
        Ok(Engine {
            pool,
            reports,
            inboxes,
            lateness,
            routes,
            mailbox,
            fingerprint,
            workers: Lock::new(Some(workers)),
        })
    }

    /// A new leg, on the media thread that has the fewest.
    pub fn open(&self) -> Result<Opened, NoPorts> {
        let pair = self.pool.take()?;
        let mut routes = self.routes.hold();
        routes.last += 1;
        let id = LegId(routes.last);
        let leg = Leg::new(id, [random(), random()]);
        let opened = Opened {
            leg: id,
            port: pair.port,
            counters: leg.counters.clone(),
        };
        let inbox = routes.emptiest();
        let line = Box::new(Line::new(leg, pair));
        self.inboxes[inbox]
            .push(id, Verb::Open(line))
            .map_err(|Stalled| NoPorts::Refused(io::ErrorKind::WouldBlock.into()))?;
        routes.inbox_of.insert(id, inbox);
        routes.legs_in[inbox] += 1;
        Ok(opened)
    }

    /// Tell a leg something. A leg that is closed is told nothing.
    pub fn tell(&self, leg: LegId, verb: Verb) -> Result<(), Stalled> {
        let routes = self.routes.hold();
        match routes.inbox_of.get(&leg) {
            Some(inbox) => self.inboxes[*inbox].push(leg, verb),
            None => Ok(()),
        }
    }

    /// That of the certificate that this engine shows, as `a=fingerprint` has it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What is known by now of how to reach a leg's peer, and who it is. From the first time on, no sound comes or goes in the clear.
    pub fn associate(&self, leg: LegId, terms: Terms) -> Result<(), Stalled> {
        let mut routes = self.routes.hold();
        let Some(inbox) = routes.inbox_of.get(&leg).copied() else {
            return Ok(());
        };
        let has_ice = terms.ice.is_some();
        self.inboxes[inbox].push(leg, Verb::Associate { has_ice })?;
        routes.associated.insert(leg);
        self.mailbox.update(leg, terms);
        Ok(())
    }

    /// Play sources; files are read meanwhile.
    pub fn play(
        &self,
        leg: LegId,
        spec: PlaySpec,
        sources: Vec<SourceSpec>,
    ) -> Result<(), Stalled> {
        let loading = match &*self.workers.hold() {
            Some(workers) => workers.loader.load(leg, sources),
            None => return Ok(()),
        };
        self.tell(leg, Verb::Play(spec, loading))
    }

    /// Record to a file.
    pub fn record(&self, leg: LegId, spec: RecordSpec, path: PathBuf) -> Result<(), Stalled> {
        let channels = spec.sides.channels();
        let track = match &*self.workers.hold() {
            Some(workers) => workers.writer.open(leg, spec.name.clone(), path, channels),
            None => return Ok(()),
        };
        self.tell(leg, Verb::Record(spec, track))
    }

    /// Relay two legs; if they live on different media threads, the second moves to the first's.
    pub fn relay(&self, leg: LegId, other: LegId) -> Result<(), Stalled> {
        let mut routes = self.routes.hold();
        let Some(to) = routes.inbox_of.get(&leg).copied() else {
            return Ok(());
        };
        if !routes.inbox_of.contains_key(&other) {
            return Ok(());
        }
        self.bring(&mut routes, other, to)?;
        self.inboxes[to].push(leg, Verb::Relay(other))
    }

    /// A new room, on the media thread of that leg, or on the one that has the fewest legs.
    pub fn open_room(&self, near: Option<LegId>) -> Result<LegId, Stalled> {
        let mut routes = self.routes.hold();
        let near = near.and_then(|leg| routes.inbox_of.get(&leg).copied());
        let inbox = near.unwrap_or_else(|| routes.emptiest());
        routes.last += 1;
        let id = LegId(routes.last);
        self.inboxes[inbox].push(id, Verb::OpenRoom)?;
        routes.inbox_of.insert(id, inbox);
        Ok(id)
    }

    /// Let a leg be in a room, or be in it in another way; it moves to the room's media thread.
    pub fn join(&self, leg: LegId, room: LegId, membership: Membership) -> Result<(), Stalled> {
        let mut routes = self.routes.hold();
        let Some(to) = routes.inbox_of.get(&room).copied() else {
            return Ok(());
        };
        if !routes.inbox_of.contains_key(&leg) {
            return Ok(());
        }
        self.bring(&mut routes, leg, to)?;
        self.inboxes[to].push(leg, Verb::Join(room, membership))
    }

    /// Move a leg to a media thread, if it is on another one.
    fn bring(&self, routes: &mut Routes, leg: LegId, to: usize) -> Result<(), Stalled> {
        let Some(from) = routes
            .inbox_of
            .get(&leg)
            .copied()
            .filter(|from| *from != to)
        else {
            return Ok(());
        };
        // Departure before expectation, under one lock: so no two threads can wait for each other.
        let inbox = self.inboxes[to].clone();
        self.inboxes[from].push(leg, Verb::Depart(inbox))?;
        self.inboxes[to].push(leg, Verb::Expect)?;
        routes.inbox_of.insert(leg, to);
        routes.legs_in[from] -= 1;
        routes.legs_in[to] += 1;
        Ok(())
    }

    /// End a room; who is in it stays.
    pub fn close_room(&self, room: LegId) {
        let mut routes = self.routes.hold();
        if let Some(inbox) = routes.inbox_of.remove(&room) {
            let _ = self.inboxes[inbox].push(room, Verb::Close); // a close is always taken
        }
    }

    /// Close a leg; its ports come back soon.
    pub fn close(&self, leg: LegId) {
        let mut routes = self.routes.hold();
        if let Some(inbox) = routes.inbox_of.remove(&leg) {
            routes.legs_in[inbox] -= 1;
            if routes.associated.remove(&leg) {
                self.mailbox.close(leg);
            }
            self.pool.announce_return();
            let _ = self.inboxes[inbox].push(leg, Verb::Close); // a close is always taken
        }
    }

    /// What was reported since the last time.
    pub fn reports(&self) -> VecDeque<(LegId, Report)> {
        self.reports.drain()
    }

    /// The frames of pipes since the last time, in exchange for room.
    pub fn take_frames(&self, frames: &mut Frames) {
        self.reports.take_frames(frames);
    }

    /// Reports that were dropped because nobody took them.
    pub fn reports_dropped(&self) -> u64 {
        self.reports.dropped()
    }

    /// How late a media thread was by work of its own since the last time, at most.
    pub fn take_lateness(&self) -> Duration {
        let most = self.lateness.iter().map(|each| each.take()).max();
        Duration::from_nanos(most.unwrap_or_default())
    }

    /// Close every leg and end every thread. A disk that hangs is waited for three seconds, then left.
    pub fn shutdown(&self) {
        let Some(mut workers) = self.workers.hold().take() else {
            return;
        };
        for inbox in &self.inboxes {
            inbox.finish();
        }
        for plane in workers.planes {
            let _ = plane.join();
        }
        let mut others = workers.loader.stop();
        others.push(workers.associations.stop());
        others.extend(workers.writer.stop());
        let deadline = Instant::now() + PATIENCE;
        for thread in others {
            while !thread.is_finished() && Instant::now() < deadline {
                thread::sleep(Duration::from_micros(200));
            }
            if thread.is_finished() {
                let _ = thread.join();
            }
        }
        self.pool.stop();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl AsRawFd for Engine {
    fn as_raw_fd(&self) -> RawFd {
        self.reports.as_raw_fd()
    }
}

/// What does with a leg what its association wants.
/// Tells legs that their files are there.
fn teller(routes: Arc<Lock<Routes>>, inboxes: Vec<Arc<Inbox>>) -> impl Fn(LegId) + Send + Sync {
    move |leg| {
        let routes = routes.hold();
        if let Some(inbox) = routes.inbox_of.get(&leg) {
            let _ = inboxes[*inbox].push(leg, Verb::Loaded); // else it looks in its next turn
        }
    }
}

fn actor(
    routes: Arc<Lock<Routes>>,
    inboxes: Vec<Arc<Inbox>>,
    reports: Arc<ReportQueue>,
) -> impl Fn(LegId, Effect) + Send + 'static {
    move |leg, effect| {
        let (verb, report) = match effect {
            Effect::Send(packet, to) => (Some(Verb::Transmit(packet, to)), None),
            Effect::Route(remote, relay) => {
                let reached = Report::PeerReached { remote };
                (Some(Verb::Route(remote, relay)), Some(reached))
            }
            Effect::Farewell(packet, to) => (Some(Verb::Farewell(packet, to)), None),
            Effect::Candidate(candidate) => (None, Some(Report::CandidateFound { candidate })),
            Effect::Gathered => (None, Some(Report::CandidatesComplete)),
            Effect::Secure(keys) => {
                let profile = keys.local.profile().name();
                let secured = Report::MediaSecured { profile };
                (Some(Verb::Secure(Some(Box::new(keys)))), Some(secured))
            }
            Effect::Lose(reason) => (None, Some(Report::PeerLost { reason })),
        };
        let routes = routes.hold();
        if let (Some(inbox), Some(verb)) = (routes.inbox_of.get(&leg), verb) {
            let _ = inboxes[*inbox].push(leg, verb); // who is so far behind has worse troubles; packets are sent again
        }
        drop(routes);
        if let Some(report) = report {
            reports.push(leg, report);
        }
    }
}

/// A media thread that falls says so to whoever steers; the panic's own text is on stderr already.
fn spawn(mut plane: Plane, reports: Arc<ReportQueue>) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("media".into()).spawn(move || {
        let message = match catch_unwind(AssertUnwindSafe(|| plane.run())) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
                .unwrap_or_else(|| "panic".into()),
        };
        reports.push(LegId::default(), Report::ThreadDied { message });
    })
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
