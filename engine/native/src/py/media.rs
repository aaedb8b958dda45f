//! `engine._native.media`: the data plane as `engine/media/engine.py` uses it.

mod reading;

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::create_exception;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::media::clock::Moment;
use crate::media::codec::opus::Parameters;
use crate::media::codec::{Codec, Rate};
use crate::media::command::{Change, Stalled, Verb};
use crate::media::digit_sender::Way;
use crate::media::engine::{Engine as DataPlane, Settings};
use crate::media::frames::{Frames, Side};
use crate::media::g711::Law;
use crate::media::hearing::{Hearing, Noticed};
use crate::media::loader::SourceSpec;
use crate::media::lock::Lock;
use crate::media::looking::Looking;
use crate::media::mixer::Gain;
use crate::media::packetizer::samples_of;
use crate::media::player::PlaySpec;
use crate::media::raw::Raw;
use crate::media::recorder::{RecordSpec, Sides};
use crate::media::report::{LegId, PlaybackEnd, RecordingEnd, RecordingOutcome, Report, Reports};
use crate::media::room::Membership;
use crate::media::rtp::Pt;
use crate::media::signal::Signal;
use crate::media::srtp::{Keys, MasterKey, Profile, WrongKey};
use crate::media::statistics::{Counters, Statistics};
use crate::media::stream::Stream;
use crate::media::syscalls;
use crate::media::telephone_event::code_of;
use crate::media::tone::{ToneSpec, MAX_SINES, MAX_STEPS};

mod association;
mod pipe;

use pipe::Pipe;

create_exception!(
    engine._native.media,
    NoPorts,
    PyOSError,
    "No RTP port pair could be had; the text says why."
);

fn address_of((host, port): (String, u16)) -> PyResult<SocketAddr> {
    let address: IpAddr = host
        .parse()
        .map_err(|_| PyValueError::new_err(format!("expected an IP address, got {host:?}")))?;
    Ok(SocketAddr::new(address, port))
}

fn stalled(_: Stalled) -> PyErr {
    PyRuntimeError::new_err("the media thread does not keep up with its commands")
}

/// Something to play: made by `file`, `tone` or `silence`.
#[pyclass(frozen, module = "engine._native.media")]
struct Source {
    spec: SourceSpec,
}

#[pymethods]
impl Source {
    #[staticmethod]
    #[pyo3(signature = (path, suffix = None))]
    fn file(path: PathBuf, suffix: Option<&str>) -> Self {
        Source {
            spec: SourceSpec::File(path, suffix.and_then(Raw::by_suffix)),
        }
    }

    #[staticmethod]
    fn tone(
        frequencies: Vec<f32>,
        cadence_ms: Vec<u32>,
        duration_ms: Option<u32>,
        level_dbm0: f32,
    ) -> PyResult<Self> {
        if frequencies.len() > MAX_SINES || cadence_ms.len() > MAX_STEPS {
            let message = format!(
                "expected at most {MAX_SINES} frequencies and {MAX_STEPS} steps of cadence, got {} and {}",
                frequencies.len(),
                cadence_ms.len()
            );
            return Err(PyValueError::new_err(message));
        }
        let spec = SourceSpec::Tone(ToneSpec {
            frequencies,
            cadence_ms,
            duration_ms,
            level_dbm0,
        });
        Ok(Source { spec })
    }

    #[staticmethod]
    fn silence(duration_ms: u32) -> Self {
        Source {
            spec: SourceSpec::Silence(duration_ms),
        }
    }
}

/// The data plane: its threads run from construction to `shutdown`.
#[pyclass(frozen, module = "engine._native.media")]
struct Engine {
    plane: Arc<DataPlane>,
    /// Room for frames, to be exchanged.
    frames: Lock<Frames>,
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (address, first_port, last_port, threads, *, stun=None, turn=None))]
    fn new(
        py: Python<'_>,
        address: &str,
        first_port: u16,
        last_port: u16,
        threads: usize,
        stun: Option<(String, u16)>,
        turn: Option<association::Account>,
    ) -> PyResult<Self> {
        let address: IpAddr = address.parse().map_err(|_| {
            PyValueError::new_err(format!("expected an IP address for RTP, got {address:?}"))
        })?;
        let settings = Settings {
            address,
            ports: first_port..=last_port,
            threads,
            servers: association::servers(stun, turn)?,
        };
        let plane = py.detach(|| DataPlane::start(&settings))?;
        Ok(Engine {
            plane: Arc::new(plane),
            frames: Lock::default(),
        })
    }

    /// That of its certificate, as `a=fingerprint` has it.
    #[getter]
    fn fingerprint(&self) -> &str {
        self.plane.fingerprint()
    }

    /// Readable while reports wait.
    #[getter]
    fn fd(&self) -> RawFd {
        self.plane.as_raw_fd()
    }

    #[getter]
    fn reports_dropped(&self) -> u64 {
        self.plane.reports_dropped()
    }

    fn take_lateness(&self) -> f64 {
        self.plane.take_lateness().as_secs_f64()
    }

    fn open(&self, py: Python<'_>) -> PyResult<Leg> {
        let opened = py
            .detach(|| self.plane.open())
            .map_err(|error| NoPorts::new_err(error.to_string()))?;
        Ok(Leg {
            plane: self.plane.clone(),
            id: opened.leg,
            port: opened.port,
            counters: opened.counters,
            looking: Lock::default(),
        })
    }

    /// A new room, near a leg that is to be in it.
    #[pyo3(signature = (near=None))]
    fn open_room(&self, near: Option<&Leg>) -> PyResult<Room> {
        let near = near.map(|leg| leg.id);
        let id = self.plane.open_room(near).map_err(stalled)?;
        Ok(Room {
            plane: self.plane.clone(),
            id,
        })
    }

    /// Everything that was reported, as `(leg, kind, ...)`.
    fn reports<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        self.plane
            .reports()
            .into_iter()
            .map(|(leg, report)| to_tuple(py, leg, report))
            .collect()
    }

    /// The frames of all pipes, as `(pipe, is_received, at_ms, octets)`.
    fn frames<'py>(&self, py: Python<'py>) -> Vec<(u64, bool, u64, Bound<'py, PyBytes>)> {
        let mut frames = self.frames.hold();
        self.plane.take_frames(&mut frames);
        let octets = frames.octets();
        frames
            .iter()
            .map(|(frame, range)| {
                let octets = PyBytes::new(py, &octets[range]);
                (
                    frame.pipe,
                    frame.side == Side::Received,
                    frame.at_ms,
                    octets,
                )
            })
            .collect()
    }

    fn shutdown(&self, py: Python<'_>) {
        py.detach(|| self.plane.shutdown());
    }
}

/// What Python unpacks into its own statistics.
/// Of RTP, of the peer's RTCP, of what was not even, of what was not authentic.
type Figures = (
    (u64, u64, u64, u64, u64, u64, f64),
    (u64, f64, Option<f64>),
    (u64, f64, f64, u64),
    (u64, u64),
);

fn figures_of(at: Statistics) -> Figures {
    (
        (
            at.packets_sent,
            at.octets_sent,
            at.packets_received,
            at.octets_received,
            at.packets_lost,
            at.packets_discarded,
            at.jitter_ms,
        ),
        (
            at.remote_packets_lost,
            at.remote_jitter_ms,
            at.round_trip_ms,
        ),
        (
            at.packets_late,
            at.playout_ms,
            at.deepest_playout_ms,
            at.packets_delayed,
        ),
        (at.packets_forged, at.packets_replayed),
    )
}

/// One leg of the data plane.
#[pyclass(frozen, module = "engine._native.media")]
struct Leg {
    plane: Arc<DataPlane>,
    id: LegId,
    port: u16,
    counters: Arc<Counters>,
    looking: Lock<Looking>,
}

#[pymethods]
impl Leg {
    #[getter]
    fn id(&self) -> u64 {
        self.id.0
    }

    #[getter]
    fn port(&self) -> u16 {
        self.port
    }

    /// Two keys with their salts, and the identifier that the peer's packets carry; None: packets are plain.
    #[pyo3(signature = (keys))]
    fn secure(&self, keys: Option<SecretKeys>) -> PyResult<()> {
        let keys = keys.map(agreed).transpose()?;
        self.tell(Verb::Secure(keys.map(Box::new)))
    }

    #[pyo3(signature = (*, remote, signalled_from, codec, clock_rate, opus, event_rate, comfort_noise, payload_type, ptime_ms, telephone_event, hears_tones, is_muxed, may_send, may_receive))]
    #[allow(clippy::too_many_arguments)] // as many as there are things agreed on
    fn update(
        &self,
        remote: Option<(String, u16)>,
        signalled_from: Option<&str>,
        codec: &str,
        clock_rate: u32,
        opus: (u32, bool, bool),
        event_rate: u32,
        comfort_noise: Option<u8>,
        payload_type: u8,
        ptime_ms: u32,
        telephone_event: Option<u8>,
        hears_tones: bool,
        is_muxed: bool,
        may_send: bool,
        may_receive: bool,
    ) -> PyResult<()> {
        let remote = remote.map(address_of).transpose()?;
        let stream = Stream {
            remote,
            signalled_from: signalled_from.and_then(|host| host.parse().ok()), // None, too, where it is no address
            codec: codec_named(codec, clock_rate, opus),
            event_clock: (event_rate / 8000).max(1),
            comfort_noise: comfort_noise.map(|payload_type| Pt(payload_type & 0x7f)),
            payload_type: Pt(payload_type & 0x7f),
            packet_samples: samples_of(ptime_ms),
            telephone_event: telephone_event.map(|payload_type| Pt(payload_type & 0x7f)),
            hears_tones,
            is_muxed,
            may_send,
            may_receive,
        };
        self.tell(Verb::Update(stream))
    }

    #[pyo3(signature = (*, ice, dtls, remote))]
    fn associate(
        &self,
        ice: Option<association::Ice>,
        dtls: Option<association::Dtls>,
        remote: Option<(String, u16)>,
    ) -> PyResult<()> {
        let terms = association::read(ice, dtls, remote)?;
        self.plane.associate(self.id, terms).map_err(stalled)
    }

    #[pyo3(signature = (name, sources, *, repeat, gain_db, offset_ms, fades_ms))]
    fn play(
        &self,
        name: String,
        sources: Vec<PyRef<'_, Source>>,
        repeat: u32,
        gain_db: f32,
        offset_ms: u64,
        fades_ms: [u64; 2],
    ) -> PyResult<()> {
        let sources = sources.iter().map(|source| source.spec.clone()).collect();
        let spec = PlaySpec {
            name,
            repeat,
            gain_db,
            offset_ms,
            fades_ms,
        };
        self.plane.play(self.id, spec, sources).map_err(stalled)
    }

    #[pyo3(signature = (name, path, *, max_ms, silence_ms, is_trimmed))]
    fn record(
        &self,
        name: String,
        path: PathBuf,
        max_ms: u64,
        silence_ms: u64,
        is_trimmed: bool,
    ) -> PyResult<()> {
        let spec = RecordSpec {
            name,
            sides: Sides::Received,
            max_ms,
            silence_ms,
            is_trimmed,
        };
        self.plane.record(self.id, spec, path).map_err(stalled)
    }

    #[pyo3(signature = (name, path, *, is_stereo, max_ms))]
    fn record_both(
        &self,
        name: String,
        path: PathBuf,
        is_stereo: bool,
        max_ms: u64,
    ) -> PyResult<()> {
        let spec = RecordSpec {
            name,
            sides: if is_stereo {
                Sides::Stereo
            } else {
                Sides::Mixed
            },
            max_ms,
            silence_ms: 0,
            is_trimmed: false,
        };
        self.plane.record(self.id, spec, path).map_err(stalled)
    }

    #[pyo3(signature = (name, *, is_paused, seek_ms, gain_db))]
    fn control(
        &self,
        name: String,
        is_paused: Option<bool>,
        seek_ms: Option<i64>,
        gain_db: Option<f32>,
    ) -> PyResult<()> {
        self.tell(Verb::Control(Change {
            name,
            is_paused,
            seek_ms,
            gain_db,
        }))
    }

    #[pyo3(signature = (*, incoming, outgoing))]
    fn mute(&self, incoming: bool, outgoing: bool) -> PyResult<()> {
        self.tell(Verb::Mute { incoming, outgoing })
    }

    fn stop(&self, name: String) -> PyResult<()> {
        self.tell(Verb::Stop(name))
    }

    #[pyo3(signature = (*, delay_ms))]
    fn echo(&self, delay_ms: Option<u32>) -> PyResult<()> {
        self.tell(Verb::Echo(delay_ms))
    }

    /// `is_inband`: None: as events where those were agreed on, else as tones.
    #[pyo3(signature = (name, digits, *, is_inband, duration_ms, gap_ms))]
    fn send_digits(
        &self,
        name: String,
        digits: String,
        is_inband: Option<bool>,
        duration_ms: u32,
        gap_ms: u32,
    ) -> PyResult<()> {
        if let Some(other) = digits.chars().find(|digit| code_of(*digit).is_none()) {
            let message = format!("expected digits of 0-9 * # A-D, got {other:?} in {digits:?}");
            return Err(PyValueError::new_err(message));
        }
        self.tell(Verb::SendDigits {
            name,
            digits,
            way: is_inband.map(|is_inband| if is_inband { Way::Tone } else { Way::Event }),
            duration_ms,
            gap_ms,
        })
    }

    /// `pipe` is its name in frames. Raises ValueError for a rate that there is none of.
    #[pyo3(signature = (name, pipe, *, is_linear, rate, hears_received, hears_sent))]
    fn open_pipe(
        &self,
        name: String,
        pipe: u64,
        is_linear: bool,
        rate: u32,
        hears_received: bool,
        hears_sent: bool,
    ) -> PyResult<Pipe> {
        let (opened, spec) = Pipe::new(
            self.plane.clone(),
            self.id,
            (name, pipe),
            (is_linear, rate),
            (hears_received, hears_sent),
        )?;
        self.tell(Verb::OpenPipe(Box::new(spec)))?;
        Ok(opened)
    }

    fn relay(&self, other: &Leg) -> PyResult<()> {
        if !Arc::ptr_eq(&self.plane, &other.plane) {
            return Err(PyValueError::new_err("expected a leg of the same engine"));
        }
        self.plane.relay(self.id, other.id).map_err(stalled)
    }

    fn unrelay(&self) -> PyResult<()> {
        self.tell(Verb::Unrelay)
    }

    fn leave_room(&self) -> PyResult<()> {
        self.tell(Verb::Leave)
    }

    #[pyo3(signature = (*, is_on))]
    fn watch_audio(&self, is_on: bool) -> PyResult<()> {
        self.tell(Verb::WatchAudio(is_on))
    }

    #[pyo3(signature = (*, level_dbov))]
    fn detect(&self, level_dbov: Option<f32>) -> PyResult<()> {
        self.tell(Verb::Detect(level_dbov))
    }

    fn statistics(&self) -> Figures {
        figures_of(self.counters.read())
    }

    /// The figures at the look before, and now; None: what came since sounds as that did.
    fn look(&self) -> Option<(Figures, Figures)> {
        let now = self.counters.read();
        let before = self.looking.hold().look(now)?;
        Some((figures_of(before), figures_of(now)))
    }

    fn close(&self) {
        self.plane.close(self.id);
    }
}

/// The profile's name, our key, the peer's, its identifier.
type SecretKeys = (String, Vec<u8>, Vec<u8>, Vec<u8>);

fn agreed((name, local, remote, mki): SecretKeys) -> PyResult<Keys> {
    let profile = Profile::named(&name).ok_or_else(|| {
        PyValueError::new_err(format!("expected a crypto-suite of SRTP, got {name:?}"))
    })?;
    let key_of = |octets: &[u8]| MasterKey::from_octets(profile, octets).map_err(wrong_key);
    Ok(Keys {
        local: key_of(&local)?,
        remote: key_of(&remote)?.with_mki(&mki).map_err(wrong_key)?,
    })
}

fn wrong_key(WrongKey(why): WrongKey) -> PyErr {
    PyValueError::new_err(why)
}

/// Legs that hear each other.
#[pyclass(frozen, module = "engine._native.media")]
struct Room {
    plane: Arc<DataPlane>,
    id: LegId,
}

#[pymethods]
impl Room {
    #[getter]
    fn id(&self) -> u64 {
        self.id.0
    }

    /// Also for one that is in it: in another way from now on.
    #[pyo3(signature = (leg, *, gain_db, is_muted, is_deaf, speaks_to, is_tapped))]
    fn add(
        &self,
        leg: &Leg,
        gain_db: f32,
        is_muted: bool,
        is_deaf: bool,
        speaks_to: Option<&Leg>,
        is_tapped: bool,
    ) -> PyResult<()> {
        let membership = Membership {
            gain: Gain::of_db(gain_db),
            is_muted,
            is_deaf,
            speaks_to: speaks_to.map(|leg| leg.id),
            is_tapped,
        };
        self.plane
            .join(leg.id, self.id, membership)
            .map_err(stalled)
    }

    #[pyo3(signature = (name, sources, *, repeat, gain_db, offset_ms, fades_ms))]
    fn play(
        &self,
        name: String,
        sources: Vec<PyRef<'_, Source>>,
        repeat: u32,
        gain_db: f32,
        offset_ms: u64,
        fades_ms: [u64; 2],
    ) -> PyResult<()> {
        let sources = sources.iter().map(|source| source.spec.clone()).collect();
        let spec = PlaySpec {
            name,
            repeat,
            gain_db,
            offset_ms,
            fades_ms,
        };
        self.plane.play(self.id, spec, sources).map_err(stalled)
    }

    #[pyo3(signature = (name, path, *, max_ms))]
    fn record(&self, name: String, path: PathBuf, max_ms: u64) -> PyResult<()> {
        let spec = RecordSpec {
            name,
            sides: Sides::Received,
            max_ms,
            silence_ms: 0,
            is_trimmed: false,
        };
        self.plane.record(self.id, spec, path).map_err(stalled)
    }

    #[pyo3(signature = (name, *, is_paused))]
    fn control(&self, name: String, is_paused: bool) -> PyResult<()> {
        let change = Change {
            name,
            is_paused: Some(is_paused),
            ..Change::default()
        };
        self.plane
            .tell(self.id, Verb::Control(change))
            .map_err(stalled)
    }

    fn stop(&self, name: String) -> PyResult<()> {
        self.plane.tell(self.id, Verb::Stop(name)).map_err(stalled)
    }

    fn close(&self) {
        self.plane.close_room(self.id);
    }
}

impl Leg {
    fn tell(&self, verb: Verb) -> PyResult<()> {
        self.plane.tell(self.id, verb).map_err(stalled)
    }
}

/// The codec of that name, as SDP and events have it. Of Opus: its bitrate, whether it is protected and whether silence is left
/// out. Of a name that is not known: one that is passed on, by such a clock.
fn codec_named(
    name: &str,
    clock_rate: u32,
    (bitrate, has_fec, has_dtx): (u32, bool, bool),
) -> Codec {
    match name {
        "PCMU" => Codec::G711(Law::Mu),
        "PCMA" => Codec::G711(Law::A),
        "G722" => Codec::G722,
        "L16/8000" => Codec::L16(Rate::Narrow),
        "L16/16000" => Codec::L16(Rate::Wide),
        "opus" => Codec::Opus(Parameters {
            bitrate,
            has_fec,
            has_dtx,
        }),
        _ => Codec::foreign(name, clock_rate),
    }
}

fn to_tuple(py: Python<'_>, LegId(leg): LegId, report: Report) -> PyResult<Bound<'_, PyTuple>> {
    match report {
        Report::PlaybackStarted { playback } => {
            (leg, "playback_started", playback).into_pyobject(py)
        }
        Report::PlaybackFinished {
            playback,
            heard_ms,
            end,
        } => {
            let (reason, error) = match end {
                PlaybackEnd::Completed => ("completed", None),
                PlaybackEnd::Stopped => ("stopped", None),
                PlaybackEnd::Failed(error) => ("failed", Some(error)),
            };
            (leg, "playback_finished", playback, heard_ms, reason, error).into_pyobject(py)
        }
        Report::RecordingFinished {
            recording,
            path,
            duration_ms,
            outcome,
        } => {
            let (reason, sha256, error) = match outcome {
                RecordingOutcome::Saved { end, sha256 } => (reason_of(end), sha256, None),
                RecordingOutcome::Failed(error) => ("failed", String::new(), Some(error)),
            };
            (
                leg,
                "recording_finished",
                recording,
                path,
                duration_ms,
                reason,
                sha256,
                error,
            )
                .into_pyobject(py)
        }
        Report::DigitStarted { digit } => (leg, "digit_started", digit).into_pyobject(py),
        Report::DigitEnded { digit, duration_ms } => {
            (leg, "digit_ended", digit, duration_ms).into_pyobject(py)
        }
        Report::DigitsSent {
            sending,
            digits,
            is_complete,
        } => {
            let reason = if is_complete { "completed" } else { "stopped" };
            (leg, "digits_sent", sending, digits, reason).into_pyobject(py)
        }
        Report::SoundDetected {
            noticed,
            at_ms,
            lasted_ms,
            level_dbov,
        } => (
            leg,
            "sound_detected",
            name_of(noticed),
            at_ms,
            lasted_ms,
            level_dbov,
        )
            .into_pyobject(py),
        Report::AudioHeard { is_sound } => (leg, "audio_heard", is_sound).into_pyobject(py),
        Report::CandidateFound { candidate } => {
            (leg, "candidate_found", candidate).into_pyobject(py)
        }
        Report::CandidatesComplete => (leg, "candidates_complete").into_pyobject(py),
        Report::PipeMarked {
            pipe,
            mark,
            is_heard,
        } => (leg, "pipe_marked", pipe, mark, is_heard).into_pyobject(py),
        Report::PeerReached { remote } => {
            let remote = (remote.ip().to_string(), remote.port());
            (leg, "peer_reached", remote).into_pyobject(py)
        }
        Report::MediaSecured { profile } => (leg, "media_secured", profile).into_pyobject(py),
        Report::PeerLost { reason } => (leg, "peer_lost", reason).into_pyobject(py),
        Report::ThreadDied { message } => (leg, "thread_died", message).into_pyobject(py),
    }
}

/// What is detected in samples of 16 bits in the machine's order: `(noticed, at_ms, lasted_ms, level_dbov)`.
#[pyfunction]
fn detect(samples: Vec<i16>, level_dbov: f32) -> Vec<(&'static str, u64, u64, i32)> {
    let mut reports = Reports::default();
    Hearing::new(level_dbov, Moment::default()).hear(0, &samples, Moment::default(), &mut reports);
    let detected = |(_, report)| match report {
        Report::SoundDetected {
            noticed,
            at_ms,
            lasted_ms,
            level_dbov,
        } => Some((name_of(noticed), at_ms, lasted_ms, level_dbov)),
        _ => None,
    };
    reports.drain().filter_map(detected).collect()
}

fn name_of(noticed: Noticed) -> &'static str {
    match noticed {
        Noticed::TalkStarted => "talk_started",
        Noticed::TalkStopped => "talk_stopped",
        Noticed::Signal(Signal::Busy) => "busy",
        Noticed::Signal(Signal::Congestion) => "congestion",
        Noticed::Signal(Signal::Sit) => "sit",
        Noticed::Signal(Signal::Cng) => "cng",
        Noticed::Signal(Signal::Ced) => "ced",
        Noticed::Signal(Signal::Beep) => "beep",
    }
}

fn reason_of(end: RecordingEnd) -> &'static str {
    match end {
        RecordingEnd::Max => "max",
        RecordingEnd::Silence => "silence",
        RecordingEnd::Stopped => "stopped",
    }
}

/// Give back to the system what the heap has free. Whether there was any.
#[pyfunction]
fn trim_heap(py: Python<'_>) -> bool {
    py.detach(syscalls::trim_heap)
}

pub(super) fn fill(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("NoPorts", module.py().get_type::<NoPorts>())?;
    module.add_function(wrap_pyfunction!(detect, module)?)?;
    module.add_function(wrap_pyfunction!(trim_heap, module)?)?;
    reading::fill(module)?;
    module.add_class::<Source>()?;
    module.add_class::<Engine>()?;
    module.add_class::<Pipe>()?;
    module.add_class::<Room>()?;
    module.add_class::<Leg>()
}
