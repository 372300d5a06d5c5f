package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.testing.SoftHsmToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the start refuses of a PKCS #11 token: one line, nothing changed, no PIN said. */
@DisplayName("What the start refuses of a token")
class TokenRefusalsTest {
  private static final String WRONG_PIN = "wrong-pin-9999";
  private static final String ID = "697373";

  /** OpenSC's module that writes down every call before it passes it on. */
  private static final List<Path> SPIES =
      List.of(
          Path.of("/usr/lib/x86_64-linux-gnu/pkcs11-spy.so"),
          Path.of("/usr/lib/aarch64-linux-gnu/pkcs11-spy.so"));

  @TempDir Path folder;

  @Test
  @DisplayName("a token that is not there: the line says which ones are")
  void noToken() throws Exception {
    SoftHsmToken other = token();
    Path home = home(module(), "no-such-token", other.pinFile(), "{}");

    requireRefused(home, "\"no-such-token\"", "\"" + other.label() + "\"");
  }

  @Test
  @DisplayName("two tokens of one label: the line asks for the serial number")
  void twoTokens() throws Exception {
    SoftHsmToken token = token();
    SoftHsmToken.create(folder, token.label());
    Path home = home(module(), token.label(), token.pinFile(), "{}");

    requireRefused(home, "2 tokens", "\"" + token.label() + "\"", "serial number");
  }

  @Test
  @DisplayName("a missing PIN file is named")
  void missingPinFile() throws Exception {
    SoftHsmToken token = token();
    Path home = home(module(), token.label(), folder.resolve("no.pin"), "{}");

    requireRefused(home, folder.resolve("no.pin").toString(), "does not exist");
  }

  @Test
  @DisplayName("a token without the key of the CA's certificate")
  void noKey() throws Exception {
    SoftHsmToken token = token();
    Path home = home(module(), token.label(), token.pinFile(), "{}");

    requireRefused(
        home,
        home.resolve("ca/issuing.pem") + ": issuer issuing: ",
        "\"" + token.label() + "\"",
        "no private key " + ID);
  }

  @Test
  @DisplayName("a library that is none")
  void noLibrary() throws Exception {
    SoftHsmToken token = token();
    Path library = Files.writeString(folder.resolve("library.so"), "rubbish");
    Path home = home(library, token.label(), token.pinFile(), "{}");

    requireRefused(home, library.toString(), "not a PKCS #11 module");
  }

  @Test
  @DisplayName("a wrong PIN is tried exactly once: tokens lock")
  void wrongPin() throws Exception {
    SoftHsmToken token = token();
    Path calls = folder.resolve("calls");
    Path spy = SPIES.stream().filter(Files::exists).findFirst().orElseThrow();
    Path home =
        home(
            spy,
            token.label(),
            Files.writeString(folder.resolve("wrong.pin"), WRONG_PIN + "\n"),
            "{PKCS11SPY: " + module() + ", PKCS11SPY_OUTPUT: " + calls + "}");

    requireRefused(
        home,
        "the PIN is wrong",
        "\"" + token.label() + "\"",
        folder.resolve("wrong.pin").toString());

    assertThat(Files.readAllLines(calls).stream().filter(line -> line.endsWith(": C_Login")))
        .hasSize(1);
  }

  private SoftHsmToken token() {
    // What a test makes stays for the others: each has a name of its own.
    return SoftHsmToken.create(folder, "refusals-" + UUID.randomUUID().toString().substring(0, 8));
  }

  /** A copy with a state of its own: SoftHSM2 sees no token that is made after it was loaded. */
  private Path module() throws IOException {
    Path copy = folder.resolve("libsofthsm2.so");
    return Files.exists(copy)
        ? copy
        : Files.copy(SoftHsmToken.installedLibrary().toRealPath(), copy);
  }

  /** A home whose certificates are real and whose token is this. */
  private Path home(Path library, String label, Path pinFile, String environment)
      throws IOException {
    Path home = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", home.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    Files.writeString(
        home.resolve("chancery.yaml"),
        """
        token:
          library: %s
          label: %s
          pinFile: %s
          environment: %s
        roots: [root.pem]
        issuers: [{name: issuing, certificate: ca/issuing.pem, keyId: "%s", ocspKeyId: "6f"}]
        acme: {endpoints: {default: {issuer: issuing, profile: tls-server}}}
        """
            .formatted(library, label, pinFile, environment, ID));
    return home;
  }

  private static void requireRefused(Path home, String... says) throws IOException {
    Map<String, String> before =
        DevelopmentHome.snapshot(home, file -> file.toString().endsWith(".db"));

    CommandRun run = CommandRun.of(DevelopmentHome.serve(home).toArray(String[]::new));

    assertThat(run.exitCode()).describedAs(run.toString()).isEqualTo(Main.FAILED);
    assertThat(run.out()).isEmpty();
    assertThat(run.errorLines()).hasSize(1);
    assertThat(run.err()).startsWith("chancery: ").contains(says);
    assertThat(run.err()).doesNotContain("Exception", "dev.chancery", SoftHsmToken.PIN, WRONG_PIN);
    assertThat(DevelopmentHome.snapshot(home, file -> file.toString().endsWith(".db")))
        .isEqualTo(before);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(home)))
        .isEqualTo("rwx------");
  }
}
