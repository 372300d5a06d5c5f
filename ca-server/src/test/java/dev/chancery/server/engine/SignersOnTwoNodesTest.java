package dev.chancery.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.Pkcs12Settings;
import dev.chancery.hsm.Pkcs12Token;
import dev.chancery.hsm.Token;
import dev.chancery.ocsp.DelegatedSigner;
import dev.chancery.ocsp.StatusSource;
import dev.chancery.testing.DatabaseKind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("OCSP signers of two nodes that start together")
class SignersOnTwoNodesTest {
  @TempDir Path folder;

  @Test
  @DisplayName("both get a certificate: neither gives up what the other is about to complete")
  void race() throws Exception {
    Files.writeString(folder.resolve("pin"), "secret");
    try (Engine engine = Engine.on(DatabaseKind.H2, folder);
        Token token =
            Pkcs12Token.open(
                new Pkcs12Settings(
                    folder.resolve("keys.p12"), folder.resolve("pin"), 2, Duration.ofSeconds(20)),
                engine.random)) {
      DelegatedSigner first = signer(engine, token);
      DelegatedSigner second = signer(engine, token);
      int before = engine.issuingKey.signatures();
      AtomicBoolean raced = new AtomicBoolean();
      engine.issuingKey.beforeSigning(() -> {
        // The first node's certificate is recorded, and not signed yet.
        if (raced.compareAndSet(false, true)) {
          renew(second);
        }
      });

      first.renewIfDue();

      assertThat(raced).isTrue();
      assertThat(engine.issuingKey.signatures() - before).isEqualTo(2);
      signer(engine, token).renewIfDue();
      assertThat(engine.issuingKey.signatures() - before).as("a third finds one").isEqualTo(2);
    }
  }

  private static DelegatedSigner signer(Engine engine, Token token) {
    return new DelegatedSigner(
        Engine.ISSUING,
        token,
        engine.authority,
        StatusSource.ledger(engine.revocations, Engine.ISSUING),
        engine.clock,
        RandomGenerator.getDefault(),
        new DelegatedSigner.Settings(
            new KeyId("0a"),
            KeyAlgorithm.EC_P256,
            Duration.ofDays(3),
            engine.issuing.ownSubject("issuing OCSP signer")));
  }

  private static void renew(DelegatedSigner signer) {
    try {
      signer.renewIfDue();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
