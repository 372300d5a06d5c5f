package dev.chancery.ocsp;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.TokenAway;
import java.math.BigInteger;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers OCSP requests (RFC 6960) from the ledger of revocations. */
public final class OcspResponder {
  private static final Logger LOG = LoggerFactory.getLogger(OcspResponder.class);

  private final IssuersByHash issuers;
  private final RevocationLedger ledger;
  private final Clock clock;
  private final OcspSettings settings;
  private final AnswerCache cache;

  public OcspResponder(
      List<ServedIssuer> issuers, RevocationLedger ledger, Clock clock, OcspSettings settings) {
    this.issuers = new IssuersByHash(issuers);
    this.ledger = ledger;
    this.clock = clock;
    this.settings = settings;
    this.cache = new AnswerCache(settings.cacheOctets());
  }

  /** The reply to an encoded OCSPRequest, or to anything else; never an exception. */
  public OcspReply answer(byte[] encoded) {
    try {
      OcspQuery query = OcspQuery.parse(encoded);
      ServedIssuer issuer = issuer(query);
      // Before the ledger is read: thisUpdate is when the status was known to be right.
      Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
      List<CertificateAnswer> answers = answers(issuer.id(), query);
      Optional<Der> nonce = settings.nonces() ? query.nonce() : Optional.empty();
      if (nonce.isEmpty() && answers.size() == 1 && answers.getFirst().lasts()) {
        return shared(issuer, answers.getFirst(), now);
      }
      OcspSigner signer = signer(issuer);
      return new OcspReply.Single(signer.sign(answers, now, nextUpdate(signer, now), nonce));
    } catch (NotAnswered none) {
      return new OcspReply.Failure(none.error());
    } catch (TokenAway away) {
      LOG.debug("no OCSP answer: {}", away.getMessage());
      return new OcspReply.Failure(OcspError.TRY_LATER);
    } catch (RuntimeException bug) {
      LOG.error("no OCSP answer", bug);
      return new OcspReply.Failure(OcspError.INTERNAL_ERROR);
    }
  }

  /** The one issuer of all that is asked: an answer has one signature, by one issuer's word. */
  private ServedIssuer issuer(OcspQuery query) throws NotAnswered {
    Optional<ServedIssuer> issuer = issuers.find(query.certificates().getFirst());
    if (issuer.isEmpty()
        || !query.certificates().stream().allMatch(id -> issuers.find(id).equals(issuer))) {
      throw new NotAnswered(OcspError.UNAUTHORIZED);
    }
    return issuer.get();
  }

  private List<CertificateAnswer> answers(IssuerId issuer, OcspQuery query) throws NotAnswered {
    List<CertificateAnswer> answers = new ArrayList<>(query.certificates().size());
    for (OcspQuery.CertificateId id : query.certificates()) {
      answers.add(new CertificateAnswer(id.encoded(), status(issuer, id.serial().getValue())));
    }
    return answers;
  }

  private CertificateStatus status(IssuerId issuer, BigInteger serial) throws NotAnswered {
    if (serial.signum() <= 0 || serial.bitLength() >= 20 * 8) {
      // RFC 5280 section 4.1.2.2: no certificate has such a serial number.
      return new CertificateStatus.Unknown();
    }
    try {
      return ledger.status(issuer, SerialNumber.of(serial));
    } catch (RuntimeException e) {
      LOG.warn("no OCSP answer, the ledger does not answer: {}", e.toString());
      throw new NotAnswered(OcspError.TRY_LATER);
    }
  }

  /** An answer signed not long ago, or a new one; while the token is away, any that is valid. */
  private OcspReply shared(ServedIssuer issuer, CertificateAnswer answer, Instant now)
      throws NotAnswered, TokenAway {
    Der question = answer.question();
    Optional<OcspReply.Shared> earlier =
        cache.find(question, answer.status()).filter(reply -> reply.isCurrent(now));
    if (earlier.isPresent() && now.isBefore(earlier.get().thisUpdate().plus(settings.reuse()))) {
      return earlier.get();
    }
    try {
      OcspSigner signer = signer(issuer);
      Instant nextUpdate = nextUpdate(signer, now);
      Der signed = signer.sign(List.of(answer), now, nextUpdate, Optional.empty());
      OcspReply.Shared fresh = new OcspReply.Shared(signed, now, nextUpdate);
      cache.keep(question, answer.status(), fresh);
      return fresh;
    } catch (TokenAway away) {
      if (earlier.isPresent()) {
        return earlier.get();
      }
      throw away;
    }
  }

  private static OcspSigner signer(ServedIssuer issuer) throws TokenAway {
    return issuer
        .signer()
        .signer()
        .orElseThrow(() -> new TokenAway("there is no OCSP signer of " + issuer.id()));
  }

  /** Never after the signer's own end, when no client could verify the answer any more. */
  private Instant nextUpdate(OcspSigner signer, Instant now) {
    Instant nextUpdate = now.plus(settings.validity()).truncatedTo(ChronoUnit.SECONDS);
    return nextUpdate.isBefore(signer.notAfter()) ? nextUpdate : signer.notAfter();
  }
}
