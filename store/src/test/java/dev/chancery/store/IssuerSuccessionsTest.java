package dev.chancery.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.IssuerId;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.store.IssuerSuccessions.Alive;
import dev.chancery.store.IssuerSuccessions.Done;
import dev.chancery.store.IssuerSuccessions.InUse;
import dev.chancery.store.IssuerSuccessions.Live;
import dev.chancery.store.IssuerSuccessions.Replaced;
import dev.chancery.store.IssuerSuccessions.Retired;
import dev.chancery.store.IssuerSuccessions.UnderWay;
import dev.chancery.testing.DatabaseKind;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(DatabaseKind.class)
@DisplayName("The succession of issuers")
final class IssuerSuccessionsTest extends LedgerContract {
  private static final IssuerId OLD = Certificates.ISSUER;
  private static final IssuerId NEW = new IssuerId("new-issuer");

  private IssuerSuccessions successions;

  @BeforeEach
  void makeSuccessions() throws Exception {
    new IssuerRegistry(database).register(NEW, Certificates.newKey());
    successions = counting(Set.of());
  }

  private IssuerSuccessions counting(Set<ProfileId> uncounted) {
    return new IssuerSuccessions(database, clock, Duration.ofMinutes(1), uncounted);
  }

  @Test
  @DisplayName("an issuer is replaced once, and a change is taken back by activating the old one")
  void replaced() {
    assertThat(successions.activate(NEW, OLD, "admin alice")).isEqualTo(new Done());
    assertThat(successions.activate(NEW, OLD, "admin alice")).isEqualTo(new Replaced(NEW));
    assertThat(successions.all().get(OLD))
        .isEqualTo(new IssuerSuccessions.Succession(OLD, NEW, NOW, Optional.empty()));

    assertThat(successions.activate(OLD, NEW, "admin alice")).isEqualTo(new Done());
    assertThat(successions.all()).containsOnlyKeys(NEW);
    assertThat(auditEvents("activate-issuer")).isEqualTo(2);
  }

  @Test
  @DisplayName("two that replace each other at the same time do not both succeed")
  void noCycle() throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      for (int round = 0; round < 20; round++) {
        List<Callable<IssuerSuccessions.Outcome>> both =
            List.of(
                () -> successions.activate(NEW, OLD, "one"),
                () -> successions.activate(OLD, NEW, "other"));
        List<IssuerSuccessions.Outcome> outcomes = new ArrayList<>();
        for (Future<IssuerSuccessions.Outcome> future : threads.invokeAll(both)) {
          outcomes.add(future.get());
        }
        assertThat(successions.all()).hasSize(1);
        assertThat(outcomes).contains(new Done());
      }
    }
  }

  @Test
  @DisplayName("an issuer retires when it is replaced, nothing is under way and nothing is alive")
  void retired() {
    issued();
    clock.advance(Duration.ofDays(1));
    issued();
    assertThat(successions.retire(OLD, "admin alice")).isEqualTo(new InUse());

    successions.activate(NEW, OLD, "admin alice");
    assertThat(successions.retire(OLD, "admin alice"))
        .isEqualTo(new UnderWay(clock.instant().plusSeconds(60)));
    clock.advance(Duration.ofMinutes(1));
    Live live = new Live(2, Optional.of(NOW.plus(Duration.ofDays(91))));
    assertThat(successions.retire(OLD, "admin alice")).isEqualTo(new Alive(live));
    assertThat(successions.live(List.of(OLD, NEW))).containsOnlyKeys(OLD).containsValue(live);
    assertThat(
            successions.liveOutside(
                List.of(OLD), NOW.plusSeconds(1), NOW.plus(Duration.ofDays(91))))
        .containsEntry(OLD, new Live(1, Optional.of(NOW.plus(Duration.ofDays(90)))));
    assertThat(successions.liveOutside(List.of(OLD), NOW, NOW.plus(Duration.ofDays(90))))
        .containsEntry(OLD, new Live(1, Optional.of(NOW.plus(Duration.ofDays(91)))));

    clock.advance(Duration.ofDays(91));
    assertThat(successions.retire(OLD, "admin alice")).isEqualTo(new Done());
    assertThat(successions.all().get(OLD).retiredAt()).contains(clock.instant());
    assertThat(successions.retire(OLD, "admin alice")).isEqualTo(new Retired());
    assertThat(successions.activate(OLD, NEW, "admin alice")).isEqualTo(new Retired());
    assertThat(auditEvents("retire-issuer")).isEqualTo(1);
  }

  @Test
  @DisplayName("what is recorded only, revoked or of the server's own profiles keeps no one alive")
  void uncounted() throws Exception {
    recorded();
    revocations.revoke(revocation(issued().serial()));
    assertThat(successions.live(List.of(OLD))).isEmpty();
    issued();
    assertThat(successions.live(List.of(OLD))).hasSize(1);
    assertThat(counting(Set.of(Certificates.PROFILE)).live(List.of(OLD))).isEmpty();
  }

  @Test
  @DisplayName("a certificate on hold keeps an issuer from being retired, for it can be released")
  void held() throws Exception {
    SerialNumber serial = issued().serial();
    revocations.revoke(
        new Revocation(
            OLD,
            serial,
            RevocationReason.CERTIFICATE_HOLD,
            clock.instant(),
            Optional.empty(),
            "admin alice"));
    successions.activate(NEW, OLD, "admin alice");
    clock.advance(Duration.ofMinutes(1));

    assertThat(successions.retire(OLD, "admin alice"))
        .isEqualTo(new Alive(new Live(1, Optional.of(NOW.plus(Duration.ofDays(90))))));
    revocations.revoke(revocation(serial));
    assertThat(successions.retire(OLD, "admin alice")).isEqualTo(new Done());
  }

  @Test
  @DisplayName("an issuer is asked about until all has ended, what was revoked or recorded too")
  void answersUntil() throws Exception {
    assertThat(successions.answersUntil(List.of(OLD, NEW))).isEmpty();
    revocations.revoke(revocation(issued().serial()));
    Instant end = NOW.plus(Duration.ofDays(90));
    assertThat(successions.answersUntil(List.of(OLD, NEW))).isEqualTo(Map.of(OLD, end));
    assertThat(counting(Set.of(Certificates.PROFILE)).answersUntil(List.of(OLD)))
        .isEqualTo(Map.of(OLD, end));

    clock.advance(Duration.ofDays(100));
    assertThat(successions.answersUntil(List.of(OLD))).isEqualTo(Map.of(OLD, end));
    recorded();
    Instant later = clock.instant().plus(Duration.ofDays(90));
    assertThat(successions.answersUntil(List.of(OLD))).isEqualTo(Map.of(OLD, later));
    assertThat(counting(Set.of(Certificates.PROFILE)).answersUntil(List.of(OLD)))
        .isEqualTo(Map.of(OLD, end));
  }
}
