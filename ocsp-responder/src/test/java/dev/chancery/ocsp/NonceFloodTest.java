package dev.chancery.ocsp;

import static dev.chancery.ocsp.OcspFixture.SHA1;
import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.CertificateStatus;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("A flood of requests that each cost a signature")
final class NonceFloodTest {
  private static final BigInteger SERIAL = new BigInteger("7a0000000000000000000001", 16);
  private static final int CLIENTS = 300;

  private OcspFixture ocsp;

  @BeforeEach
  void start() throws Exception {
    ocsp = new OcspFixture();
    for (int i = 0; i < 100; i++) {
      ocsp.set(SERIAL.add(BigInteger.valueOf(i)), new CertificateStatus.Good());
    }
  }

  @AfterEach
  void stop() {
    ocsp.close();
  }

  private interface Requests {
    byte[] next(int number) throws Exception;
  }

  /** How often each response status was answered, while other things happen. */
  private Map<Integer, AtomicInteger> flood(Requests requests, Calm meanwhile) throws Exception {
    Map<Integer, AtomicInteger> answers = new ConcurrentHashMap<>();
    AtomicBoolean on = new AtomicBoolean(true);
    AtomicInteger number = new AtomicInteger();
    try (var clients = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> flooding = new ArrayList<>();
      for (int i = 0; i < CLIENTS; i++) {
        flooding.add(
            clients.submit(() -> {
              while (on.get()) {
                byte[] request = requests.next(number.incrementAndGet());
                OcspReply reply = ocsp.responder.answer(request);
                int status = new OCSPResp(reply.encoded().bytes()).getStatus();
                answers.computeIfAbsent(status, it -> new AtomicInteger()).incrementAndGet();
                if (status != OCSPResp.SUCCESSFUL) {
                  Thread.sleep(10);
                }
              }
              return null;
            }));
      }
      try {
        meanwhile.run();
      } finally {
        on.set(false);
      }
      for (Future<?> each : flooding) {
        assertThat(each.get()).isNull();
      }
    }
    return answers;
  }

  private interface Calm {
    void run() throws Exception;
  }

  @Test
  @DisplayName("of nonces: some are answered, some told to come later, and all others are answered")
  void nonces() throws Exception {
    ocsp.statuses.setSlow(Duration.ofMillis(5));
    byte[] kept = ocsp.request(SERIAL);
    byte[] answer = ocsp.responder.answer(kept).encoded().bytes();
    ocsp.token.setSlow(Duration.ofMillis(20));

    Map<Integer, AtomicInteger> answers =
        flood(
            number ->
                // Numbers that nobody has, so that each costs a look as well.
                OcspFixture.request(
                    OcspFixture.nonce(ByteBuffer.allocate(16).putInt(number).array()),
                    ocsp.id(SHA1, BigInteger.valueOf(number))),
            () -> {
              for (int i = 1; i < 50; i++) {
                assertThat(ocsp.responder.answer(kept).encoded().bytes()).isEqualTo(answer);
                byte[] fresh = ocsp.request(SERIAL.add(BigInteger.valueOf(i)));
                assertThat(ocsp.responder.answer(fresh)).isInstanceOf(OcspReply.Shared.class);
              }
            });

    assertThat(answers).containsOnlyKeys(OCSPResp.SUCCESSFUL, OCSPResp.TRY_LATER);
    assertThat(ocsp.statuses.mostAtATime())
        .isGreaterThan(1)
        .isLessThanOrEqualTo(2 * OcspFixture.SETTINGS.atATime());
    // What is left of the token is others': there are as many places again for shared answers.
    assertThat(ocsp.token.mostAtATime()).isLessThanOrEqualTo(2 * OcspFixture.SETTINGS.atATime());
  }

  @Test
  @DisplayName("of serial numbers that nobody has: kept answers and nonces are answered")
  void unknownSerials() throws Exception {
    byte[] kept = ocsp.request(SERIAL);
    byte[] answer = ocsp.responder.answer(kept).encoded().bytes();
    byte[] nonce = OcspFixture.request(OcspFixture.nonce(new byte[16]), ocsp.id(SHA1, SERIAL));
    ocsp.token.setSlow(Duration.ofMillis(20));

    flood(
        number -> ocsp.request(BigInteger.valueOf(number)),
        () -> {
          for (int i = 1; i < 50; i++) {
            assertThat(ocsp.responder.answer(kept).encoded().bytes()).isEqualTo(answer);
            assertThat(ocsp.responder.answer(nonce)).isInstanceOf(OcspReply.Single.class);
          }
        });

    assertThat(ocsp.token.mostAtATime()).isLessThanOrEqualTo(2 * OcspFixture.SETTINGS.atATime());
  }
}
