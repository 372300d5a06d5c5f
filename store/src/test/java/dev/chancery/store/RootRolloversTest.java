package dev.chancery.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.store.RootRollovers.CrossCertificates;
import dev.chancery.store.RootRollovers.Rollover;
import dev.chancery.store.RootRollovers.Root;
import dev.chancery.store.RootRollovers.State;
import dev.chancery.testing.DatabaseKind;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(DatabaseKind.class)
@DisplayName("The rollovers of roots")
final class RootRolloversTest extends LedgerContract {
  private static final Root OLD = root("old-root", 1);
  private static final Root NEW = root("new-root", 2);
  private static final IssuerId ABOVE_OLD = Certificates.ISSUER;
  private static final IssuerId ABOVE_NEW = new IssuerId("new-issuer");
  private static final CrossCertificates CROSSED =
      new CrossCertificates(Der.of(new byte[] {0x30, 1, 3}), Der.of(new byte[] {0x30, 1, 4}));

  private RootRollovers rollovers;

  private static Root root(String name, int content) {
    return new Root(new IssuerId(name), Der.of(new byte[] {0x30, 1, (byte) content}));
  }

  @BeforeEach
  void register() throws Exception {
    IssuerRegistry registry = new IssuerRegistry(database);
    registry.register(OLD.name(), Certificates.newKey());
    registry.register(NEW.name(), Certificates.newKey());
    registry.register(ABOVE_NEW, Certificates.newKey());
    rollovers = new RootRollovers(database, clock);
  }

  private Rollover last() {
    return rollovers.all().getLast();
  }

  @Test
  @DisplayName("are dated by the clock that all nodes have in common, when that is given")
  void commonClock() {
    rollovers = new RootRollovers(database, new DatabaseClock(database));
    Instant before = Instant.now().minusSeconds(60);
    assertThat(rollovers.prepare(UUID.randomUUID(), OLD, NEW, "alice")).isTrue();
    // Wherever the clocks of the nodes are; here the database runs beside the test.
    clock.advance(Duration.ofDays(40));
    assertThat(rollovers.publish(last(), "alice")).isTrue();

    assertThat(last().publishedAt().orElseThrow())
        .isBetween(before, Instant.now().plusSeconds(60))
        .isAfterOrEqualTo(last().preparedAt());
  }

  @Test
  @DisplayName("go from step to step, each once, and keep when")
  void steps() {
    assertThat(rollovers.prepare(UUID.randomUUID(), OLD, NEW, "alice")).isTrue();
    Rollover prepared = last();
    assertThat(prepared.oldRoot()).isEqualTo(OLD);
    assertThat(prepared.newRoot()).isEqualTo(NEW);
    assertThat(rollovers.crossSign(prepared, CROSSED, "alice")).isFalse();
    assertThat(rollovers.switchOver(prepared, Map.of(), "alice")).isFalse();
    assertThat(rollovers.retire(prepared, "alice")).isFalse();

    clock.advance(Duration.ofDays(1));
    assertThat(rollovers.publish(prepared, "alice")).isTrue();
    assertThat(rollovers.publish(prepared, "alice")).isFalse();
    assertThat(last().publishedAt()).contains(clock.instant());

    Rollover published = last();
    assertThat(rollovers.crossSign(published, CROSSED, "alice")).isTrue();
    assertThat(rollovers.crossSign(published, CROSSED, "alice")).isFalse();
    assertThat(last().crossCertificates()).contains(CROSSED);

    assertThat(rollovers.switchOver(prepared, Map.of(ABOVE_OLD, ABOVE_NEW), "alice")).isTrue();
    assertThat(last().state()).isEqualTo(State.SWITCHED);
    assertThat(
            new IssuerSuccessions(database, clock, Duration.ZERO, Set.of())
                .all()
                .get(ABOVE_OLD)
                .successor())
        .isEqualTo(ABOVE_NEW);
    assertThat(rollovers.abandon(last(), "alice")).isFalse();

    assertThat(rollovers.retire(prepared, "alice")).isTrue();
    assertThat(last().state()).isEqualTo(State.RETIRED);
    assertThat(last().retiredAt()).isEqualTo(Optional.of(clock.instant()));
    for (String step : new String[] {"prepare", "publish", "cross-sign", "switch", "retire"}) {
      assertThat(auditEvents(step + "-root")).as(step).isEqualTo(1);
    }
  }

  @Test
  @DisplayName("are one at a time; one that is given up makes room")
  void oneAtATime() {
    rollovers.prepare(UUID.randomUUID(), OLD, NEW, "alice");
    assertThat(rollovers.prepare(UUID.randomUUID(), OLD, NEW, "bob")).isFalse();
    Rollover prepared = last();
    rollovers.publish(prepared, "alice");
    assertThat(rollovers.abandon(prepared, "alice")).as("it has gone on since").isFalse();
    assertThat(rollovers.abandon(last(), "alice")).isTrue();
    assertThat(rollovers.all()).isEmpty();
    assertThat(rollovers.prepare(UUID.randomUUID(), OLD, NEW, "bob")).isTrue();
  }

  @Test
  @DisplayName(
      "take other cross-certificates until the old root is retired, in the state they are in")
  void crossedAnew() {
    CrossCertificates longer =
        new CrossCertificates(Der.of(new byte[] {0x30, 1, 5}), Der.of(new byte[] {0x30, 1, 6}));
    rollovers.prepare(UUID.randomUUID(), OLD, NEW, "alice");
    rollovers.publish(last(), "alice");
    rollovers.crossSign(last(), CROSSED, "alice");
    clock.advance(Duration.ofDays(1));
    assertThat(rollovers.crossSign(last(), longer, "alice")).isTrue();
    assertThat(last().crossCertificates()).contains(longer);
    assertThat(last().crossSignedAt()).contains(clock.instant());
    assertThat(last().state()).isEqualTo(State.CROSS_SIGNED);

    Rollover before = last();
    rollovers.switchOver(last(), Map.of(), "alice");
    assertThat(rollovers.crossSign(before, CROSSED, "alice")).as("it has gone on").isFalse();
    assertThat(rollovers.crossSign(last(), CROSSED, "alice")).isTrue();
    assertThat(last().crossCertificates()).contains(CROSSED);
    assertThat(last().state()).isEqualTo(State.SWITCHED);

    rollovers.retire(last(), "alice");
    assertThat(rollovers.crossSign(last(), longer, "alice")).isFalse();
    assertThat(last().crossCertificates()).contains(CROSSED);
  }

  @Test
  @DisplayName("switch all issuers or none")
  void allOrNone() {
    rollovers.prepare(UUID.randomUUID(), OLD, NEW, "alice");
    rollovers.publish(last(), "alice");
    rollovers.crossSign(last(), CROSSED, "alice");
    IssuerSuccessions successions = new IssuerSuccessions(database, clock, Duration.ZERO, Set.of());
    successions.activate(ABOVE_NEW, ABOVE_OLD, "bob");

    assertThat(rollovers.switchOver(last(), Map.of(ABOVE_OLD, ABOVE_NEW), "alice")).isFalse();
    assertThat(last().state()).isEqualTo(State.CROSS_SIGNED);
  }
}
