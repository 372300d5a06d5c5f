package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import dev.chancery.testing.SoftHsmToken;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** Which keys of a PKCS #11 token are taken, refused or warned of; objects as others leave them. */
final class Pkcs11KeysTest {
  private static final long CKM_EC_KEY_PAIR_GEN = 0x1040;

  @TempDir private static Path folder;

  private static Pkcs11Settings settings;
  private static Pkcs11Token token;

  @BeforeAll
  static void openToken() throws Exception {
    settings = FreshToken.create(folder, "keys");
    token = Pkcs11Token.open(settings, TokenObserver.NONE);
  }

  @AfterAll
  static void closeToken() {
    token.close();
  }

  private interface Work<T> {
    T in(CryptokiSession session) throws Exception;
  }

  // What another program does to the token while this one is logged in.
  private static <T> T otherwise(Work<T> work) throws Exception {
    Cryptoki module = Cryptoki.load(settings.library(), settings.environment());
    CryptokiToken place =
        module.tokens().stream()
            .filter(it -> settings.label().equals(Optional.of(it.label())))
            .findFirst()
            .orElseThrow();
    try (CryptokiSession session = module.open(place, true)) {
      session.login(SoftHsmToken.PIN.toCharArray());
      return work.in(session);
    }
  }

  private static CryptokiSession.KeyPair pair(
      CryptokiSession session, KeyId publicId, KeyId privateId, boolean weak) throws Exception {
    CryptokiTemplate publicTemplate =
        new CryptokiTemplate()
            .with(CryptokiAttribute.CKA_TOKEN, true)
            .with(CryptokiAttribute.CKA_ID, publicId.octets())
            .with(
                CryptokiAttribute.CKA_EC_PARAMS, X9ObjectIdentifiers.prime256v1.getEncoded("DER"));
    CryptokiTemplate privateTemplate =
        new CryptokiTemplate()
            .with(CryptokiAttribute.CKA_TOKEN, true)
            .with(CryptokiAttribute.CKA_PRIVATE, true)
            .with(CryptokiAttribute.CKA_ID, privateId.octets())
            .with(CryptokiAttribute.CKA_SIGN, true)
            .with(CryptokiAttribute.CKA_SENSITIVE, !weak)
            .with(CryptokiAttribute.CKA_EXTRACTABLE, weak)
            .with(CryptokiAttribute.CKA_DECRYPT, weak)
            .with(CryptokiAttribute.CKA_UNWRAP, false);
    return session.generate(CKM_EC_KEY_PAIR_GEN, publicTemplate, privateTemplate);
  }

  private static void certify(CryptokiSession session, KeyId id, SubjectPublicKey key)
      throws Exception {
    session.create(Pkcs11KeyPairs.certificate(id, key));
  }

  private static String pkcs11Tool(String... arguments) throws Exception {
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
    return output;
  }

  @Test
  void aGeneratedKeyIsSensitiveNeverExtractableAndForSigningOnly() throws Exception {
    KeyId id = TokenContract.freshId();
    token.generate(id, KeyAlgorithm.RSA_2048);

    assertThat(token.attributes(id))
        .contains(new KeyAttributes(true, true, false, true, true, false, false));
    assertThat(token.attributes(id).orElseThrow().weaknesses()).isEmpty();
    assertThat(pkcs11Tool("--list-objects", "--type", "privkey", "--id", id.hex()))
        .containsPattern("Usage: +sign\n")
        .containsPattern("Access: +sensitive, always sensitive, never extract");
  }

  @Test
  void theValueOfAGeneratedKeyCannotBeRead() throws Exception {
    KeyId generated = TokenContract.freshId();
    KeyId weak = TokenContract.freshId();
    token.generate(generated, KeyAlgorithm.EC_P256);
    otherwise(session -> pair(session, weak, weak, true));

    // The weak key shows that the attempt is a real one.
    assertThat(value(weak)).isInstanceOf(AttributeAnswer.Told.class);
    assertThat(value(generated)).isInstanceOf(AttributeAnswer.Withheld.class);
  }

  private static AttributeAnswer<byte[]> value(KeyId id) throws Exception {
    return otherwise(session ->
        session.attribute(
            new Pkcs11Objects("the token", session).privateKey(id).orElseThrow(),
            CryptokiAttribute.CKA_VALUE));
  }

  @Test
  void theCertificateBesideANewKeyIsSignedByNobody() throws Exception {
    KeyId id = TokenContract.freshId();
    SubjectPublicKey key = token.generate(id, KeyAlgorithm.EC_P256);

    assertThat(UnsignedCertificate.of(id, key).getSignature()).isEmpty();
    assertThat(pkcs11Tool("--list-objects", "--type", "cert", "--id", id.hex()))
        .contains("Certificate Object");
  }

  @Test
  void twoPrivateKeysWithOneIdAreRefusedByEveryone() throws Exception {
    KeyId id = TokenContract.freshId();
    SubjectPublicKey key = token.generate(id, KeyAlgorithm.EC_P256);
    otherwise(session -> pair(session, id, id, false));

    assertThatThrownBy(() -> token.find(id))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("2 private keys with the id " + id.hex());
    assertThatThrownBy(() -> token.issuerKey(id, key, SigningScheme.ECDSA_SHA256))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("2 private keys");
    assertThatThrownBy(() -> token.generate(id, KeyAlgorithm.EC_P256))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("already has");
  }

  @Test
  void aKeyMadeByAnotherProgramNeedsItsCertificateAndIsThenUsedWithAWarning() throws Exception {
    KeyId id = TokenContract.freshId();
    otherwise(session -> pair(session, id, id, true));
    SubjectPublicKey key = token.find(id).orElseThrow();

    assertThatThrownBy(() -> token.issuerKey(id, key, SigningScheme.ECDSA_SHA256))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("no certificate beside it");

    otherwise(session -> {
      certify(session, id, key);
      return key;
    });
    List<String> warnings =
        logged(
            Generation.class, () -> token.issuerKey(id, key, SigningScheme.ECDSA_SHA256).probe());
    assertThat(warnings)
        .hasSize(3)
        .allMatch(line -> line.contains(id.hex()) && line.contains("weaker"))
        .anyMatch(line -> line.contains("not CKA_SENSITIVE"))
        .anyMatch(line -> line.contains("CKA_EXTRACTABLE"))
        .anyMatch(line -> line.contains("CKA_DECRYPT"));
  }

  @Test
  void aPrivateKeyUnderThePublicHalfOfAnotherIsRefused() throws Exception {
    KeyId id = TokenContract.freshId();
    KeyId other = TokenContract.freshId();
    otherwise(session -> {
      pair(session, other, id, false);
      pair(session, id, other, false);
      return id;
    });
    SubjectPublicKey wrong = token.find(id).orElseThrow();
    otherwise(session -> {
      certify(session, id, wrong);
      return id;
    });

    assertThatThrownBy(() -> token.issuerKey(id, wrong, SigningScheme.ECDSA_SHA256))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("does not belong to its public key");
  }

  @Test
  void aKeyThatIsDeletedIsTokenAwayForWhoeverHoldsItAndForNobodyElse() throws Exception {
    KeyId other = TokenContract.freshId();
    SubjectPublicKey otherKey = token.generate(other, KeyAlgorithm.EC_P256);
    IssuerKey staying = token.issuerKey(other, otherKey, SigningScheme.ECDSA_SHA256);
    KeyId id = TokenContract.freshId();
    SubjectPublicKey key = token.generate(id, KeyAlgorithm.EC_P256);
    IssuerKey issuer = token.issuerKey(id, key, SigningScheme.ECDSA_SHA256);
    otherwise(session -> {
      session.destroy(new Pkcs11Objects("the token", session).privateKey(id).orElseThrow());
      return id;
    });

    assertThatThrownBy(issuer::probe).isInstanceOf(TokenAway.class).hasMessageContaining("CKR_");
    await().ignoreExceptions().untilAsserted(staying::probe);
    assertThat(token.find(id)).isEmpty();
    assertThatThrownBy(issuer::probe)
        .isInstanceOf(TokenAway.class)
        .hasMessageContaining("has no private key " + id);
  }

  private interface Action {
    void run() throws Exception;
  }

  private static List<String> logged(Class<?> source, Action action) throws Exception {
    Logger logger = (Logger) LoggerFactory.getLogger(source);
    ListAppender<ILoggingEvent> lines = new ListAppender<>();
    lines.start();
    logger.addAppender(lines);
    try {
      action.run();
    } finally {
      logger.detachAppender(lines);
    }
    return lines.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
  }
}
