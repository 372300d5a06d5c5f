package dev.chancery.store;

import static dev.chancery.store.schema.Tables.COMPROMISED_KEYS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.testing.DatabaseKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(DatabaseKind.class)
@DisplayName("Keys that were revoked for keyCompromise")
final class CompromisedKeysTest extends LedgerContract {
  private Revocation revocation(SerialNumber serial, RevocationReason reason) {
    return new Revocation(
        Certificates.ISSUER, serial, reason, clock.instant(), Optional.empty(), "admin alice");
  }

  @Test
  @DisplayName("are blocked from then on, and those of other revocations are not")
  void blocked() {
    CompromisedKeys keys = new CompromisedKeys(database);
    // All certificates of this fixture have one key.
    revocations.revoke(revocation(issued().serial(), RevocationReason.SUPERSEDED));
    assertThat(keys.reason(Certificates.issuerKey())).isEmpty();
    revocations.revoke(revocation(issued().serial(), RevocationReason.KEY_COMPROMISE));
    assertThat(keys.reason(Certificates.issuerKey())).isPresent();
    assertThat(keys.reason(Certificates.newKey())).isEmpty();
  }

  @Test
  @DisplayName("several certificates of one key are revoked at once without losing to each other")
  void race() throws Exception {
    List<Callable<RevocationLedger.Outcome>> work = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      SerialNumber serial = issued().serial();
      work.add(() -> revocations.revoke(revocation(serial, RevocationReason.KEY_COMPROMISE)));
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      for (Future<RevocationLedger.Outcome> outcome : threads.invokeAll(work)) {
        assertThat(outcome.get()).isEqualTo(RevocationLedger.Outcome.REVOKED);
      }
    }
    assertThat(database.sql().fetchCount(COMPROMISED_KEYS)).isEqualTo(1);
  }
}
