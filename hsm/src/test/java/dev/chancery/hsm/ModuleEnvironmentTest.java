package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.testing.FaultyModule;
import dev.chancery.testing.P11KitServer;
import dev.chancery.testing.Pkcs11Function;
import dev.chancery.testing.SoftHsmToken;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The environment belongs to the process, and each of several modules needs its own of it. */
@Timeout(60)
final class ModuleEnvironmentTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir private Path folder;

  @Test
  void aTokenIsReachedWhereItIsWhileAnotherIsOpenedElsewhere() throws Exception {
    SoftHsmToken here = SoftHsmToken.create(folder, FreshToken.label("here"));
    SoftHsmToken elsewhere = SoftHsmToken.create(folder, FreshToken.label("elsewhere"));
    try (FaultyModule slow = FaultyModule.build(folder);
        P11KitServer server = P11KitServer.start(folder, here, slow.library());
        P11KitServer other = P11KitServer.start(folder, elsewhere);
        ExecutorService opening = Executors.newSingleThreadExecutor()) {
      slow.delay(Pkcs11Function.C_LOGIN, Duration.ofMillis(800));
      Future<Pkcs11Token> opened =
          opening.submit(() ->
              Pkcs11Token.open(ServedTokenTest.settings(server, here, LIMIT), TokenObserver.NONE));
      await().until(() -> slow.running(Pkcs11Function.C_LOGIN) > 0);

      Cryptoki.load(P11KitServer.nextClient(), other.environment());

      try (Pkcs11Token token = opened.get()) {
        KeyId id = TokenContract.freshId();
        SubjectPublicKey key = token.generate(id, KeyAlgorithm.EC_P256);
        token.issuerKey(id, key, SigningScheme.ECDSA_SHA256).probe();
      }
    }
  }

  @Test
  void aModuleThatHangsWhileItBeginsKeepsNoOtherFromBeginning() throws Exception {
    SoftHsmToken hanging = SoftHsmToken.create(folder, FreshToken.label("hanging"));
    Pkcs11Settings settings = FreshToken.create(folder, "free");
    try (P11KitServer server = P11KitServer.start(folder, hanging);
        ExecutorService callers = Executors.newFixedThreadPool(2)) {
      server.suspend();
      Future<Cryptoki> stuck =
          callers.submit(() -> Cryptoki.load(P11KitServer.nextClient(), server.environment()));
      Thread.sleep(500);
      assertThat(stuck).isNotDone();

      Future<Boolean> up =
          callers.submit(() -> {
            try (Pkcs11Token token = Pkcs11Token.open(settings, TokenObserver.NONE)) {
              return token.health().state() == TokenHealth.State.UP;
            }
          });
      try {
        assertThat(up.get(15, TimeUnit.SECONDS)).isTrue();
      } finally {
        server.resume();
      }
      assertThat(stuck.get().tokens()).hasSize(1);
    }
  }
}
