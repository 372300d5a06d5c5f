package dev.chancery.server.engine;

import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.CrlScope;
import dev.chancery.core.Der;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Name;
import dev.chancery.core.PreparedCertificate;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.RequestId;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.ToBeSigned;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.IssuerKey;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The certificate authority: decides, records, signs, revokes (docs/issuance-cycle.md). Safe for
 * use by many threads, and by many nodes on one database.
 */
public final class IssuingAuthority implements CertificateAuthority {
  private static final Logger LOG = LoggerFactory.getLogger(IssuingAuthority.class);

  private final Catalogue catalogue;
  private final Decision decision;
  private final IssuanceLedger issuance;
  private final Revoking revoking;
  private final Abandonment abandonment;

  /** The issuers whose key failed at its last certificate and has not been seen to work since. */
  private final Set<IssuerId> doubtful = ConcurrentHashMap.newKeySet();

  /**
   * As the other constructor, without holds.
   *
   * @param afterRevocation as {@link Revoking} is told
   */
  public IssuingAuthority(
      Catalogue catalogue,
      IssuanceLedger issuance,
      RevocationLedger revocations,
      Clock clock,
      SecureRandom random,
      Consumer<CrlScope> afterRevocation) {
    this(
        catalogue,
        issuance,
        revocations,
        clock,
        random,
        new Revoking(issuance, revocations, clock, afterRevocation, false));
  }

  /**
   * Ready to issue; what it gives up itself goes into the ledger, and {@code revoking} does the
   * rest.
   */
  public IssuingAuthority(
      Catalogue catalogue,
      IssuanceLedger issuance,
      RevocationLedger revocations,
      Clock clock,
      SecureRandom random,
      Revoking revoking) {
    this.catalogue = catalogue;
    this.decision = new Decision(catalogue, clock, random);
    this.issuance = issuance;
    this.revoking = revoking;
    this.abandonment = new Abandonment(revocations, clock);
  }

  @Override
  public IssuedCertificate issue(IssuanceRequest request) throws Refused, TokenAway {
    // 1. Decide what the certificate will say, or refuse.
    Grant grant = decision.on(request);
    IssuerKey key = grant.issuer().key().orElseThrow(() -> offline(request.issuer()));

    // 2. Build the exact bytes.
    ToBeSigned toBeSigned = TbsCertificateWriter.write(grant, key.scheme());

    // 3. Read them again, and refuse what breaks a rule.
    List<String> findings = Lint.findings(toBeSigned, grant.issuer(), grant.profile(), request);
    if (!findings.isEmpty()) {
      LOG.warn(
          "refused by lint: request {}, profile {}: {}",
          request.approval().request(),
          request.profile(),
          findings);
      throw new Refused(Reason.BAD_CSR, "the certificate would break a rule: " + findings.get(0));
    }
    PreparedCertificate prepared =
        new PreparedCertificate(
            grant.issuer().id(),
            grant.serial(),
            grant.profile().id(),
            grant.period().notBefore(),
            grant.period().notAfter(),
            grant.publicKey(),
            request.approval(),
            grant.crlShard(),
            toBeSigned);
    // A key that failed last must answer again first, or an outage would fill the ledger, and then
    // the CRL, with a serial for each try.
    if (doubtful.contains(prepared.issuer())) {
      key.probe();
      doubtful.remove(prepared.issuer());
    }
    try {
      // 4. Record. From here on the ledger knows the serial, whatever happens.
      IssuanceLedger.Recorded recorded = issuance.record(prepared);

      // 5. Sign; the key verifies its own signature before it gives it away.
      SignatureValue signature = sign(key, recorded);

      // 6. Complete: only what the ledger calls issued is released.
      IssuedCertificate issued =
          issuance
              .complete(recorded, signature)
              .orElseThrow(() -> new TokenAway("signing took too long and was given up"));

      // 7. Say so.
      LOG.info(
          "issued {} by {} under {} for {}, until {}",
          issued.serial(),
          issued.issuer(),
          prepared.profile(),
          prepared.approval().by(),
          issued.notAfter());
      return issued;
    } catch (TokenAway | RuntimeException e) {
      // Whether or not the row is there, and whatever its state: no one has the certificate, and
      // after this no one ever will. If this fails too, settle or recovery does it later.
      abandonment.attempt(prepared.issuer(), prepared.serial(), e);
      throw e;
    }
  }

  private SignatureValue sign(IssuerKey key, IssuanceLedger.Recorded recorded) throws TokenAway {
    try {
      return key.sign(recorded);
    } catch (TokenAway e) {
      doubtful.add(recorded.prepared().issuer());
      throw e;
    }
  }

  @Override
  public void requirePermitted(
      IssuerId issuer,
      ProfileId profile,
      Set<Name> names,
      Optional<Instant> notBefore,
      Optional<Instant> notAfter)
      throws Refused {
    decision.requirePermitted(issuer, profile, names, notBefore, notAfter);
  }

  @Override
  public void requireUsable(SubjectPublicKey key) throws Refused {
    catalogue.requireUsable(key);
  }

  @Override
  public void requireNotBlocked(SubjectPublicKey key) throws Refused {
    catalogue.requireNotBlocked(key);
  }

  @Override
  public Optional<IssuedCertificate> settle(RequestId request) {
    for (CertificateRecord known : issuance.find(request)) {
      if (known.state() == CertificateRecord.State.RECORDED) {
        abandonment.abandon(known.issuer(), known.serial());
      }
    }
    // Read again: a signature that came in between has either become a certificate, which stays, or
    // been lost.
    return issued(request);
  }

  @Override
  public Optional<IssuedCertificate> issued(RequestId request) {
    return issuance.find(request).reversed().stream()
        .filter(known -> known.state() == CertificateRecord.State.ISSUED)
        .findFirst()
        .map(IssuingAuthority::certificate);
  }

  @Override
  public void revoke(Revocation revocation) throws Refused {
    revoking.revoke(revocation);
  }

  @Override
  public Optional<CertificateRecord> find(IssuerId issuer, SerialNumber serial) {
    return issuance.find(issuer, serial);
  }

  @Override
  public List<List<Der>> chains(IssuerId issuer) throws Refused {
    return catalogue.issuer(issuer).chains();
  }

  private static IssuedCertificate certificate(CertificateRecord known) {
    return new IssuedCertificate(
        known.issuer(),
        known.serial(),
        known.notBefore(),
        known.notAfter(),
        known.certificate().orElseThrow());
  }

  private static Refused offline(IssuerId issuer) {
    return new Refused(Reason.NOT_PERMITTED, "the key of issuer " + issuer + " is offline");
  }
}
