package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.testing.SoftHsmToken;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the module is asked to do, as OpenSC's pkcs11-spy records it between it and SoftHSM2. */
final class Pkcs11CallsTest {
  private static final List<Path> SPIES =
      List.of(
          Path.of("/usr/lib/x86_64-linux-gnu/pkcs11-spy.so"),
          Path.of("/usr/lib/aarch64-linux-gnu/pkcs11-spy.so"),
          Path.of("/usr/lib/pkcs11-spy.so"));

  @TempDir private Path folder;

  private SoftHsmToken softHsm;
  private Path module;
  private Path calls;
  private Pkcs11Settings settings;

  @BeforeEach
  void makeToken() throws Exception {
    softHsm = SoftHsmToken.create(folder, FreshToken.label("spied"));
    calls = folder.resolve("calls");
    // Copies, so that each test has a module that nobody logged in to.
    module = FreshToken.module(folder);
    Path spy = Files.copy(installedSpy().toRealPath(), folder.resolve("pkcs11-spy.so"));
    settings = settings(spy, module, softHsm.pinFile());
  }

  private static Path installedSpy() {
    return SPIES.stream()
        .filter(Files::exists)
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("pkcs11-spy (opensc) is not installed"));
  }

  private Pkcs11Settings settings(Path spy, Path module, Path pinFile) {
    return new Pkcs11Settings(
        spy,
        Optional.of(softHsm.label()),
        Optional.empty(),
        pinFile,
        1,
        Duration.ofSeconds(20),
        Pkcs11Settings.Place.PROCESS,
        Map.of(
            "PKCS11SPY", module.toString(),
            "PKCS11SPY_OUTPUT", calls.toString(),
            "SOFTHSM2_CONF", System.getenv("SOFTHSM2_CONF")));
  }

  private long count(String function) throws IOException {
    try (Stream<String> lines = Files.lines(calls, StandardCharsets.ISO_8859_1)) {
      return lines.filter(line -> line.matches("[0-9]+: " + function)).count();
    }
  }

  @Test
  void aWrongPinIsTriedOnce() throws Exception {
    Path wrong = Files.writeString(folder.resolve("wrong.pin"), "98765432\n");
    Pkcs11Settings withWrongPin = settings(settings.library(), module, wrong);

    assertThatThrownBy(() -> Pkcs11Token.open(withWrongPin, TokenObserver.NONE))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("the PIN is wrong");
    assertThat(count("C_Login")).isEqualTo(1);

    Pkcs11Token.open(settings, TokenObserver.NONE).close();
    assertThat(count("C_Login")).isEqualTo(2);
  }

  @Test
  void aTokenThatWorksIsNeverFinalizedAndLogsOutWhenClosed() throws Exception {
    KeyId id = TokenContract.freshId();
    Token first = Pkcs11Token.open(settings, TokenObserver.NONE);
    SubjectPublicKey key = first.generate(id, KeyAlgorithm.EC_P256);
    first.issuerKey(id, key, SigningScheme.ECDSA_SHA256).probe();
    assertThat(count("C_Logout")).isZero();
    first.close();
    assertThat(count("C_Logout")).isEqualTo(1);

    try (Token second = Pkcs11Token.open(settings, TokenObserver.NONE)) {
      second.issuerKey(id, key, SigningScheme.ECDSA_SHA256).probe();
    }
    assertThat(count("C_Sign")).isPositive();
    assertThat(count("C_Finalize")).isZero();
    assertThat(count("C_DestroyObject")).isZero();
  }
}
