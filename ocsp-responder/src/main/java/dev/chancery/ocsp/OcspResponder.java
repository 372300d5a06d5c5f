package dev.chancery.ocsp;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.TokenAway;
import java.math.BigInteger;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.asn1.ocsp.CertID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers OCSP requests (RFC 6960) from what its issuers' statuses are. */
public final class OcspResponder {
  private static final Logger LOG = LoggerFactory.getLogger(OcspResponder.class);

  /** How often an answer was given that someone else will want as well. */
  private static final int OFTEN = 2;

  private final IssuersByHash issuers;
  private final StatusView view;
  private final Clock clock;
  private final OcspSettings settings;
  private final AnswerCache cache;
  private final KnownStatuses statuses;
  private final Turnstile forOne;
  private final Turnstile forAll;

  public OcspResponder(
      List<ServedIssuer> issuers, StatusView view, Clock clock, OcspSettings settings) {
    this.issuers = new IssuersByHash(issuers);
    this.view = view;
    this.clock = clock;
    this.settings = settings;
    long octetsOfStatuses = settings.cacheOctets() / 4;
    this.cache = new AnswerCache(settings.cacheOctets() - octetsOfStatuses);
    this.statuses = new KnownStatuses(octetsOfStatuses);
    this.forOne = new Turnstile(settings.atATime());
    this.forAll = new Turnstile(settings.atATime());
    view.tell(new Forgetting());
  }

  private final class Forgetting implements StatusView.Listener {
    @Override
    public void changed(IssuerId issuer, SerialNumber serial) {
      cache.forget(issuers.questions(issuer, serial));
      statuses.forget(issuer, serial);
    }

    @Override
    public void anyChanged() {
      cache.forgetAll();
      statuses.forgetAll();
    }
  }

  /** A certificate that a relying party asks for, and all that its answer depends on. */
  private record Asked(ServedIssuer issuer, CertID id, StatusSource.Said said, Instant now) {
    CertificateAnswer answer() {
      return new CertificateAnswer(id, said.status());
    }

    Instant thisUpdate() {
      return said.knownAt().filter(known -> known.isBefore(now)).orElse(now);
    }
  }

  /** The reply to an encoded OCSPRequest, or to anything else; never an exception. */
  public OcspReply answer(byte[] encoded) {
    try {
      // Before any status is read: thisUpdate is when it was known to be right.
      Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
      Optional<OcspReply.Shared> known =
          OcspQuery.bareCertificateId(encoded).flatMap(question -> known(question, now));
      if (known.isPresent()) {
        return known.get();
      }
      OcspQuery query = OcspQuery.parse(encoded);
      ServedIssuer issuer = issuer(query);
      Optional<Der> nonce = settings.nonces() ? query.nonce() : Optional.empty();
      return nonce.isEmpty() && query.certificates().size() == 1
          ? forAll(issuer, query.certificates().getFirst(), now)
          : forOne(issuer, query, nonce, now);
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

  /** An answer that needs neither the ledger nor the token. */
  private Optional<OcspReply.Shared> known(Der question, Instant now) {
    // In this order: what is in the cache after the look was not taken away by it.
    return view.isCurrent()
        ? cache.find(question).map(AnswerCache.Kept::answer).filter(answer -> isFresh(answer, now))
        : Optional.empty();
  }

  private boolean isFresh(OcspReply.Shared answer, Instant now) {
    return answer.isCurrent(now) && now.isBefore(answer.signedAt().plus(settings.reuse()));
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

  private OcspReply forOne(ServedIssuer issuer, OcspQuery query, Optional<Der> nonce, Instant now)
      throws NotAnswered, TokenAway {
    forOne.enter();
    try {
      List<Asked> asked = new ArrayList<>(query.certificates().size());
      for (OcspQuery.CertificateId id : query.certificates()) {
        asked.add(new Asked(issuer, id.encoded(), known(issuer, id.encoded(), now), now));
      }
      return sign(asked, nonce).single();
    } finally {
      forOne.leave();
    }
  }

  /** An answer signed not long ago, or a new one; while the token is away, any that is valid. */
  private OcspReply forAll(ServedIssuer issuer, OcspQuery.CertificateId id, Instant now)
      throws NotAnswered, TokenAway {
    Der question = OcspQuery.encoded(id.encoded());
    Optional<OcspReply.Shared> known = known(question, now);
    if (known.isPresent()) {
      return known.get();
    }
    forAll.enter();
    try {
      long mark = cache.mark();
      Asked asked = ask(issuer, id.encoded(), now);
      if (!asked.answer().lasts()) {
        return sign(List.of(asked), Optional.empty()).single();
      }
      Optional<OcspReply.Shared> earlier =
          cache
              .find(question)
              .filter(kept -> kept.status().equals(asked.said().status()))
              .map(AnswerCache.Kept::answer)
              .filter(answer -> answer.isCurrent(now));
      if (earlier.isPresent() && isFresh(earlier.get(), now)) {
        return earlier.get();
      }
      try {
        return renew(question, asked, mark);
      } catch (TokenAway away) {
        return earlier.orElseThrow(() -> away);
      }
    } finally {
      forAll.leave();
    }
  }

  private OcspReply.Shared renew(Der question, Asked asked, long mark)
      throws NotAnswered, TokenAway {
    OcspReply.Shared fresh = sign(List.of(asked), Optional.empty()).shared();
    cache.keep(question, new AnswerCache.Kept(asked.said().status(), fresh), mark);
    return fresh;
  }

  /** Gives none of the answers again that were signed before: a source knows other statuses now. */
  public void forgetAnswers() {
    cache.forgetAll();
  }

  /**
   * Signs anew what was asked often and is in the last quarter of its use, so that no client waits
   * for it. An answer that cannot be had keeps no other from being signed; those that there are go
   * on.
   *
   * @param most how many
   */
  public void signAhead(int most) {
    Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
    Duration young = settings.reuse().multipliedBy(3).dividedBy(4);
    List<Der> due =
        cache.askedOften(OFTEN, most, answer -> !now.isBefore(answer.signedAt().plus(young)));
    // What one issuer's token or list cannot do for one question it cannot do for the next.
    Set<IssuerId> away = new HashSet<>();
    for (Der question : due) {
      Optional<ServedIssuer> issuer = issuer(question);
      if (issuer.isPresent() && !away.contains(issuer.get().id())) {
        try {
          signAhead(question, issuer.get(), now);
        } catch (NotAnswered | TokenAway e) {
          away.add(issuer.get().id());
          LOG.debug("answers of {} are not signed ahead: {}", issuer.get().id(), e.getMessage());
        }
      }
    }
  }

  private Optional<ServedIssuer> issuer(Der question) {
    try {
      return issuers.find(OcspQuery.certificateId(question));
    } catch (NotAnswered none) {
      return Optional.empty();
    }
  }

  private void signAhead(Der question, ServedIssuer issuer, Instant now)
      throws NotAnswered, TokenAway {
    long mark = cache.mark();
    Asked asked = ask(issuer, OcspQuery.certificateId(question).encoded(), now);
    if (asked.answer().lasts()) {
      OcspReply.Shared _ = renew(question, asked, mark);
    }
  }

  private Asked ask(ServedIssuer issuer, CertID id, Instant now) throws NotAnswered {
    return new Asked(issuer, id, said(issuer, id.getSerialNumber().getValue(), now), now);
  }

  /** A status that was looked up before and has not changed since, or a look. */
  private StatusSource.Said known(ServedIssuer issuer, CertID id, Instant now) throws NotAnswered {
    BigInteger number = id.getSerialNumber().getValue();
    if (!isSerialNumber(number)) {
      return said(issuer, number, now);
    }
    SerialNumber serial = SerialNumber.of(number);
    // In this order: what is found after the look was not taken away by it, and is known to be
    // right from when that look began.
    long mark = statuses.mark();
    Instant looked = now.minus(view.age());
    Optional<KnownStatuses.Known> known =
        view.isCurrent()
            ? statuses.find(issuer.id(), serial).filter(status -> isFresh(status, now))
            : Optional.empty();
    if (known.isPresent()) {
      Instant knownAt = known.get().since().isAfter(looked) ? known.get().since() : looked;
      return new StatusSource.Said(known.get().status(), Optional.of(knownAt), Optional.empty());
    }
    StatusSource.Said said = said(issuer, number, now);
    // What is in a list is in memory already, and ends with the list.
    boolean isFromLedger = said.knownAt().isEmpty() && said.until().isEmpty();
    if (isFromLedger && new CertificateAnswer(id, said.status()).lasts()) {
      statuses.keep(issuer.id(), serial, new KnownStatuses.Known(said.status(), now), mark);
    }
    return said;
  }

  /** Looked up again after as long as an answer is given again, whatever the journal says. */
  private boolean isFresh(KnownStatuses.Known known, Instant now) {
    return !now.isBefore(known.since()) && now.isBefore(known.since().plus(settings.reuse()));
  }

  /** RFC 5280 section 4.1.2.2: no certificate has another one. */
  private static boolean isSerialNumber(BigInteger number) {
    return number.signum() > 0 && number.bitLength() < 20 * 8;
  }

  /**
   * The status that an answer made now would give; empty for an issuer that is not served, or when
   * there would be none. For who wants to know when a change shows.
   */
  public Optional<CertificateStatus> status(IssuerId id, SerialNumber serial) {
    Optional<ServedIssuer> issuer = issuers.find(id);
    try {
      return issuer.isEmpty()
          ? Optional.empty()
          : Optional.of(said(issuer.get(), serial.value(), clock.instant()).status());
    } catch (NotAnswered none) {
      return Optional.empty();
    }
  }

  private static StatusSource.Said said(ServedIssuer issuer, BigInteger serial, Instant now)
      throws NotAnswered {
    if (!isSerialNumber(serial)) {
      return new StatusSource.Said(new CertificateStatus.Unknown());
    }
    try {
      return issuer
          .statuses()
          .status(SerialNumber.of(serial), now)
          .orElseThrow(() -> new NotAnswered(OcspError.TRY_LATER));
    } catch (RuntimeException e) {
      LOG.warn("no OCSP answer, the ledger does not answer: {}", e.toString());
      throw new NotAnswered(OcspError.TRY_LATER);
    }
  }

  /** An answer, of which the headers for all are made only when all can be given it. */
  private record Signed(Der encoded, Instant at, Instant thisUpdate, Instant nextUpdate) {
    OcspReply.Single single() {
      return new OcspReply.Single(encoded);
    }

    OcspReply.Shared shared() {
      return OcspReply.Shared.of(encoded, at, thisUpdate, nextUpdate);
    }
  }

  /** One signature over all that one request asks of one issuer. */
  private Signed sign(List<Asked> asked, Optional<Der> nonce) throws TokenAway {
    ServedIssuer issuer = asked.getFirst().issuer();
    Instant now = asked.getFirst().now();
    OcspSigner signer =
        issuer
            .signer()
            .signer()
            .orElseThrow(() -> new TokenAway("there is no OCSP signer of " + issuer.id()));
    Instant thisUpdate = asked.stream().map(Asked::thisUpdate).min(Instant::compareTo).orElse(now);
    Instant nextUpdate = nextUpdate(signer, asked);
    Der encoded =
        signer.sign(asked.stream().map(Asked::answer).toList(), now, thisUpdate, nextUpdate, nonce);
    return new Signed(encoded, now, thisUpdate, nextUpdate);
  }

  /** Never after the signer's own end, when no client could verify the answer any more. */
  private Instant nextUpdate(OcspSigner signer, List<Asked> asked) {
    Instant nextUpdate =
        asked.getFirst().now().plus(settings.validity()).truncatedTo(ChronoUnit.SECONDS);
    if (signer.notAfter().isBefore(nextUpdate)) {
      nextUpdate = signer.notAfter();
    }
    for (Asked each : asked) {
      if (each.said().until().isPresent() && each.said().until().get().isBefore(nextUpdate)) {
        nextUpdate = each.said().until().get();
      }
    }
    return nextUpdate;
  }
}
