//! `engine._native.codec`.

use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::codec::error::{BuildError, ParseError};
use crate::codec::limits;

mod build;
mod message;
mod sdp;
mod value;

create_exception!(engine._native.codec, ParseErrorType, PyValueError);

pub(super) fn fill(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let error = py.get_type::<ParseErrorType>();
    // What an error raised from Python says unless it is told otherwise.
    error.setattr("__name__", "ParseError")?;
    error.setattr("__qualname__", "ParseError")?;
    error.setattr("status", 400)?;
    error.setattr("reason", "Bad Request")?;
    error.setattr("partial", py.None())?;
    module.add("ParseError", error)?;
    module.add("MAX_HEADER_SECTION", limits::MAX_HEADER_SECTION)?;
    module.add("MAX_HEADER_FIELDS", limits::MAX_HEADER_FIELDS)?;
    module.add("MAX_BODY", limits::MAX_BODY)?;
    value::fill(module)?;
    message::fill(module)?;
    build::fill(module)?;
    sdp::fill(module)
}

/// The exception of a parse error, with what to answer.
fn raise(py: Python<'_>, error: ParseError) -> PyErr {
    let raised = ParseErrorType::new_err(error.to_string());
    let told = (|| {
        let value = raised.value(py);
        value.setattr("status", error.status)?;
        value.setattr("reason", error.reason)?;
        match error.partial {
            Some(partial) => value.setattr("partial", message::to_python(py, *partial)?),
            None => Ok(()),
        }
    })();
    told.err().unwrap_or(raised)
}

fn refuse(error: &BuildError) -> PyErr {
    PyValueError::new_err(error.0.clone())
}
