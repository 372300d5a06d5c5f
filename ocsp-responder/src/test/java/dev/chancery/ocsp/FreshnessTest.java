package dev.chancery.ocsp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.RevocationReason;
import java.math.BigInteger;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Optional;
import org.awaitility.Awaitility;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cert.ocsp.RevokedStatus;
import org.bouncycastle.cert.ocsp.SingleResp;
import org.bouncycastle.cert.ocsp.UnknownStatus;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("A revoked certificate is not said to be good")
final class FreshnessTest {
  private static final BigInteger SERIAL = new BigInteger("7a0000000000000000000001", 16);
  private static final CertificateStatus GOOD = new CertificateStatus.Good();

  private OcspFixture ocsp;
  private byte[] request;

  @BeforeEach
  void start() throws Exception {
    ocsp = new OcspFixture();
    ocsp.set(SERIAL, GOOD);
    request = ocsp.request(SERIAL);
  }

  @AfterEach
  void stop() {
    ocsp.close();
  }

  /** With a nonce, each answer is signed anew. */
  private byte[] request(BigInteger serial, boolean nonce) throws Exception {
    return OcspFixture.request(
        nonce ? OcspFixture.nonce(new byte[16]) : null, ocsp.id(OcspFixture.SHA1, serial));
  }

  private CertificateStatus revoked(RevocationReason reason) {
    return new CertificateStatus.Revoked(ocsp.clock.instant(), reason, Optional.empty());
  }

  private SingleResp answered() throws Exception {
    return ocsp.verified(ocsp.responder.answer(request).encoded().bytes()).getResponses()[0];
  }

  private int error() throws Exception {
    return new OCSPResp(ocsp.responder.answer(request).encoded().bytes()).getStatus();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  @DisplayName("after this node revoked it, in the very next answer, though one is kept")
  void here(boolean nonce) throws Exception {
    request = request(SERIAL, nonce);
    assertThat(answered().getCertStatus()).isNull();
    ocsp.set(SERIAL, revoked(RevocationReason.SUPERSEDED));
    assertThat(answered().getCertStatus()).isInstanceOf(RevokedStatus.class);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  @DisplayName("after another node revoked it, within the bound")
  void elsewhere(boolean nonce) throws Exception {
    request = request(SERIAL, nonce);
    assertThat(answered().getCertStatus()).isNull();
    ocsp.statuses.set(SERIAL, revoked(RevocationReason.SUPERSEDED));
    Awaitility.await()
        .atMost(OcspFixture.BOUND)
        .until(() -> answered().getCertStatus() instanceof RevokedStatus);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  @DisplayName("by an answer whose status was read before, and that is kept after")
  void readBefore(boolean nonce) throws Exception {
    request = request(SERIAL, nonce);
    ocsp.statuses.afterReading(() -> {
      ocsp.statuses.afterReading(() -> {});
      ocsp.set(SERIAL, revoked(RevocationReason.SUPERSEDED));
    });
    assertThat(answered().getCertStatus()).isNull();
    assertThat(answered().getCertStatus()).isInstanceOf(RevokedStatus.class);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  @DisplayName("when this node has not seen the journal for longer than the bound")
  void notSeen(boolean nonce) throws Exception {
    request = request(SERIAL, nonce);
    assertThat(answered().getCertStatus()).isNull();
    int asked = ocsp.statuses.questions();
    ocsp.view.close();
    assertThat(answered().getCertStatus()).isNull();
    assertThat(ocsp.statuses.questions()).isEqualTo(asked);

    ocsp.statuses.set(SERIAL, revoked(RevocationReason.SUPERSEDED));
    ocsp.skipped.addAndGet(OcspFixture.BOUND.plusSeconds(1).toNanos());
    assertThat(answered().getCertStatus()).isInstanceOf(RevokedStatus.class);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  @DisplayName("while the ledger is away: tryLater as soon as the bound is over, kept or not")
  void ledgerAway(boolean nonce) throws Exception {
    request = request(SERIAL, nonce);
    assertThat(answered().getCertStatus()).isNull();
    ocsp.statuses.setAway(true);
    Awaitility.await().atMost(OcspFixture.BOUND).until(() -> error() == OCSPResp.TRY_LATER);
    ocsp.statuses.setAway(false);
    assertThat(answered().getCertStatus()).isNull();

    ocsp.statuses.setAway(true);
    ocsp.view.look();
    assertThat(error()).isEqualTo(OCSPResp.TRY_LATER);
    ocsp.statuses.setAway(false);
    ocsp.set(SERIAL, revoked(RevocationReason.SUPERSEDED));
    assertThat(answered().getCertStatus()).isInstanceOf(RevokedStatus.class);
  }

  @Test
  @DisplayName("while the token is away: the good answer that is kept is not given any more")
  void tokenAway() throws Exception {
    assertThat(answered().getCertStatus()).isNull();
    ocsp.token.setAway(true);
    assertThat(answered().getCertStatus()).isNull();
    ocsp.set(SERIAL, revoked(RevocationReason.SUPERSEDED));
    assertThat(error()).isEqualTo(OCSPResp.TRY_LATER);
    ocsp.token.setAway(false);
    assertThat(answered().getCertStatus()).isInstanceOf(RevokedStatus.class);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  @DisplayName("when the clock is stepped back, before the revocation or before the kept answer")
  void clockBack(boolean nonce) throws Exception {
    request = request(SERIAL, nonce);
    assertThat(answered().getCertStatus()).isNull();
    ocsp.clock.advance(Duration.ofMinutes(-5));
    SingleResp earlier = answered();
    assertThat(earlier.getCertStatus()).isNull();
    assertThat(earlier.getThisUpdate().toInstant()).isBeforeOrEqualTo(ocsp.clock.instant());

    ocsp.set(SERIAL, revoked(RevocationReason.SUPERSEDED));
    ocsp.clock.advance(Duration.ofMinutes(-2));
    SingleResp revoked = answered();
    assertThat(revoked.getCertStatus()).isInstanceOf(RevokedStatus.class);
    assertThat(revoked.getThisUpdate().toInstant()).isBeforeOrEqualTo(ocsp.clock.instant());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  @DisplayName("while it is on hold; after its release it is good")
  void hold(boolean nonce) throws Exception {
    request = request(SERIAL, nonce);
    ocsp.set(SERIAL, revoked(RevocationReason.CERTIFICATE_HOLD));
    assertThat(((RevokedStatus) answered().getCertStatus()).getRevocationReason()).isEqualTo(6);
    ocsp.set(SERIAL, GOOD);
    assertThat(answered().getCertStatus()).isNull();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  @DisplayName("and one that is not issued yet is not kept as unknown")
  void issuedLater(boolean nonce) throws Exception {
    BigInteger other = SERIAL.add(BigInteger.ONE);
    request = request(other, nonce);
    assertThat(answered().getCertStatus()).isInstanceOf(UnknownStatus.class);
    // Issuing a certificate writes nothing into the journal.
    ocsp.statuses.setQuietly(other, GOOD);
    assertThat(answered().getCertStatus()).isNull();
  }

  @Test
  @DisplayName("Nothing is asked of ledger or token for an answer that is kept, by POST and GET")
  void kept() throws Exception {
    byte[] first = ocsp.post(request).body();
    int asked = ocsp.statuses.questions();
    ocsp.token.setAway(true);
    String path = Base64.getEncoder().encodeToString(request).replace("/", "%2F");
    for (int i = 0; i < 50; i++) {
      assertThat(ocsp.post(request).body()).isEqualTo(first);
      assertThat(ocsp.get(path).body()).isEqualTo(first);
    }
    assertThat(ocsp.statuses.questions()).isEqualTo(asked);
  }

  @Test
  @DisplayName(
      "The ledger is asked once for a status, whether answers with nonces or kept ones say it")
  void askedOnce() throws Exception {
    int before = ocsp.statuses.questions();
    for (int i = 0; i < 20; i++) {
      request = request(SERIAL, i % 4 != 3);
      assertThat(answered().getCertStatus()).isNull();
    }
    assertThat(ocsp.statuses.questions()).isEqualTo(before + 1);

    ocsp.set(SERIAL, revoked(RevocationReason.SUPERSEDED));
    for (int i = 0; i < 20; i++) {
      request = request(SERIAL, i % 4 != 3);
      assertThat(answered().getCertStatus()).isInstanceOf(RevokedStatus.class);
    }
    assertThat(ocsp.statuses.questions()).isEqualTo(before + 2);
  }

  @Test
  @DisplayName("A status is looked up again when it is as old as an answer may be, journal or not")
  void oldStatus() throws Exception {
    request = request(SERIAL, true);
    assertThat(answered().getCertStatus()).isNull();
    ocsp.clock.advance(Duration.ofMinutes(50));
    request = request(SERIAL, false);
    assertThat(answered().getCertStatus()).isNull();
    // What no journal tells, as when someone writes into the tables.
    ocsp.statuses.setQuietly(SERIAL, revoked(RevocationReason.SUPERSEDED));
    ocsp.clock.advance(Duration.ofMinutes(11));
    assertThat(answered().getCertStatus()).isInstanceOf(RevokedStatus.class);
    request = request(SERIAL, true);
    assertThat(answered().getCertStatus()).isInstanceOf(RevokedStatus.class);
  }

  @Test
  @DisplayName("What is asked for with nonces while the token is away costs no answer its place")
  void nothingForNothing() throws Exception {
    assertThat(answered().getCertStatus()).isNull();
    ocsp.token.setAway(true);
    for (int i = 1; i < 1_000; i++) {
      BigInteger other = SERIAL.add(BigInteger.valueOf(i));
      ocsp.statuses.setQuietly(other, GOOD);
      byte[] reply = ocsp.responder.answer(request(other, true)).encoded().bytes();
      assertThat(new OCSPResp(reply).getStatus()).isEqualTo(OCSPResp.TRY_LATER);
    }
    assertThat(answered().getCertStatus()).isNull();
  }

  @Test
  @DisplayName("What only nonces asked for is not signed ahead")
  void notAhead() throws Exception {
    request = request(SERIAL, true);
    for (int i = 0; i < 10; i++) {
      assertThat(answered().getCertStatus()).isNull();
    }
    int asked = ocsp.statuses.questions();
    ocsp.clock.advance(Duration.ofMinutes(46));
    ocsp.responder.signAhead(10);
    assertThat(ocsp.statuses.questions()).isEqualTo(asked);
  }

  @Test
  @DisplayName("What is asked often is signed before anyone waits for it; what is not, is not")
  void ahead() throws Exception {
    BigInteger rare = SERIAL.add(BigInteger.ONE);
    ocsp.set(rare, GOOD);
    ocsp.responder.answer(ocsp.request(rare));
    for (int i = 0; i < 4; i++) {
      ocsp.responder.answer(request);
    }
    Instant first = answered().getThisUpdate().toInstant();
    ocsp.clock.advance(Duration.ofMinutes(44));
    ocsp.responder.signAhead(10);
    assertThat(answered().getThisUpdate().toInstant()).isEqualTo(first);
    ocsp.clock.advance(Duration.ofMinutes(2));
    ocsp.responder.signAhead(10);
    Instant ahead = answered().getThisUpdate().toInstant();
    assertThat(ahead).isEqualTo(first.plus(Duration.ofMinutes(46)));

    ocsp.clock.advance(Duration.ofMinutes(16));
    ocsp.token.setAway(true);
    assertThat(answered().getThisUpdate().toInstant()).isEqualTo(ahead);
    request = ocsp.request(rare);
    assertThat(answered().getThisUpdate().toInstant()).isEqualTo(first);
    // The token is away: what was signed ahead stays as it is.
    ocsp.clock.advance(Duration.ofMinutes(40));
    ocsp.responder.signAhead(10);
  }
}
