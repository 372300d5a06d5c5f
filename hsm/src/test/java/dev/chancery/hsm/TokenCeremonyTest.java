package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.testing.SoftHsmToken;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the key commands make, see and destroy in a SoftHSM2 token. */
final class TokenCeremonyTest {
  private static final long CKM_EC_KEY_PAIR_GEN = 0x1040;
  private static final Duration LIMIT = Duration.ofMinutes(2);

  @TempDir private static Path folder;

  private static Pkcs11Settings settings;
  private static TokenName name;
  private static TokenModule module;
  private static TokenCeremony ceremony;

  @BeforeAll
  static void logIn() throws Exception {
    settings = FreshToken.create(folder, "ceremony");
    name = new TokenName(settings.label(), settings.serial());
    module = TokenModule.load(settings.library(), settings.environment(), LIMIT);
    ceremony = module.open(name, settings.pinFile());
  }

  @AfterAll
  static void logOut() throws Exception {
    ceremony.close();
  }

  private interface Work {
    void in(CryptokiSession session) throws Exception;
  }

  // What another program does to the token while this one is logged in.
  private static void otherwise(Work work) throws Exception {
    Cryptoki cryptoki = Cryptoki.load(settings.library(), settings.environment());
    try (CryptokiSession session =
        cryptoki.open(name.in(settings.library(), cryptoki.tokens()), true)) {
      work.in(session);
    }
  }

  private static void pair(CryptokiSession session, KeyId publicId, KeyId privateId)
      throws Exception {
    session.generate(
        CKM_EC_KEY_PAIR_GEN,
        new CryptokiTemplate()
            .with(CryptokiAttribute.CKA_TOKEN, true)
            .with(CryptokiAttribute.CKA_ID, publicId.octets())
            .with(
                CryptokiAttribute.CKA_EC_PARAMS, X9ObjectIdentifiers.prime256v1.getEncoded("DER")),
        new CryptokiTemplate()
            .with(CryptokiAttribute.CKA_TOKEN, true)
            .with(CryptokiAttribute.CKA_PRIVATE, true)
            .with(CryptokiAttribute.CKA_SENSITIVE, true)
            .with(CryptokiAttribute.CKA_EXTRACTABLE, false)
            .with(CryptokiAttribute.CKA_SIGN, true)
            .with(CryptokiAttribute.CKA_ID, privateId.octets()));
  }

  private static void pkcs11Tool(String... arguments) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                "pkcs11-tool",
                "--module",
                settings.library().toString(),
                "--token-label",
                settings.label().orElseThrow(),
                "--login",
                "--pin",
                SoftHsmToken.PIN));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(output).isZero();
  }

  private static List<String> failures(InspectedKey key) {
    return key.findings().stream()
        .filter(finding -> finding.level() == Finding.Level.FAIL)
        .map(Finding::detail)
        .toList();
  }

  @Test
  void aNoteIsKeptAndShownAfterALoginAlone() throws Exception {
    assertThat(ceremony.notes("Some subject")).isEmpty();
    ceremony.keep("Some subject", "the first text");
    ceremony.keep("Some subject", "the second text");
    ceremony.keep("Another subject", "a third text");

    assertThat(ceremony.notes("Some subject"))
        .containsExactlyInAnyOrder("the first text", "the second text");
    ceremony.forget("Some subject", "the first text");
    ceremony.forget("Another subject", "the second text");
    assertThat(ceremony.notes("Some subject")).containsExactly("the second text");
    otherwise(session -> {
      List<CryptokiObject> found =
          session.find(
              new CryptokiTemplate()
                  .with(CryptokiAttribute.CKA_CLASS, 0)
                  .with(
                      CryptokiAttribute.CKA_LABEL,
                      "Another subject".getBytes(StandardCharsets.US_ASCII)));
      assertThat(found).hasSize(1);
      Pkcs11Objects objects = new Pkcs11Objects("", session);
      for (CryptokiAttribute set :
          List.of(CryptokiAttribute.CKA_TOKEN, CryptokiAttribute.CKA_PRIVATE)) {
        assertThat(objects.flag(found.getFirst(), set).value()).contains(true);
      }
      assertThat(objects.flag(found.getFirst(), CryptokiAttribute.CKA_MODIFIABLE).value())
          .contains(false);
    });
  }

  @ParameterizedTest
  @EnumSource(names = {"EC_P256", "EC_P384", "RSA_2048", "RSA_3072", "RSA_4096"})
  void whatIsGeneratedIsStrict(KeyAlgorithm algorithm) throws Exception {
    KeyId id = TokenContract.freshId();

    InspectedKey made = ceremony.generate(id, algorithm, true);

    assertThat(made.findings()).isEmpty();
    assertThat(made.strict()).isTrue();
    assertThat(made.id()).contains(id);
    assertThat(made.algorithm()).isEqualTo(algorithm.toString());
    assertThat(made.publicKey().orElseThrow().algorithm()).isEqualTo(algorithm);
    assertThat(made.attributes())
        .contains("sensitive", "always sensitive", "never extractable", "local", "private", "sign")
        .doesNotContain("extractable", "decrypt", "unwrap", "derive", "sign recover");
    assertThat(ceremony.keys()).contains(made);
    assertThat(ceremony.keys(id)).containsExactly(made);
  }

  @Test
  void whatIsGeneratedIsReadyForTheServer() throws Exception {
    KeyId id = TokenContract.freshId();
    SubjectPublicKey key =
        ceremony.generate(id, KeyAlgorithm.EC_P384, true).publicKey().orElseThrow();

    try (Token token = Pkcs11Token.open(settings, TokenObserver.NONE)) {
      token.issuerKey(id, key, SigningScheme.ECDSA_SHA384).probe();
    }
    // The server's token ended its own share of the login alone.
    assertThat(ceremony.keys(id)).hasSize(1);
  }

  @Test
  void anIdThatIsTakenIsRefused() throws Exception {
    KeyId id = TokenContract.freshId();
    ceremony.generate(id, KeyAlgorithm.EC_P256, true);

    assertThatThrownBy(() -> ceremony.generate(id, KeyAlgorithm.EC_P256, true))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("already has");
    assertThat(ceremony.keys(id)).hasSize(1);
  }

  @Test
  void everyWeaknessOfAKeyThatWasBroughtInIsNamed() throws Exception {
    KeyId id = TokenContract.freshId();
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    Path key =
        Files.write(
            folder.resolve("imported.der"), generator.generateKeyPair().getPrivate().getEncoded());
    pkcs11Tool(
        "--write-object", key.toString(), "--type", "privkey", "--id", id.hex(), "--extractable");

    InspectedKey seen = ceremony.keys(id).getFirst();

    assertThat(seen.strict()).isFalse();
    assertThat(seen.attributes()).contains("extractable").doesNotContain("local");
    assertThat(failures(seen))
        .anyMatch(line -> line.startsWith("CKA_ALWAYS_SENSITIVE is false"))
        .anyMatch(line -> line.startsWith("CKA_EXTRACTABLE is true"))
        .anyMatch(line -> line.startsWith("CKA_NEVER_EXTRACTABLE is false"))
        .anyMatch(line -> line.startsWith("CKA_LOCAL is false"))
        .anyMatch(line -> line.startsWith("0 public keys"))
        .anyMatch(line -> line.startsWith("no certificate"));
  }

  @Test
  void aKeyThatCanDoMoreThanSignIsNotStrict() throws Exception {
    KeyId id = TokenContract.freshId();
    // What is left out, SoftHSM2 allows.
    otherwise(session -> pair(session, id, id));

    assertThat(failures(ceremony.keys(id).getFirst()))
        .anyMatch(line -> line.startsWith("CKA_DECRYPT is true"))
        .anyMatch(line -> line.startsWith("CKA_UNWRAP is true"))
        .anyMatch(line -> line.startsWith("CKA_SIGN_RECOVER is true"));
  }

  @Test
  void twoPrivateKeysWithOneIdAreBothReportedAndNoneIsDestroyed() throws Exception {
    KeyId id = TokenContract.freshId();
    ceremony.generate(id, KeyAlgorithm.EC_P256, true);
    otherwise(session -> pair(session, id, id));

    assertThat(ceremony.keys(id))
        .hasSize(2)
        .allSatisfy(key -> assertThat(failures(key)).contains("2 private keys have this id"));
    assertThatThrownBy(() -> ceremony.dangerDestroyForEver(id))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("2 private keys");
    assertThat(ceremony.keys(id)).hasSize(2);
  }

  @Test
  void aPrivateKeyUnderThePublicHalfOfAnotherIsFoundByItsSignature() throws Exception {
    KeyId id = TokenContract.freshId();
    KeyId other = TokenContract.freshId();
    otherwise(session -> {
      pair(session, other, id);
      pair(session, id, other);
    });

    assertThat(failures(ceremony.keys(id).getFirst()))
        .contains("it does not belong to its public key");
  }

  @Test
  void aCertificateOfAnotherKeyIsReported() throws Exception {
    KeyId id = TokenContract.freshId();
    SubjectPublicKey another =
        ceremony
            .generate(TokenContract.freshId(), KeyAlgorithm.EC_P256, true)
            .publicKey()
            .orElseThrow();
    ceremony.generate(id, KeyAlgorithm.EC_P256, true);
    otherwise(session -> session.create(Pkcs11KeyPairs.certificate(id, another)));

    assertThat(failures(ceremony.keys(id).getFirst()))
        .containsExactly("a certificate with this id is of another key");
  }

  @Test
  void aDestroyedKeyIsGoneWithAllThatHasItsIdAndNothingElse() throws Exception {
    KeyId id = TokenContract.freshId();
    KeyId other = TokenContract.freshId();
    ceremony.generate(id, KeyAlgorithm.EC_P256, true);
    ceremony.generate(other, KeyAlgorithm.EC_P256, true);

    ceremony.dangerDestroyForEver(id);

    otherwise(session -> {
      assertThat(new Pkcs11Objects("the token", session).taken(id)).isFalse();
    });
    assertThat(ceremony.keys(other)).hasSize(1);
    assertThatThrownBy(() -> ceremony.dangerDestroyForEver(id))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("no private key " + id);
  }

  @Test
  void anIndestructibleKeyStaysWhole() throws Exception {
    KeyId id = TokenContract.freshId();
    InspectedKey made = ceremony.generate(id, KeyAlgorithm.EC_P256, false);
    assertThat(made.attributes()).doesNotContain("destroyable");

    assertThatThrownBy(() -> ceremony.dangerDestroyForEver(id))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("CKA_DESTROYABLE is false");
    assertThat(ceremony.keys(id)).containsExactly(made);
  }

  @Test
  void theTokenTellsWhatItIsAndCanDo() throws Exception {
    TokenInfo info = module.token(name);
    assertThat(info.label()).isEqualTo(settings.label().orElseThrow());
    assertThat(info.serial()).isNotEmpty();
    assertThat(info.model()).contains("SoftHSM");
    assertThat(info.firmwareVersion()).matches("[0-9]+\\.[0-9]+");
    assertThat(info.flags())
        .contains(TokenFlag.INITIALIZED, TokenFlag.USER_PIN_SET, TokenFlag.LOGIN_REQUIRED)
        .doesNotContain(TokenFlag.PIN_LOCKED, TokenFlag.PIN_FINAL_TRY);
    assertThat(module.tokens()).anyMatch(token -> token.serial().equals(info.serial()));

    assertThat(module.mechanisms(name))
        .anyMatch(it -> it.name().equals("CKM_ECDSA") && it.signs() && it.largestKey() >= 384)
        .anyMatch(it -> it.name().equals("CKM_EDDSA") && !it.used());
    assertThat(module.capabilities(name))
        .hasSize(8)
        .allMatch(KeyCapability::generates)
        .allMatch(KeyCapability::signs)
        .filteredOn(KeyCapability::hashInToken)
        .extracting(KeyCapability::scheme)
        .containsOnly(SigningScheme.RSA_SHA256);
  }

  @Test
  void aTokenWithStrictKeysAloneIsFine() throws Exception {
    Pkcs11Settings fresh = FreshToken.create(Files.createDirectory(folder.resolve("fine")), "fine");
    TokenModule own = TokenModule.load(fresh.library(), fresh.environment(), LIMIT);
    try (TokenCeremony opened =
        own.open(new TokenName(fresh.label(), fresh.serial()), fresh.pinFile())) {
      opened.generate(TokenContract.freshId(), KeyAlgorithm.EC_P256, true);

      assertThat(opened.check(8))
          .isNotEmpty()
          .allMatch(it -> it.level() == Finding.Level.PASS)
          .anyMatch(it -> it.subject().equals("data objects"));
      assertThat(opened.notes("Chancery probe")).isEmpty();
    }
  }
}
