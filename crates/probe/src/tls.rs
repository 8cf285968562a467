//! Whom to trust, and what a server presented.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use assay_model::{Certificate, Health, Status, Timestamp, TlsPolicy};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{self, CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
};

use crate::address;
use crate::certificate;
use crate::failure::Failure;
use crate::refusal::Refusal;

/// Bytes of a file of authorities that are read. The bundle of a whole system has about 250 KiB.
const CA_BYTES_MAX: usize = 1024 * 1024;

/// The authorities of the system and of the project.
#[derive(Debug)]
pub(crate) struct Trust {
    root: PathBuf,
    provider: Arc<CryptoProvider>,
    system: OnceLock<Arc<RootCertStore>>,
    /// By path; as many as the configuration names.
    named: Mutex<BTreeMap<String, Named>>,
}

/// The authorities of one file, beside the system's.
#[derive(Clone, Debug)]
struct Named {
    bytes: Arc<Vec<u8>>,
    roots: Arc<RootCertStore>,
    certificates: Arc<Vec<CertificateDer<'static>>>,
}

/// The certificate that one connection was presented with, once it was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<OnceLock<Vec<u8>>>);

impl Seen {
    /// The certificate, whether it was accepted or not; `None` as long as there was none.
    pub(crate) fn certificate(&self) -> Option<Certificate> {
        certificate::read(self.0.get()?, Timestamp::now())
    }
}

impl Trust {
    /// `root` is where relative paths of authorities start.
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            provider: Arc::new(crypto::ring::default_provider()),
            system: OnceLock::new(),
            named: Mutex::default(),
        }
    }

    /// The settings of one client connection, and where the certificate will be seen.
    ///
    /// # Errors
    /// When the authorities cannot be read.
    pub(crate) fn client(
        &self,
        policy: &TlsPolicy,
        alpn: &[&[u8]],
    ) -> Result<(Arc<ClientConfig>, Seen), Failure> {
        let seen = Seen::default();
        let (chain, pinned) = if policy.verify {
            let (chain, pinned) = self.chain(policy)?;
            (Some(chain), pinned)
        } else {
            (None, Arc::default())
        };
        let name = policy.server_name.as_deref();
        let verifier = Verifier {
            seen: seen.clone(),
            chain,
            pinned,
            algorithms: self.provider.signature_verification_algorithms,
            name: name.map(|name| server_name(policy, name)).transpose()?,
        };
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        // Each probe stands for itself: nothing is remembered from one to the next.
        config.resumption = rustls::client::Resumption::disabled();
        Ok((Arc::new(config), seen))
    }

    /// Loads the system's authorities, so that the first probe is not slower than the others.
    pub(crate) fn warm(&self) {
        self.system();
    }

    fn system(&self) -> Arc<RootCertStore> {
        let load = || {
            let mut roots = RootCertStore::empty();
            // Bundles hold certificates that no modern verifier accepts; the others count.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            Arc::new(roots)
        };
        Arc::clone(self.system.get_or_init(load))
    }

    fn chain(
        &self,
        policy: &TlsPolicy,
    ) -> Result<(Arc<WebPkiServerVerifier>, Arc<Vec<CertificateDer<'static>>>), Failure> {
        let (roots, pinned) = match &policy.ca {
            Some(path) => {
                let named = self.named(path)?;
                (named.roots, named.certificates)
            }
            None => (self.system(), Arc::default()),
        };
        if roots.is_empty() {
            return Err(failed(
                "this system trusts no authority: name one with tls.ca",
            ));
        }
        let chain =
            WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&self.provider)).build();
        let chain = chain.map_err(|error| failed(error.to_string()))?;
        Ok((chain, pinned))
    }

    fn named(&self, path: &str) -> Result<Named, Failure> {
        let bytes = read_bounded(&self.root.join(path))
            .map_err(|error| failed(format!("`{path}` cannot be read: {error}")))?;
        let mut known = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(named) = known.get(path).filter(|named| *named.bytes == bytes) {
            return Ok(named.clone());
        }
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
            .filter_map(Result::ok)
            .collect();
        if certificates.is_empty() {
            return Err(failed(format!("`{path}` holds no certificate in PEM")));
        }
        let mut roots = RootCertStore::clone(&self.system());
        roots.add_parsable_certificates(certificates.clone());
        let named = Named {
            bytes: Arc::new(bytes),
            roots: Arc::new(roots),
            certificates: Arc::new(certificates),
        };
        known.insert(path.to_owned(), named.clone());
        Ok(named)
    }
}

fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(CA_BYTES_MAX as u64)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn failed(detail: impl Into<String>) -> Failure {
    (Status::TlsFailed, detail.into())
}

/// The name to ask for, and that the certificate must be for.
///
/// # Errors
/// When it is neither a name nor an address.
pub(crate) fn server_name(policy: &TlsPolicy, host: &str) -> Result<ServerName<'static>, Failure> {
    let name = policy.server_name.as_deref().unwrap_or(host);
    ServerName::try_from(name.to_owned()).map_err(|_| {
        failed(format!(
            "`{name}` is not a name that a certificate can be for"
        ))
    })
}

/// Whether a connection to `url` begins with a handshake.
pub(crate) fn is_likely(url: &str) -> bool {
    address::parse(url).is_ok_and(|url| address::is_secure(&url))
}

/// Takes what the certificate says into account; called once, whatever the protocol.
pub(crate) fn remark(health: &mut Health, policy: &TlsPolicy) {
    let Some(certificate) = &health.certificate else {
        return;
    };
    if !health.status.serves() {
        return;
    }
    if !policy.verify {
        health.detail.push_str("; certificate not verified");
    } else if certificate.days_left < i64::from(policy.days_min) {
        let left = certificate::distance(Timestamp::now(), certificate.not_after);
        let day = certificate::day(certificate.not_after);
        health.status = Status::Degraded;
        health
            .detail
            .push_str(&format!("; certificate ends in {left} ({day})"));
    }
}

/// Remembers what was presented, and says why it was refused.
#[derive(Debug)]
struct Verifier {
    seen: Seen,
    /// `None` accepts anything.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// Certificates that the project names itself; one of them needs no further authority.
    pinned: Arc<Vec<CertificateDer<'static>>>,
    algorithms: WebPkiSupportedAlgorithms,
    /// Instead of the name that is asked for.
    name: Option<ServerName<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.seen.0.get_or_init(|| end_entity.to_vec());
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        let name = self.name.as_ref().unwrap_or(server_name);
        let judged = if self.pinned.contains(end_entity) {
            verify_pinned(end_entity, name, now)
        } else {
            let judged =
                chain.verify_server_cert(end_entity, intermediates, name, ocsp_response, now);
            judged.map(drop)
        };
        match judged {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(error) => {
                let refusal = Refusal(reason(&error, end_entity, name));
                let other = OtherError(Arc::new(refusal));
                Err(Error::InvalidCertificate(CertificateError::Other(other)))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// A certificate that is trusted by itself must still be for this name and this time. A chain
/// would refuse it, as most self-signed ones may sign others too.
fn verify_pinned(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), Error> {
    let at = Timestamp::from_second(now.as_secs().try_into().unwrap_or(i64::MAX));
    let at = at.map_err(|_| Error::FailedToGetCurrentTime)?;
    let read = certificate::read(certificate, at).ok_or(CertificateError::BadEncoding)?;
    if read.not_after < at {
        return Err(CertificateError::Expired.into());
    }
    if certificate::not_before(certificate).is_some_and(|start| start > at) {
        return Err(CertificateError::NotValidYet.into());
    }
    rustls::client::verify_server_name(&ParsedCertificate::try_from(certificate)?, name)
}

/// One clause.
fn reason(error: &Error, der: &CertificateDer<'_>, name: &ServerName<'_>) -> String {
    let now = Timestamp::now();
    let Some(read) = certificate::read(der, now) else {
        return "certificate cannot be read".to_owned();
    };
    let Error::InvalidCertificate(error) = error else {
        return format!("certificate refused: {error}");
    };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. }
            if read.not_after < now =>
        {
            let ago = certificate::distance(now, read.not_after);
            let day = certificate::day(read.not_after);
            format!("certificate expired {ago} ago ({day})")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "certificate of an authority has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            match certificate::not_before(der).filter(|start| *start > now) {
                Some(start) => {
                    let left = certificate::distance(now, start);
                    let day = certificate::day(start);
                    format!("certificate is not valid for another {left} ({day})")
                }
                None => "certificate of an authority is not valid yet".to_owned(),
            }
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let names = certificate::list(&read.names);
            format!("certificate is for {names}, not {}", name.to_str())
        }
        CertificateError::Revoked => "certificate is revoked".to_owned(),
        _ if certificate::is_self_signed(der) => "self-signed certificate".to_owned(),
        CertificateError::UnknownIssuer => {
            format!("certificate of an unknown issuer: {}", read.issuer)
        }
        other => format!("certificate refused: {other}"),
    }
}
