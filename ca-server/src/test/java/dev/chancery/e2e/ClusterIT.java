package dev.chancery.e2e;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/**
 * Several nodes on one database (docs/issuance-cycle.md). A plain build takes a few orders;
 * scripts/cluster-test.sh takes as many as it is told.
 */
@DisplayName("two nodes behind a proxy that cuts connections, each killed and started again")
class ClusterIT {
  private static final int ORDERS = Integer.getInteger("cluster.orders", 120);
  private static final int CLIENTS = Integer.getInteger("cluster.clients", 10);
  private static final long SEED = Long.getLong("cluster.seed", new Random().nextLong());

  /** Stays when something did not hold: the logs tell why. */
  @TempDir(cleanup = CleanupMode.ON_SUCCESS)
  Path folder;

  @Test
  @DisplayName("RFC 8555 6.5, 7.1.6: each order ends with one certificate, each nonce works once")
  void endsEveryOrderOnce() throws Exception {
    Path reports = Files.createDirectories(Path.of("target/cluster-test"));
    try (ClusterScene scene = new ClusterScene(folder, CLIENTS, ORDERS, SEED)) {
      try {
        scene.begin();
        scene.run();
        scene.finishForgotten();
        scene.replaySpentNonces();
        scene.requireOneCertificateEach();
        scene.requireCuts();
      } catch (Exception | AssertionError e) {
        throw new AssertionError("cluster.seed=%d, see %s: %s".formatted(SEED, folder, e), e);
      } finally {
        Files.writeString(reports.resolve("report.txt"), scene.report() + System.lineSeparator());
        System.out.println(scene.report());
      }
    }
  }
}
