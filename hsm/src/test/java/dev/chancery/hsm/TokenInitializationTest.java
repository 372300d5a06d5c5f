package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.KeyAlgorithm;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A token is initialized once, whole, and never again. */
final class TokenInitializationTest {
  @TempDir private Path folder;

  private TokenModule module;

  @BeforeEach
  void load() throws Exception {
    FreshToken.create(folder, "elsewhere");
    module =
        TokenModule.load(FreshToken.module(folder), FreshToken.ENVIRONMENT, Duration.ofSeconds(30));
  }

  private Path file(String name, String content) throws IOException {
    return Files.writeString(folder.resolve(name), content + "\n");
  }

  private static TokenName labelled(String label) {
    return new TokenName(Optional.of(label), Optional.empty());
  }

  @Test
  void aFreeTokenGetsItsLabelAndPinAndTakesAKey() throws Exception {
    TokenName name = labelled(FreshToken.label("made"));

    TokenInfo made =
        module.initialize(name, file("so", "an-officer-19"), file("user", "a-user-2718"));

    assertThat(made.label()).isEqualTo(name.label().orElseThrow());
    assertThat(made.flags()).contains(TokenFlag.INITIALIZED, TokenFlag.USER_PIN_SET);
    try (TokenCeremony ceremony = module.open(name, folder.resolve("user"))) {
      assertThat(ceremony.generate(TokenContract.freshId(), KeyAlgorithm.EC_P256, true).findings())
          .isEmpty();
    }
  }

  @Test
  void aTokenThatWasInitializedAndGotNoPinGetsOneFromItsOfficer() throws Exception {
    TokenName name = labelled(FreshToken.label("half"));
    Cryptoki cryptoki = Cryptoki.load(FreshToken.module(folder), FreshToken.ENVIRONMENT);
    CryptokiToken free =
        cryptoki.allTokens().stream()
            .filter(token -> !token.initialized())
            .findFirst()
            .orElseThrow();
    String label = "%-32s".formatted(name.label().orElseThrow());
    cryptoki.initialize(
        free, "an-officer-19".toCharArray(), label.getBytes(StandardCharsets.US_ASCII));
    Path user = file("user", "a-user-2718");

    assertThatThrownBy(() -> module.finishInitialization(name, file("wrong", "no-officer"), user))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("CKR_PIN_INCORRECT");
    assertThat(module.token(name).flags()).doesNotContain(TokenFlag.USER_PIN_SET);

    Path officer = file("so", "an-officer-19");
    assertThat(module.finishInitialization(name, officer, user).flags())
        .contains(TokenFlag.USER_PIN_SET);
    module.open(name, user).close();
    // Whoever has a PIN keeps it.
    assertThatThrownBy(
            () -> module.finishInitialization(name, officer, file("next", "another-2718")))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("has a PIN already: nothing was changed");
    module.open(name, user).close();
  }

  @Test
  void anInitializedTokenIsNeverTouched() throws Exception {
    TokenName name = labelled(FreshToken.label("once"));
    Path officer = file("so", "an-officer-19");
    Path user = file("user", "a-user-2718");
    TokenInfo made = module.initialize(name, officer, user);
    List<TokenInfo> before = module.tokens();

    assertThatThrownBy(() -> module.initialize(name, officer, user))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("already: nothing was changed");
    // Neither under another label.
    TokenName bySerial =
        new TokenName(Optional.of(FreshToken.label("other")), Optional.of(made.serial()));
    assertThatThrownBy(() -> module.initialize(bySerial, officer, user))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("already: nothing was changed");
    assertThat(module.tokens()).isEqualTo(before);
    module.open(name, user).close();
  }

  @ParameterizedTest
  @CsvSource({
    "an-officer-19, abc, the PIN must have 4 to",
    "abc, a-user-2718, the security officer's PIN must have 4 to",
    "the-same-3141, the-same-3141, make two"
  })
  void whatTheTokenWouldRefuseIsRefusedBeforeAnythingIsDone(
      String officer, String user, String says) throws Exception {
    List<TokenInfo> before = module.tokens();
    TokenName name = labelled(FreshToken.label("no"));

    assertThatThrownBy(() -> module.initialize(name, file("so", officer), file("user", user)))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining(says)
        .hasMessageNotContaining(officer)
        .hasMessageNotContaining(user);
    assertThat(module.tokens()).isEqualTo(before);
  }

  @Test
  void aLabelThatDoesNotFitIsRefused() throws Exception {
    Path pin = file("pin", "an-officer-19");

    assertThatThrownBy(() -> module.initialize(labelled("x".repeat(33)), pin, pin))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("1 to 32 octets");
    assertThatThrownBy(() -> module.initialize(labelled(" blank"), pin, pin))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("without blanks");
  }
}
