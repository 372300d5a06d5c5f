package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import dev.chancery.testing.FaultyModule;
import dev.chancery.testing.Pkcs11Function;
import dev.chancery.testing.ReturnCode;
import dev.chancery.testing.SoftHsmToken;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What an opening that fails leaves, and what it has learned (docs/token-outages.md). */
@Timeout(60)
final class TokenRecoveryTest {
  private static final Duration ATTEMPT = Duration.ofMillis(400);
  // However busy this machine is, no second attempt is made beside one.
  private static final Duration PLENTY = Duration.ofSeconds(20);
  private static final Patience QUICK =
      patience(ATTEMPT, Duration.ofSeconds(5), Duration.ofMillis(20), 1000);

  @TempDir private Path folder;
  private FaultyModule module;
  private SoftHsmToken softHsm;
  private Pkcs11Token token;
  private final KeyId first = TokenContract.freshId();
  private final KeyId second = TokenContract.freshId();
  private IssuerKey firstKey;
  private IssuerKey secondKey;

  private static Patience patience(
      Duration attempt, Duration healthy, Duration whenLostSoon, int leftBehind) {
    return new Patience(
        attempt,
        whenLostSoon.dividedBy(4),
        Duration.ofMillis(50),
        Duration.ofMillis(200),
        healthy,
        whenLostSoon,
        Duration.ofMillis(50),
        leftBehind);
  }

  /** What became of the token. */
  private static final class Events implements TokenObserver {
    private final List<Duration> outages = new CopyOnWriteArrayList<>();
    private final List<String> exhausted = new CopyOnWriteArrayList<>();

    @Override
    public void back(String token, long generation, Duration outage) {
      outages.add(outage);
    }

    @Override
    public void exhausted(String token, String why) {
      exhausted.add(why);
    }
  }

  @BeforeEach
  void openToken() throws Exception {
    module = FaultyModule.build(folder);
    softHsm = SoftHsmToken.create(folder, FreshToken.label("recovery"));
    token = Pkcs11Token.open(settings(softHsm.label()), TokenObserver.NONE, QUICK);
    firstKey = key(first);
    secondKey = key(second);
  }

  @AfterEach
  void closeToken() {
    module.clear();
    token.close();
    module.close();
  }

  private Pkcs11Settings settings(String label) {
    Map<String, String> environment = new HashMap<>(FreshToken.ENVIRONMENT);
    environment.putAll(module.environment());
    return new Pkcs11Settings(
        module.library(),
        Optional.of(label),
        Optional.empty(),
        softHsm.pinFile(),
        2,
        Duration.ofSeconds(10),
        Pkcs11Settings.Place.PROCESS,
        environment);
  }

  private IssuerKey key(KeyId id) throws Exception {
    SubjectPublicKey made = token.generate(id, KeyAlgorithm.EC_P256);
    return token.issuerKey(id, made, SigningScheme.ECDSA_SHA256);
  }

  private void lose() {
    module.sticky(ReturnCode.CKR_DEVICE_ERROR);
    assertThatThrownBy(firstKey::probe).isInstanceOf(TokenAway.class);
  }

  @Test
  void aRefusalOfThePinThatComesLateIsARefusalAllTheSame() throws Exception {
    module.always(Pkcs11Function.C_LOGIN, ReturnCode.CKR_PIN_INCORRECT);
    module.delay(Pkcs11Function.C_LOGIN, ATTEMPT.multipliedBy(2));
    long logins = module.calls(Pkcs11Function.C_LOGIN);
    lose();

    await().until(() -> token.health().state() == TokenHealth.State.NEEDS_OPERATOR);
    Thread.sleep(1000);
    assertThat(module.calls(Pkcs11Function.C_LOGIN)).isEqualTo(logins + 1);
  }

  @Test
  void aRefusalOfThePinIsOneAlsoWhenItsSessionCannotBeClosed() throws Exception {
    module.always(Pkcs11Function.C_LOGIN, ReturnCode.CKR_PIN_INCORRECT);
    module.always(Pkcs11Function.C_CLOSE_SESSION, ReturnCode.CKR_FUNCTION_FAILED);
    long logins = module.calls(Pkcs11Function.C_LOGIN);
    lose();

    await().until(() -> token.health().state() == TokenHealth.State.NEEDS_OPERATOR);
    Thread.sleep(500);
    assertThat(module.calls(Pkcs11Function.C_LOGIN)).isEqualTo(logins + 1);
  }

  private Events reopen(Patience patience) throws Exception {
    SubjectPublicKey made = token.find(first).orElseThrow();
    token.close();
    Events events = new Events();
    token = Pkcs11Token.open(settings(softHsm.label()), events, patience);
    firstKey = token.issuerKey(first, made, SigningScheme.ECDSA_SHA256);
    return events;
  }

  @Test
  void aTokenThatIsLostAgainAndAgainIsGivenUpBeforeItsModulesFillTheMemory() throws Exception {
    Events events = reopen(patience(PLENTY, Duration.ofSeconds(5), Duration.ofMillis(20), 4));
    long loaded = module.instances();

    for (int loss = 0; loss < 4; loss++) {
      await().ignoreExceptions().untilAsserted(firstKey::probe);
      lose();
    }

    await().until(() -> !events.exhausted.isEmpty());
    assertThat(events.exhausted).singleElement().asString().contains("4 modules stay loaded");
    assertThat(token.health().state()).isEqualTo(TokenHealth.State.NEEDS_OPERATOR);
    Thread.sleep(500);
    assertThat(module.instances()).isEqualTo(loaded + 3);
    assertThat(events.exhausted).hasSize(1);
  }

  @Test
  void aGenerationThatIsLostSoonIsReplacedAfterAPauseAndAHealthyOneAtOnce() throws Exception {
    Duration healthy = Duration.ofMillis(500);
    Duration pause = Duration.ofSeconds(4);
    Events events = reopen(patience(PLENTY, healthy, pause, 1000));

    for (int loss = 1; loss <= 2; loss++) {
      // The first has been up for long enough, the second has not.
      Thread.sleep(loss == 1 ? healthy.toMillis() : 0);
      lose();
      int back = loss;
      await().until(() -> events.outages.size() == back);
      firstKey.probe();
    }

    assertThat(events.outages.getFirst()).isLessThan(pause.dividedBy(4));
    assertThat(events.outages.getLast()).isGreaterThanOrEqualTo(pause.dividedBy(4));
  }

  @Test
  void openingsThatComeTooLateLogOutNobodyElse() throws Exception {
    module.hang(Pkcs11Function.C_FIND_OBJECTS_INIT);
    lose();
    await().until(() -> module.running(Pkcs11Function.C_FIND_OBJECTS_INIT) == 3);
    long loggedOut = module.successes(Pkcs11Function.C_LOGOUT);

    module.clear(Pkcs11Function.C_FIND_OBJECTS_INIT);
    await().until(() -> module.successes(Pkcs11Function.C_LOGOUT) > loggedOut);

    for (int i = 0; i < 100; i++) {
      firstKey.probe();
      secondKey.probe();
    }
    assertThat(token.health().generation()).isEqualTo(2);
  }

  @Test
  void aModuleThatFailsLateIsUsedAgainNotLoadedAgain() throws Exception {
    module.delay(Pkcs11Function.C_GET_SLOT_LIST, ATTEMPT.multipliedBy(2));
    module.always(Pkcs11Function.C_GET_SLOT_LIST, ReturnCode.CKR_DEVICE_ERROR);
    long loaded = module.instances();
    long asked = module.calls(Pkcs11Function.C_GET_SLOT_LIST);
    lose();

    await()
        .atMost(Duration.ofSeconds(30))
        .until(() -> module.calls(Pkcs11Function.C_GET_SLOT_LIST) > asked + 12);

    assertThat(module.instances()).isLessThanOrEqualTo(loaded + 3);
    module.clear();
    await().ignoreExceptions().untilAsserted(firstKey::probe);
  }

  @Test
  void aModuleThatCannotBeInitializedIsLoadedOnce() {
    module.always(Pkcs11Function.C_INITIALIZE, ReturnCode.CKR_GENERAL_ERROR);
    long loaded = module.instances();
    long initialized = module.calls(Pkcs11Function.C_INITIALIZE);
    lose();

    await().until(() -> module.calls(Pkcs11Function.C_INITIALIZE) > initialized + 10);
    assertThat(module.instances()).isEqualTo(loaded + 1);
    module.clear();
    await().ignoreExceptions().untilAsserted(firstKey::probe);
  }

  @Test
  void aKeyThatIsGoneKeepsNoOtherFromSigningAndIsTakenUpWhenItIsBack() {
    module.hidePrivateKeys(second.octets());
    lose();

    await().ignoreExceptions().untilAsserted(firstKey::probe);
    assertThatThrownBy(secondKey::probe)
        .isInstanceOf(TokenAway.class)
        .hasMessageContaining("has no private key " + second);
    long generation = token.health().generation();

    module.clear();
    await().ignoreExceptions().untilAsserted(secondKey::probe);
    assertThat(token.health().generation()).isEqualTo(generation);
  }

  @Test
  void aKeyWithoutItsCertificateKeepsNoOtherFromSigning() throws Exception {
    Cryptoki another = Cryptoki.load(FreshToken.module(folder), FreshToken.ENVIRONMENT);
    CryptokiToken place =
        another.tokens().stream()
            .filter(it -> it.label().equals(softHsm.label()))
            .findFirst()
            .orElseThrow();
    try (CryptokiSession session = another.open(place, true)) {
      session.login(SoftHsmToken.PIN.toCharArray());
      for (CryptokiObject certificate :
          session.find(
              new CryptokiTemplate()
                  .with(CryptokiAttribute.CKA_CLASS, Pkcs11Objects.CKO_CERTIFICATE)
                  .with(CryptokiAttribute.CKA_ID, second.octets()))) {
        session.destroy(certificate);
      }
    }
    lose();

    await().ignoreExceptions().untilAsserted(firstKey::probe);
    assertThatThrownBy(secondKey::probe)
        .isInstanceOf(TokenAway.class)
        .hasMessageContaining("no certificate beside it");
  }

  @Test
  void anOpeningThatIsRefusedLeavesNoCopyOfTheModule() throws Exception {
    Path library =
        Files.copy(module.library(), folder.resolve(FreshToken.label("refused") + ".so"));
    Pkcs11Settings known = settings("missing");
    Pkcs11Settings refused =
        new Pkcs11Settings(
            library,
            known.label(),
            known.serial(),
            known.pinFile(),
            known.signingThreads(),
            known.signingTimeLimit(),
            known.place(),
            known.environment());

    assertThatThrownBy(() -> Pkcs11Token.open(refused, TokenObserver.NONE, QUICK))
        .isInstanceOf(TokenUnusable.class);

    try (Stream<Path> copies = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
      assertThat(
              copies.filter(copy -> copy.getFileName().toString().startsWith("chancery-module-")))
          .noneMatch(copy -> Files.exists(copy.resolve(library.getFileName())));
    }
  }
}
