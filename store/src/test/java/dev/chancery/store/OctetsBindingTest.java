package dev.chancery.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;
import org.h2.mvstore.type.ByteArrayDataType;
import org.h2.mvstore.type.LongDataType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The embedded database's file holds rows, and no large objects beside them. */
final class OctetsBindingTest {
  @TempDir Path folder;

  @Test
  void statementsLeaveNoLargeObjectsInTheFile() throws Exception {
    Path path = folder.resolve("db");
    Instant now = Instant.parse("2026-11-22T10:00:00Z");
    try (Database database =
        Database.open(DatabaseSettings.of("jdbc:h2:file:" + path, "sa", () -> ""))) {
      new IssuerRegistry(database).register(Certificates.ISSUER, Certificates.issuerKey());
      new JooqIssuanceLedger(database, Clock.systemUTC()).record(Certificates.prepared(now));
      database.syncToDisk();

      // Closing would remove them: what a killed process leaves is what counts.
      Path copy = Files.copy(folder.resolve("db.mv.db"), folder.resolve("copy"));
      try (MVStore file = new MVStore.Builder().fileName(copy.toString()).readOnly().open()) {
        assertThat(octets(file, "tempLobMap")).isEmpty();
        assertThat(octets(file, "lobData")).isEmpty();
      }
    }
  }

  private static MVMap<Long, byte[]> octets(MVStore file, String map) {
    assertThat(file.hasMap(map)).isTrue();
    return file.openMap(
        map,
        new MVMap.Builder<Long, byte[]>()
            .keyType(LongDataType.INSTANCE)
            .valueType(ByteArrayDataType.INSTANCE));
  }
}
