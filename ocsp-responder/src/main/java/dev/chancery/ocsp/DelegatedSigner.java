package dev.chancery.ocsp;

import dev.chancery.core.Approval;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CertificateStatus;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.RequestId;
import dev.chancery.core.SerialNumber;
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
import java.util.concurrent.locks.LockSupport;
import java.util.random.RandomGenerator;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.X509CertificateHolder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a valid OCSP signer for one issuer (RFC 6960 section 4.2.2.2): the key stays, its
 * certificate is short-lived and replaced long before it ends, or when it is revoked. A key that is
 * blocked is left, and the next one taken: that of the next id, which all nodes find alike.
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
   * @param key the id of the first key; those of later ones are this one with a number behind it
   * @param algorithm for a key, when the token has none with its id yet
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

  private record Period(long number, SerialNumber serial, OcspSigner signer) {}

  private record Key(KeyId id, SubjectPublicKey half) {}

  /** Nobody has that many keys of one signer compromised; it is an end for a search. */
  private static final int MOST_KEYS = 100;

  private static final int ATTEMPTS = 5;

  private final IssuerId issuer;
  private final Token token;
  private final CertificateAuthority authority;
  private final StatusSource statuses;
  private final Clock clock;
  private final RandomGenerator random;
  private final Settings settings;
  private volatile @Nullable Period current;

  /**
   * A signer without a certificate yet.
   *
   * @param statuses of the issuer's certificates, of which the signer's is one
   * @param random for when to try again beside another node
   */
  public DelegatedSigner(
      IssuerId issuer,
      Token token,
      CertificateAuthority authority,
      StatusSource statuses,
      Clock clock,
      RandomGenerator random,
      Settings settings) {
    this.issuer = issuer;
    this.token = token;
    this.authority = authority;
    this.statuses = statuses;
    this.clock = clock;
    this.random = random;
    this.settings = settings;
  }

  @Override
  Optional<OcspSigner> signer() {
    Period period = current;
    return period == null || !period.signer().isValidAt(clock.instant())
        ? Optional.empty()
        : Optional.of(period.signer());
  }

  public IssuerId issuer() {
    return issuer;
  }

  /** When the certificate ends that answers are signed with; empty while there is none. */
  public Optional<Instant> end() {
    return Optional.ofNullable(current).map(period -> period.signer().notAfter());
  }

  /** Whether answers are signed with this certificate. */
  public boolean signsWith(IssuerId of, SerialNumber serial) {
    Period period = current;
    return period != null && issuer.equals(of) && period.serial().equals(serial);
  }

  /**
   * Takes up this period's certificate unless that was done before and it is not revoked. Meant for
   * the start and for a timer; when it throws, the signer goes on with the certificate that it has.
   *
   * @throws TokenUnusable when the key is not as it must be
   * @throws Refused when the profile or the issuer cannot give such a certificate
   * @throws TokenAway when the signer's or the issuer's key does not answer
   */
  public synchronized void renewIfDue() throws TokenUnusable, Refused, TokenAway {
    Instant now = clock.instant();
    long number = Math.floorDiv(now.getEpochSecond(), settings.renewEvery().toSeconds());
    Period period = current;
    if (period != null
        && period.number() >= number
        && period.signer().isValidAt(now)
        && !isRevoked(period, now)) {
      return;
    }
    Key usable = key();
    SigningScheme scheme = SigningScheme.of(usable.half().algorithm(), false);
    OcspKey key = token.ocspKey(usable.id(), usable.half(), scheme);
    IssuedCertificate issued = certificate(usable.half(), number, now);
    X509CertificateHolder certificate = certificate(issued);
    OcspSigner signer = new OcspSigner(key, certificate, issued.notBefore(), issued.notAfter());
    current = new Period(number, issued.serial(), signer);
    LOG.info("OCSP signer of {}: {} until {}", issuer, issued.serial(), issued.notAfter());
  }

  /** Whether answers are signed with a certificate that is revoked, which a renewal ends. */
  public boolean isRevoked() {
    Period period = current;
    return period != null && isRevoked(period, clock.instant());
  }

  /** Not while the ledger is away: the signer that there is goes on then. */
  private boolean isRevoked(Period period, Instant now) {
    try {
      return statuses
          .status(period.serial(), now)
          .filter(said -> said.status() instanceof CertificateStatus.Revoked)
          .isPresent();
    } catch (RuntimeException e) {
      LOG.debug("cannot tell whether the OCSP signer of {} is revoked: {}", issuer, e.toString());
      return false;
    }
  }

  /**
   * The first key that is not blocked; it is made when there is none. Two nodes that make it at
   * once see each other's, and give up theirs: each tries again, at a time of its own.
   */
  private Key key() throws TokenUnusable, Refused, TokenAway {
    for (int attempt = 1; ; attempt++) {
      try {
        return foundOrMade();
      } catch (TokenUnusable e) {
        if (attempt == ATTEMPTS) {
          throw e;
        }
        LockSupport.parkNanos(Duration.ofMillis(random.nextInt(50, 500)).toNanos());
      }
    }
  }

  private Key foundOrMade() throws TokenUnusable, Refused, TokenAway {
    for (int number = 0; number < MOST_KEYS; number++) {
      KeyId id = id(number);
      Optional<SubjectPublicKey> found = token.find(id);
      if (found.isEmpty()) {
        return new Key(id, token.generate(id, settings.algorithm()));
      }
      if (isUsable(found.get())) {
        return new Key(id, found.get());
      }
      LOG.warn("key {} of the OCSP signer of {} is blocked, another one is taken", id, issuer);
    }
    throw new Refused(Reason.BAD_PUBLIC_KEY, "too many keys of the OCSP signer are blocked");
  }

  private boolean isUsable(SubjectPublicKey key) throws Refused {
    try {
      authority.requireUsable(key);
      return true;
    } catch (Refused e) {
      if (e.reason() == Reason.BAD_PUBLIC_KEY) {
        return false;
      }
      throw e;
    }
  }

  private KeyId id(int number) throws TokenUnusable {
    if (number == 0) {
      return settings.key();
    }
    try {
      return new KeyId(settings.key().hex() + HexFormat.of().toHexDigits((byte) number));
    } catch (IllegalArgumentException e) {
      throw new TokenUnusable("no other key of the OCSP signer can be named: " + e.getMessage());
    }
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
