package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.SubjectPublicKey;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("Files of blocked keys")
final class KeyBlockListTest {
  @TempDir Path folder;

  private static SubjectPublicKey key() throws Exception {
    return SubjectPublicKey.of(
        KeyPairGenerator.getInstance("Ed25519").generateKeyPair().getPublic());
  }

  private static String digest(SubjectPublicKey key) {
    return HexFormat.of().formatHex(key.encoded().sha256());
  }

  private Path file(String text) throws Exception {
    return Files.writeString(folder.resolve("blocked.txt"), text);
  }

  @Test
  @DisplayName("block the keys whose digests they hold, in either case, and no others")
  void blocks() throws Exception {
    SubjectPublicKey first = key();
    SubjectPublicKey second = key();
    Path file =
        file(
            "# leaked in the autumn\n\n  "
                + digest(first)
                + "  # build server\n"
                + digest(second).toUpperCase(java.util.Locale.ROOT));

    KeyBlockList list = KeyBlockList.read(List.of(file));

    assertThat(list.reason(first)).isPresent();
    assertThat(list.reason(second)).isPresent();
    assertThat(list.reason(key())).isEmpty();
    assertThat(KeyBlockList.read(List.of()).reason(first)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"abc", "zz", "00:11", "deadbeef deadbeef"})
  @DisplayName("are refused with the line that is wrong")
  void refused(String wrong) throws Exception {
    Path file = file(digest(key()) + "\n" + wrong + "\n");
    assertThatThrownBy(() -> KeyBlockList.read(List.of(file)))
        .isInstanceOf(ConfigurationInvalid.class)
        .hasMessageContaining("blocked.txt:2")
        .hasMessageContaining("64 hexadecimal digits");
  }

  @Test
  @DisplayName("are refused when they cannot be read")
  void unreadable() throws Exception {
    assertThatThrownBy(() -> KeyBlockList.read(List.of(folder.resolve("none"))))
        .isInstanceOf(ConfigurationInvalid.class)
        .hasMessageContaining("cannot be read");
    Path binary = Files.write(folder.resolve("binary"), new byte[] {(byte) 0xff, (byte) 0xfe});
    assertThatThrownBy(() -> KeyBlockList.read(List.of(binary)))
        .isInstanceOf(ConfigurationInvalid.class)
        .hasMessageContaining("not UTF-8");
  }
}
