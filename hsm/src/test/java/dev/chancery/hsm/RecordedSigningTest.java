package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Octets;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A key signs the exact bytes that the ledger has recorded, and each record once. */
final class RecordedSigningTest {
  private static final byte[] BYTES = {0x30, 0x03, 0x02, 0x01, 0x05};

  @TempDir private Path folder;

  @Test
  void aRecordIsSignedOnce() throws Exception {
    Path password = Files.writeString(folder.resolve("password"), "secret");
    try (Token token =
        Pkcs12Token.open(
            new Pkcs12Settings(folder.resolve("keys.p12"), password, 1, Duration.ofSeconds(20)),
            new SecureRandom())) {
      KeyId id = TokenContract.freshId();
      SubjectPublicKey publicKey = token.generate(id, KeyAlgorithm.EC_P256);
      CrlKey key = token.crlKey(id, publicKey, SigningScheme.ECDSA_SHA256);
      CrlLedger.Recorded recorded = OneCrl.recorded(Octets.of(BYTES), SigningScheme.ECDSA_SHA256);

      SignatureValue signature = key.sign(recorded);

      assertThat(TokenContract.verifies(publicKey, SigningScheme.ECDSA_SHA256, BYTES, signature))
          .isTrue();
      assertThatThrownBy(() -> key.sign(recorded))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("signed before");
    }
  }

  @Test
  void octetsThatChangedSinceTheyWereRecordedAreNotSigned() throws Exception {
    byte[] octets = BYTES.clone();
    Path password = Files.writeString(folder.resolve("password"), "secret");
    try (Token token =
        Pkcs12Token.open(
            new Pkcs12Settings(folder.resolve("keys.p12"), password, 1, Duration.ofSeconds(20)),
            new SecureRandom())) {
      KeyId id = TokenContract.freshId();
      SubjectPublicKey publicKey = token.generate(id, KeyAlgorithm.EC_P256);
      CrlKey key = token.crlKey(id, publicKey, SigningScheme.ECDSA_SHA256);
      CrlLedger.Recorded recorded = OneCrl.recorded(Octets.of(octets), SigningScheme.ECDSA_SHA256);
      octets[4] = 6;
      assertThatThrownBy(() -> key.sign(recorded))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("not those that were recorded");
    }
  }
}
