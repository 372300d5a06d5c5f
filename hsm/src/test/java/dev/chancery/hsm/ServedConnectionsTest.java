package dev.chancery.hsm;

import static dev.chancery.testing.Pkcs11Function.C_GET_MECHANISM_LIST;
import static dev.chancery.testing.Pkcs11Function.C_LOGIN;
import static dev.chancery.testing.Pkcs11Function.C_SIGN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import dev.chancery.testing.FaultyModule;
import dev.chancery.testing.P11KitServer;
import dev.chancery.testing.ReturnCode;
import dev.chancery.testing.SoftHsmToken;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The connections to a {@code p11-kit server}: one for each of four threads, and one to call the
 * module directly, each with a login of its own.
 */
@Timeout(60)
final class ServedConnectionsTest {
  private static final int CONNECTIONS = 5;
  private static final Duration SLOW = Duration.ofMillis(500);

  @TempDir private Path folder;

  private final Events events = new Events();
  private FaultyModule module;
  private P11KitServer server;
  private SoftHsmToken softHsm;
  private KeyId id;
  private SubjectPublicKey publicKey;
  private Pkcs11Token token;
  private IssuerKey key;

  /** What became of the token, and what a test does when it is back. */
  private static final class Events implements TokenObserver {
    private final List<String> lost = new CopyOnWriteArrayList<>();
    private final List<String> exhausted = new CopyOnWriteArrayList<>();
    private final AtomicInteger back = new AtomicInteger();
    private volatile Runnable whenBack = () -> {};

    @Override
    public void lost(String token, long generation, String why) {
      lost.add(why);
    }

    @Override
    public void back(String token, long generation, Duration outage) {
      whenBack.run();
      back.incrementAndGet();
    }

    @Override
    public void exhausted(String token, String why) {
      exhausted.add(why);
    }
  }

  @BeforeEach
  void openToken() throws Exception {
    module = FaultyModule.build(folder);
    softHsm = SoftHsmToken.create(folder, FreshToken.label("connections"));
    server = P11KitServer.start(folder, softHsm, module.library());
    token = Pkcs11Token.open(settings(), events);
    id = TokenContract.freshId();
    publicKey = token.generate(id, KeyAlgorithm.EC_P256);
    key = token.issuerKey(id, publicKey, SigningScheme.ECDSA_SHA256);
    await().until(() -> module.logins() == CONNECTIONS);
  }

  @AfterEach
  void closeToken() {
    module.clear();
    token.close();
    server.close();
    module.close();
  }

  private Pkcs11Settings settings() {
    return new Pkcs11Settings(
        P11KitServer.installedClient(),
        Optional.of(softHsm.label()),
        Optional.empty(),
        softHsm.pinFile(),
        CONNECTIONS - 1,
        Duration.ofSeconds(10),
        Pkcs11Settings.Place.P11_KIT_SERVER,
        server.environment());
  }

  private void lose() {
    server.restart();
    assertThatThrownBy(key::probe).isInstanceOf(TokenAway.class);
  }

  @Test
  void aTokenIsInUseAsSoonAsItsFirstConnectionIsProven() throws Exception {
    module.delay(C_LOGIN, SLOW);
    long before = module.logins();
    List<Long> whenBack = new CopyOnWriteArrayList<>();
    events.whenBack = () -> whenBack.add(module.logins() - before);
    lose();
    await().until(() -> events.back.get() == 1);

    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 200; i++) {
        var _ =
            callers.submit(() -> {
              key.probe();
              return null;
            });
      }
    }

    assertThat(whenBack).containsExactly(2L);
    await().until(() -> module.logins() == before + CONNECTIONS);
    key.probe();
    assertThat(events.lost).hasSize(1);
  }

  @Test
  void aLaterConnectionThatFailsIsALossAsAnyOther() {
    events.whenBack = () -> module.next(C_LOGIN, ReturnCode.CKR_DEVICE_ERROR, 1);
    lose();

    await().until(() -> events.lost.size() == 2);
    events.whenBack = () -> {};
    assertThat(events.lost.getLast()).contains("CKR_DEVICE_ERROR");
    await().ignoreExceptions().untilAsserted(key::probe);
  }

  @Test
  void aPinThatALaterConnectionIsRefusedIsNotTriedAgain() throws Exception {
    long before = module.calls(C_LOGIN);
    events.whenBack = () -> module.always(C_LOGIN, ReturnCode.CKR_PIN_INCORRECT);
    lose();

    await().until(() -> token.health().state() == TokenHealth.State.NEEDS_OPERATOR);
    Thread.sleep(3000);
    assertThat(module.calls(C_LOGIN)).isEqualTo(before + 3);
    assertThatThrownBy(key::probe).hasMessageContaining("the PIN is wrong");
  }

  @Test
  void aServerThatDiesWhileAConnectionIsSetUpLeavesNoOpenFile() throws Exception {
    token.close();
    server.restart();
    long before = TokenOutageTest.sockets();
    module.delay(C_GET_MECHANISM_LIST, Duration.ofSeconds(1));
    try (ExecutorService opener = Executors.newSingleThreadExecutor()) {
      Future<Pkcs11Token> opening = opener.submit(() -> Pkcs11Token.open(settings(), events));
      await().until(() -> module.running(C_GET_MECHANISM_LIST) == 1);
      server.kill();
      assertThatThrownBy(opening::get).hasCauseInstanceOf(TokenAway.class);
    }

    await().ignoreExceptions().until(() -> TokenOutageTest.sockets() == before);
  }

  @Test
  void connectionsToAServerThatLivesAreCountedAsLeftBehind() throws Exception {
    Patience usual = Patience.USUAL;
    token.close();
    token =
        Pkcs11Token.open(
            settings(),
            events,
            new Patience(
                usual.attempt(),
                usual.first(),
                usual.most(),
                usual.whenInVain(),
                usual.healthy(),
                usual.whenLostSoon(),
                usual.keys(),
                2 * CONNECTIONS));
    key = token.issuerKey(id, publicKey, SigningScheme.ECDSA_SHA256);
    for (int loss = 1; loss <= 2; loss++) {
      int logins = loss;
      await().until(() -> module.logins() == (logins + 1L) * CONNECTIONS);
      key.probe();
      module.corrupt(C_SIGN, 1);
      assertThatThrownBy(key::probe).hasMessageContaining("does not verify");
    }

    await().until(() -> !events.exhausted.isEmpty());
    assertThat(events.exhausted).singleElement().asString().contains("10 connections stay open");
  }
}
