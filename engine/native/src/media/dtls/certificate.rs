//! The certificate that an engine shows: self-signed, made at its start, known to peers by its fingerprint in the SDP
//! (RFC 5763 §5). A new one each time tells nobody that two calls of two days were with the same engine.

use std::io;
use std::time::Duration;

use dimpl::DtlsCertificate;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::elliptic_curve::Generate;
use p256::pkcs8::EncodePrivateKey;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder, Result};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::Encode;
use x509_cert::ext::Extension;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfo, SubjectPublicKeyInfoRef};
use x509_cert::time::Validity;

use super::super::syscalls::random;
use super::fingerprint::Fingerprint;

/// An engine seldom runs that long; peers ask for the fingerprint alone.
const LASTS: Duration = Duration::from_secs(365 * 24 * 3600);

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Both, in DER.
    pub pair: DtlsCertificate,
    /// SHA-256 of the certificate.
    pub fingerprint: Fingerprint,
}

impl Certificate {
    /// A new one, of P-256. Fails only where the system has no randomness, or no time of day.
    pub fn generate() -> io::Result<Self> {
        let key = SigningKey::try_generate().map_err(io::Error::other)?;
        let certificate = sign(&key).map_err(io::Error::other)?;
        let private_key = key.to_pkcs8_der().map_err(io::Error::other)?;
        Ok(Certificate {
            fingerprint: Fingerprint::of(&certificate),
            pair: DtlsCertificate {
                certificate,
                private_key: private_key.as_bytes().to_vec(),
            },
        })
    }
}

fn sign(key: &SigningKey) -> Result<Vec<u8>> {
    let builder = CertificateBuilder::new(
        Nameless,
        SerialNumber::from(random()),
        Validity::from_now(LASTS)?,
        SubjectPublicKeyInfo::from_key(key.verifying_key())?,
    )?;
    Ok(builder.build::<_, DerSignature>(key)?.to_der()?)
}

/// A certificate that names nobody, and says nothing more.
struct Nameless;

impl BuilderProfile for Nameless {
    fn get_issuer(&self, subject: &Name) -> Name {
        subject.clone()
    }

    fn get_subject(&self) -> Name {
        "CN=callflow".parse().unwrap_or_default()
    }

    fn build_extensions(
        &self,
        _: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        _: &TbsCertificate,
    ) -> Result<Vec<Extension>> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_another_and_is_known_by_its_fingerprint() {
        let (one, other) = (
            Certificate::generate().unwrap(),
            Certificate::generate().unwrap(),
        );
        assert!(one.fingerprint.fits(&one.pair.certificate));
        assert!(!one.fingerprint.fits(&other.pair.certificate));
    }
}
