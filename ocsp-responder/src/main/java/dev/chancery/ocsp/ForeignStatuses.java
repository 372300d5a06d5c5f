package dev.chancery.ocsp;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.CertificateStatus;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import java.io.IOException;
import java.math.BigInteger;
import java.time.Clock;
import java.time.Instant;
import java.util.Date;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.bouncycastle.asn1.ASN1Enumerated;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.TBSCertList;
import org.bouncycastle.asn1.x509.Time;
import org.bouncycastle.cert.CertException;
import org.bouncycastle.cert.X509CRLHolder;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509ContentVerifierProviderBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Statuses of another CA's certificates, from its newest complete CRL (RFC 5280 section 5). A
 * serial number that is not on it is good, whether or not that CA ever issued it: a CRL does not
 * tell. When the CRL has ended nothing is known of any.
 */
public final class ForeignStatuses implements StatusSource {
  /** The longest CRL that is read, in octets; it is in memory, some ten times as large. */
  public static final int LONGEST = 16 * 1024 * 1024;

  /** In bits: 20 octets with a sign. */
  private static final int LONGEST_SERIAL = 20 * 8;

  private static final Logger LOG = LoggerFactory.getLogger(ForeignStatuses.class);

  /** Where a CRL comes from. */
  public interface Origin {
    /**
     * The encoded CRL.
     *
     * @throws IOException when it is not to be had, or is longer than {@link #LONGEST}
     */
    byte[] fetch() throws IOException, InterruptedException;
  }

  private record Imported(
      Instant thisUpdate,
      Instant nextUpdate,
      BigInteger number,
      Map<SerialNumber, CertificateStatus.Revoked> revoked) {}

  private final String name;
  private final X509CertificateHolder authority;
  private final Origin origin;
  private final Clock clock;
  private volatile @Nullable Imported imported;

  /**
   * Knows nothing until {@link #refresh}.
   *
   * @param name of the CA, for logs
   * @param authority the CA's certificate, which has signed its CRLs
   */
  public ForeignStatuses(String name, X509CertificateHolder authority, Origin origin, Clock clock) {
    this.name = name;
    this.authority = authority;
    this.origin = origin;
    this.clock = clock;
  }

  @Override
  public Optional<Said> status(SerialNumber serial, Instant now) {
    Imported crl = imported;
    if (crl == null || now.isBefore(crl.thisUpdate()) || !now.isBefore(crl.nextUpdate())) {
      return Optional.empty();
    }
    CertificateStatus.Revoked revoked = crl.revoked().get(serial);
    return Optional.of(
        new Said(
            revoked == null ? new CertificateStatus.Good() : revoked,
            Optional.of(crl.thisUpdate()),
            Optional.of(crl.nextUpdate())));
  }

  /** Whether a CRL was ever taken up. */
  public boolean isKnown() {
    return imported != null;
  }

  /**
   * Takes up the CRL that is there now, unless it is an older one.
   *
   * @return whether statuses may be others than before
   * @throws IOException when there is none, or it is not a complete and current CRL of that CA with
   *     a right signature; what was known stays known
   */
  public synchronized boolean refresh() throws IOException, InterruptedException {
    Imported fresh = read(origin.fetch());
    Imported before = imported;
    if (before != null
        && (fresh.thisUpdate().isBefore(before.thisUpdate())
            || fresh.number().compareTo(before.number()) < 0)) {
      throw new IOException("the CRL of " + name + " is older than the one that is known");
    }
    Instant now = clock.instant();
    if (before != null && now.isBefore(fresh.thisUpdate()) && now.isBefore(before.nextUpdate())) {
      throw new IOException(
          "the CRL of " + name + " is from the future, the one before still counts");
    }
    if (before != null
        && before.thisUpdate().equals(fresh.thisUpdate())
        && before.number().equals(fresh.number())) {
      return false;
    }
    imported = fresh;
    LOG.info("CRL of {}: {} entries, until {}", name, fresh.revoked().size(), fresh.nextUpdate());
    return true;
  }

  private Imported read(byte[] encoded) throws IOException {
    try {
      X509CRLHolder crl = new X509CRLHolder(encoded);
      TBSCertList list = crl.toASN1Structure().getTBSCertList();
      if (!crl.getIssuer().equals(authority.getSubject())
          || !list.getSignature().equals(crl.toASN1Structure().getSignatureAlgorithm())
          || !isSigned(crl)) {
        throw new IOException("the CRL of " + name + " is not signed by that CA");
      }
      requireComplete(crl);
      Date nextUpdate = crl.getNextUpdate();
      if (nextUpdate == null || !clock.instant().isBefore(nextUpdate.toInstant())) {
        throw new IOException("the CRL of " + name + " has ended, or never ends");
      }
      Extension number = crl.getExtension(Extension.cRLNumber);
      return new Imported(
          crl.getThisUpdate().toInstant(),
          nextUpdate.toInstant(),
          number == null
              ? BigInteger.ZERO
              : ASN1Integer.getInstance(number.getParsedValue()).getPositiveValue(),
          entries(list));
    } catch (RuntimeException e) {
      // Bouncy Castle reports malformed input by unchecked exceptions as well.
      throw new IOException("the CRL of " + name + " is malformed", e);
    }
  }

  private boolean isSigned(X509CRLHolder crl) {
    try {
      return crl.isSignatureValid(
          new JcaX509ContentVerifierProviderBuilder()
              .setProvider(BouncyCastle.PROVIDER)
              .build(authority));
    } catch (CertException | OperatorCreationException e) {
      return false;
    }
  }

  /**
   * RFC 5280 section 5.2: what is critical says that the list is not all there is to know (a delta,
   * a part, entries of other issuers), or is not understood.
   */
  private void requireComplete(X509CRLHolder crl) throws IOException {
    for (Object critical : crl.getCriticalExtensionOIDs()) {
      throw new IOException(
          "the CRL of " + name + " is not a complete one: critical extension " + critical);
    }
  }

  private Map<SerialNumber, CertificateStatus.Revoked> entries(TBSCertList list)
      throws IOException {
    Map<SerialNumber, CertificateStatus.Revoked> revoked = new HashMap<>();
    for (Enumeration<?> each = list.getRevokedCertificateEnumeration(); each.hasMoreElements(); ) {
      TBSCertList.CRLEntry entry = (TBSCertList.CRLEntry) each.nextElement();
      Extensions extensions = entry.hasExtensions() ? entry.getExtensions() : null;
      if (extensions != null && extensions.getCriticalExtensionOIDs().length > 0) {
        throw new IOException("an entry in the CRL of " + name + " is not understood");
      }
      BigInteger serial = entry.getUserCertificate().getValue();
      // RFC 5280 section 4.1.2.2: old CAs have others too, of which nobody can ask here.
      if (serial.signum() > 0 && serial.bitLength() < LONGEST_SERIAL) {
        revoked.put(
            SerialNumber.of(serial),
            new CertificateStatus.Revoked(
                time(entry.getRevocationDate()), reason(extensions), Optional.empty()));
      }
    }
    return Map.copyOf(revoked);
  }

  private static Instant time(Time time) {
    return time.getDate().toInstant();
  }

  private static RevocationReason reason(@Nullable Extensions extensions) {
    Extension reason = extensions == null ? null : extensions.getExtension(Extension.reasonCode);
    if (reason == null) {
      return RevocationReason.UNSPECIFIED;
    }
    int code = ASN1Enumerated.getInstance(reason.getParsedValue()).intValueExact();
    return RevocationReason.of(code)
        .orElseThrow(() -> new IllegalArgumentException("CRLReason " + code));
  }
}
