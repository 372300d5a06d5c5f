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
  private final Turnstile forOne;
  private final Turnstile forAll;

  public OcspResponder(
      List<ServedIssuer> issuers, StatusView view, Clock clock, OcspSettings settings) {
    this.issuers = new IssuersByHash(issuers);
    this.view = view;
    this.clock = clock;
    this.settings = settings;
    this.cache = new AnswerCache(settings.cacheOctets());
    this.forOne = new Turnstile(settings.atATime());
    this.forAll = new Turnstile(settings.atATime());
    view.tell(new Forgetting());
  }

  private final class Forgetting implements StatusView.Listener {
    @Override
    public void changed(IssuerId issuer, SerialNumber serial) {
      cache.forget(issuers.questions(issuer, serial));
    }

    @Override
    public void anyChanged() {
      cache.forgetAll();
    }
  }

  /**
   * A certificate that a relying party asks for, and all that its answer depends on.
   *
   * @param since when its status was looked up
   * @param mark of the cache, from before that
   */
  private record Asked(
      ServedIssuer issuer,
      CertID id,
      Der question,
      StatusSource.Said said,
      Instant since,
      long mark,
      Instant now) {
    CertificateAnswer answer() {
      return new CertificateAnswer(id, said.status());
    }

    AnswerCache.Kept kept(Optional<OcspReply.Shared> answer) {
      return new AnswerCache.Kept(said, since, answer);
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
        ? cache.find(question).flatMap(kept -> given(kept, now))
        : Optional.empty();
  }

  /** The answer, if there is one that may be given again. */
  private Optional<OcspReply.Shared> given(AnswerCache.Kept kept, Instant now) {
    return isFresh(kept, now)
        ? kept.answer().filter(answer -> answer.isCurrent(now))
        : Optional.empty();
  }

  private boolean isFresh(AnswerCache.Kept kept, Instant now) {
    return isYoungerThan(settings.reuse(), kept, now);
  }

  private static boolean isYoungerThan(Duration age, AnswerCache.Kept kept, Instant now) {
    return !now.isBefore(kept.since()) && now.isBefore(kept.since().plus(age));
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
        asked.add(ask(issuer, id.encoded(), now));
      }
      Signed signed = sign(asked, nonce);
      // Not before: what is asked for in vain must not take the place of answers.
      asked.forEach(this::rememberStatus);
      return signed.single();
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
      Asked asked = ask(issuer, id.encoded(), now);
      if (!asked.answer().lasts()) {
        return sign(List.of(asked), Optional.empty()).single();
      }
      Optional<AnswerCache.Kept> earlier =
          cache.look(question).filter(kept -> kept.said().status().equals(asked.said().status()));
      Optional<OcspReply.Shared> again = earlier.flatMap(kept -> given(kept, now));
      if (again.isPresent()) {
        return again.get();
      }
      try {
        return renew(asked);
      } catch (TokenAway away) {
        return earlier
            .flatMap(AnswerCache.Kept::answer)
            .filter(answer -> answer.isCurrent(now))
            .orElseThrow(() -> away);
      }
    } finally {
      forAll.leave();
    }
  }

  private OcspReply.Shared renew(Asked asked) throws TokenAway {
    OcspReply.Shared fresh = sign(List.of(asked), Optional.empty()).shared();
    cache.keep(asked.question(), asked.kept(Optional.of(fresh)), asked.mark());
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
        cache.askedOften(
            OFTEN, most, kept -> kept.answer().isPresent() && !isYoungerThan(young, kept, now));
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
    Asked asked = lookUp(issuer, OcspQuery.certificateId(question).encoded(), question, now);
    if (asked.answer().lasts()) {
      OcspReply.Shared _ = renew(asked);
    }
  }

  /** A certificate with its status, from the cache while that is as good as a look. */
  private Asked ask(ServedIssuer issuer, CertID id, Instant now) throws NotAnswered {
    Der question = OcspQuery.encoded(id);
    long mark = cache.mark();
    // In this order: see known.
    Optional<AnswerCache.Kept> kept =
        view.isCurrent()
            ? cache.look(question).filter(known -> isFresh(known, now) && counts(known, now))
            : Optional.empty();
    if (kept.isPresent()) {
      return new Asked(issuer, id, question, kept.get().said(), kept.get().since(), mark, now);
    }
    return lookUp(issuer, id, question, now);
  }

  /** Keeps a status without an answer, unless that would cost an answer that is still of use. */
  private void rememberStatus(Asked asked) {
    boolean there =
        cache.look(asked.question()).filter(kept -> isOfMoreUse(kept, asked)).isPresent();
    if (asked.answer().lasts() && !there) {
      cache.keep(asked.question(), asked.kept(Optional.empty()), asked.mark());
    }
  }

  private static boolean isOfMoreUse(AnswerCache.Kept kept, Asked asked) {
    return !kept.since().isBefore(asked.since())
        || kept.answer().filter(answer -> answer.isCurrent(asked.now())).isPresent();
  }

  private static boolean counts(AnswerCache.Kept kept, Instant now) {
    return kept.said().until().map(now::isBefore).orElse(true);
  }

  private Asked lookUp(ServedIssuer issuer, CertID id, Der question, Instant now)
      throws NotAnswered {
    long mark = cache.mark();
    StatusSource.Said said = said(issuer, id.getSerialNumber().getValue(), now);
    return new Asked(issuer, id, question, said, now, mark, now);
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
    if (serial.signum() <= 0 || serial.bitLength() >= 20 * 8) {
      // RFC 5280 section 4.1.2.2: no certificate has such a serial number.
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
