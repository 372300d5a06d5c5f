package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.testing.DatabaseKind;
import java.nio.file.Path;
import java.util.Random;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Kills the server, under load, at every step between a ready order and the answer with its
 * certificate (docs/issuance-cycle.md). A plain build kills a few times on each database, so that
 * each step is met at least once on one of them; scripts/crash-test.sh kills as often as it is
 * told.
 */
@DisplayName("a server that is killed")
class CrashIT {
  private static final int KILLS = Integer.getInteger("crash.kills", 9);
  private static final long SEED = Long.getLong("crash.seed", new Random().nextLong());
  private static final int LONGEST_WAIT = 8;

  /** Stays when a kill left what it must not: the database and the logs tell why. */
  @TempDir(cleanup = CleanupMode.ON_SUCCESS)
  Path folder;

  @ParameterizedTest
  @EnumSource(DatabaseKind.class)
  @DisplayName("gave out no certificate that the database does not know, and ends every order")
  void killedAtEachStep(DatabaseKind kind) throws Exception {
    // The databases begin at different steps, so that few kills on both meet all steps.
    int first = kind == DatabaseKind.H2 ? 0 : KILLS;
    RandomGenerator random = new Random(SEED + first);
    CrashStep[] steps = CrashStep.values();
    CrashTable table = new CrashTable(kind);
    try (CrashScene scene = new CrashScene(kind, folder)) {
      scene.begin();
      for (int kill = 0; kill < KILLS; kill++) {
        CrashStep step = steps[(kill + first) % steps.length];
        int number = 1 + random.nextInt(LONGEST_WAIT);
        try {
          scene.killAt(step, number);
        } catch (Exception | AssertionError e) {
          throw new AssertionError(
              "crash.seed=%d, %s, kill %d of %d: the %d. time at %s: %s%nsee %s%n%s"
                  .formatted(SEED, kind, kill + 1, KILLS, number, step, e, folder, scene.log()),
              e);
        }
        table.killed(step, number);
      }
      try {
        assertThat(scene.end()).containsAll(scene.crashes());
      } catch (Exception | AssertionError e) {
        throw new AssertionError("crash.seed=%d, %s, at the end: %s".formatted(SEED, kind, e), e);
      }
      scene.crashes().forEach(crash -> table.ended(crash.step()));
      table.held(scene.certificates());
    } finally {
      table.write();
    }
  }
}
