package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.KeyAlgorithm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class Pkcs12TokenTest extends TokenContract {
  @TempDir private static Path folder;

  private static Pkcs12Settings settings;

  @BeforeAll
  static void choosePassword() throws Exception {
    Path password = Files.writeString(folder.resolve("password"), "correct horse\n");
    settings = new Pkcs12Settings(folder.resolve("keys.p12"), password, 2, Duration.ofSeconds(20));
  }

  @Override
  Token open() throws Exception {
    return Pkcs12Token.open(settings, new SecureRandom());
  }

  @Test
  void theFileIsForItsOwnerAlone() throws Exception {
    token().generate(freshId(), KeyAlgorithm.EC_P256);

    assertThat(Files.getPosixFilePermissions(settings.file()))
        .isEqualTo(PosixFilePermissions.fromString("rw-------"));
    assertThat(folder.resolve("keys.p12.new")).doesNotExist();
  }

  @Test
  void aWrongPasswordIsRefusedWithoutBeingRepeated() throws Exception {
    token().generate(freshId(), KeyAlgorithm.EC_P256);
    Path wrong = Files.writeString(folder.resolve("wrong"), "wrong-secret");

    assertThatThrownBy(() -> Pkcs12Token.open(withPassword(wrong), new SecureRandom()))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("password is wrong")
        .hasMessageEndingWith("in file " + wrong)
        .hasMessageNotContaining("wrong-secret");
  }

  @Test
  void aFileThatIsNoKeyStoreIsRefusedAndLeftAsItIs() throws Exception {
    Path garbage = Files.writeString(folder.resolve("garbage.p12"), "not a key store");
    Pkcs12Settings settings =
        new Pkcs12Settings(
            garbage, Pkcs12TokenTest.settings.passwordFile(), 1, Duration.ofSeconds(1));

    assertThatThrownBy(() -> Pkcs12Token.open(settings, new SecureRandom()))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("garbage.p12");
    assertThat(garbage).hasContent("not a key store");
  }

  @Test
  void aMissingPasswordFileIsRefused() {
    assertThatThrownBy(
            () -> Pkcs12Token.open(withPassword(folder.resolve("nowhere")), new SecureRandom()))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("does not exist");
  }

  private static Pkcs12Settings withPassword(Path passwordFile) {
    return new Pkcs12Settings(settings.file(), passwordFile, 1, Duration.ofSeconds(1));
  }
}
