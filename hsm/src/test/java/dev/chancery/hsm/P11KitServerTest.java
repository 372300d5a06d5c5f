package dev.chancery.hsm;

import static dev.chancery.testing.Pkcs11Function.C_SIGN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.testing.FaultyModule;
import dev.chancery.testing.P11KitServer;
import dev.chancery.testing.ReturnCode;
import dev.chancery.testing.SoftHsmToken;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.ProviderException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class P11KitServerTest {
  @TempDir private static Path folder;

  private static SoftHsmToken softHsm;

  @BeforeAll
  static void makeToken() {
    softHsm = SoftHsmToken.create(folder, FreshToken.label("served"));
  }

  private static BareSunPkcs11 connect(P11KitServer server) throws Exception {
    return connect(server, P11KitServer.nextClient());
  }

  private static BareSunPkcs11 connect(P11KitServer server, Path client) throws Exception {
    Cryptoki module = Cryptoki.load(client, server.environment());
    assertThat(module.tokens()).hasSize(1);
    return BareSunPkcs11.open(client, module.tokens().getFirst());
  }

  private static void assertSigns(BareSunPkcs11 provider) throws Exception {
    KeyPair pair = provider.generate("EC", 256);
    assertThat(BareSunPkcs11.verifies(pair.getPublic(), provider.sign(pair.getPrivate()))).isTrue();
  }

  @Test
  void aKilledServerIsGoneForItsClientAndAnotherSpellingFindsTheNextOne() throws Exception {
    try (P11KitServer server = P11KitServer.start(folder, softHsm)) {
      for (int i = 0; i < 3; i++) {
        BareSunPkcs11 provider = connect(server);
        KeyPair pair = provider.generate("EC", 256);
        provider.sign(pair.getPrivate());

        server.kill();
        assertThatThrownBy(() -> provider.sign(pair.getPrivate()))
            .isInstanceOf(ProviderException.class)
            .rootCause()
            .hasMessage("CKR_DEVICE_ERROR");

        server.restart();
        assertThatThrownBy(() -> provider.sign(pair.getPrivate()))
            .rootCause()
            .hasMessage("CKR_DEVICE_ERROR");
        assertSigns(connect(server));
      }
    }
  }

  @Test
  void aSuspendedServerLetsCallsWaitUntilItGoesOn() throws Exception {
    try (P11KitServer server = P11KitServer.start(folder, softHsm)) {
      BareSunPkcs11 provider = connect(server);
      KeyPair pair = provider.generate("EC", 256);

      server.suspend();
      CompletableFuture<byte[]> signature = new CompletableFuture<>();
      Thread.ofPlatform()
          .daemon()
          .start(() -> {
            try {
              signature.complete(provider.sign(pair.getPrivate()));
            } catch (Exception e) {
              signature.completeExceptionally(e);
            }
          });
      assertThatThrownBy(() -> signature.get(300, TimeUnit.MILLISECONDS))
          .isInstanceOf(TimeoutException.class);

      server.resume();
      assertThat(BareSunPkcs11.verifies(pair.getPublic(), signature.get(20, TimeUnit.SECONDS)))
          .isTrue();
      server.suspend();
      server.restart();
      assertSigns(connect(server));
    }
  }

  @Test
  void aFaultyModuleCanBeServedAndIsControlledFromHere() throws Exception {
    try (FaultyModule faults = FaultyModule.build(folder);
        P11KitServer server = P11KitServer.start(folder, softHsm, faults.library())) {
      BareSunPkcs11 provider = connect(server);
      KeyPair pair = provider.generate("EC", 256);
      faults.next(C_SIGN, ReturnCode.CKR_DEVICE_MEMORY, 1);

      assertThatThrownBy(() -> provider.sign(pair.getPrivate()))
          .rootCause()
          .hasMessage("CKR_DEVICE_MEMORY");
      provider.sign(pair.getPrivate());
      assertThat(faults.successes(C_SIGN)).isEqualTo(1);
    }
  }
}
