//! `response`, `request` and `reason_phrase`.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::message::{PyMessage, PyRequest};
use super::refuse;
use super::value::PyUri;
use crate::codec::build::{self, ResponseParts};
use crate::codec::reason;

pub(super) fn fill(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(response, module)?)?;
    module.add_function(wrap_pyfunction!(request, module)?)?;
    module.add_function(wrap_pyfunction!(reason_phrase, module)?)
}

type Pairs = Vec<(String, String)>;

fn pairs(headers: Option<&Bound<'_, PyAny>>) -> PyResult<Pairs> {
    headers.map_or(Ok(Vec::new()), |headers| {
        headers.try_iter()?.map(|pair| pair?.extract()).collect()
    })
}

#[pyfunction]
#[pyo3(
    signature = (request, status, reason=None, *, to_tag=None, headers=None, body=None, received=None),
    text_signature = "(request, status, reason=None, *, to_tag=None, headers=(), body=b'', received=None)"
)]
#[allow(clippy::too_many_arguments)] // as Python spells it, by name
fn response<'py>(
    py: Python<'py>,
    request: &Bound<'py, PyRequest>,
    status: u16,
    reason: Option<&str>,
    to_tag: Option<&str>,
    headers: Option<&Bound<'py, PyAny>>,
    body: Option<&[u8]>,
    received: Option<(String, u16)>,
) -> PyResult<Bound<'py, PyBytes>> {
    let headers = pairs(headers)?;
    let received = received.as_ref().map(|(host, port)| (host.as_str(), *port));
    let body = body.unwrap_or_default();
    let parts = ResponseParts {
        status,
        reason,
        to_tag,
        headers: &headers,
        body,
        received,
    };
    let base: &Bound<'py, PyMessage> = request.as_super();
    let octets = build::response(&base.get().inner, &parts).map_err(|error| refuse(&error))?;
    Ok(PyBytes::new(py, &octets))
}

#[pyfunction]
#[pyo3(
    signature = (method, uri, *, headers, body=None),
    text_signature = "(method, uri, *, headers, body=b'')"
)]
fn request<'py>(
    py: Python<'py>,
    method: &str,
    uri: &Bound<'py, PyAny>,
    headers: &Bound<'py, PyAny>,
    body: Option<&[u8]>,
) -> PyResult<Bound<'py, PyBytes>> {
    let text: String = match uri.cast::<PyUri>() {
        Ok(uri) => uri.get().0.as_str().to_owned(),
        Err(_) => uri
            .extract()
            .map_err(|_| PyTypeError::new_err("expected a Uri or its text"))?,
    };
    let headers = pairs(Some(headers))?;
    let octets = build::request(method, &text, &headers, body.unwrap_or_default())
        .map_err(|error| refuse(&error))?;
    Ok(PyBytes::new(py, &octets))
}

#[pyfunction]
fn reason_phrase(status: u16) -> &'static str {
    reason::reason_phrase(status)
}
