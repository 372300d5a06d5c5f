package dev.chancery.ocsp;

import dev.chancery.core.Approval;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Refused;
import dev.chancery.core.RequestId;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.OcspKey;
import dev.chancery.hsm.Token;
import dev.chancery.hsm.TokenUnusable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.X509CertificateHolder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a valid OCSP signer for one issuer (RFC 6960 section 4.2.2.2): the key stays, its
 * certificate is short-lived and replaced long before it ends.
 *
 * <p>Time is cut into periods that are the same on every node. Each period has one certificate for
 * a key, found by a request id that all can compute; so nodes that share a key share the
 * certificate, and a restart finds it again. When two nodes make it at the same moment each makes
 * one, both are good, and nothing depends on which is used.
 */
public final class DelegatedSigner extends ResponseSigner {
  /** The built-in profile: id-kp-OCSPSigning, id-pkix-ocsp-nocheck, a few days. */
  public static final ProfileId PROFILE = new ProfileId("ocsp-signer");

  private static final Logger LOG = LoggerFactory.getLogger(DelegatedSigner.class);

  /**
   * The key of a signer, and how often its certificate is replaced.
   *
   * @param algorithm for the key, when the token has none with this id yet
   * @param renewEvery at most half of what the profile gives as lifetime, so that every certificate
   *     has that much left when its successor is due
   * @param subject of its certificate
   */
  public record Settings(KeyId key, KeyAlgorithm algorithm, Duration renewEvery, X500Name subject) {
    public Settings {
      if (renewEvery.toSeconds() < 1) {
        throw new IllegalArgumentException("an OCSP signer cannot be renewed that often");
      }
    }
  }

  private record Period(long number, OcspSigner signer) {}

  private final IssuerId issuer;
  private final Token token;
  private final CertificateAuthority authority;
  private final Clock clock;
  private final Settings settings;
  private volatile @Nullable Period current;

  public DelegatedSigner(
      IssuerId issuer,
      Token token,
      CertificateAuthority authority,
      Clock clock,
      Settings settings) {
    this.issuer = issuer;
    this.token = token;
    this.authority = authority;
    this.clock = clock;
    this.settings = settings;
  }

  @Override
  Optional<OcspSigner> signer() {
    Period period = current;
    return period == null || !period.signer().isValidAt(clock.instant())
        ? Optional.empty()
        : Optional.of(period.signer());
  }

  /**
   * Takes up this period's certificate unless that was done before. Meant for the start and for a
   * timer; when it throws, the signer goes on with the certificate that it has.
   *
   * @throws TokenUnusable when the key is not as it must be
   * @throws Refused when the profile or the issuer cannot give such a certificate
   * @throws TokenAway when the signer's or the issuer's key does not answer
   */
  public synchronized void renewIfDue() throws TokenUnusable, Refused, TokenAway {
    Instant now = clock.instant();
    long number = Math.floorDiv(now.getEpochSecond(), settings.renewEvery().toSeconds());
    Period period = current;
    if (period != null && period.number() >= number && period.signer().isValidAt(now)) {
      return;
    }
    SubjectPublicKey publicKey = publicKey();
    SigningScheme scheme = SigningScheme.of(publicKey.algorithm(), false);
    OcspKey key = token.ocspKey(settings.key(), publicKey, scheme);
    IssuedCertificate issued = certificate(publicKey, number, now);
    X509CertificateHolder certificate = certificate(issued);
    current =
        new Period(number, new OcspSigner(key, certificate, issued.notBefore(), issued.notAfter()));
    LOG.info("OCSP signer of {}: {} until {}", issuer, issued.serial(), issued.notAfter());
  }

  private SubjectPublicKey publicKey() throws TokenUnusable, TokenAway {
    Optional<SubjectPublicKey> found = token.find(settings.key());
    return found.isPresent() ? found.get() : token.generate(settings.key(), settings.algorithm());
  }

  private IssuedCertificate certificate(SubjectPublicKey publicKey, long period, Instant now)
      throws Refused, TokenAway {
    RequestId request = request(publicKey, period);
    // Not settled: that would revoke what another node is about to complete. What a crash left is
    // revoked by recovery.
    Optional<IssuedCertificate> made = authority.issued(request);
    if (made.isPresent() && made.get().notAfter().isAfter(now)) {
      return made.get();
    }
    return authority.issue(
        new IssuanceRequest(
            issuer,
            PROFILE,
            publicKey,
            settings.subject(),
            Set.of(),
            Optional.empty(),
            Optional.empty(),
            new Approval.Infrastructure("OCSP signer of " + issuer, request)));
  }

  private RequestId request(SubjectPublicKey publicKey, long period) {
    String key = HexFormat.of().formatHex(publicKey.encoded().sha256());
    String name = "ocsp-signer " + issuer + " " + key + " " + settings.renewEvery() + " " + period;
    return new RequestId(UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.US_ASCII)));
  }

  private static X509CertificateHolder certificate(IssuedCertificate issued) {
    try {
      return new X509CertificateHolder(issued.encoded().bytes());
    } catch (IOException e) {
      throw new IllegalStateException("an issued certificate is not DER", e);
    }
  }
}
