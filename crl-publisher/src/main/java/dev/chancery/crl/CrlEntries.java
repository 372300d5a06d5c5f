package dev.chancery.crl;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import org.bouncycastle.asn1.ASN1EncodableVector;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.x509.CRLReason;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;

/**
 * The entries of a CRL (RFC 5280 section 5.3), encoded one by one as they come, so that no object
 * stays for an entry.
 */
final class CrlEntries {
  private final ByteArrayOutputStream encoded = new ByteArrayOutputStream();

  void add(RevocationLedger.Entry entry) {
    ASN1EncodableVector parts = new ASN1EncodableVector(3);
    parts.add(new ASN1Integer(entry.serial().value()));
    parts.add(CrlTime.of(entry.status().at()));
    try {
      Extension[] extensions = extensions(entry.status());
      if (extensions.length > 0) {
        parts.add(new Extensions(extensions));
      }
      new DERSequence(parts).encodeTo(encoded, ASN1Encoding.DER);
    } catch (IOException e) {
      throw new IllegalStateException("an entry always has an encoding", e);
    }
  }

  private static Extension[] extensions(CertificateStatus.Revoked status) throws IOException {
    ASN1EncodableVector extensions = new ASN1EncodableVector(2);
    // Section 5.3.1: the reason code should be absent rather than say "unspecified".
    if (status.reason() != RevocationReason.UNSPECIFIED) {
      byte[] reason = CRLReason.lookup(status.reason().code()).getEncoded(ASN1Encoding.DER);
      extensions.add(new Extension(Extension.reasonCode, false, reason));
    }
    // Section 5.3.2: always a GeneralizedTime.
    if (status.invalidityDate().isPresent()) {
      byte[] date = CrlTime.generalized(status.invalidityDate().get()).getEncoded(ASN1Encoding.DER);
      extensions.add(new Extension(Extension.invalidityDate, false, date));
    }
    Extension[] present = new Extension[extensions.size()];
    for (int i = 0; i < present.length; i++) {
      present[i] = Extension.getInstance(extensions.get(i));
    }
    return present;
  }

  byte[] encoded() {
    return encoded.toByteArray();
  }
}
