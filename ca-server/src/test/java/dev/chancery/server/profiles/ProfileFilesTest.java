package dev.chancery.server.profiles;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.chancery.core.DnsName;
import dev.chancery.core.IpName;
import dev.chancery.core.Profile;
import dev.chancery.core.ProfileId;
import dev.chancery.server.ConfigurationInvalid;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProfileFilesTest {
  private static final Path SHIPPED = Path.of("../config/profiles");

  @TempDir Path folder;

  @Test
  @DisplayName("the shipped profiles say what they promise")
  void shipped() throws Exception {
    Map<ProfileId, Profile> profiles = ProfileFiles.load(SHIPPED);

    assertThat(profiles.keySet())
        .extracting(ProfileId::value)
        .containsExactlyInAnyOrder(
            "tls-server", "tls-client", "tls-server-client", "short-lived", "intermediate-ca");
    Profile server = profiles.get(new ProfileId("tls-server"));
    server
        .names()
        .policy()
        .require(
            Set.of(
                new DnsName("localhost"),
                new DnsName("*.corp.example"),
                IpName.parse("127.0.0.1"),
                IpName.parse("::1")));
    assertThat(server.validity().standard()).isEqualTo(Duration.ofDays(90));
    assertThat(profiles.get(new ProfileId("short-lived")).statusSources().noRevocationAvailable())
        .isTrue();
    assertThat(profiles.get(new ProfileId("intermediate-ca")).constraint())
        .isInstanceOf(Profile.Constraint.Authority.class);
  }

  @ParameterizedTest(name = "{0} -> {1}: line {2}, {3}")
  @DisplayName("each mistake is refused with its line and its reason")
  @CsvSource(
      delimiter = '|',
      value = {
        "description: TLS server | colour: red | 3 | unknown key colour",
        "standard: 90d | standrad: 90d | 10 | validity.standard is missing",
        "standard: 90d | standard: 900d | 10 | standard <= longest",
        "standard: 90d | standard: soon | 10 | validity.standard: not a length of time",
        "shortest: 1h | standard: 1h | 11 | key validity.standard stands there twice",
        "backdate: 5m | backdate: 2h | 10 | backdate must be less than shortest",
        "longest: 398d | longest: 99999d | 10 | 100 years",
        "subject: common-name | subject: any | 17 | subject: not one of empty, common-name",
        "[ec-p256, | [ec-p257, | 6 | keyAlgorithms: not one of ec-p256",
        "[ec-p256, | [ec-p384, | 6 | keyAlgorithms holds ec-p384 twice",
        "kinds: [dns, ip] | kinds: [dns] | 20 | ip has rules and is not in kinds",
        "kinds: [dns, ip] | kinds: [dns, ip, uri] | 20 | uri needs rules",
        "most: 100 | most: many | 21 | names.most: not a number",
        "most: 100 | most: 0 | 20 | contradict",
        "required: true | required: yes | 22 | names.required: not one of true, false",
        "[0.0.0.0/0, | [10.0.0.1/8, | 33 | not a block of addresses",
        "allow: [\"*\"] | allow: [\"*.a.test\"] | 30 | a DNS rule is *",
        "[serverAuth] | [ocspSigning] | 38 | not an object identifier",
        "[serverAuth] | [2.5.29.37.0] | 38 | not for profiles",
        "[serverAuth] | serverAuth | 38 | extendedKeyUsage must be a list",
        "[digitalSignature, | [keyCertSign, | 3 | go together",
        "policies: [] | policies: [one] | 40 | not an object identifier",
        "policies: [] | ca: {pathLength: -1} | 40 | ca.pathLength: not a number",
        "policies: [] | policies: [1.2.3 | 43 | not YAML",
      })
  void mistakes(String text, String mistake, int line, String reason) throws Exception {
    String good = Files.readString(SHIPPED.resolve("tls-server.yaml"));
    assertThat(good).contains(text);
    Path file =
        Files.writeString(
            folder.resolve("tls-server.yaml"), good.replaceFirst(Pattern.quote(text), mistake));

    assertThatExceptionOfType(ConfigurationInvalid.class)
        .isThrownBy(() -> ProfileFiles.load(folder))
        .withMessageContaining(reason)
        .withMessageStartingWith(file + ":" + line + ": ")
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n"));
  }

  @ParameterizedTest
  @DisplayName("files whose name is taken or cannot be one")
  @CsvSource({
    "root-ca.yaml, is built in",
    "ocsp-signer.yml, is built in",
    "Tls.yaml, not a profile name",
    "tls-server.yml, two files for profile tls-server"
  })
  void names(String name, String reason) throws Exception {
    Files.copy(SHIPPED.resolve("tls-server.yaml"), folder.resolve("tls-server.yaml"));
    Files.copy(SHIPPED.resolve("tls-server.yaml"), folder.resolve(name));

    refused(reason);
  }

  @ParameterizedTest
  @DisplayName("files that are no profiles")
  @ValueSource(strings = {"", "# nothing", "[]", "word", "a: &a [*a]", "\t", "? {a: b}\n: c"})
  void garbage(String content) throws Exception {
    Files.writeString(folder.resolve("p.yaml"), content);

    refused("p.yaml");
  }

  @Test
  @DisplayName("binary, huge, and no files at all")
  void unreadable() throws Exception {
    refused("there are no profiles");
    Files.write(folder.resolve("p.yaml"), new byte[] {(byte) 0xff, (byte) 0xfe, 0x00});
    refused("p.yaml");
    Files.writeString(folder.resolve("p.yaml"), "#".repeat(70_000));
    refused("longer than 65536 octets");
    assertThatExceptionOfType(ConfigurationInvalid.class)
        .isThrownBy(() -> ProfileFiles.load(folder.resolve("none")))
        .withMessageContaining("cannot be read");
  }

  private void refused(String reason) {
    assertThatExceptionOfType(ConfigurationInvalid.class)
        .isThrownBy(() -> ProfileFiles.load(folder))
        .withMessageContaining(reason);
  }
}
