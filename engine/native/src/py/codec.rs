//! `engine._native.codec`.

use pyo3::prelude::*;

pub(super) fn fill(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
