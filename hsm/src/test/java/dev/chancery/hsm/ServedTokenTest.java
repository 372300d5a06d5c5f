package dev.chancery.hsm;

import dev.chancery.testing.P11KitServer;
import dev.chancery.testing.SoftHsmToken;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** A SoftHSM2 token behind {@code p11-kit server} keeps the contract of tokens. */
final class ServedTokenTest extends TokenContract {
  @TempDir private static Path folder;

  private static P11KitServer server;
  private static Pkcs11Settings settings;

  @BeforeAll
  static void serve() {
    SoftHsmToken softHsm = SoftHsmToken.create(folder, FreshToken.label("served"));
    server = P11KitServer.start(folder, softHsm);
    settings = settings(server, softHsm, Duration.ofSeconds(20));
  }

  @AfterAll
  static void end() {
    server.close();
  }

  static Pkcs11Settings settings(P11KitServer server, SoftHsmToken token, Duration limit) {
    return new Pkcs11Settings(
        P11KitServer.installedClient(),
        Optional.of(token.label()),
        Optional.empty(),
        token.pinFile(),
        2,
        limit,
        Pkcs11Settings.Place.P11_KIT_SERVER,
        server.environment());
  }

  @Override
  Token open() throws Exception {
    return Pkcs11Token.open(settings, TokenObserver.NONE);
  }
}
