//! `engine._native.media`.

use pyo3::prelude::*;

pub(super) fn fill(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
