package dev.chancery.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.Approval;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.ProfileId;
import dev.chancery.core.RenewalMark;
import dev.chancery.core.RequestId;
import dev.chancery.testing.DatabaseKind;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
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
@DisplayName("Marks for early renewal")
final class RenewalMarksTest extends LedgerContract {
  private static final RenewalMark.Scope ISSUER =
      scope(Optional.of(Certificates.ISSUER), Optional.empty(), Optional.empty(), Optional.empty());

  private RenewalMarks marks;

  @BeforeEach
  void makeMarks() {
    marks = new RenewalMarks(database, clock);
  }

  private static RenewalMark.Scope scope(
      Optional<IssuerId> issuer,
      Optional<ProfileId> profile,
      Optional<Instant> from,
      Optional<Instant> until) {
    return new RenewalMark.Scope(issuer, profile, from, until);
  }

  private static RenewalMarks.Request request(RenewalMark.Scope scope, int perHour) {
    return new RenewalMarks.Request(
        scope,
        Optional.empty(),
        perHour,
        "rotation",
        Optional.of(URI.create("https://pki.example/rotation")),
        "admin alice");
  }

  private CertificateRecord find(IssuedCertificate issued) {
    return issuance.find(issued.issuer(), issued.serial()).orElseThrow();
  }

  private Optional<RenewalMark> make(RenewalMark.Scope scope) {
    return marks.make(UUID.randomUUID(), request(scope, 100));
  }

  @Test
  @DisplayName(
      "counts what accounts have that is issued and valid; not what is recorded, revoked or"
          + " expired")
  void counted() {
    issued();
    clock.advance(Duration.ofDays(91));
    for (int i = 0; i < 3; i++) {
      issued();
    }
    recorded();
    IssuedCertificate _ =
        complete(
                issuance.record(
                    Certificates.prepared(
                        clock.instant(),
                        new Approval.TrustedRequester(
                            "vault", new RequestId(UUID.randomUUID()), false))))
            .orElseThrow();
    revocations.revoke(revocation(issued().serial()));
    clock.advance(Duration.ofSeconds(1));

    RenewalMark planned = marks.plan(UUID.randomUUID(), request(ISSUER, 2));
    assertThat(planned.certificates()).isEqualTo(3);
    assertThat(Duration.between(planned.startsAt(), planned.endsAt()))
        .isEqualTo(Duration.ofMinutes(90));
    assertThat(marks.all()).isEmpty();
    assertThat(auditEvents("mark-renewal")).isZero();
  }

  @Test
  @DisplayName("means exactly those of the issuer, the profile and the time")
  void exactly() {
    IssuedCertificate first = issued();
    clock.advance(Duration.ofHours(1));
    IssuedCertificate second = issued();
    clock.advance(Duration.ofHours(1));
    Optional<Instant> between = Optional.of(NOW.plusSeconds(1800));

    RenewalMark before =
        make(scope(Optional.empty(), Optional.empty(), Optional.empty(), between)).orElseThrow();
    assertThat(marks.on(find(first))).containsExactly(before);
    assertThat(marks.on(find(second))).isEmpty();
    RenewalMark after =
        make(scope(Optional.empty(), Optional.empty(), between, Optional.empty())).orElseThrow();
    assertThat(marks.on(find(second))).containsExactly(after);
    RenewalMark profile =
        make(scope(
                Optional.of(Certificates.ISSUER),
                Optional.of(Certificates.PROFILE),
                Optional.empty(),
                Optional.empty()))
            .orElseThrow();
    assertThat(marks.on(find(first))).containsExactlyInAnyOrder(before, profile);
    assertThat(
            make(
                scope(
                    Optional.empty(),
                    Optional.of(new ProfileId("other")),
                    Optional.empty(),
                    Optional.empty())))
        .isEmpty();
    assertThat(marks.all()).containsExactlyInAnyOrder(before, after, profile);

    clock.advance(Duration.ofSeconds(1));
    assertThat(marks.on(find(issued()))).isEmpty();
  }

  @Test
  @DisplayName("boundaries: from is inclusive, until is not, and the moment of the mark is not")
  void boundaries() {
    IssuedCertificate issued = issued();
    assertThat(make(ISSUER)).isEmpty();
    clock.advance(Duration.ofMillis(1));
    Optional<Instant> exactly = Optional.of(NOW);
    assertThat(make(scope(Optional.empty(), Optional.empty(), Optional.empty(), exactly)))
        .isEmpty();
    RenewalMark mark =
        make(scope(Optional.empty(), Optional.empty(), exactly, Optional.empty())).orElseThrow();
    assertThat(marks.on(find(issued))).containsExactly(mark);
  }

  @Test
  @DisplayName("is read as it was made, so that no turn moves")
  void stable() {
    IssuedCertificate issued = issued();
    clock.advance(Duration.ofSeconds(7));
    RenewalMark mark = make(ISSUER).orElseThrow();
    RenewalMark read = new RenewalMarks(database, clock).on(find(issued)).getFirst();
    assertThat(read).isEqualTo(mark);
    assertThat(read.turnOf(issued.issuer(), issued.serial()))
        .isEqualTo(mark.turnOf(issued.issuer(), issued.serial()));
  }

  @Test
  @DisplayName("of many who clear a mark one does, and both ends stand in the audit")
  void cleared() throws Exception {
    IssuedCertificate issued = issued();
    clock.advance(Duration.ofSeconds(1));
    RenewalMark mark = make(ISSUER).orElseThrow();
    List<Callable<Boolean>> clearings = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      clearings.add(() -> marks.clear(mark.id(), "admin bob"));
    }
    int done = 0;
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      for (Future<Boolean> clearing : threads.invokeAll(clearings)) {
        done += clearing.get() ? 1 : 0;
      }
    }
    assertThat(done).isEqualTo(1);
    assertThat(marks.on(find(issued))).isEmpty();
    assertThat(marks.all()).isEmpty();
    assertThat(auditEvents("mark-renewal")).isEqualTo(1);
    assertThat(auditEvents("clear-renewal")).isEqualTo(1);
    assertThat(marks.clear(UUID.randomUUID(), "admin bob")).isFalse();
  }
}
