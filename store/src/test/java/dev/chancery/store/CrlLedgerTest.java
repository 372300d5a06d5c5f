package dev.chancery.store;

import static dev.chancery.store.schema.Tables.CRLS;
import static dev.chancery.store.schema.Tables.ISSUERS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Octets;
import dev.chancery.core.PreparedCrl;
import dev.chancery.core.PublishedCrl;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.ToBeSigned;
import dev.chancery.testing.DatabaseKind;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.net.URI;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
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
  private static final CrlName NAME = CrlName.complete(Certificates.SCOPE);

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
    BigInteger first = BigInteger.valueOf(clock.millis());
    assertThat(taken.stream().flatMap(List::stream).sorted())
        .containsExactlyElementsOf(
            IntStream.range(0, 160).mapToObj(i -> first.add(BigInteger.valueOf(i))).toList());
  }

  @Test
  @DisplayName("RFC 5280 section 5.2.3: numbers rise when the clock is put back")
  void numbersRiseWithoutTheClock() {
    BigInteger before = crls.nextNumber(Certificates.ISSUER);
    clock.advance(Duration.ofDays(-1));
    assertThat(crls.nextNumber(Certificates.ISSUER)).isEqualTo(before.add(BigInteger.ONE));
  }

  @Test
  @DisplayName("RFC 5280 section 5.2.3: numbers rise when an old backup is restored")
  void numbersRiseAfterARestore() {
    BigInteger backedUp = crls.nextNumber(Certificates.ISSUER);
    clock.advance(Duration.ofHours(1));
    BigInteger last = BigInteger.ZERO;
    for (int i = 0; i < 50; i++) {
      last = crls.nextNumber(Certificates.ISSUER);
    }
    database.sql().update(ISSUERS).set(ISSUERS.LAST_CRL_NUMBER, backedUp).execute();
    clock.advance(Duration.ofSeconds(1));
    assertThat(crls.nextNumber(Certificates.ISSUER)).isGreaterThan(last);
  }

  @Test
  void unknownIssuerHasNoNumbers() {
    assertThatThrownBy(() -> crls.nextNumber(new IssuerId("other")))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void numbersOfListsThatWereSignedElsewhereAreUsedPublishedOrNot() throws Exception {
    assertThat(crls.usedNumber(Certificates.ISSUER)).isZero();
    crls.useNumber(Certificates.ISSUER, BigInteger.valueOf(9));
    crls.useNumber(Certificates.ISSUER, BigInteger.valueOf(8));
    assertThat(crls.usedNumber(Certificates.ISSUER)).isEqualTo(9);

    BigInteger elsewhere = BigInteger.valueOf(12);
    PreparedCrl list = Certificates.preparedCrl(Certificates.SCOPE, elsewhere, NOW);
    CrlLedger.Recorded recorded = crls.record(list).orElseThrow();
    assertThat(crls.usedNumber(Certificates.ISSUER)).isEqualTo(9);
    assertThat(publish(recorded)).isTrue();
    crls.useNumber(Certificates.ISSUER, BigInteger.TEN);
    reopen();
    assertThat(crls.usedNumber(Certificates.ISSUER)).isEqualTo(12);
    assertThat(crls.nextNumber(Certificates.ISSUER)).isGreaterThan(elsewhere);
  }

  @Test
  void publishedCrlIsTheRecordedOctetsWithTheSignature() throws Exception {
    CrlLedger.Recorded recorded = recordedNext();
    assertThat(crls.current(NAME)).isEmpty();

    CrlLedger.Signed signed = Certificates.sign(recorded);
    assertThat(publish(signed)).isTrue();

    PreparedCrl prepared = recorded.prepared();
    PublishedCrl published = crls.current(NAME).orElseThrow();
    assertThat(published)
        .extracting(
            PublishedCrl::scope,
            PublishedCrl::number,
            PublishedCrl::base,
            PublishedCrl::thisUpdate,
            PublishedCrl::nextUpdate)
        .containsExactly(
            prepared.scope(),
            prepared.number(),
            Optional.empty(),
            prepared.thisUpdate(),
            prepared.nextUpdate());
    byte[] encoded = Certificates.octets(published.encoded());
    assertThat(encoded)
        .isEqualTo(
            new ToBeSigned(Der.of(Certificates.octets(prepared.toBeSigned())), prepared.scheme())
                .with(signed.signature())
                .bytes())
        .hasSize((int) published.encoded().length());
    assertThat(auditEvents("publish-crl")).isEqualTo(1);
  }

  @Test
  @DisplayName(
      "A CRL longer than any column holds comes out as it went in, and is hashed on the way")
  void longOctets() throws Exception {
    byte[] octets = new byte[5 * 1024 * 1024 + 17];
    new Random(3).nextBytes(octets);
    CrlLedger.Recorded recorded = crls.record(with(Octets.of(octets), next())).orElseThrow();
    assertThat(recorded.spend().value())
        .isEqualTo(MessageDigest.getInstance("SHA-256").digest(octets));
    publish(recorded);

    byte[] encoded = Certificates.octets(crls.current(NAME).orElseThrow().encoded());
    assertThat(Arrays.copyOfRange(encoded, 5, 5 + octets.length)).isEqualTo(octets);
  }

  /** Octets that end before their length. */
  private static Octets shorter() {
    return new Octets() {
      @Override
      public long length() {
        return 4;
      }

      @Override
      public InputStream open() {
        return new ByteArrayInputStream(new byte[3]);
      }
    };
  }

  @Test
  @DisplayName("A CRL that cannot be read to its end, or changes under way, is not recorded")
  void brokenOctets() {
    BigInteger number = crls.nextNumber(Certificates.ISSUER);
    assertThatThrownBy(() -> crls.record(with(shorter(), number))).isInstanceOf(IOException.class);
    assertThat(database.sql().fetchValues(CRLS.STATE)).containsExactly("building");

    publish(recordedNext());
    assertThat(database.sql().fetchValues(CRLS.STATE)).containsExactly("published");
  }

  /** A CRL from elsewhere, as it is published. */
  private static byte[] encoded(PreparedCrl prepared, SignatureValue signature) {
    return new ToBeSigned(Der.of(Certificates.octets(prepared.toBeSigned())), prepared.scheme())
        .with(signature)
        .bytes();
  }

  private static SignatureValue signature(int octet) {
    return SignatureValue.of(new byte[] {(byte) octet});
  }

  @Test
  @DisplayName("A CRL from elsewhere is published under its number, over the one that was known")
  void takesIn() throws Exception {
    BigInteger one = BigInteger.ONE;
    PreparedCrl first = Certificates.preparedCrl(Certificates.SCOPE, one, NOW);
    assertThat(crls.takeIn(first, signature(1), Optional.empty())).isTrue();
    assertThat(Certificates.octets(crls.current(NAME).orElseThrow().encoded()))
        .isEqualTo(encoded(first, signature(1)));

    // What an attempt that ended has left under the number, built or recorded, is in no one's way.
    BigInteger two = BigInteger.TWO;
    assertThatThrownBy(() -> crls.record(with(shorter(), two))).isInstanceOf(IOException.class);
    PreparedCrl second = Certificates.preparedCrl(Certificates.SCOPE, two, NOW.plusSeconds(1));
    assertThat(crls.takeIn(second, signature(2), Optional.empty())).isFalse();
    assertThat(crls.takeIn(second, signature(2), Optional.of(one))).isTrue();
    assertThat(Certificates.octets(crls.current(NAME).orElseThrow().encoded()))
        .isEqualTo(encoded(second, signature(2)));
    assertThat(database.sql().fetchCount(CRLS)).isEqualTo(1);
    assertThat(auditEvents("publish-crl")).isEqualTo(2);

    PreparedCrl third = Certificates.preparedCrl(Certificates.SCOPE, BigInteger.valueOf(3), NOW);
    assertThat(crls.takeIn(third, signature(3), Optional.of(one))).isFalse();
    assertThatThrownBy(() -> crls.takeIn(second, signature(2), Optional.of(two)))
        .isInstanceOf(IllegalArgumentException.class);
    reopen();
    assertThat(current()).isEqualTo(two);
  }

  @Test
  @DisplayName(
      "A CRL from elsewhere that cannot be read to its end leaves nothing, and all as it was")
  void takesInWhole() throws Exception {
    publish(recordedNext());
    BigInteger published = current();
    BigInteger number = published.add(BigInteger.ONE);
    PreparedCrl left = with(Octets.of(new byte[4]), number);
    assertThat(crls.record(left)).isPresent();

    assertThatThrownBy(
            () -> crls.takeIn(with(shorter(), number), signature(1), Optional.of(published)))
        .isInstanceOf(IOException.class);
    assertThat(current()).isEqualTo(published);
    assertThat(database.sql().fetchValues(CRLS.STATE))
        .containsExactlyInAnyOrder("published", "recorded");
    assertThat(auditEvents("publish-crl")).isEqualTo(1);
  }

  @Test
  @DisplayName(
      "Of different CRLs from elsewhere with one number one is published, with its signature")
  void takesInOne() throws Exception {
    for (int round = 1; round <= 5; round++) {
      BigInteger number = BigInteger.valueOf(round);
      Optional<BigInteger> over = crls.currentNumber(NAME);
      List<PreparedCrl> lists =
          IntStream.range(0, 4)
              .mapToObj(
                  i -> Certificates.preparedCrl(Certificates.SCOPE, number, NOW.plusSeconds(i)))
              .toList();
      List<Boolean> taken =
          Threads.together(4, i -> () -> crls.takeIn(lists.get(i), signature(i), over));

      assertThat(taken).containsOnlyOnce(true);
      int one = taken.indexOf(true);
      assertThat(Certificates.octets(crls.current(NAME).orElseThrow().encoded()))
          .isEqualTo(encoded(lists.get(one), signature(one)));
    }
  }

  @Test
  @DisplayName("A CRL that a newer one overtakes while it is recorded is dropped, and not an error")
  void overtaken() throws Exception {
    byte[] octets = new byte[4 * 1024 * 1024];
    BigInteger number = next();
    Octets overtaken =
        new Octets() {
          @Override
          public long length() {
            return octets.length;
          }

          @Override
          public InputStream open() {
            return new ByteArrayInputStream(octets) {
              private boolean overtaken;

              @Override
              public synchronized int read(byte[] into, int offset, int length) {
                if (pos > octets.length / 2 && !overtaken) {
                  overtaken = true;
                  publish(recordedNext());
                }
                return super.read(into, offset, length);
              }
            };
          }
        };
    assertThat(crls.record(with(overtaken, number))).isEmpty();
    assertThat(current()).isGreaterThan(number);
    assertThat(database.sql().fetchCount(CRLS)).isEqualTo(1);
  }

  @Test
  @DisplayName(
      "A CRL that was dropped while it was read fails its reader, and is never half of two")
  void droppedWhileRead() throws Exception {
    publish(crls.record(with(Octets.of(new byte[600 * 1024]), next())).orElseThrow());
    PublishedCrl old = crls.current(NAME).orElseThrow();
    try (InputStream in = old.encoded().open()) {
      assertThat(in.readNBytes(1000)).hasSize(1000);
      publish(recordedNext());
      assertThatThrownBy(in::readAllBytes).isInstanceOf(IOException.class);
    }
  }

  @Test
  @DisplayName(
      "RFC 5280 section 5.2.4: a delta CRL appears with its complete one, and its base stays")
  void deltas() throws Exception {
    CrlName deltaName = CrlName.delta(Certificates.SCOPE);
    CrlLedger.Recorded base = recordedNext();
    publish(base);
    BigInteger start = base.prepared().number();
    for (int i = 0; i < 2; i++) {
      BigInteger number = next();
      CrlLedger.Recorded complete =
          crls.record(Certificates.preparedCrl(Certificates.SCOPE, number, NOW)).orElseThrow();
      CrlLedger.Recorded delta =
          crls.record(Certificates.preparedCrl(Certificates.SCOPE, number, Optional.of(start), NOW))
              .orElseThrow();
      assertThat(
              crls.publish(
                  Certificates.sign(complete),
                  Optional.of(Certificates.sign(delta)),
                  Optional.of(start)))
          .isTrue();
      assertThat(current()).isEqualTo(number);
      assertThat(crls.currentNumber(deltaName)).contains(number);
      assertThat(crls.current(deltaName).orElseThrow().base()).contains(start);
      assertThat(crls.base(Certificates.SCOPE).orElseThrow().number()).isEqualTo(start);
      assertThat(database.sql().fetchCount(CRLS)).isEqualTo(3);
    }
    publish(recordedNext());
    assertThat(database.sql().fetchCount(CRLS)).isEqualTo(1);
  }

  @Test
  @DisplayName("Each shard has its own CRLs; those of others are not dropped for them")
  void shards() throws Exception {
    CrlScope third = new CrlScope(Certificates.ISSUER, 3);
    publish(recordedNext());
    BigInteger whole = current();
    publish(crls.record(Certificates.preparedCrl(third, next(), NOW)).orElseThrow());

    assertThat(current()).isEqualTo(whole);
    assertThat(crls.currentNumber(CrlName.complete(third)).orElseThrow()).isGreaterThan(whole);
    assertThat(crls.currentNumber(CrlName.complete(new CrlScope(Certificates.ISSUER, 4))))
        .isEmpty();
  }

  @Test
  void locationsAreRememberedInTheirOrder() {
    assertThat(crls.scopes(Certificates.ISSUER)).containsExactly(Certificates.SCOPE);
    CrlScope third = new CrlScope(Certificates.ISSUER, 3);
    URI old = URI.create("http://old.example/crl/3.crl");
    URI young = URI.create("http://a.example/crl/3.crl");
    crls.addLocation(third, old);
    clock.advance(Duration.ofSeconds(1));
    crls.addLocation(third, young);
    crls.addLocation(third, young);

    assertThat(crls.locations(third)).containsExactly(old, young);
    assertThat(crls.scopes(Certificates.ISSUER)).containsExactly(Certificates.SCOPE, third);
    assertThat(crls.scopes(new IssuerId("other"))).hasSize(1);
  }

  @Test
  void currentNumberIsThatOfThePublishedCrlAndReadsNoMore() {
    assertThat(crls.currentNumber(NAME)).isEmpty();
    CrlLedger.Recorded published = recordedNext();
    publish(published);
    recordedNext();
    // A row that cannot be read as a CRL has a number all the same.
    database.sql().update(CRLS).set(CRLS.SIGNATURE_SCHEME, "none").execute();

    assertThat(crls.currentNumber(NAME)).contains(published.prepared().number());
    assertThat(crls.currentNumber(CrlName.complete(CrlScope.unsharded(new IssuerId("other")))))
        .isEmpty();
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

  private BigInteger next() {
    return crls.nextNumber(Certificates.ISSUER);
  }

  private static PreparedCrl with(Octets octets, BigInteger number) {
    return new PreparedCrl(
        Certificates.SCOPE,
        number,
        Optional.empty(),
        NOW,
        NOW.plus(Duration.ofDays(7)),
        SigningScheme.ECDSA_SHA256,
        octets);
  }

  private CrlLedger.Recorded recordedNext() {
    try {
      return crls.record(Certificates.preparedCrl(Certificates.SCOPE, next(), NOW)).orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private boolean publish(CrlLedger.Recorded recorded) {
    return publish(Certificates.sign(recorded));
  }

  private boolean publish(CrlLedger.Signed signed) {
    return crls.publish(signed, Optional.empty(), Optional.empty());
  }

  private BigInteger current() {
    return crls.currentNumber(NAME).orElseThrow();
  }

  @Test
  @DisplayName("A URL that is named again is the last one; CRLs up to its number may lack it")
  void locationsAreNumbered() {
    URI one = URI.create("http://one.example/crl/issuing.crl");
    URI two = URI.create("http://two.example/crl/issuing.crl");
    CrlScope shard = new CrlScope(Certificates.ISSUER, 1);
    assertThat(crls.locationsSince(Certificates.SCOPE)).isZero();
    crls.addLocation(Certificates.SCOPE, one);
    BigInteger first = crls.locationsSince(Certificates.SCOPE);
    assertThat(first).isLessThan(crls.nextNumber(Certificates.ISSUER));
    crls.addLocation(Certificates.SCOPE, one);
    assertThat(crls.locationsSince(Certificates.SCOPE)).isEqualTo(first);

    // The clock is put back meanwhile, which says nothing about the order.
    clock.advance(Duration.ofHours(-1));
    crls.addLocation(Certificates.SCOPE, two);
    assertThat(crls.locations(Certificates.SCOPE)).containsExactly(one, two);
    crls.addLocation(Certificates.SCOPE, one);
    assertThat(crls.locations(Certificates.SCOPE)).containsExactly(two, one);
    BigInteger again = crls.locationsSince(Certificates.SCOPE);
    assertThat(again).isGreaterThan(first);

    // The list of what names no shard has to say so from now on.
    crls.addLocation(shard, URI.create("http://one.example/crl/issuing/1.crl"));
    assertThat(crls.locationsSince(Certificates.SCOPE)).isGreaterThan(again);
    assertThat(crls.locationsSince(shard)).isEqualTo(crls.locationsSince(Certificates.SCOPE));
  }
}
