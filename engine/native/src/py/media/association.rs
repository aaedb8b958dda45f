//! What Python says of a leg's ICE and DTLS.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::media::association::{DtlsTerms, Terms};
use crate::media::dtls::fingerprint::Fingerprint;
use crate::media::ice::checks::{Credentials, Terms as IceTerms};

use super::address_of;

/// Our ufrag and password, the peer's, whether we are lite, whether we are controlling, our address, the peer's candidates.
pub(super) type Ice = (
    (String, String),
    Option<(String, String)>,
    bool,
    bool,
    (String, u16),
    Vec<String>,
);
/// Whether we are the client, and the peer's fingerprints.
pub(super) type Dtls = (bool, Vec<String>);

/// Raises ValueError for what is no address or no fingerprint.
pub(super) fn read(
    ice: Option<Ice>,
    dtls: Option<Dtls>,
    remote: Option<(String, u16)>,
) -> PyResult<Terms> {
    Ok(Terms {
        ice: ice.map(read_ice).transpose()?,
        dtls: dtls.map(read_dtls).transpose()?,
        remote: remote.map(address_of).transpose()?,
    })
}

fn read_ice(ice: Ice) -> PyResult<IceTerms> {
    let (local, remote, is_lite, is_controlling, address, candidates) = ice;
    let credentials = |(ufrag, password)| Credentials { ufrag, password };
    Ok(IceTerms {
        local: credentials(local),
        remote: remote.map(credentials),
        is_lite,
        is_controlling,
        address: address_of(address)?,
        candidates,
    })
}

fn read_dtls((is_client, texts): Dtls) -> PyResult<DtlsTerms> {
    let read = |text: &String| {
        Fingerprint::parse(text).ok_or_else(|| {
            let message =
                format!("expected a fingerprint such as \"sha-256 4A:...\", got {text:?}");
            PyValueError::new_err(message)
        })
    };
    Ok(DtlsTerms {
        is_client,
        fingerprints: texts.iter().map(read).collect::<PyResult<_>>()?,
    })
}
