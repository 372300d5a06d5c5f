package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.testing.NssDatabase;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** NSS's softokn keeps the contract of tokens. */
final class NssTokenTest extends TokenContract {
  @TempDir private static Path folder;

  private static Pkcs11Settings settings;

  @BeforeAll
  static void makeDatabase() {
    settings = settings(NssDatabase.create(folder, "contract"));
  }

  static Pkcs11Settings settings(NssDatabase database) {
    return new Pkcs11Settings(
        database.library(),
        Optional.of(database.label()),
        Optional.empty(),
        database.pinFile(),
        2,
        Duration.ofSeconds(20),
        Pkcs11Settings.Place.PROCESS,
        Map.of(),
        Optional.of(database.initializeArguments()));
  }

  // The slot of the database offers no CKM_SHA256, without which SunPKCS11 signs no RSASSA-PSS.
  @Override
  boolean can(KeyAlgorithm algorithm, SigningScheme scheme) {
    return scheme != SigningScheme.RSA_PSS_SHA256;
  }

  @Override
  Token open() throws Exception {
    return Pkcs11Token.open(settings, TokenObserver.NONE);
  }

  @Test
  void whatSunPkcs11RefusesIsTheSetUpsFaultAndNoOutage() throws Exception {
    Token token = token();
    KeyId id = freshId();
    SubjectPublicKey key = token.generate(id, KeyAlgorithm.RSA_2048);

    assertThatThrownBy(() -> token.issuerKey(id, key, SigningScheme.RSA_PSS_SHA256))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("through SunPKCS11");
    assertThat(token.health().state()).isEqualTo(TokenHealth.State.UP);
    assertThat(token.health().generation()).isEqualTo(1);
    token.issuerKey(id, key, SigningScheme.RSA_SHA256).probe();
  }

  @Test
  void whatSunPkcs11RefusesIsNotSaidToBePossible() throws Exception {
    TokenModule module =
        TokenModule.load(
            settings.library(),
            settings.environment(),
            settings.initializeArguments(),
            Duration.ofSeconds(30));

    assertThat(module.capabilities(settings.name()))
        .hasSize(8)
        .allMatch(KeyCapability::generates)
        .allMatch(it -> it.signs() == can(it.algorithm(), it.scheme()));
  }

  @Test
  void aDatabaseThatBeginsAnewLeavesAnotherAlone() throws Exception {
    Token token = token();
    KeyId id = freshId();
    SubjectPublicKey key = token.generate(id, KeyAlgorithm.EC_P256);
    IssuerKey issuer = token.issuerKey(id, key, SigningScheme.ECDSA_SHA256);
    ModuleInstance other = ModuleInstance.load(settings(NssDatabase.create(folder, "another")));

    for (int i = 0; i < 5; i++) {
      other.module().start();
      issuer.probe();
    }
    other.close();
  }
}
