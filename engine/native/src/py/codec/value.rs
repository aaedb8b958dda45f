//! `Uri`, `Address` and `Via`.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyMapping};

use super::raise;
use crate::codec::address::Address;
use crate::codec::param::Params;
use crate::codec::uri::{Uri, UriParts};
use crate::codec::via::Via;

pub(super) fn fill(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyUri>()?;
    module.add_class::<PyAddress>()?;
    module.add_class::<PyVia>()
}

type Pairs = Vec<(String, Option<String>)>;

fn pairs(params: Option<&Bound<'_, PyMapping>>) -> PyResult<Pairs> {
    params.map_or(Ok(Vec::new()), |params| params.items()?.extract())
}

fn to_params(params: Option<&Bound<'_, PyMapping>>) -> PyResult<Params> {
    let mut out = Params::default();
    for (name, value) in pairs(params)? {
        out.set(&name.to_ascii_lowercase(), value.as_deref());
    }
    Ok(out)
}

fn to_dict<'py>(py: Python<'py>, params: &Params) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for param in params.iter() {
        dict.set_item(&param.name, &param.value)?;
    }
    Ok(dict)
}

#[pyclass(name = "Uri", module = "engine._native.codec", frozen, eq)]
#[derive(PartialEq)]
pub(super) struct PyUri(pub(super) Uri);

#[pymethods]
impl PyUri {
    #[new]
    #[pyo3(
        signature = (scheme="sip", user=None, host="", port=None, params=None, headers="", password=None),
        text_signature = "(scheme='sip', user=None, host='', port=None, params={}, headers='', password=None)"
    )]
    #[allow(clippy::too_many_arguments)] // as Python spells it, by name
    fn new(
        py: Python<'_>,
        scheme: &str,
        user: Option<&str>,
        host: &str,
        port: Option<u16>,
        params: Option<&Bound<'_, PyMapping>>,
        headers: &str,
        password: Option<&str>,
    ) -> PyResult<Self> {
        let parts = UriParts {
            scheme,
            user,
            password,
            host,
            port,
            params: pairs(params)?,
            headers,
        };
        Uri::build(&parts)
            .map(Self)
            .map_err(|error| raise(py, error))
    }

    #[staticmethod]
    fn parse(py: Python<'_>, text: &str) -> PyResult<Self> {
        Uri::parse(text.as_bytes())
            .map(Self)
            .map_err(|error| raise(py, error))
    }

    #[getter]
    fn scheme(&self) -> &str {
        &self.0.scheme
    }

    #[getter]
    fn user(&self) -> Option<&str> {
        self.0.user.as_deref()
    }

    #[getter]
    fn password(&self) -> Option<&str> {
        self.0.password.as_deref()
    }

    #[getter]
    fn host(&self) -> &str {
        &self.0.host
    }

    #[getter]
    fn port(&self) -> Option<u16> {
        self.0.port
    }

    #[getter]
    fn params<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in &self.0.params {
            dict.set_item(name, value)?;
        }
        Ok(dict)
    }

    #[getter]
    fn headers(&self) -> &str {
        &self.0.headers
    }

    fn __str__(&self) -> &str {
        self.0.as_str()
    }

    fn __repr__(&self) -> String {
        format!("Uri.parse({:?})", self.0.as_str())
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        hasher.finish()
    }
}

#[pyclass(name = "Address", module = "engine._native.codec", frozen)]
pub(super) struct PyAddress {
    inner: Address,
    uri: PyOnceLock<Py<PyUri>>,
}

impl PyAddress {
    pub(super) fn from(inner: Address) -> Self {
        Self {
            inner,
            uri: PyOnceLock::new(),
        }
    }
}

#[pymethods]
impl PyAddress {
    #[new]
    #[pyo3(signature = (uri, name="", params=None), text_signature = "(uri, name='', params={})")]
    fn new(
        py: Python<'_>,
        uri: &PyUri,
        name: &str,
        params: Option<&Bound<'_, PyMapping>>,
    ) -> PyResult<Self> {
        let address = Address {
            name: name.to_owned(),
            uri: uri.0.clone(),
            params: to_params(params)?,
        };
        // Reading it back is the check: nothing can be said that the wire form would not say.
        Self::parse(py, &address.to_string())
    }

    #[staticmethod]
    fn parse(py: Python<'_>, text: &str) -> PyResult<Self> {
        Address::parse(text.as_bytes())
            .map(Self::from)
            .map_err(|error| raise(py, error))
    }

    #[getter]
    fn name(&self) -> &str {
        &self.inner.name
    }

    #[getter]
    fn uri<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyUri>> {
        self.uri
            .get_or_try_init(py, || Py::new(py, PyUri(self.inner.uri.clone())))
            .map(|uri| uri.bind(py))
    }

    #[getter]
    fn params<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        to_dict(py, &self.inner.params)
    }

    #[getter]
    fn tag(&self) -> Option<&str> {
        self.inner.tag()
    }

    #[pyo3(signature = (tag))]
    fn with_tag(&self, py: Python<'_>, tag: Option<&str>) -> PyResult<Self> {
        let mut address = self.inner.clone();
        match tag {
            Some(tag) => address.params.set("tag", Some(tag)),
            None => address.params.remove("tag"),
        }
        Self::parse(py, &address.to_string())
    }

    fn __str__(&self) -> String {
        self.inner.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Address.parse({:?})", self.inner.to_string())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other
            .cast::<Self>()
            .is_ok_and(|other| self.inner == other.get().inner)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.inner.uri.hash(&mut hasher);
        hasher.finish()
    }
}

#[pyclass(name = "Via", module = "engine._native.codec", frozen)]
pub(super) struct PyVia(pub(super) Via);

#[pymethods]
impl PyVia {
    #[new]
    #[pyo3(
        signature = (transport, host, port=None, params=None),
        text_signature = "(transport, host, port=None, params={})"
    )]
    fn new(
        py: Python<'_>,
        transport: &str,
        host: &str,
        port: Option<u16>,
        params: Option<&Bound<'_, PyMapping>>,
    ) -> PyResult<Self> {
        let (transport, host) = (transport.to_owned(), host.to_owned());
        let via = Via {
            transport,
            host,
            port,
            params: to_params(params)?,
        };
        Self::parse(py, &via.to_string())
    }

    #[staticmethod]
    fn parse(py: Python<'_>, text: &str) -> PyResult<Self> {
        Via::parse(text.as_bytes())
            .map(Self)
            .map_err(|error| raise(py, error.within("Bad Via")))
    }

    #[getter]
    fn transport(&self) -> &str {
        &self.0.transport
    }

    #[getter]
    fn host(&self) -> &str {
        &self.0.host
    }

    #[getter]
    fn port(&self) -> Option<u16> {
        self.0.port
    }

    #[getter]
    fn params<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        to_dict(py, &self.0.params)
    }

    #[getter]
    fn branch(&self) -> Option<&str> {
        self.0.branch()
    }

    #[getter]
    fn has_cookie(&self) -> bool {
        self.0.has_cookie()
    }

    #[getter]
    fn received(&self) -> Option<&str> {
        self.0.received()
    }

    #[getter]
    fn rport(&self) -> Option<u16> {
        self.0.rport()
    }

    #[getter]
    fn wants_rport(&self) -> bool {
        self.0.wants_rport()
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Via.parse({:?})", self.0.to_string())
    }
}
