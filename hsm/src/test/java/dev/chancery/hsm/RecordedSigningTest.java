package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.PreparedCrl;
import dev.chancery.core.PublishedCrl;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.ToBeSigned;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A key signs the exact bytes that the ledger has recorded, and each record once. */
final class RecordedSigningTest {
  private static final byte[] BYTES = {0x30, 0x03, 0x02, 0x01, 0x05};

  @TempDir private Path folder;

  private static final class OneCrl extends CrlLedger {
    @Override
    public BigInteger nextNumber(IssuerId issuer) {
      return BigInteger.ONE;
    }

    @Override
    protected void commit(PreparedCrl prepared) {}

    @Override
    protected boolean markPublished(PreparedCrl prepared, SignatureValue signature) {
      return true;
    }

    @Override
    public Optional<PublishedCrl> current(IssuerId issuer) {
      return Optional.empty();
    }
  }

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
      CrlLedger.Recorded recorded =
          new OneCrl()
              .record(
                  new PreparedCrl(
                      new IssuerId("issuer"),
                      BigInteger.ONE,
                      Instant.EPOCH,
                      Instant.EPOCH.plusSeconds(60),
                      new ToBeSigned(Der.of(BYTES), SigningScheme.ECDSA_SHA256)));

      SignatureValue signature = key.sign(recorded);

      assertThat(TokenContract.verifies(publicKey, SigningScheme.ECDSA_SHA256, BYTES, signature))
          .isTrue();
      assertThatThrownBy(() -> key.sign(recorded))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("signed before");
    }
  }
}
