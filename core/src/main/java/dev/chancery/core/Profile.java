package dev.chancery.core;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x509.NameConstraints;

/**
 * What certificates of one kind look like; the request fills in the key, the names and, within
 * bounds, the lifetime.
 *
 * @param keyUsage may be empty: then the extension is left out (RFC 5280 section 4.2.1.3)
 * @param extendedKeyUsage may be empty: then the extension is left out (section 4.2.1.12)
 * @param policies certificate policies (section 4.2.1.4)
 */
public record Profile(
    ProfileId id,
    String description,
    Set<KeyAlgorithm> keyAlgorithms,
    Validity validity,
    SubjectRule subject,
    NameRule names,
    Set<KeyUsageBit> keyUsage,
    List<ASN1ObjectIdentifier> extendedKeyUsage,
    List<ASN1ObjectIdentifier> policies,
    Constraint constraint,
    StatusSources statusSources) {

  public Profile {
    keyAlgorithms = Set.copyOf(keyAlgorithms);
    keyUsage = Set.copyOf(keyUsage);
    extendedKeyUsage = List.copyOf(extendedKeyUsage);
    policies = List.copyOf(policies);
    boolean signsCertificates = keyUsage.contains(KeyUsageBit.KEY_CERT_SIGN);
    if (signsCertificates != (constraint instanceof Constraint.Authority)) {
      throw new IllegalArgumentException(
          "keyCertSign and the basic constraint of a CA go together (RFC 5280 section 4.2.1.3)");
    }
    if (keyAlgorithms.isEmpty()) {
      throw new IllegalArgumentException("a profile needs at least one key algorithm");
    }
  }

  /**
   * This profile with less in it.
   *
   * <p>Usages that the profile has not are left out: many requests name keyEncipherment whatever
   * the key. A purpose that it has not is refused, for a certificate without it would be of no use
   * to whoever asked. A profile without purposes restricts none, and stays so: to name some could
   * give a certificate powers that it has by none (RFC 6960 section 4.2.2.2).
   *
   * @throws Refused when nothing that was asked for would be left, or it is a CA that was asked for
   *     and the profile makes none
   */
  public Profile restrictedTo(Restriction restriction) throws Refused {
    return new Profile(
        id,
        description,
        keyAlgorithms,
        validity,
        subject,
        names,
        restriction.keyUsage().isPresent() ? usageWithin(restriction.keyUsage().get()) : keyUsage,
        restriction.extendedKeyUsage().isPresent()
            ? purposesWithin(restriction.extendedKeyUsage().get())
            : extendedKeyUsage,
        policies,
        constraint.within(restriction.pathLength()),
        statusSources);
  }

  private Set<KeyUsageBit> usageWithin(Set<KeyUsageBit> wanted) throws Refused {
    if (wanted.contains(KeyUsageBit.KEY_CERT_SIGN)
        && !keyUsage.contains(KeyUsageBit.KEY_CERT_SIGN)) {
      throw new Refused(
          Reason.NOT_OF_PROFILE, "the request is for a CA, and profile " + id + " makes none");
    }
    Set<KeyUsageBit> kept =
        keyUsage.stream()
            .filter(bit -> wanted.contains(bit) || bit == KeyUsageBit.KEY_CERT_SIGN)
            .collect(Collectors.toUnmodifiableSet());
    if (kept.isEmpty() && !keyUsage.isEmpty()) {
      throw new Refused(
          Reason.NOT_OF_PROFILE, "profile " + id + " has none of the key usages asked for");
    }
    return kept;
  }

  private List<ASN1ObjectIdentifier> purposesWithin(List<ASN1ObjectIdentifier> wanted)
      throws Refused {
    if (extendedKeyUsage.isEmpty()) {
      return extendedKeyUsage;
    }
    for (ASN1ObjectIdentifier purpose : wanted) {
      if (!extendedKeyUsage.contains(purpose)) {
        throw new Refused(
            Reason.NOT_OF_PROFILE,
            "profile " + id + " does not have the extended key usage " + purpose);
      }
    }
    List<ASN1ObjectIdentifier> kept = extendedKeyUsage.stream().filter(wanted::contains).toList();
    if (kept.isEmpty()) {
      throw new Refused(Reason.BAD_CSR, "the request has an empty extended key usage");
    }
    return kept;
  }

  /**
   * How long certificates live.
   *
   * @param standard when the request does not say
   * @param backdate how far notBefore lies in the past, for clients whose clocks are slow
   */
  public record Validity(
      Duration standard, Duration shortest, Duration longest, Duration backdate) {
    public Validity {
      if (shortest.isNegative()
          || shortest.isZero()
          || backdate.isNegative()
          || standard.compareTo(shortest) < 0
          || standard.compareTo(longest) > 0) {
        throw new IllegalArgumentException(
            "a validity must satisfy 0 < shortest <= standard <= longest, and backdate >= 0");
      }
    }
  }

  /** Where the subject comes from. */
  public enum SubjectRule {
    /** Always empty. */
    EMPTY,
    /** The requested common name when it is among the names, else the first that fits. */
    COMMON_NAME,
    /** The requested subject, byte for byte. */
    REQUESTED,
  }

  /**
   * Which names certificates hold.
   *
   * @param most the largest number of them
   * @param required whether there must be at least one
   */
  public record NameRule(Set<Name.Kind> kinds, int most, boolean required, NamePolicy policy) {
    public NameRule {
      kinds = Set.copyOf(kinds);
    }
  }

  /** The basic constraint (RFC 5280 section 4.2.1.9). */
  public sealed interface Constraint {
    /** Not a CA. */
    record EndEntity() implements Constraint {}

    /**
     * A CA, with at most this many CAs below it.
     *
     * @param nameConstraints on the names of everything below it (RFC 5280 section 4.2.1.10)
     */
    record Authority(OptionalInt pathLength, Optional<NameConstraints> nameConstraints)
        implements Constraint {
      /** A CA whose certificates may hold any name. */
      public Authority(OptionalInt pathLength) {
        this(pathLength, Optional.empty());
      }
    }

    /** The constraint with the shorter of two path lengths, where it is that of a CA. */
    private Constraint within(OptionalInt shorter) {
      return switch (this) {
        case EndEntity endEntity -> endEntity;
        case Authority(OptionalInt length, Optional<NameConstraints> names) ->
            shorter.isPresent() && (length.isEmpty() || shorter.getAsInt() < length.getAsInt())
                ? new Authority(shorter, names)
                : this;
      };
    }
  }

  /**
   * What a certificate says of where its status is found.
   *
   * @param noRevocationAvailable carry noRevAvail (RFC 9608): short-lived, status is nowhere
   */
  public record StatusSources(
      boolean crl, boolean ocsp, boolean caIssuers, boolean noRevocationAvailable) {
    public StatusSources {
      if (noRevocationAvailable && (crl || ocsp)) {
        throw new IllegalArgumentException(
            "noRevAvail excludes CRL and OCSP pointers (RFC 9608 section 3)");
      }
    }
  }

  /**
   * The bits of the key usage extension (RFC 5280 section 4.2.1.3), with Bouncy Castle's values.
   */
  public enum KeyUsageBit {
    DIGITAL_SIGNATURE("digitalSignature", 1 << 7),
    CONTENT_COMMITMENT("contentCommitment", 1 << 6),
    KEY_ENCIPHERMENT("keyEncipherment", 1 << 5),
    DATA_ENCIPHERMENT("dataEncipherment", 1 << 4),
    KEY_AGREEMENT("keyAgreement", 1 << 3),
    KEY_CERT_SIGN("keyCertSign", 1 << 2),
    CRL_SIGN("cRLSign", 1 << 1);

    private final String text;
    private final int mask;

    KeyUsageBit(String text, int mask) {
      this.text = text;
      this.mask = mask;
    }

    /** The bit with this RFC 5280 name. */
    public static Optional<KeyUsageBit> named(String text) {
      for (KeyUsageBit bit : values()) {
        if (bit.text.equals(text)) {
          return Optional.of(bit);
        }
      }
      return Optional.empty();
    }

    public int mask() {
      return mask;
    }

    @Override
    public String toString() {
      return text;
    }
  }
}
