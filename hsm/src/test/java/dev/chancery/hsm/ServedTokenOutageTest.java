package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import dev.chancery.testing.P11KitServer;
import dev.chancery.testing.SoftHsmToken;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.bouncycastle.asn1.ocsp.ResponseData;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A token behind {@code p11-kit server}, killed and suspended while eight callers sign. */
@Timeout(120)
final class ServedTokenOutageTest {
  private static final Duration LIMIT = Duration.ofMillis(800);
  // A caller is told within the limit; the rest is this machine's, which does other things too.
  private static final Duration TOLD = LIMIT.plusSeconds(2);

  private static final Patience USUAL = Patience.USUAL;

  /** The usual one, but that an attempt has a third of its time. */
  private static final Patience QUICK =
      new Patience(
          Duration.ofSeconds(1),
          USUAL.first(),
          USUAL.most(),
          USUAL.whenInVain(),
          USUAL.healthy(),
          USUAL.whenLostSoon(),
          USUAL.keys(),
          USUAL.leftBehind());

  @TempDir private Path folder;

  private final AtomicInteger signed = new AtomicInteger();
  private final AtomicInteger away = new AtomicInteger();
  private final AtomicLong longest = new AtomicLong();
  private final List<Throwable> surprises = new CopyOnWriteArrayList<>();
  private P11KitServer server;
  private Pkcs11Token token;
  private SubjectPublicKey publicKey;
  private OcspKey key;

  @BeforeEach
  void open() throws Exception {
    SoftHsmToken softHsm = SoftHsmToken.create(folder, FreshToken.label("killed"));
    KeyId id = TokenContract.freshId();
    // Before the token is served: SoftHSM2 can lose the handle of a key that it has just made while
    // another process, here that of a second connection, opens the token.
    try (Pkcs11Token alone =
        Pkcs11Token.open(FreshToken.settings(folder, softHsm), TokenObserver.NONE)) {
      publicKey = alone.generate(id, KeyAlgorithm.EC_P256);
    }
    server = P11KitServer.start(folder, softHsm);
    token =
        Pkcs11Token.open(
            ServedTokenTest.settings(server, softHsm, LIMIT), TokenObserver.NONE, QUICK);
    key = token.ocspKey(id, publicKey, SigningScheme.ECDSA_SHA256);
  }

  @AfterEach
  void close() {
    token.close();
    server.close();
  }

  private interface Outages {
    void happen() throws Exception;
  }

  private void underEightCallers(Outages outages) throws Exception {
    AtomicBoolean end = new AtomicBoolean();
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 8; i++) {
        String name = "caller " + i;
        var _ =
            callers.submit(() -> {
              for (int n = 0; !end.get(); n++) {
                signOnce(TokenContract.answer(name + " answer " + n));
                Thread.sleep(1);
              }
              return null;
            });
      }
      try {
        outages.happen();
      } finally {
        end.set(true);
      }
    }
  }

  private void signOnce(ResponseData answer) {
    long asked = System.nanoTime();
    try {
      if (!TokenContract.verifies(
          publicKey, SigningScheme.ECDSA_SHA256, answer, key.sign(answer))) {
        surprises.add(new AssertionError("a wrong signature was released"));
      }
      signed.incrementAndGet();
    } catch (TokenAway e) {
      away.incrementAndGet();
    } catch (Throwable e) {
      surprises.add(e);
    }
    longest.accumulateAndGet(System.nanoTime() - asked, Math::max);
  }

  private void awaitSignatures(int more) {
    int before = signed.get();
    await().atMost(Duration.ofSeconds(20)).until(() -> signed.get() > before + more);
  }

  @Test
  void aKilledServerIsAnOutageThatEndsWithItsRestart() throws Exception {
    underEightCallers(() -> {
      for (int i = 0; i < 5; i++) {
        awaitSignatures(50);
        int told = away.get();
        server.kill();
        await().until(() -> away.get() > told);
        server.restart();
      }
      awaitSignatures(50);
    });

    assertThat(surprises).isEmpty();
    assertThat(token.health().generation()).isGreaterThanOrEqualTo(6);
    assertThat(Duration.ofNanos(longest.get())).isLessThan(TOLD);
  }

  @Test
  void aSuspendedServerIsToldWithinTheLimitAndGoesOnWhenItDoes() throws Exception {
    underEightCallers(() -> {
      for (int i = 0; i < 2; i++) {
        awaitSignatures(50);
        int told = away.get();
        server.suspend();
        await().atMost(TOLD).until(() -> away.get() >= told + 8);
        // Longer than an attempt to open it again is given.
        Thread.sleep(1500);
        assertThat(token.health().state()).isEqualTo(TokenHealth.State.AWAY);
        server.resume();
      }
      awaitSignatures(50);
    });

    assertThat(surprises).isEmpty();
    assertThat(Duration.ofNanos(longest.get())).isLessThan(TOLD);
    await().until(() -> token.health().stuck() == 0);
  }
}
