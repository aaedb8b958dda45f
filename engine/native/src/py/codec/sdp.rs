//! `SessionDescription`, `MediaDescription`, `Origin` and `Payload`.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::{raise, refuse};
use crate::codec::sdp::{Attribute, Crypto, Media, Origin, Payload, SessionDescription};

pub(super) fn fill(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyOrigin>()?;
    module.add_class::<PyPayload>()?;
    module.add_class::<PyCrypto>()?;
    module.add_class::<PyMediaDescription>()?;
    module.add_class::<PySessionDescription>()
}

#[pyclass(
    name = "Origin",
    module = "engine._native.codec",
    frozen,
    eq,
    from_py_object
)]
#[derive(Clone, PartialEq)]
struct PyOrigin(Origin);

#[pymethods]
impl PyOrigin {
    #[new]
    #[pyo3(signature = (session_id, version, host, username="-"))]
    fn new(session_id: u64, version: u64, host: String, username: &str) -> Self {
        Self(Origin {
            username: username.to_owned(),
            session_id,
            version,
            host,
        })
    }

    #[getter]
    fn username(&self) -> &str {
        &self.0.username
    }

    #[getter]
    fn session_id(&self) -> u64 {
        self.0.session_id
    }

    #[getter]
    fn version(&self) -> u64 {
        self.0.version
    }

    #[getter]
    fn host(&self) -> &str {
        &self.0.host
    }
}

#[pyclass(
    name = "Payload",
    module = "engine._native.codec",
    frozen,
    eq,
    from_py_object
)]
#[derive(Clone, PartialEq)]
struct PyPayload(Payload);

#[pymethods]
impl PyPayload {
    #[new]
    #[pyo3(signature = (number, encoding, clock_rate=8000, channels=1, fmtp=None))]
    fn new(
        number: u8,
        encoding: String,
        clock_rate: u32,
        channels: u8,
        fmtp: Option<String>,
    ) -> Self {
        Self(Payload {
            number,
            encoding,
            clock_rate,
            channels,
            fmtp,
        })
    }

    #[getter]
    fn number(&self) -> u8 {
        self.0.number
    }

    #[getter]
    fn encoding(&self) -> &str {
        &self.0.encoding
    }

    #[getter]
    fn clock_rate(&self) -> u32 {
        self.0.clock_rate
    }

    #[getter]
    fn channels(&self) -> u8 {
        self.0.channels
    }

    #[getter]
    fn fmtp(&self) -> Option<&str> {
        self.0.fmtp.as_deref()
    }

    fn __repr__(&self) -> String {
        let Payload {
            number,
            encoding,
            clock_rate,
            ..
        } = &self.0;
        format!("<Payload {number} {encoding}/{clock_rate}>")
    }
}

/// It has no `repr` that shows the key.
#[pyclass(
    name = "Crypto",
    module = "engine._native.codec",
    frozen,
    eq,
    from_py_object
)]
#[derive(Clone, PartialEq)]
struct PyCrypto(Crypto);

#[pymethods]
impl PyCrypto {
    #[new]
    #[pyo3(signature = (tag, suite, key))]
    fn new(tag: u32, suite: String, key: Vec<u8>) -> Self {
        Self(Crypto {
            tag,
            suite,
            key,
            mki: Vec::new(),
        })
    }

    #[staticmethod]
    fn parse(py: Python<'_>, value: &str) -> PyResult<Self> {
        Crypto::parse(value)
            .map(Self)
            .map_err(|error| raise(py, error))
    }

    #[getter]
    fn tag(&self) -> u32 {
        self.0.tag
    }

    #[getter]
    fn suite(&self) -> &str {
        &self.0.suite
    }

    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.key)
    }

    #[getter]
    fn mki<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.mki)
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("<{:?}>", self.0)
    }
}

#[pyclass(
    name = "MediaDescription",
    module = "engine._native.codec",
    frozen,
    eq,
    from_py_object
)]
#[derive(Clone, PartialEq)]
struct PyMediaDescription(Media);

#[pymethods]
impl PyMediaDescription {
    #[new]
    #[pyo3(
        signature = (kind, port, protocol, formats=vec![], *, payloads=vec![], host=None, direction=None, ptime=None,
                     attributes=vec![]),
        text_signature = "(kind, port, protocol, formats=(), *, payloads=(), host=None, direction=None, ptime=None, \
                          attributes=())"
    )]
    #[allow(clippy::too_many_arguments)] // as Python spells it, by name
    fn new(
        kind: String,
        port: u16,
        protocol: String,
        mut formats: Vec<String>,
        payloads: Vec<PyPayload>,
        host: Option<String>,
        direction: Option<String>,
        ptime: Option<u32>,
        attributes: Vec<Attribute>,
    ) -> Self {
        formats.extend(payloads.iter().map(|payload| payload.0.number.to_string()));
        let mut all: Vec<Attribute> = payloads
            .iter()
            .flat_map(|payload| payload.0.attributes())
            .collect();
        all.extend(ptime.map(|ptime| ("ptime".to_owned(), Some(ptime.to_string()))));
        all.extend(direction.map(|direction| (direction, None)));
        all.extend(attributes);
        Self(Media {
            kind,
            port,
            protocol,
            formats,
            host,
            attributes: all,
        })
    }

    #[getter]
    fn kind(&self) -> &str {
        &self.0.kind
    }

    #[getter]
    fn port(&self) -> u16 {
        self.0.port
    }

    #[getter]
    fn protocol(&self) -> &str {
        &self.0.protocol
    }

    #[getter]
    fn formats(&self) -> Vec<String> {
        self.0.formats.clone()
    }

    #[getter]
    fn payloads(&self) -> Vec<PyPayload> {
        self.0.payloads().into_iter().map(PyPayload).collect()
    }

    #[getter]
    fn host(&self) -> Option<&str> {
        self.0.host.as_deref()
    }

    #[getter]
    fn direction(&self) -> Option<&str> {
        self.0.direction()
    }

    #[getter]
    fn ptime(&self) -> Option<u32> {
        self.0.number("ptime")
    }

    #[getter]
    fn maxptime(&self) -> Option<u32> {
        self.0.number("maxptime")
    }

    #[getter]
    fn attributes(&self) -> Vec<Attribute> {
        self.0.attributes.clone()
    }
}

#[pyclass(
    name = "SessionDescription",
    module = "engine._native.codec",
    frozen,
    eq
)]
#[derive(PartialEq)]
struct PySessionDescription {
    inner: SessionDescription,
}

#[pymethods]
impl PySessionDescription {
    #[new]
    #[pyo3(
        signature = (origin, media, *, name="-", host=None, time="0 0", attributes=vec![]),
        text_signature = "(origin, media, *, name='-', host=None, time='0 0', attributes=())"
    )]
    fn new(
        origin: PyOrigin,
        media: Vec<PyMediaDescription>,
        name: &str,
        host: Option<String>,
        time: &str,
        attributes: Vec<Attribute>,
    ) -> Self {
        let media = media.into_iter().map(|media| media.0).collect();
        let (name, time) = (name.to_owned(), time.to_owned());
        Self {
            inner: SessionDescription {
                origin: origin.0,
                name,
                host,
                time,
                attributes,
                media,
            },
        }
    }

    #[staticmethod]
    fn parse(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        let inner = SessionDescription::parse(data).map_err(|error| raise(py, error))?;
        Ok(Self { inner })
    }

    #[getter]
    fn origin(&self) -> PyOrigin {
        PyOrigin(self.inner.origin.clone())
    }

    #[getter]
    fn name(&self) -> &str {
        &self.inner.name
    }

    #[getter]
    fn host(&self) -> Option<&str> {
        self.inner.host.as_deref()
    }

    #[getter]
    fn time(&self) -> &str {
        &self.inner.time
    }

    #[getter]
    fn direction(&self) -> Option<&str> {
        self.inner.direction()
    }

    #[getter]
    fn attributes(&self) -> Vec<Attribute> {
        self.inner.attributes.clone()
    }

    #[getter]
    fn media(&self) -> Vec<PyMediaDescription> {
        self.inner
            .media
            .iter()
            .cloned()
            .map(PyMediaDescription)
            .collect()
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(
            py,
            &self.inner.build().map_err(|error| refuse(&error))?,
        ))
    }
}
