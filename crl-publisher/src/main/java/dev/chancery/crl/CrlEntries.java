package dev.chancery.crl;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import java.time.Instant;
import java.util.Optional;

/**
 * Encodes the entries of CRLs (RFC 5280 section 5.3). By hand, and not with Bouncy Castle's
 * objects: those take longer than all else that is done to a long CRL. No part of an entry is
 * longer than 127 octets, so that every length is one octet (X.690 section 8.1.3.4).
 */
final class CrlEntries {
  private static final byte INTEGER = 0x02;
  private static final byte OCTET_STRING = 0x04;
  private static final byte OID = 0x06;
  private static final byte ENUMERATED = 0x0A;
  private static final byte SEQUENCE = 0x30;
  // The last octets of id-ce-cRLReasons and id-ce-invalidityDate.
  private static final byte CRL_REASONS = 21;
  private static final byte INVALIDITY_DATE = 24;
  private static final int REASON_LENGTH = 12;
  private static final int INVALIDITY_LENGTH = 9 + CrlTime.GENERALIZED_LENGTH;
  private static final int LONGEST = 127;

  private CrlEntries() {}

  /** SEQUENCE { the serial number, the revocation date, extensions if there are any }. */
  static byte[] encoded(RevocationLedger.Entry entry) {
    return encoded(entry.serial(), entry.status());
  }

  /** The entry of a delta CRL for a certificate that its base has and the ledger has no more. */
  static byte[] removed(SerialNumber serial, Instant at) {
    return encoded(
        serial,
        new CertificateStatus.Revoked(at, RevocationReason.REMOVE_FROM_CRL, Optional.empty()));
  }

  private static byte[] encoded(SerialNumber number, CertificateStatus.Revoked status) {
    byte[] serial = number.twosComplement();
    // Section 5.3.1: the reason code should be absent rather than say "unspecified".
    boolean reason = status.reason() != RevocationReason.UNSPECIFIED;
    boolean invalidity = status.invalidityDate().isPresent();
    int extensions = (reason ? REASON_LENGTH : 0) + (invalidity ? INVALIDITY_LENGTH : 0);
    int contents =
        2 + serial.length + CrlTime.length(status.at()) + (extensions > 0 ? 2 + extensions : 0);
    if (contents > LONGEST) {
      throw new IllegalArgumentException("a serial number of " + serial.length + " octets");
    }
    byte[] out = new byte[2 + contents];
    int at = header(out, 0, SEQUENCE, contents);
    at = header(out, at, INTEGER, serial.length);
    System.arraycopy(serial, 0, out, at, serial.length);
    at = CrlTime.write(status.at(), out, at + serial.length);
    if (extensions > 0) {
      at = header(out, at, SEQUENCE, extensions);
      if (reason) {
        at = extension(out, at, CRL_REASONS, REASON_LENGTH);
        at = header(out, at, ENUMERATED, 1);
        out[at++] = (byte) status.reason().code();
      }
      if (invalidity) {
        at = extension(out, at, INVALIDITY_DATE, INVALIDITY_LENGTH);
        // Section 5.3.2: always a GeneralizedTime.
        CrlTime.writeGeneralized(status.invalidityDate().get(), out, at);
      }
    }
    return out;
  }

  private static int header(byte[] out, int at, byte tag, int length) {
    out[at] = tag;
    out[at + 1] = (byte) length;
    return at + 2;
  }

  /** All of an extension that is not critical, but the contents of its value. */
  private static int extension(byte[] out, int start, byte identifier, int length) {
    int at = header(out, start, SEQUENCE, length - 2);
    at = header(out, at, OID, 3);
    out[at] = 0x55;
    out[at + 1] = 0x1D;
    out[at + 2] = identifier;
    return header(out, at + 3, OCTET_STRING, length - 9);
  }
}
