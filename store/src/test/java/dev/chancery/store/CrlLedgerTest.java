package dev.chancery.store;

import static dev.chancery.store.schema.Tables.CRLS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.PreparedCrl;
import dev.chancery.core.PublishedCrl;
import dev.chancery.core.ToBeSigned;
import dev.chancery.testing.DatabaseKind;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jooq.exception.DataAccessException;
import org.jooq.exception.IntegrityConstraintViolationException;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(DatabaseKind.class)
final class CrlLedgerTest extends LedgerContract {

  @Test
  @DisplayName("RFC 5280 section 5.2.3: CRL numbers rise, among many threads too")
  void numbersAreDistinctAndRise() throws Exception {
    List<List<BigInteger>> taken =
        Threads.together(
            16,
            thread ->
                () ->
                    IntStream.range(0, 10)
                        .mapToObj(i -> crls.nextNumber(Certificates.ISSUER))
                        .toList());

    assertThat(taken).allSatisfy(numbers -> assertThat(numbers).isSorted());
    assertThat(taken.stream().flatMap(List::stream).sorted())
        .containsExactlyElementsOf(
            IntStream.rangeClosed(1, 160).mapToObj(BigInteger::valueOf).toList());
  }

  @Test
  void unknownIssuerHasNoNumbers() {
    assertThatThrownBy(() -> crls.nextNumber(new IssuerId("other")))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void publishedCrlIsTheRecordedBytesWithTheSignature() {
    CrlLedger.Recorded recorded = recordedNext();
    assertThat(crls.current(Certificates.ISSUER)).isEmpty();

    var signature = Certificates.sign(recorded.prepared().toBeSigned());
    assertThat(crls.publish(recorded, signature)).isTrue();

    PreparedCrl prepared = recorded.prepared();
    assertThat(crls.current(Certificates.ISSUER))
        .contains(
            new PublishedCrl(
                prepared.issuer(),
                prepared.number(),
                prepared.thisUpdate(),
                prepared.nextUpdate(),
                prepared.toBeSigned().with(signature)));
    assertThat(auditEvents("publish-crl")).isEqualTo(1);
  }

  @Test
  void currentNumberIsThatOfThePublishedCrlAndReadsNoMore() {
    assertThat(crls.currentNumber(Certificates.ISSUER)).isEmpty();
    CrlLedger.Recorded published = recordedNext();
    publish(published);
    recordedNext();
    // A row that cannot be read as a CRL has a number all the same.
    database.sql().update(CRLS).set(CRLS.SIGNATURE_SCHEME, "none").execute();

    assertThat(crls.currentNumber(Certificates.ISSUER)).contains(published.prepared().number());
    assertThat(crls.currentNumber(new IssuerId("other"))).isEmpty();
  }

  @Test
  void publicationDropsOlderOnesAndKeepsNewer() {
    CrlLedger.Recorded first = recordedNext();
    CrlLedger.Recorded second = recordedNext();
    CrlLedger.Recorded third = recordedNext();
    publish(first);

    publish(second);

    assertThat(database.sql().fetchValues(CRLS.NUMBER))
        .containsExactlyInAnyOrder(second.prepared().number(), third.prepared().number());
  }

  @Test
  void lowerNumberIsNotPublishedAfterAHigherOne() {
    CrlLedger.Recorded lower = recordedNext();
    CrlLedger.Recorded higher = recordedNext();
    assertThat(publish(higher)).isTrue();

    assertThat(publish(lower)).isFalse();
    assertThat(publish(higher)).isFalse();

    assertThat(current()).isEqualTo(higher.prepared().number());
  }

  @Test
  @DisplayName("RFC 5280 section 5.2.3: whichever order publications end in, the highest stays")
  void concurrentPublicationsLeaveTheHighest() throws Exception {
    for (int round = 0; round < 10; round++) {
      List<CrlLedger.Recorded> recorded = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        recorded.add(recordedNext());
      }

      List<Boolean> published = Threads.together(8, thread -> () -> publish(recorded.get(thread)));

      assertThat(published.getLast()).isTrue();
      assertThat(current()).isEqualTo(recorded.getLast().prepared().number());
      assertThat(database.sql().fetchCount(CRLS)).isEqualTo(1);
    }
  }

  @Test
  void readersNeverSeeAnOlderNumberAfterANewer() throws Exception {
    publish(recordedNext());
    List<CrlLedger.Recorded> recorded = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      recorded.add(recordedNext());
    }

    Threads.together(
        4,
        thread ->
            () -> {
              if (thread < 2) {
                for (int i = thread; i < 30; i += 2) {
                  publish(recorded.get(i));
                }
                return null;
              }
              BigInteger last = BigInteger.ZERO;
              for (int i = 0; i < 200; i++) {
                BigInteger seen = current();
                assertThat(seen).isGreaterThanOrEqualTo(last);
                last = seen;
              }
              return null;
            });
  }

  @Test
  void numberIsRecordedOnce() {
    CrlLedger.Recorded recorded = recordedNext();

    assertThatThrownBy(() -> crls.record(recorded.prepared()))
        .isInstanceOf(IntegrityConstraintViolationException.class);
  }

  @Test
  void publicationThatCannotBeAuditedDoesNotHappen() {
    CrlLedger.Recorded first = recordedNext();
    publish(first);
    CrlLedger.Recorded second = recordedNext();
    database.sql().execute("alter table audit_events rename to elsewhere");

    assertThatThrownBy(() -> publish(second)).isInstanceOf(DataAccessException.class);

    assertThat(current()).isEqualTo(first.prepared().number());
  }

  private CrlLedger.Recorded recordedNext() {
    return crls.record(Certificates.preparedCrl(crls.nextNumber(Certificates.ISSUER), NOW));
  }

  private boolean publish(CrlLedger.Recorded recorded) {
    ToBeSigned toBeSigned = recorded.prepared().toBeSigned();
    return crls.publish(recorded, Certificates.sign(toBeSigned));
  }

  private BigInteger current() {
    return crls.current(Certificates.ISSUER).orElseThrow().number();
  }
}
