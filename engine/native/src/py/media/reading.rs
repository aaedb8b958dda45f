//! Sound files for those who hear none: how long one is, and what is in it.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::media::decoder;
use crate::media::library;
use crate::media::raw::Raw;
use crate::media::tape::{Tape, BLOCK};

/// How many samples at 8 kHz a file has, and what is wrong behind them. `suffix`: of the name that it has elsewhere.
#[pyfunction]
#[pyo3(signature = (path, suffix = None))]
fn measure(py: Python<'_>, path: PathBuf, suffix: Option<&str>) -> PyResult<(u64, Option<String>)> {
    let raw = suffix.and_then(Raw::by_suffix);
    py.detach(|| guarded(|| library::measure(&path, raw)))
        .map(|(length, fault)| (length, fault.map(|fault| named(&path, &fault))))
        .map_err(|fault| PyValueError::new_err(named(&path, &fault)))
}

/// Its samples at 8 kHz, of 16 bits in the machine's order.
#[pyfunction]
#[pyo3(signature = (path, suffix = None))]
fn samples<'py>(
    py: Python<'py>,
    path: PathBuf,
    suffix: Option<&str>,
) -> PyResult<Bound<'py, PyBytes>> {
    let raw = suffix.and_then(Raw::by_suffix);
    let read = || -> Result<_, String> {
        let mut tape = Tape::new(decoder::open(&path, raw)?);
        let mut octets = Vec::new();
        for index in 0.. {
            let piece = tape.block(index);
            octets.extend(piece.samples.iter().flat_map(|it| it.to_ne_bytes()));
            if (piece.samples.len() as u64) < BLOCK {
                break;
            }
        }
        Ok(octets)
    };
    py.detach(|| guarded(read))
        .map(|octets| PyBytes::new(py, &octets))
        .map_err(|fault| PyValueError::new_err(named(&path, &fault)))
}

/// A decoder that falls over a file takes nobody with it.
fn guarded<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err("it could not be decoded (a defect of ours)".into()))
}

fn named(path: &Path, fault: &str) -> String {
    format!("{}: {fault}", path.display())
}

pub(super) fn fill(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(measure, module)?)?;
    module.add_function(wrap_pyfunction!(samples, module)?)
}
