package dev.chancery.ocsp;

import dev.chancery.core.IssuerId;
import org.bouncycastle.cert.X509CertificateHolder;

/**
 * An issuer whose certificates are answered for.
 *
 * @param certificate one of the issuer's certificates; only its subject and key matter
 * @param signer signs the answers
 * @param statuses of its certificates
 */
public record ServedIssuer(
    IssuerId id, X509CertificateHolder certificate, ResponseSigner signer, StatusSource statuses) {}
