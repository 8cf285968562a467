//! Certificates of the tests' own authority, good and bad ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a certificate is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// For 127.0.0.1 and localhost, for the next 90 days, by the authority.
    Good,
    /// Ended yesterday.
    Expired,
    /// For another host.
    WrongHost,
    /// By itself instead of by the authority.
    SelfSigned,
    /// Ends in three days, and an hour so that three whole days are left.
    Expiring,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [
        Self::Good,
        Self::Expired,
        Self::WrongHost,
        Self::SelfSigned,
        Self::Expiring,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Expired => "expired",
            Self::WrongHost => "wrong-host",
            Self::SelfSigned => "self-signed",
            Self::Expiring => "expiring",
        }
    }

    fn params(self, now: Duration) -> Result<CertificateParams, rcgen::Error> {
        let hosts: &[&str] = match self {
            Self::WrongHost => &["elsewhere.example"],
            _ => &["localhost", "127.0.0.1"],
        };
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let mut params = CertificateParams::new(hosts)?;
        let name = format!("assay tests: {}", self.name());
        params.distinguished_name.push(DnType::CommonName, name);
        let until = match self {
            Self::Expired => now - DAY,
            Self::Expiring => now + 3 * DAY + DAY / 24,
            Self::Good | Self::WrongHost | Self::SelfSigned => now + 90 * DAY,
        };
        params.not_before = rcgen::date_time_ymd(1970, 1, 1) + (now - 30 * DAY);
        params.not_after = rcgen::date_time_ymd(1970, 1, 1) + until;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        Ok(params)
    }
}

/// PEM files in a folder.
pub(crate) struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Makes the authority and one certificate of each kind.
    pub(crate) fn make(folder: &Path) -> Result<Self, String> {
        let cannot = |error: rcgen::Error| format!("cannot make certificates: {error}");
        let certificates = Self {
            folder: folder.to_owned(),
        };
        let now = now()?;
        let issuer = certificates.authority(now).map_err(cannot)??;
        for kind in Kind::ALL {
            let key = KeyPair::generate().map_err(cannot)?;
            let params = kind.params(now).map_err(cannot)?;
            let certificate = if kind == Kind::SelfSigned {
                params.self_signed(&key)
            } else {
                params.signed_by(&key, &issuer)
            };
            let certificate = certificate.map_err(cannot)?;
            write(&certificates.certificate(kind), &certificate.pem())?;
            write(&certificates.key(kind), &key.serialize_pem())?;
        }
        Ok(certificates)
    }

    fn authority(
        &self,
        now: Duration,
    ) -> Result<Result<Issuer<'static, KeyPair>, String>, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        let name = "assay tests: authority";
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = rcgen::date_time_ymd(1970, 1, 1) + (now - 30 * DAY);
        params.not_after = rcgen::date_time_ymd(1970, 1, 1) + (now + 365 * DAY);
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let written = write(&self.authority_file(), &certificate.pem());
        Ok(written.map(|()| Issuer::new(params, key)))
    }

    /// The authority's own certificate.
    pub(crate) fn authority_file(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    pub(crate) fn certificate(&self, kind: Kind) -> PathBuf {
        self.folder.join(format!("{}.pem", kind.name()))
    }

    pub(crate) fn key(&self, kind: Kind) -> PathBuf {
        self.folder.join(format!("{}.key", kind.name()))
    }
}

/// Since 1970.
fn now() -> Result<Duration, String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a certificate ends at a time of the real clock"
    )]
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH)
        .map_err(|error| format!("the clock stands before 1970: {error}"))
}

/// A file that only its owner may read, as PostgreSQL asks of a key.
fn write(path: &Path, pem: &str) -> Result<(), String> {
    let mode = if path.extension().is_some_and(|end| end == "key") {
        0o600
    } else {
        0o644
    };
    fs::write(path, pem)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_files_and_only_keys_are_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::make(folder.path()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&certificates.authority_file()), 0o644);
        for kind in Kind::ALL {
            assert_eq!(mode(&certificates.certificate(kind)), 0o644, "{kind:?}");
            assert_eq!(mode(&certificates.key(kind)), 0o600, "{kind:?}");
        }
    }

    #[test]
    fn times_are_as_the_kind_says() {
        let now = now().unwrap();
        let left = |kind: Kind| {
            let until = kind.params(now).unwrap().not_after - rcgen::date_time_ymd(1970, 1, 1);
            (until.whole_seconds() - i64::try_from(now.as_secs()).unwrap()) / 86_400
        };
        let days: Vec<i64> = Kind::ALL.into_iter().map(left).collect();
        assert_eq!(days, [90, -1, 90, 90, 3]);
    }
}
