package dev.chancery.store;

import static dev.chancery.store.schema.Tables.AUDIT_EVENTS;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What H2 has committed is there after kill -9, without a sync: OneWriter is what makes it. These
 * lives are too short for H2 to fill gaps in its file; DurableFileTest has those.
 */
final class KilledProcessTest {
  private static final int ROUNDS = 6;

  @TempDir Path folder;

  @Test
  void everyCommitThatReturnedIsThere() throws Exception {
    Path path = folder.resolve("db");
    Random random = new Random(1);
    Set<String> committed = new HashSet<>();
    for (int round = 0; round < ROUNDS; round++) {
      Process process = ForkedJvm.start(CommittingProcess.class, path.toString(), "1000000");
      int wanted = 1 + random.nextInt(500);
      try (var lines = process.inputReader()) {
        for (int i = 0; i < wanted; i++) {
          committed.add(lines.readLine());
        }
        // By its handle: Process.destroyForcibly would close the pipe with what is still in it.
        process.toHandle().destroyForcibly();
        // What it printed before it died was committed too.
        String line;
        while ((line = lines.readLine()) != null) {
          committed.add(line);
        }
      }
      assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();

      try (Database database =
          Database.open(DatabaseSettings.of("jdbc:h2:file:" + path, "sa", () -> ""))) {
        assertThat(database.sql().fetchValues(AUDIT_EVENTS.REQUESTED_BY))
            .doesNotHaveDuplicates()
            .containsAll(committed)
            .hasSizeBetween(committed.size(), committed.size() + 1 + round);
      }
    }
  }
}
