package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.OcspKey;
import dev.chancery.hsm.Token;
import dev.chancery.hsm.TokenObserver;
import dev.chancery.hsm.TokenUnusable;
import dev.chancery.testing.FaultyModule;
import dev.chancery.testing.Pkcs11Function;
import dev.chancery.testing.ReturnCode;
import dev.chancery.testing.SoftHsmToken;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.security.cert.CertificateFactory;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** One OCSP signer's key in two SoftHSM2 tokens. */
@DisplayName("The tokens of an OCSP signer's key")
@Timeout(120)
class OpenTokensTest {
  private static final String ID = "6f";

  @TempDir Path folder;

  private FaultyModule firstModule;
  private FaultyModule secondModule;
  private SoftHsmToken first;
  private SoftHsmToken second;
  private SubjectPublicKey publicKey;

  @BeforeEach
  void cloneKey() throws Exception {
    Path key = folder.resolve("key.pem");
    Path certificate = folder.resolve("certificate.der");
    run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
            + " -subj /CN=none -keyout %s -outform der -out %s".formatted(key, certificate));
    publicKey =
        SubjectPublicKey.of(
            CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(Files.readAllBytes(certificate)))
                .getPublicKey());
    first = token("first", key, certificate);
    second = token("second", key, certificate);
    firstModule = FaultyModule.build(folder);
    secondModule = FaultyModule.build(folder);
  }

  @AfterEach
  void endModules() {
    firstModule.close();
    secondModule.close();
  }

  /** What a vendor's replication does: the same key, and its certificate beside it. */
  private SoftHsmToken token(String name, Path key, Path certificate) throws Exception {
    SoftHsmToken token =
        SoftHsmToken.create(folder, name + "-" + UUID.randomUUID().toString().substring(0, 8));
    run(
        "softhsm2-util --import %s --token %s --label ocsp --id %s --pin %s"
            .formatted(key, token.label(), ID, SoftHsmToken.PIN));
    run(
        "pkcs11-tool --module %s --token-label %s --login --pin %s --write-object %s --type cert"
                .formatted(token.library(), token.label(), SoftHsmToken.PIN, certificate)
            + " --id "
            + ID);
    return token;
  }

  private static void run(String command) throws Exception {
    Process process = new ProcessBuilder(command.split(" ", -1)).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(said).isZero();
  }

  private Home home(String ocspTokens) throws Exception {
    Path home = folder.resolve("home");
    Files.createDirectories(home);
    Files.writeString(
        home.resolve("chancery.yaml"),
        """
        token: {library: %s, label: %s, pinFile: %s}
        tokens: {second: {library: %s, label: %s, pinFile: %s}}
        roots: [root.pem]
        issuers:
          - {name: issuing, certificate: ca/issuing.pem, keyId: "69", ocspKeyId: "%s", %s}
        acme: {endpoints: {default: {issuer: issuing, profile: tls-server}}}
        """
            .formatted(
                firstModule.library(),
                first.label(),
                first.pinFile(),
                secondModule.library(),
                second.label(),
                second.pinFile(),
                ID,
                ocspTokens));
    return Home.open(home);
  }

  private static Configuration configuration(Home home) throws ConfigurationInvalid {
    return Configuration.read(home, Map.of());
  }

  private static OpenTokens open(Home home) throws Exception {
    return OpenTokens.open(
        home, configuration(home), new SecureRandom(), name -> TokenObserver.NONE);
  }

  private OcspKey key(OpenTokens tokens, Home home) throws Exception {
    Token token = tokens.ofOcspKey(configuration(home).issuers().getFirst());
    assertThat(token.find(new KeyId(ID))).contains(publicKey);
    return token.ocspKey(new KeyId(ID), publicKey, SigningScheme.ECDSA_SHA256);
  }

  private void takeFirstAway() {
    firstModule.always(Pkcs11Function.C_GET_TOKEN_INFO, ReturnCode.CKR_TOKEN_NOT_PRESENT);
    firstModule.sticky(ReturnCode.CKR_DEVICE_REMOVED);
  }

  @Test
  @DisplayName("a standby signs while the preferred one is away")
  void standby() throws Exception {
    Home home = home("token: second, ocspToken: default, ocspStandbyTokens: [second]");
    try (OpenTokens tokens = open(home)) {
      OcspKey key = key(tokens, home);
      takeFirstAway();

      assertThatThrownBy(key::probe).isInstanceOf(TokenAway.class);
      key.probe();
      assertThat(secondModule.successes(Pkcs11Function.C_SIGN)).isPositive();
    }
  }

  @Test
  @DisplayName("with a standby, the preferred one may come after the start")
  void late() throws Exception {
    takeFirstAway();
    Home home = home("token: second, ocspToken: default, ocspStandbyTokens: [second]");
    try (OpenTokens tokens = open(home)) {
      key(tokens, home).probe();
    }
  }

  @Test
  @DisplayName("without a standby, there is no signature while its token is away, and no start")
  void alone() throws Exception {
    Home home = home("token: second, ocspToken: default");
    try (OpenTokens tokens = open(home)) {
      OcspKey key = key(tokens, home);
      takeFirstAway();

      for (int i = 0; i < 3; i++) {
        assertThatThrownBy(key::probe).isInstanceOf(TokenAway.class);
      }
      assertThatThrownBy(() -> open(home))
          .isInstanceOf(TokenUnusable.class)
          .hasMessageContaining(first.label());
    }
  }

  @Test
  @DisplayName("a standby that is named nowhere, or twice, is refused")
  void wrongNames() throws Exception {
    for (Map.Entry<String, String> wrong :
        List.of(
            Map.entry("[third]", "there is no token named third"),
            Map.entry("[default]", "the token default is named twice"),
            Map.entry("[second, second]", "ocspStandbyTokens holds second twice"))) {
      Home home = home("ocspStandbyTokens: " + wrong.getKey());

      assertThatThrownBy(() -> configuration(home))
          .isInstanceOf(ConfigurationInvalid.class)
          .hasMessageContaining(wrong.getValue());
    }
  }
}
