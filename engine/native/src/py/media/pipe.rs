//! A pipe of a leg: what a program outside says goes in here; what it hears comes by `Engine.frames`.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::media::command::Verb;
use crate::media::engine::Engine as DataPlane;
use crate::media::lock::Lock;
use crate::media::pipe::{Decoder, Encoding, Gauge, Inflow, Piece, PipeSpec, Shape};
use crate::media::report::LegId;

use super::stalled;

/// One pipe, until it is closed.
#[pyclass(frozen, module = "engine._native.media")]
pub(super) struct Pipe {
    plane: Arc<DataPlane>,
    leg: LegId,
    id: u64,
    gauge: Arc<Gauge>,
    decoder: Lock<Decoder>,
}

#[pymethods]
impl Pipe {
    /// Have these octets said after what waits: how many were taken. What would wait for more than a minute is not.
    fn write(&self, octets: &[u8]) -> PyResult<usize> {
        let mut decoder = self.decoder.hold();
        let room = usize::try_from(self.gauge.room()).unwrap_or(usize::MAX);
        let taken = octets.len().min(decoder.octets_of(room));
        let samples = decoder.decode(&octets[..taken]);
        if !samples.is_empty() {
            let count = samples.len();
            self.gauge.add(count);
            self.put(Piece::Sound(samples), count)?;
        }
        Ok(taken)
    }

    /// Have it reported when all before it was said; false: too much waits.
    fn mark(&self, mark: u64) -> PyResult<bool> {
        if !self.gauge.has_room() {
            return Ok(false);
        }
        self.gauge.add(0);
        self.put(Piece::Mark(mark), 0)?;
        Ok(true)
    }

    /// Say nothing of what waits.
    fn clear(&self) -> PyResult<()> {
        self.decoder.hold().restart();
        self.pour(Inflow::Clear)
    }

    /// Milliseconds that were said, and that wait.
    fn figures(&self) -> (u64, u64) {
        (self.gauge.said() / 8, self.gauge.waiting() / 8)
    }

    fn close(&self) -> PyResult<()> {
        self.pour(Inflow::Close)
    }
}

impl Pipe {
    /// The pipe, and what a media thread is told of it.
    pub(super) fn new(
        plane: Arc<DataPlane>,
        leg: LegId,
        (name, id): (String, u64),
        (is_linear, rate): (bool, u32),
        (hears_received, hears_sent): (bool, bool),
    ) -> PyResult<(Self, PipeSpec)> {
        let encoding = if is_linear {
            Encoding::Linear
        } else {
            Encoding::Mu
        };
        let shape = Shape::of(encoding, rate).ok_or_else(|| {
            PyValueError::new_err(format!("expected 8000, 16000 or 24000 Hz, got {rate}"))
        })?;
        let gauge = Arc::<Gauge>::default();
        let spec = PipeSpec {
            name,
            id,
            shape,
            hears_received,
            hears_sent,
            gauge: gauge.clone(),
        };
        let pipe = Pipe {
            plane,
            leg,
            id,
            gauge,
            decoder: Lock::new(Decoder::new(shape)),
        };
        Ok((pipe, spec))
    }

    fn put(&self, piece: Piece, samples: usize) -> PyResult<()> {
        self.pour(Inflow::Piece(piece))
            .inspect_err(|_| self.gauge.take_back(samples))
    }

    fn pour(&self, inflow: Inflow) -> PyResult<()> {
        self.plane
            .tell(self.leg, Verb::Pipe(self.id, inflow))
            .map_err(stalled)
    }
}
