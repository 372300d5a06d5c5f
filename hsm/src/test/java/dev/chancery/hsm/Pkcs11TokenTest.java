package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.testing.SoftHsmToken;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class Pkcs11TokenTest extends TokenContract {
  private static final Map<String, String> ENVIRONMENT = FreshToken.ENVIRONMENT;

  @TempDir private static Path folder;

  private static Pkcs11Settings settings;
  private static String twin;

  @BeforeAll
  static void makeTokens() throws Exception {
    settings = FreshToken.create(folder, "contract");
    twin = FreshToken.label("twin");
    SoftHsmToken.create(folder, twin);
    SoftHsmToken.create(folder, twin);
  }

  @Override
  Token open() throws Exception {
    return Pkcs11Token.open(settings, TokenObserver.NONE);
  }

  private static Pkcs11Settings named(Optional<String> label, Optional<String> serial) {
    return new Pkcs11Settings(
        settings.library(),
        label,
        serial,
        settings.pinFile(),
        1,
        Duration.ofSeconds(20),
        Pkcs11Settings.Place.PROCESS,
        ENVIRONMENT);
  }

  private static Pkcs11Settings withPin(Path pinFile) {
    return new Pkcs11Settings(
        settings.library(),
        settings.label(),
        Optional.empty(),
        pinFile,
        1,
        Duration.ofSeconds(20),
        Pkcs11Settings.Place.PROCESS,
        ENVIRONMENT);
  }

  @Test
  void aLabelThatNoTokenHasIsRefused() {
    assertThatThrownBy(() ->
            Pkcs11Token.open(named(Optional.of("missing"), Optional.empty()), TokenObserver.NONE))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("\"missing\"")
        .hasMessageContaining(settings.label().orElseThrow());
  }

  @Test
  void aLabelThatTwoTokensHaveIsRefused() {
    assertThatThrownBy(
            () -> Pkcs11Token.open(named(Optional.of(twin), Optional.empty()), TokenObserver.NONE))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("2 tokens")
        .hasMessageContaining(twin);
  }

  @Test
  void theSerialNumberTellsTwinsApart() throws Exception {
    List<CryptokiToken> twins =
        Cryptoki.load(settings.library(), ENVIRONMENT).tokens().stream()
            .filter(token -> token.label().equals(twin))
            .toList();
    assertThat(twins).hasSize(2);
    Optional<String> serial = Optional.of(twins.getFirst().serial());
    Optional<String> otherSerial = Optional.of(twins.getLast().serial());
    KeyId id = freshId();

    try (Token one = Pkcs11Token.open(named(Optional.of(twin), serial), TokenObserver.NONE);
        Token same = Pkcs11Token.open(named(Optional.empty(), serial), TokenObserver.NONE);
        Token other = Pkcs11Token.open(named(Optional.empty(), otherSerial), TokenObserver.NONE)) {
      SubjectPublicKey key = one.generate(id, KeyAlgorithm.EC_P256);

      assertThat(same.find(id)).contains(key);
      assertThat(other.find(id)).isEmpty();
    }
    assertThatThrownBy(() -> Pkcs11Token.open(named(settings.label(), serial), TokenObserver.NONE))
        .isInstanceOf(TokenUnusable.class);
  }

  @Test
  void aPinFileThatIsMissingEmptyOrNotOneLineIsRefused() throws Exception {
    Path empty = Files.writeString(folder.resolve("empty.pin"), "\n");
    Path twoLines = Files.writeString(folder.resolve("two-lines.pin"), "a line\nanother line\n");
    Path missing = folder.resolve("missing.pin");

    assertThatThrownBy(() -> Pkcs11Token.open(withPin(missing), TokenObserver.NONE))
        .isInstanceOf(TokenUnusable.class)
        .hasMessage("the PIN file " + missing + " does not exist");
    assertThatThrownBy(() -> Pkcs11Token.open(withPin(empty), TokenObserver.NONE))
        .isInstanceOf(TokenUnusable.class)
        .hasMessage("the PIN file " + empty + " is empty");
    assertThatThrownBy(() -> Pkcs11Token.open(withPin(twoLines), TokenObserver.NONE))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("not one line")
        .hasMessageNotContaining("another");
    assertThatThrownBy(() -> Pkcs11Token.open(withPin(folder), TokenObserver.NONE))
        .isInstanceOf(TokenUnusable.class)
        .hasMessage("the PIN file " + folder + " is a directory");
  }

  @Test
  void aWrongPinIsRefusedAndTheRightOneStillWorks() throws Exception {
    Path wrong = Files.writeString(folder.resolve("wrong.pin"), "98765432\n");

    assertThatThrownBy(() -> Pkcs11Token.open(withPin(wrong), TokenObserver.NONE))
        .isInstanceOf(TokenUnusable.class)
        .hasMessage("the PIN is wrong for " + settings.description() + ", in file " + wrong)
        .hasMessageNotContaining("98765432");
    token().find(id("any"));
  }

  @Test
  void aLibraryThatIsMissingOrNoModuleIsRefused() throws Exception {
    Path text = Files.writeString(folder.resolve("text.so"), "not a library");

    assertThatThrownBy(
            () -> Pkcs11Token.open(withLibrary(folder.resolve("missing.so")), TokenObserver.NONE))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("missing.so does not exist");
    assertThatThrownBy(() -> Pkcs11Token.open(withLibrary(text), TokenObserver.NONE))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("text.so is not a PKCS #11 module");
  }

  @Test
  void eachTokenHasAnEnvironmentOfItsOwn() throws Exception {
    Token token = token();
    SubjectPublicKey key = token.generate(freshId(), KeyAlgorithm.EC_P256);
    Path elsewhere = Files.createDirectories(folder.resolve("elsewhere"));
    Path configuration =
        Files.writeString(
            folder.resolve("elsewhere.conf"), "directories.tokendir = " + elsewhere + "\n");
    Pkcs11Settings other =
        new Pkcs11Settings(
            settings.library(),
            settings.label(),
            Optional.empty(),
            settings.pinFile(),
            1,
            Duration.ofSeconds(20),
            Pkcs11Settings.Place.PROCESS,
            Map.of("SOFTHSM2_CONF", configuration.toString()));

    assertThatThrownBy(() -> Pkcs11Token.open(other, TokenObserver.NONE))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("it has no token at all");
    assertThat(key).isNotNull();
    assertThat(token().description()).isEqualTo(token.description());
  }

  private static Pkcs11Settings withLibrary(Path library) {
    return new Pkcs11Settings(
        library,
        settings.label(),
        Optional.empty(),
        settings.pinFile(),
        1,
        Duration.ofSeconds(20),
        Pkcs11Settings.Place.PROCESS,
        ENVIRONMENT);
  }
}
