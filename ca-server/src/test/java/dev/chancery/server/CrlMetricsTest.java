package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import dev.chancery.crl.PublicCrls;
import dev.chancery.crl.SeenCrl;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.store.JooqIssuanceLedger;
import dev.chancery.store.JooqRevocationLedger;
import dev.chancery.store.TokenAudit;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.math.BigInteger;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("Metrics of a CRL at its public URLs")
final class CrlMetricsTest {
  private static final CrlName NAME = CrlName.complete(CrlScope.unsharded(new IssuerId("issuing")));
  private static final URI OLD = URI.create("http://old.example/issuing.crl");
  private static final URI URL = URI.create("http://new.example/issuing.crl");

  @TempDir Path folder;

  private final AdjustableClock clock = new AdjustableClock(Instant.parse("2026-03-01T12:00:00Z"));
  private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
  private Database database;
  private CrlMetrics metrics;

  @BeforeEach
  void open() throws Exception {
    TestDatabase where = DatabaseKind.H2.create(folder);
    database = Database.open(DatabaseSettings.of(where.url(), where.user(), where::password));
    metrics =
        new CrlMetrics(
            registry,
            new AwaitedChanges(
                Set.of(),
                new JooqIssuanceLedger(database, clock),
                new JooqRevocationLedger(database, clock),
                new RevocationVisibility(
                    registry, new TokenAudit(database, clock), Map.of(), clock),
                clock),
            clock);
  }

  @AfterEach
  void close() {
    database.close();
  }

  private double seen(String what, URI url) {
    return registry.get("chancery.crl.seen." + what).tag("url", url.toString()).gauge().value();
  }

  private PublicCrls.Look crl(URI url, boolean newest, Optional<String> problem) {
    return new PublicCrls.Look.Seen(
        url,
        new SeenCrl(
            BigInteger.ONE,
            Optional.empty(),
            clock.instant().minusSeconds(10),
            clock.instant().plusSeconds(60),
            List.of(),
            Optional.empty(),
            0,
            100,
            "00",
            true,
            true,
            Map.of()),
        newest,
        problem);
  }

  private void look(PublicCrls.Look old, PublicCrls.Look now) {
    metrics.saw(NAME, List.of(old, now), Set.of());
  }

  @Test
  @DisplayName("are of each URL; the age grows while there is none that relying parties can use")
  void ofEach() {
    look(new PublicCrls.Look.Unusable(OLD, "refused"), crl(URL, true, Optional.empty()));
    assertThat(seen("newest", OLD)).isZero();
    assertThat(seen("age", OLD)).isZero();
    assertThat(seen("newest", URL)).isEqualTo(1);
    assertThat(seen("age", URL)).isEqualTo(10);

    clock.advance(Duration.ofMinutes(1));
    look(new PublicCrls.Look.Unusable(OLD, "refused"), crl(URL, true, Optional.of("it has ended")));
    assertThat(seen("age", OLD)).isEqualTo(60);
    assertThat(seen("newest", URL)).isZero();
    assertThat(seen("age", URL)).isEqualTo(70);

    look(crl(OLD, true, Optional.empty()), crl(URL, false, Optional.empty()));
    assertThat(seen("newest", OLD)).isEqualTo(1);
    assertThat(seen("newest", URL)).isZero();
    assertThat(seen("age", URL)).isEqualTo(10);
  }
}
