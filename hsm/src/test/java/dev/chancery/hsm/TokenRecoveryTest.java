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
import java.util.Map;
import java.util.Optional;
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
  private static final TokenSupervisor.Pauses QUICK =
      new TokenSupervisor.Pauses(
          ATTEMPT,
          Duration.ofMillis(5),
          Duration.ofMillis(50),
          Duration.ofMillis(200),
          Duration.ofMillis(50));

  @TempDir private Path folder;
  private FaultyModule module;
  private SoftHsmToken softHsm;
  private Pkcs11Token token;
  private final KeyId first = TokenContract.freshId();
  private final KeyId second = TokenContract.freshId();
  private IssuerKey firstKey;
  private IssuerKey secondKey;

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
