package dev.chancery.store;

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
import dev.chancery.core.RevocationReason;
import dev.chancery.testing.DatabaseKind;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
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

    assertThat(bulk.count(ALL)).isEqualTo(3);
    Parts parts = new Parts();
    parts.issuer = Optional.of(Certificates.ISSUER);
    assertThat(bulk.count(parts.filter())).isEqualTo(3);
    parts.profile = Optional.of(new ProfileId("other"));
    assertThat(bulk.count(parts.filter())).isZero();
    parts.profile = Optional.of(Certificates.PROFILE);
    assertThat(bulk.count(parts.filter())).isEqualTo(3);
    parts.key = Optional.of(Der.of(Certificates.issuerKey().encoded().sha256()));
    assertThat(bulk.count(parts.filter())).isEqualTo(3);
    parts.account = Optional.of(account);
    assertThat(bulk.count(parts.filter())).isEqualTo(1);
    parts.from = Optional.of(between);
    assertThat(bulk.count(parts.filter())).isZero();

    assertThat(bulk.count(named("a.example"))).isEqualTo(1);
    assertThat(bulk.count(named("b.example"))).isEqualTo(1);
    assertThat(bulk.count(named("www.example"))).isEqualTo(1);
    assertThat(bulk.count(named("c.example"))).isZero();
    Parts early = new Parts();
    early.until = Optional.of(between);
    assertThat(bulk.count(early.filter())).isEqualTo(1);
    Parts late = new Parts();
    late.from = Optional.of(between);
    assertThat(bulk.count(late.filter())).isEqualTo(2);
    clock.advance(Duration.ofDays(91));
    assertThat(bulk.count(ALL)).isZero();
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
}
