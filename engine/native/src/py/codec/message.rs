//! `Message`, `Request`, `Response`, and what gives them: `parse_datagram` and `StreamReader`.

use std::sync::PoisonError;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyList, PyString};

use super::raise;
use super::value::{PyAddress, PyUri, PyVia};
use crate::codec::error::{ParseError, Result};
use crate::codec::header::Kind;
use crate::codec::message::{lossy, parse_datagram as parse, Contact, Message};
use crate::codec::start_line::StartLine;
use crate::codec::stream::{Item, StreamReader};

pub(super) fn fill(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyMessage>()?;
    module.add_class::<PyRequest>()?;
    module.add_class::<PyResponse>()?;
    module.add_class::<KeepAlive>()?;
    module.add_class::<PyStreamReader>()?;
    module.add_function(wrap_pyfunction!(parse_datagram, module)?)
}

#[pyfunction]
fn parse_datagram<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match parse(data) {
        Ok(message) => to_python(py, message),
        Err(error) => Err(raise(py, error)),
    }
}

/// A `Request` or a `Response`.
pub(super) fn to_python(py: Python<'_>, message: Message) -> PyResult<Bound<'_, PyAny>> {
    let is_request = matches!(message.start_line, StartLine::Request { .. });
    let base = PyClassInitializer::from(PyMessage::from(message));
    Ok(if is_request {
        Bound::new(
            py,
            base.add_subclass(PyRequest {
                uri: PyOnceLock::new(),
            }),
        )?
        .into_any()
    } else {
        Bound::new(py, base.add_subclass(PyResponse))?.into_any()
    })
}

/// The text of a method, one object for each of the usual ones.
fn method_text<'py>(py: Python<'py>, method: &str) -> Bound<'py, PyString> {
    let known = match method {
        "INVITE" => intern!(py, "INVITE"),
        "ACK" => intern!(py, "ACK"),
        "BYE" => intern!(py, "BYE"),
        "CANCEL" => intern!(py, "CANCEL"),
        "REGISTER" => intern!(py, "REGISTER"),
        "OPTIONS" => intern!(py, "OPTIONS"),
        "PRACK" => intern!(py, "PRACK"),
        "UPDATE" => intern!(py, "UPDATE"),
        "INFO" => intern!(py, "INFO"),
        "MESSAGE" => intern!(py, "MESSAGE"),
        "SUBSCRIBE" => intern!(py, "SUBSCRIBE"),
        "NOTIFY" => intern!(py, "NOTIFY"),
        "REFER" => intern!(py, "REFER"),
        "PUBLISH" => intern!(py, "PUBLISH"),
        other => return PyString::new(py, other),
    };
    known.clone()
}

fn addresses<'py>(
    py: Python<'py>,
    list: &[crate::codec::address::Address],
) -> PyResult<Bound<'py, PyList>> {
    let out = PyList::empty(py);
    for address in list {
        out.append(Bound::new(py, PyAddress::from(address.clone()))?)?;
    }
    Ok(out)
}

#[pyclass(name = "Message", module = "engine._native.codec", frozen, subclass)]
pub(super) struct PyMessage {
    pub(super) inner: Message,
    via: PyOnceLock<Py<PyVia>>,
    from: PyOnceLock<Py<PyAddress>>,
    to: PyOnceLock<Py<PyAddress>>,
    call_id: PyOnceLock<Py<PyString>>,
}

impl PyMessage {
    fn from(inner: Message) -> Self {
        let (via, call_id) = (PyOnceLock::new(), PyOnceLock::new());
        Self {
            inner,
            via,
            from: PyOnceLock::new(),
            to: PyOnceLock::new(),
            call_id,
        }
    }
}

fn told<T>(py: Python<'_>, result: Result<T>) -> PyResult<T> {
    result.map_err(|error| raise(py, error))
}

#[pymethods]
impl PyMessage {
    #[getter]
    fn raw<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.inner.raw())
    }

    #[getter]
    fn via<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyVia>> {
        let via = self.via.get_or_try_init(py, || {
            Py::new(py, PyVia(told(py, self.inner.via())?.clone()))
        })?;
        Ok(via.bind(py))
    }

    #[getter]
    fn vias(&self, py: Python<'_>) -> PyResult<Vec<PyVia>> {
        Ok(told(py, self.inner.vias())?
            .into_iter()
            .map(PyVia)
            .collect())
    }

    #[getter]
    fn from_<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAddress>> {
        let read = || Py::new(py, PyAddress::from(told(py, self.inner.from())?.clone()));
        Ok(self.from.get_or_try_init(py, read)?.bind(py))
    }

    #[getter]
    fn to<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAddress>> {
        let read = || Py::new(py, PyAddress::from(told(py, self.inner.to())?.clone()));
        Ok(self.to.get_or_try_init(py, read)?.bind(py))
    }

    #[getter]
    fn call_id<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyString>> {
        let read = || Ok::<_, PyErr>(PyString::new(py, told(py, self.inner.call_id())?).unbind());
        Ok(self.call_id.get_or_try_init(py, read)?.bind(py))
    }

    #[getter]
    fn cseq(&self, py: Python<'_>) -> PyResult<u32> {
        Ok(told(py, self.inner.cseq())?.number)
    }

    #[getter]
    fn cseq_method<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        Ok(method_text(py, &told(py, self.inner.cseq())?.method))
    }

    #[getter]
    fn contacts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        match told(py, self.inner.contact())? {
            Contact::Addresses(list) => addresses(py, list),
            Contact::Star => Ok(PyList::empty(py)),
        }
    }

    #[getter]
    fn is_star(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(told(py, self.inner.contact())? == &Contact::Star)
    }

    #[getter]
    fn max_forwards(&self) -> Option<u8> {
        self.inner.max_forwards()
    }

    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.inner.body())
    }

    #[getter]
    fn body_type(&self) -> Option<String> {
        self.inner.body_type()
    }

    fn header(&self, name: &str) -> Option<String> {
        self.inner.headers(name).next().map(|text| lossy(&text))
    }

    fn headers(&self, name: &str) -> Vec<String> {
        self.inner.headers(name).map(|text| lossy(&text)).collect()
    }

    fn values(&self, name: &str) -> Vec<String> {
        self.inner.values(name)
    }

    fn addresses<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyList>> {
        addresses(py, &told(py, self.inner.addresses(name))?)
    }

    fn header_items(&self) -> Vec<(String, String)> {
        let raw = self.inner.raw();
        let name = |kind: Kind, text: &[u8]| {
            if text.len() == 1 && kind != Kind::Other {
                kind.name().to_owned()
            } else {
                lossy(text)
            }
        };
        let fields = self.inner.fields.iter();
        fields
            .map(|field| {
                (
                    name(field.kind, &raw[field.name.clone()]),
                    lossy(&field.text(raw)),
                )
            })
            .collect()
    }
}

#[pyclass(name = "Request", module = "engine._native.codec", frozen, extends = PyMessage)]
pub(super) struct PyRequest {
    uri: PyOnceLock<Py<PyUri>>,
}

#[pymethods]
impl PyRequest {
    #[getter]
    fn method<'py>(slf: &Bound<'py, Self>) -> Bound<'py, PyString> {
        let message = &slf.as_super().get().inner;
        match &message.start_line {
            StartLine::Request { method, .. } => {
                method_text(slf.py(), &lossy(&message.raw()[method.clone()]))
            }
            StartLine::Response { .. } => PyString::new(slf.py(), ""),
        }
    }

    #[getter]
    fn uri<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyUri>> {
        let py = slf.py();
        let read = || match &slf.as_super().get().inner.start_line {
            StartLine::Request { uri: Some(uri), .. } => Py::new(py, PyUri(uri.clone())),
            _ => Err(raise(
                py,
                ParseError::new("Bad Request-URI", "the Request-URI could not be read"),
            )),
        };
        Ok(slf.get().uri.get_or_try_init(py, read)?.bind(py).clone())
    }

    #[getter]
    fn uri_text(slf: &Bound<'_, Self>) -> String {
        let message = &slf.as_super().get().inner;
        match &message.start_line {
            StartLine::Request { uri_text, .. } => lossy(&message.raw()[uri_text.clone()]),
            StartLine::Response { .. } => String::new(),
        }
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        format!("<Request {} {}>", Self::method(slf), Self::uri_text(slf))
    }
}

#[pyclass(name = "Response", module = "engine._native.codec", frozen, extends = PyMessage)]
pub(super) struct PyResponse;

#[pymethods]
impl PyResponse {
    #[getter]
    fn status(slf: &Bound<'_, Self>) -> u16 {
        match slf.as_super().get().inner.start_line {
            StartLine::Response { status, .. } => status,
            StartLine::Request { .. } => 0,
        }
    }

    #[getter]
    fn reason(slf: &Bound<'_, Self>) -> String {
        let message = &slf.as_super().get().inner;
        match &message.start_line {
            StartLine::Response { reason, .. } => lossy(&message.raw()[reason.clone()]),
            StartLine::Request { .. } => String::new(),
        }
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        format!("<Response {} {}>", Self::status(slf), Self::reason(slf))
    }
}

#[pyclass(name = "KeepAlive", module = "engine._native.codec", frozen)]
struct KeepAlive;

#[pyclass(name = "StreamReader", module = "engine._native.codec", frozen)]
#[derive(Default)]
#[allow(clippy::disallowed_types)] // no media thread comes here
struct PyStreamReader(std::sync::Mutex<StreamReader>);

impl PyStreamReader {
    fn reader(&self) -> std::sync::MutexGuard<'_, StreamReader> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl PyStreamReader {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    fn feed<'py>(&self, py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyList>> {
        let items = self.reader().feed(data);
        let out = PyList::empty(py);
        for item in items {
            match item {
                Item::Message(message) => out.append(to_python(py, *message)?)?,
                Item::Malformed(error) => out.append(raise(py, error).value(py))?,
                Item::KeepAlive => out.append(Bound::new(py, KeepAlive)?)?,
            }
        }
        Ok(out)
    }

    fn give_up<'py>(&self, py: Python<'py>, status: u16, why: &str) -> Bound<'py, PyAny> {
        let error = self.reader().give_up(status, why);
        raise(py, error).value(py).clone().into_any()
    }

    #[getter]
    fn is_broken(&self) -> bool {
        self.reader().is_broken()
    }

    #[getter]
    fn pending(&self) -> usize {
        self.reader().pending()
    }
}
