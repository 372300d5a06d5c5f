package dev.chancery.server.engine;

import dev.chancery.core.CrlScope;
import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Refused;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.hsm.IssuerKey;
import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.DERUTF8String;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.cert.X509CertificateHolder;
import org.jspecify.annotations.Nullable;

/**
 * An issuing CA: its certificate, its key, and where relying parties find what it publishes. All
 * that its certificates take over from it is read from its own certificate once.
 */
public final class Issuer {
  /**
   * Where relying parties find what an issuer publishes; absent when it does not.
   *
   * @param crl the CRL of certificates that name no shard
   * @param crlShards the CRLs of the shards 1, 2 and so on that new certificates are spread over;
   *     none when they name no shard
   */
  public record Urls(
      Optional<URI> crl, List<URI> crlShards, Optional<URI> ocsp, Optional<URI> caIssuers) {
    /** Nothing is published. */
    public static final Urls NONE = new Urls(Optional.empty(), Optional.empty(), Optional.empty());

    public Urls {
      crlShards = List.copyOf(crlShards);
    }

    /** Of an issuer whose CRL is in one piece. */
    public Urls(Optional<URI> crl, Optional<URI> ocsp, Optional<URI> caIssuers) {
      this(crl, List.of(), ocsp, caIssuers);
    }

    /** The shard of a new certificate: the random end of its serial number spreads them evenly. */
    int crlShard(SerialNumber serial) {
      return crlShards.isEmpty()
          ? CrlScope.UNSHARDED
          : 1 + serial.value().mod(BigInteger.valueOf(crlShards.size())).intValueExact();
    }

    /** The CRL of a shard. */
    Optional<URI> crl(int shard) {
      return shard == CrlScope.UNSHARDED ? crl : Optional.of(crlShards.get(shard - 1));
    }
  }

  // RFC 5280 section 4.1.2.5: the time that stands for no end, and the last that can be written.
  private static final Instant LAST = Instant.parse("9999-12-31T23:59:59Z");

  private final IssuerId id;
  private final Optional<X509CertificateHolder> certificate;
  private final List<List<Der>> chains;
  private final Optional<IssuerKey> key;
  private final Urls urls;
  private final X500Name name;
  private final Der keyIdentifier;
  private final Period period;
  private final OptionalInt pathLength;
  private final NameConstraintCheck constraints;

  private Issuer(
      IssuerId id,
      Optional<X509CertificateHolder> certificate,
      Optional<X509CertificateHolder> root,
      List<List<Der>> chains,
      Optional<IssuerKey> key,
      Urls urls,
      X500Name name,
      Der keyIdentifier,
      Period period,
      OptionalInt pathLength) {
    this.id = id;
    this.certificate = certificate;
    this.chains = chains.stream().map(List::copyOf).toList();
    this.key = key;
    this.urls = urls;
    this.name = name;
    this.keyIdentifier = keyIdentifier;
    this.period = period;
    this.pathLength = pathLength;
    this.constraints =
        NameConstraintCheck.of(
            Stream.concat(certificate.stream(), root.stream()).toList(),
            chains.isEmpty() ? List.of() : chains.getFirst());
  }

  /**
   * An issuer that has its certificate.
   *
   * @param chains the chains to present, the default one first, which begins with the issuer's own
   *     certificate; another may begin with one that was cross-certified ({@link
   *     #isSameAuthority}). Each goes upwards, without the root
   * @param key empty when it is offline: then nothing can be issued
   * @throws IllegalArgumentException when the certificate is not a CA's, lacks what RFC 5280 wants
   *     of one, or has another key
   */
  public static Issuer of(
      IssuerId id,
      X509CertificateHolder certificate,
      List<List<Der>> chains,
      Optional<IssuerKey> key,
      Urls urls) {
    return of(id, certificate, Optional.empty(), chains, key, urls);
  }

  /**
   * As without a root.
   *
   * @param root the one above the default chain, whose name constraints are obeyed as well: some
   *     relying parties do
   */
  public static Issuer of(
      IssuerId id,
      X509CertificateHolder certificate,
      Optional<X509CertificateHolder> root,
      List<List<Der>> chains,
      Optional<IssuerKey> key,
      Urls urls) {
    BasicConstraints basic = BasicConstraints.fromExtensions(certificate.getExtensions());
    require(id, basic != null && basic.isCA(), "its certificate is not a CA certificate");
    KeyUsage usage = KeyUsage.fromExtensions(certificate.getExtensions());
    require(
        id,
        usage == null || usage.hasUsages(KeyUsage.keyCertSign),
        "its certificate may not sign certificates (keyUsage)");
    // The same key signs the CRLs: RFC 5280 section 6.3.3 (f) lets no one believe them without.
    require(
        id,
        usage == null || usage.hasUsages(KeyUsage.cRLSign),
        "its certificate may not sign CRLs (keyUsage)");
    require(id, isDer(certificate), "its certificate is not DER");
    require(id, !empty(certificate.getSubject()), "its certificate has no subject");
    SubjectKeyIdentifier identifier =
        SubjectKeyIdentifier.fromExtensions(certificate.getExtensions());
    if (identifier == null) {
      throw new IllegalArgumentException(
          "issuer " + id + ": its certificate has no subject key identifier");
    }
    require(
        id,
        key.isEmpty() || key.get().publicKey().equals(publicKey(id, certificate)),
        "its key is not the key of its certificate");
    Der own = encoded(certificate);
    require(
        id,
        chains.isEmpty() || chains.getFirst().isEmpty() || chains.getFirst().getFirst().equals(own),
        "its chain does not begin with its certificate");
    for (List<Der> chain : chains) {
      require(
          id,
          chain.isEmpty() || isSameAuthority(certificate, decoded(chain.getFirst())),
          "a chain does not begin with a certificate of its name and key");
    }
    ASN1Integer length = basic.getPathLenConstraintInteger();
    return new Issuer(
        id,
        Optional.of(certificate),
        root,
        chains,
        key,
        urls,
        certificate.getSubject(),
        Der.of(identifier.getKeyIdentifier()),
        new Period(certificate.getNotBefore().toInstant(), certificate.getNotAfter().toInstant()),
        length == null ? OptionalInt.empty() : OptionalInt.of(length.intValueExact()));
  }

  /**
   * Whether two certificates are of one CA, its name, its key and its key identifier: what is
   * signed below the one is then verified below the other too.
   */
  public static boolean isSameAuthority(X509CertificateHolder one, X509CertificateHolder other) {
    return one.getSubject().equals(other.getSubject())
        && one.getSubjectPublicKeyInfo().equals(other.getSubjectPublicKeyInfo())
        && Objects.equals(
            one.getExtension(Extension.subjectKeyIdentifier),
            other.getExtension(Extension.subjectKeyIdentifier));
  }

  /** An issuer that has no certificate yet and can only issue its own: a root being made. */
  static Issuer founding(
      IssuerId id, X500Name subject, SubjectPublicKey publicKey, Optional<IssuerKey> key) {
    return new Issuer(
        id,
        Optional.empty(),
        Optional.empty(),
        List.of(),
        key,
        Urls.NONE,
        subject,
        KeyIdentifiers.of(publicKey),
        new Period(Instant.EPOCH, LAST),
        OptionalInt.empty());
  }

  public IssuerId id() {
    return id;
  }

  /** Empty only for a root that is being made. */
  public Optional<X509CertificateHolder> certificate() {
    return certificate;
  }

  public List<List<Der>> chains() {
    return chains;
  }

  public Optional<IssuerKey> key() {
    return key;
  }

  public Urls urls() {
    return urls;
  }

  /** Whether this is a root that is being made. */
  boolean isFounding() {
    return certificate.isEmpty();
  }

  X500Name name() {
    return name;
  }

  /** The octets of the subject key identifier. */
  Der keyIdentifier() {
    return keyIdentifier;
  }

  Period period() {
    return period;
  }

  OptionalInt pathLength() {
    return pathLength;
  }

  NameConstraintCheck constraints() {
    return constraints;
  }

  /**
   * A subject for a certificate that this server makes for itself: this issuer's name with another
   * common name, so that name constraints that permit a directory name permit it too (RFC 5280
   * section 4.2.1.10).
   */
  public X500Name ownSubject(String commonName) {
    // ub-common-name (RFC 5280 appendix A.1).
    String common = commonName.substring(0, Math.min(64, commonName.length()));
    RDN own = new RDN(BCStyle.CN, new DERUTF8String(common));
    List<RDN> all = new ArrayList<>();
    for (RDN above : name.getRDNs()) {
      if (Stream.of(above.getTypesAndValues()).noneMatch(a -> a.getType().equals(BCStyle.CN))) {
        all.add(above);
      }
    }
    all.add(own);
    X500Name below = new X500Name(all.toArray(RDN[]::new));
    // The issuer's name is not this server's: an old one may hold what no new subject may.
    return SubjectLint.findings(below).isEmpty() ? below : new X500Name(new RDN[] {own});
  }

  private static void require(IssuerId id, boolean condition, String complaint) {
    if (!condition) {
      throw new IllegalArgumentException("issuer " + id + ": " + complaint);
    }
  }

  private static boolean empty(@Nullable X500Name name) {
    return name == null || name.getRDNs().length == 0;
  }

  // Names are copied byte for byte (RFC 5280 section 6.1.3 (a)(4)); only DER survives a copy.
  private static boolean isDer(X509CertificateHolder certificate) {
    try {
      return Arrays.equals(
          certificate.getEncoded(), certificate.toASN1Structure().getEncoded("DER"));
    } catch (IOException e) {
      return false;
    }
  }

  private static Der encoded(X509CertificateHolder certificate) {
    try {
      return Der.of(certificate.getEncoded());
    } catch (IOException e) {
      throw new IllegalArgumentException("not a certificate", e);
    }
  }

  private static X509CertificateHolder decoded(Der certificate) {
    try {
      return new X509CertificateHolder(certificate.bytes());
    } catch (IOException e) {
      throw new IllegalArgumentException("not a certificate", e);
    }
  }

  private static SubjectPublicKey publicKey(IssuerId id, X509CertificateHolder certificate) {
    try {
      return SubjectPublicKey.of(certificate.getSubjectPublicKeyInfo());
    } catch (Refused e) {
      throw new IllegalArgumentException("issuer " + id + ": " + e.getMessage(), e);
    }
  }
}
