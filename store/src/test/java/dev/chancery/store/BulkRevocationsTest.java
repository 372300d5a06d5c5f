package dev.chancery.store;

import static dev.chancery.store.schema.Tables.COMPROMISED_KEYS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.AccountId;
import dev.chancery.core.Approval;
import dev.chancery.core.BulkRevocation;
import dev.chancery.core.BulkRevocation.Filter;
import dev.chancery.core.BulkRevocation.Order;
import dev.chancery.core.CertificateStatus;
import dev.chancery.core.Der;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.ProfileId;
import dev.chancery.core.RequestId;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.testing.DatabaseKind;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(DatabaseKind.class)
@DisplayName("Revocations of many certificates at once")
final class BulkRevocationsTest extends LedgerContract {
  private static final Filter ALL = new Parts().filter();

  private final AccountId account = new AccountId(UUID.randomUUID());
  private final UUID id = UUID.randomUUID();
  private BulkRevocations bulk;

  /** A filter with one part, or none. */
  private static final class Parts {
    private Optional<IssuerId> issuer = Optional.empty();
    private Optional<ProfileId> profile = Optional.empty();
    private Optional<AccountId> account = Optional.empty();
    private Optional<Der> key = Optional.empty();
    private Optional<String> name = Optional.empty();
    private Optional<Instant> from = Optional.empty();
    private Optional<Instant> until = Optional.empty();

    Filter filter() {
      return new Filter(issuer, profile, account, key, name, from, until);
    }
  }

  @BeforeEach
  void bulk() {
    bulk = new BulkRevocations(database, clock);
  }

  private IssuedCertificate issued(AccountId account, String name) {
    IssuedCertificate issued =
        complete(
                issuance.record(
                    Certificates.prepared(
                        clock.instant(),
                        new Approval.ValidatedOrder(account, new RequestId(UUID.randomUUID())),
                        name)))
            .orElseThrow();
    clock.advance(Duration.ofSeconds(1));
    return issued;
  }

  private static Filter named(String name) {
    Parts parts = new Parts();
    parts.name = Optional.of(name);
    return parts.filter();
  }

  private Order order(Filter filter) {
    return new Order(
        filter,
        RevocationReason.SUPERSEDED,
        clock.instant(),
        Optional.of(NOW.minusSeconds(60)),
        "admin alice");
  }

  private long count(Filter filter) {
    return bulk.count(filter, RevocationReason.SUPERSEDED);
  }

  private void carryOut() {
    boolean more = true;
    while (more) {
      more = bulk.step(id).more();
    }
  }

  private boolean isRevoked(IssuedCertificate certificate) {
    return revocations.status(Certificates.ISSUER, certificate.serial())
        instanceof CertificateStatus.Revoked;
  }

  @Test
  @DisplayName("each part of a filter counts, and all that is given has to apply")
  void filters() {
    issued(account, "a.example");
    Instant between = clock.instant();
    issued(new AccountId(UUID.randomUUID()), "b.example");
    revocations.revoke(revocation(issued(account, "a.example").serial()));
    recorded();
    clock.advance(Duration.ofSeconds(1));

    assertThat(count(ALL)).isEqualTo(3);
    Parts parts = new Parts();
    parts.issuer = Optional.of(Certificates.ISSUER);
    assertThat(count(parts.filter())).isEqualTo(3);
    parts.profile = Optional.of(new ProfileId("other"));
    assertThat(count(parts.filter())).isZero();
    parts.profile = Optional.of(Certificates.PROFILE);
    assertThat(count(parts.filter())).isEqualTo(3);
    parts.key = Optional.of(Der.of(Certificates.issuerKey().encoded().sha256()));
    assertThat(count(parts.filter())).isEqualTo(3);
    parts.account = Optional.of(account);
    assertThat(count(parts.filter())).isEqualTo(1);
    parts.from = Optional.of(between);
    assertThat(count(parts.filter())).isZero();

    assertThat(count(named("a.example"))).isEqualTo(1);
    assertThat(count(named("b.example"))).isEqualTo(1);
    assertThat(count(named("www.example"))).isEqualTo(1);
    assertThat(count(named("c.example"))).isZero();
    Parts early = new Parts();
    early.until = Optional.of(between);
    assertThat(count(early.filter())).isEqualTo(1);
    Parts late = new Parts();
    late.from = Optional.of(between);
    assertThat(count(late.filter())).isEqualTo(2);
    clock.advance(Duration.ofDays(91));
    assertThat(count(ALL)).isZero();
  }

  @Test
  @DisplayName("nothing happens unless they are as many as was confirmed")
  void confirmation() {
    IssuedCertificate certificate = issued(account, "a.example");
    assertThat(bulk.begin(id, order(ALL), 2)).isEmpty();
    assertThat(bulk.unfinished()).isEmpty();
    assertThat(bulk.find(id)).isEmpty();
    assertThat(auditEvents("revoke-many")).isZero();
    assertThat(isRevoked(certificate)).isFalse();
  }

  @Test
  @DisplayName("small steps that any node can go on with; those issued later are not meant")
  void steps() {
    List<IssuedCertificate> meant = new ArrayList<>();
    List<IssuedCertificate> others = new ArrayList<>();
    int all = BulkRevocations.MOST_REVOKED + 10;
    for (int i = 0; i < all; i++) {
      meant.add(issued(account, "a.example"));
      if (i % 10 == 0) {
        others.add(issued(account, "b.example"));
      }
    }
    BulkRevocation begun = bulk.begin(id, order(named("a.example")), all).orElseThrow();
    assertThat(begun.counted()).isEqualTo(all);
    assertThat(bulk.unfinished()).containsExactly(id);
    others.add(issued(account, "a.example"));

    assertThat(bulk.step(id).more()).isTrue();
    assertThat(bulk.find(id).orElseThrow().revoked()).isEqualTo(BulkRevocations.MOST_REVOKED);
    // Another process, and one certificate that someone else has revoked meanwhile.
    revocations.revoke(revocation(meant.getLast().serial()));
    bulk = new BulkRevocations(database, clock);
    BulkRevocations.Step last = bulk.step(id);

    assertThat(last.more()).isFalse();
    assertThat(last.scopes()).containsExactly(Certificates.SCOPE);
    assertThat(bulk.unfinished()).isEmpty();
    BulkRevocation done = bulk.find(id).orElseThrow();
    assertThat(done.revoked()).isEqualTo(all - 1);
    assertThat(done.endedAt()).isPresent();
    assertThat(bulk.newest(10)).containsExactly(done);
    assertThat(meant).allMatch(this::isRevoked);
    assertThat(others).noneMatch(this::isRevoked);
    assertThat(
            issuance
                .find(Certificates.ISSUER, meant.getFirst().serial())
                .orElseThrow()
                .revocation()
                .orElseThrow())
        .returns(RevocationReason.SUPERSEDED, r -> r.reason())
        .returns("admin alice", r -> r.by())
        .returns(Optional.of(NOW.minusSeconds(60)), r -> r.invalidityDate());
    assertThat(new JooqStatusJournal(database).version()).isEqualTo(all);
    assertThat(auditEvents("revoke")).isEqualTo(all);
    assertThat(auditEvents("revoked-many")).isEqualTo(1);

    BulkRevocations.Step again = bulk.step(id);
    assertThat(again.more()).isFalse();
    assertThat(bulk.find(id)).hasValue(done);
  }

  @Test
  @DisplayName("two nodes at once do nothing twice")
  void twoNodes() throws Exception {
    int all = 2 * BulkRevocations.MOST_REVOKED;
    for (int i = 0; i < all; i++) {
      issued(account, "a.example");
    }
    assertThat(bulk.begin(id, order(ALL), all)).isPresent();

    Threads.together(
        2,
        thread ->
            () -> {
              carryOut();
              return null;
            });

    assertThat(bulk.find(id).orElseThrow().revoked()).isEqualTo(all);
    assertThat(auditEvents("revoke")).isEqualTo(all);
    assertThat(auditEvents("revoked-many")).isEqualTo(1);
  }

  @Test
  @DisplayName("what is under way when it begins is given up, and never becomes a certificate")
  void underWay() {
    var recorded = issuance.record(Certificates.prepared(clock.instant()));
    clock.advance(Duration.ofSeconds(1));
    assertThat(bulk.begin(id, order(ALL), 1)).isPresent();
    carryOut();
    assertThat(complete(recorded)).isEmpty();
  }

  @Test
  @DisplayName(
      "what is on hold is revoked for good with the others, and counted; its key is blocked")
  void held() {
    IssuedCertificate held = issued(account, "a.example");
    IssuedCertificate forGood = issued(account, "b.example");
    revocations.revoke(
        new Revocation(
            Certificates.ISSUER,
            held.serial(),
            RevocationReason.CERTIFICATE_HOLD,
            clock.instant(),
            Optional.empty(),
            "admin alice"));
    revocations.revoke(
        new Revocation(
            Certificates.ISSUER,
            forGood.serial(),
            RevocationReason.SUPERSEDED,
            clock.instant(),
            Optional.empty(),
            "admin alice"));
    recorded();
    clock.advance(Duration.ofSeconds(1));

    // A hold can be of what is issued and nothing else.
    assertThat(bulk.count(ALL, RevocationReason.CERTIFICATE_HOLD)).isZero();
    assertThat(bulk.count(ALL, RevocationReason.KEY_COMPROMISE)).isEqualTo(2);
    Order order =
        new Order(
            ALL, RevocationReason.KEY_COMPROMISE, clock.instant(), Optional.empty(), "admin alice");
    assertThat(bulk.begin(id, order, 2)).isPresent();
    carryOut();

    assertThat(bulk.find(id).orElseThrow().revoked()).isEqualTo(2);
    assertThat(revocations.status(Certificates.ISSUER, held.serial()))
        .isInstanceOfSatisfying(
            CertificateStatus.Revoked.class,
            status -> assertThat(status.reason()).isEqualTo(RevocationReason.KEY_COMPROMISE));
    assertThat(revocations.release(Certificates.ISSUER, held.serial(), "admin alice"))
        .isEqualTo(RevocationLedger.Released.NOT_HELD);
    assertThat(database.sql().fetchCount(COMPROMISED_KEYS)).isEqualTo(1);
  }

  @Test
  @DisplayName("a step passes by few that are not meant, and the next one goes on after them")
  void boundedSteps() {
    bulk = new BulkRevocations(database, clock, 4);
    IssuedCertificate first = issued(account, "a.example");
    for (int i = 0; i < 10; i++) {
      issued(new AccountId(UUID.randomUUID()), "b.example");
    }
    IssuedCertificate last = issued(account, "a.example");
    Parts parts = new Parts();
    parts.account = Optional.of(account);
    for (Filter filter : List.of(parts.filter(), named("a.example"))) {
      assertThat(count(filter)).isEqualTo(2);
    }
    assertThat(bulk.begin(id, order(parts.filter()), 2)).isPresent();

    assertThat(bulk.step(id).more()).isTrue();
    assertThat(isRevoked(first)).isTrue();
    assertThat(bulk.step(id)).isEqualTo(new BulkRevocations.Step(Set.of(), true));
    assertThat(isRevoked(last)).isFalse();
    carryOut();
    assertThat(isRevoked(last)).isTrue();
    assertThat(bulk.find(id).orElseThrow().revoked()).isEqualTo(2);
  }

  @Test
  @DisplayName(
      "processes that are killed midway leave whole steps; others go on, and nothing is lost")
  void killed() throws Exception {
    List<IssuedCertificate> meant = new ArrayList<>();
    for (int i = 0; i < 150; i++) {
      meant.add(issued(account, "a.example"));
    }
    assertThat(bulk.begin(id, order(ALL), 150)).isPresent();
    // H2 has one process at a time.
    database.close();
    Random random = new Random(7);
    for (int life = 0; life < 3; life++) {
      Process process =
          ForkedJvm.start(
              BulkRevokingProcess.class,
              where.url(),
              where.user(),
              where.password(),
              id.toString(),
              clock.instant().toString());
      int wanted = 1 + random.nextInt(3);
      try (var lines = process.inputReader()) {
        for (int i = 0; i < wanted; i++) {
          assertThat(lines.readLine()).isEqualTo("step");
        }
        process.toHandle().destroyForcibly();
        assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
      }
    }
    reopen();
    bulk = new BulkRevocations(database, clock);
    BulkRevocation midway = bulk.find(id).orElseThrow();
    assertThat(midway.endedAt()).isEmpty();
    assertThat(midway.revoked())
        .isGreaterThanOrEqualTo(30)
        .isEqualTo(meant.stream().filter(this::isRevoked).count());

    carryOut();
    assertThat(meant).allMatch(this::isRevoked);
    assertThat(bulk.find(id).orElseThrow().revoked()).isEqualTo(150);
    assertThat(new JooqStatusJournal(database).version()).isEqualTo(150);
    assertThat(auditEvents("revoke")).isEqualTo(150);
    assertThat(auditEvents("revoked-many")).isEqualTo(1);
  }
}
