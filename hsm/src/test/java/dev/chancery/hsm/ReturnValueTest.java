package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import dev.chancery.testing.FaultyModule;
import dev.chancery.testing.Pkcs11Function;
import dev.chancery.testing.ReturnCode;
import dev.chancery.testing.SoftHsmToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/** Every return value of PKCS #11 v2.40, injected where a token is used, ends as documented. */
@Timeout(60)
final class ReturnValueTest {
  private static final Patience QUICK =
      new Patience(
          Duration.ofSeconds(3),
          Duration.ofMillis(2),
          Duration.ofMillis(5),
          Duration.ofMillis(5),
          Duration.ofSeconds(5),
          Duration.ofMillis(5),
          Duration.ofMillis(20),
          1000);
  private static final Path TABLE = Path.of("../docs/token-outages.md");

  @TempDir private static Path folder;
  private static FaultyModule module;
  private static Pkcs11Token token;
  private static IssuerKey key;

  @BeforeAll
  static void openToken() throws Exception {
    module = FaultyModule.build(folder);
    SoftHsmToken softHsm = SoftHsmToken.create(folder, FreshToken.label("values"));
    Map<String, String> environment = new HashMap<>(FreshToken.ENVIRONMENT);
    environment.putAll(module.environment());
    Pkcs11Settings settings =
        new Pkcs11Settings(
            module.library(),
            Optional.of(softHsm.label()),
            Optional.empty(),
            softHsm.pinFile(),
            1,
            Duration.ofSeconds(10),
            Pkcs11Settings.Place.PROCESS,
            environment);
    token = Pkcs11Token.open(settings, TokenObserver.NONE, QUICK);
    KeyId id = TokenContract.freshId();
    SubjectPublicKey publicKey = token.generate(id, KeyAlgorithm.EC_P256);
    key = token.issuerKey(id, publicKey, SigningScheme.ECDSA_SHA256);
  }

  @AfterAll
  static void closeToken() {
    module.clear();
    token.close();
    module.close();
  }

  @AfterEach
  void isBack() {
    module.clear();
    soon().ignoreExceptions().untilAsserted(key::probe);
  }

  /** What is awaited here takes some milliseconds, and is awaited hundreds of times. */
  private static ConditionFactory soon() {
    return Awaitility.await().pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(2));
  }

  private static ReturnValue.Meaning documented(ReturnCode code) {
    return ReturnValue.valueOf(code.name()).meaning();
  }

  @ParameterizedTest
  @EnumSource(
      value = ReturnCode.class,
      mode = Mode.EXCLUDE,
      names = {"CKR_OK", "CKR_BUFFER_TOO_SMALL"})
  void signing(ReturnCode code) {
    module.next(Pkcs11Function.C_SIGN, code, 1);
    long generation = token.health().generation();

    assertThatThrownBy(key::probe).isInstanceOf(TokenAway.class).hasMessageContaining(code.name());

    if (documented(code) == ReturnValue.Meaning.OUTAGE) {
      soon().until(() -> token.health().generation() == generation + 1);
    } else {
      module.clear();
      assertThat(token.health().state()).isEqualTo(TokenHealth.State.UP);
      assertThat(token.health().generation()).isEqualTo(generation);
    }
  }

  // Unlike all others it does not end the operation (PKCS #11 v2.40 section 5.2), and SunPKCS11
  // keeps the session for the next signature, which then cannot begin.
  @Test
  void signingIntoABufferThatIsTooSmall() {
    module.always(Pkcs11Function.C_SIGN, ReturnCode.CKR_BUFFER_TOO_SMALL);
    long generation = token.health().generation();
    assertThatThrownBy(key::probe)
        .isInstanceOf(TokenAway.class)
        .hasMessageContaining("CKR_BUFFER_TOO_SMALL");
    assertThat(token.health().generation()).isEqualTo(generation);

    module.clear();
    soon()
        .ignoreExceptions()
        .until(() -> {
          key.probe();
          return token.health().generation() == generation + 1;
        });
  }

  @Test
  void opening() throws Exception {
    for (Pkcs11Function function :
        List.of(
            Pkcs11Function.C_OPEN_SESSION,
            Pkcs11Function.C_FIND_OBJECTS_INIT,
            Pkcs11Function.C_LOGIN)) {
      module.always(function, ReturnCode.CKR_FUNCTION_FAILED);
      module.sticky(ReturnCode.CKR_DEVICE_ERROR);
      assertThatThrownBy(key::probe).isInstanceOf(TokenAway.class);
      for (ReturnCode code : ReturnCode.values()) {
        boolean forOperator =
            function == Pkcs11Function.C_LOGIN
                && code != ReturnCode.CKR_OK
                && documented(code) == ReturnValue.Meaning.OPERATOR;
        if (code != ReturnCode.CKR_OK && !forOperator) {
          staysAwayAndIsTriedAgain(function, code);
        }
      }
      isBack();
    }
  }

  private static void staysAwayAndIsTriedAgain(Pkcs11Function function, ReturnCode code) {
    module.always(function, code);
    long before = module.calls(function);
    soon()
        .untilAsserted(() ->
            assertThat(module.calls(function))
                .as("%s %s", function, code)
                .isGreaterThan(before + 1));
    assertThat(token.health().state())
        .as("%s %s", function, code)
        .isEqualTo(TokenHealth.State.AWAY);
  }

  @ParameterizedTest
  @EnumSource(
      value = ReturnCode.class,
      names = {
        "CKR_PIN_INCORRECT",
        "CKR_PIN_INVALID",
        "CKR_PIN_LEN_RANGE",
        "CKR_PIN_EXPIRED",
        "CKR_PIN_LOCKED",
        "CKR_PIN_TOO_WEAK",
        "CKR_USER_PIN_NOT_INITIALIZED"
      })
  void aLoginThatOnlyAnOperatorCanMend(ReturnCode code) throws Exception {
    assertThat(documented(code)).isEqualTo(ReturnValue.Meaning.OPERATOR);
    long logins = module.calls(Pkcs11Function.C_LOGIN);
    module.always(Pkcs11Function.C_LOGIN, code);
    module.sticky(ReturnCode.CKR_DEVICE_ERROR);
    assertThatThrownBy(key::probe).isInstanceOf(TokenAway.class);

    soon().until(() -> token.health().state() == TokenHealth.State.NEEDS_OPERATOR);
    Thread.sleep(200);
    assertThat(module.calls(Pkcs11Function.C_LOGIN)).isEqualTo(logins + 1);

    module.clear();
    touchPinFile();
  }

  private static void touchPinFile() throws IOException {
    try (var files = Files.list(folder)) {
      for (Path file : files.filter(it -> it.toString().endsWith(".pin")).toList()) {
        Files.writeString(file, Files.readString(file).strip() + "\r\n");
        Files.writeString(file, Files.readString(file).strip());
      }
    }
  }

  @Test
  void everyValueIsKnownAndDocumented() throws Exception {
    List<String> known = Arrays.stream(ReturnValue.values()).map(Enum::name).toList();
    assertThat(Arrays.stream(ReturnCode.values()).map(Enum::name))
        .filteredOn(name -> !name.equals("CKR_OK"))
        .isSubsetOf(known);
    for (ReturnValue value : ReturnValue.values()) {
      assertThat(value.code()).isEqualTo(ReturnCode.valueOf(value.name()).code());
    }

    Map<String, String> documented =
        Files.readAllLines(TABLE).stream()
            .map(line -> line.split("\\|"))
            .filter(cells -> cells.length > 2 && cells[1].strip().startsWith("`CKR_"))
            .collect(
                Collectors.toMap(
                    cells -> cells[1].strip().replace("`", ""), cells -> cells[2].strip()));
    for (ReturnValue value : ReturnValue.values()) {
      assertThat(documented)
          .containsEntry(
              value.name(),
              switch (value.meaning()) {
                case CALLER_ERROR -> "this call fails";
                case BUSY -> "this call fails, later ones may not";
                case OUTAGE -> "outage";
                case OPERATOR -> "operator, when logging in";
              });
    }
    assertThat(documented).hasSize(ReturnValue.values().length);
  }
}
