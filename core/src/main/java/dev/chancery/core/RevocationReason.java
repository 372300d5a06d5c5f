package dev.chancery.core;

import java.math.BigInteger;
import java.util.List;
import java.util.Optional;
import org.bouncycastle.asn1.ASN1Enumerated;
import org.bouncycastle.asn1.x509.Extension;
import org.jspecify.annotations.Nullable;

/** CRLReason (RFC 5280 section 5.3.1). */
public enum RevocationReason {
  UNSPECIFIED("unspecified", 0),
  KEY_COMPROMISE("keyCompromise", 1),
  CA_COMPROMISE("cACompromise", 2),
  AFFILIATION_CHANGED("affiliationChanged", 3),
  SUPERSEDED("superseded", 4),
  CESSATION_OF_OPERATION("cessationOfOperation", 5),
  CERTIFICATE_HOLD("certificateHold", 6),
  REMOVE_FROM_CRL("removeFromCRL", 8),
  PRIVILEGE_WITHDRAWN("privilegeWithdrawn", 9),
  AA_COMPROMISE("aACompromise", 10);

  // values() copies an array at each call, and CRLs have millions of reasons.
  private static final List<RevocationReason> ALL = List.of(values());

  private final String text;
  private final int code;

  RevocationReason(String text, int code) {
    this.text = text;
    this.code = code;
  }

  /** The reason with this number; 7 is not used. */
  public static Optional<RevocationReason> of(int code) {
    for (RevocationReason reason : ALL) {
      if (reason.code == code) {
        return Optional.of(reason);
      }
    }
    return Optional.empty();
  }

  /**
   * The reason in the extension of a CRL's entry.
   *
   * @param reasonCode null when the entry has none, which is {@link #UNSPECIFIED}
   * @throws IllegalArgumentException when it holds no reason that there is
   */
  public static RevocationReason in(@Nullable Extension reasonCode) {
    if (reasonCode == null) {
      return UNSPECIFIED;
    }
    BigInteger code = ASN1Enumerated.getInstance(reasonCode.getParsedValue()).getValue();
    return ALL.stream()
        .filter(reason -> BigInteger.valueOf(reason.code).equals(code))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("not a reason of RFC 5280: " + code));
  }

  /** The reason with this RFC 5280 name. */
  public static Optional<RevocationReason> named(String text) {
    for (RevocationReason reason : values()) {
      if (reason.text.equals(text)) {
        return Optional.of(reason);
      }
    }
    return Optional.empty();
  }

  public int code() {
    return code;
  }

  @Override
  public String toString() {
    return text;
  }
}
