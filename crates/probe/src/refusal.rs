//! Why a TLS connection did not come about, in words. Pure.

use assay_model::Status;
use rustls::{
    AlertDescription, CertificateError, Error, InvalidMessage, OtherError, PeerIncompatible,
};
use thiserror::Error as ThisError;

/// A certificate that was refused, and why, in one clause. The verifier raises it inside of
/// rustls's own error, so that the reason survives whichever library makes the connection.
#[derive(Debug, ThisError)]
#[error("{0}")]
pub(crate) struct Refusal(pub(crate) String);

/// What a failed handshake means.
pub(crate) fn explain(error: &Error) -> (Status, String) {
    (Status::TlsFailed, describe(error))
}

fn describe(error: &Error) -> String {
    let fixed = match error {
        Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => {
            return match inner.downcast_ref::<Refusal>() {
                Some(refusal) => refusal.0.clone(),
                None => format!("certificate refused: {inner}"),
            };
        }
        Error::InvalidCertificate(reason) => return format!("certificate refused: {reason}"),
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::InvalidEmptyPayload,
        )
        | Error::PeerSentOversizedRecord
        | Error::InappropriateMessage { .. } => "no TLS there: the answer is in plain text",
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::Tls12NotOffered,
        )
        | Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            "no TLS version in common: the server speaks neither 1.2 nor 1.3"
        }
        Error::AlertReceived(
            AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity,
        ) => "the server refused the handshake: no cipher in common, or it wants a certificate",
        Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::NoCertificate,
        ) => "the server wants a client certificate",
        Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            "the server has no certificate for this name"
        }
        Error::AlertReceived(AlertDescription::NoApplicationProtocol)
        | Error::NoApplicationProtocol => "the server speaks none of the protocols offered (ALPN)",
        Error::NoCertificatesPresented => "the server presented no certificate",
        other => return format!("TLS handshake failed: {other}"),
    };
    fixed.to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn check(error: &Error, expected: &str) {
        let (status, text) = explain(error);
        assert_eq!(status, Status::TlsFailed);
        assert!(text.contains(expected), "{error:?}: {text}");
    }

    #[test]
    fn handshakes_fail_for_different_reasons() {
        let refusal = OtherError(Arc::new(Refusal("self-signed certificate".to_owned())));
        check(
            &Error::InvalidCertificate(CertificateError::Other(refusal)),
            "self-signed certificate",
        );
        check(
            &Error::InvalidMessage(InvalidMessage::InvalidContentType),
            "no TLS there",
        );
        check(
            &Error::AlertReceived(AlertDescription::ProtocolVersion),
            "no TLS version in common",
        );
        check(
            &Error::AlertReceived(AlertDescription::CertificateRequired),
            "client certificate",
        );
        check(
            &Error::AlertReceived(AlertDescription::NoApplicationProtocol),
            "ALPN",
        );
        check(&Error::General("odd".to_owned()), "odd");
    }
}
