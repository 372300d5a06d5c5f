package dev.chancery.crl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.TokenAway;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.testing.DatabaseKind;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.math.BigInteger;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1GeneralizedTime;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.x509.AuthorityKeyIdentifier;
import org.bouncycastle.asn1.x509.CRLReason;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.cert.X509CRLEntryHolder;
import org.bouncycastle.cert.X509CRLHolder;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** CRLs from revocation to shelf, on both databases. */
@ParameterizedClass
@EnumSource(DatabaseKind.class)
@Timeout(60)
final class CrlPublisherTest {
  private static final Duration MONTH = Duration.ofDays(30);

  @Parameter DatabaseKind kind;
  @TempDir Path folder;

  private CrlFixture crl;
  private CrlShelf shelf;
  private CrlPublisher publisher;

  @BeforeEach
  void open() throws Exception {
    crl = new CrlFixture(kind, folder);
    shelf = crl.shelf();
    publisher = crl.publisher(shelf);
  }

  @AfterEach
  void close() {
    publisher.close();
    crl.close();
  }

  private BigInteger publish() throws TokenAway, IOException {
    return publisher.publish(CrlFixture.SCOPE);
  }

  /** The number that was given out as the first, second and so on. */
  private BigInteger numbered(int which) {
    return which <= crl.crls.numbers().size() ? crl.crls.numbers().get(which - 1) : BigInteger.ZERO;
  }

  private static BigInteger number(X509CRLHolder crl) {
    return ASN1Integer.getInstance(crl.getExtension(Extension.cRLNumber).getParsedValue())
        .getValue();
  }

  @Test
  @DisplayName("RFC 5280 5.1: version 2, AKI, CRLNumber, times; no entries, so no list; no IDP")
  void emptyCrl() throws Exception {
    publish();

    X509CRLHolder list = crl.current();
    assertThat(list.toASN1Structure().getVersionNumber()).isEqualTo(2);
    assertThat(list.getIssuer()).isEqualTo(crl.issuer.certificate().getSubject());
    Instant now = crl.clock.instant().truncatedTo(ChronoUnit.SECONDS);
    assertThat(list.getThisUpdate().toInstant()).isEqualTo(now);
    assertThat(list.getNextUpdate().toInstant()).isEqualTo(now.plus(Duration.ofDays(7)));
    assertThat(AuthorityKeyIdentifier.fromExtensions(list.getExtensions()).getKeyIdentifierOctets())
        .isEqualTo(
            SubjectKeyIdentifier.fromExtensions(crl.issuer.certificate().getExtensions())
                .getKeyIdentifier());
    assertThat(number(list)).isEqualTo(numbered(1));
    assertThat(list.getExtensionOIDs().size()).isEqualTo(2);
    // RFC 5280 5.1.2.6: absent rather than empty, so five fields and the extensions are left.
    ASN1Encodable fields = list.toASN1Structure().getTBSCertList().toASN1Primitive();
    assertThat(ASN1Sequence.getInstance(fields).size()).isEqualTo(6);
  }

  @Test
  @DisplayName("RFC 5280 5.3: reasonCode, absent for unspecified; invalidityDate")
  void entries() throws Exception {
    X509CertificateHolder bare = crl.issued(MONTH);
    X509CertificateHolder compromised = crl.issued(MONTH);
    X509CertificateHolder good = crl.issued(MONTH);
    Instant invalid = Instant.parse("2026-01-02T03:04:05Z");
    crl.revoke(bare, RevocationReason.UNSPECIFIED);
    crl.revoke(compromised, RevocationReason.KEY_COMPROMISE, Optional.of(invalid));
    publish();

    X509CRLHolder list = crl.current();
    assertThat(list.getRevokedCertificates().size()).isEqualTo(2);
    assertThat(list.getRevokedCertificate(good.getSerialNumber())).isNull();
    X509CRLEntryHolder plain = list.getRevokedCertificate(bare.getSerialNumber());
    assertThat(plain.hasExtensions()).isFalse();
    assertThat(plain.getRevocationDate().toInstant())
        .isEqualTo(crl.clock.instant().truncatedTo(ChronoUnit.SECONDS));
    X509CRLEntryHolder full = list.getRevokedCertificate(compromised.getSerialNumber());
    assertThat(
            CRLReason.getInstance(full.getExtension(Extension.reasonCode).getParsedValue())
                .getValue())
        .isEqualTo(BigInteger.ONE);
    assertThat(
            ASN1GeneralizedTime.getInstance(
                    full.getExtension(Extension.invalidityDate).getParsedValue())
                .getDate()
                .toInstant())
        .isEqualTo(invalid);
  }

  @Test
  @DisplayName("RFC 5280 3.3: an expired certificate leaves after one CRL issued after its expiry")
  void expired() throws Exception {
    X509CertificateHolder certificate = crl.issued(Duration.ofHours(2));
    crl.revoke(certificate, RevocationReason.SUPERSEDED);
    publish();
    assertThat(crl.current().getRevokedCertificate(certificate.getSerialNumber())).isNotNull();

    // In the very second of the expiry, which is not after it.
    crl.clock.advance(Duration.between(crl.clock.instant(), expiry(certificate)));
    publish();
    assertThat(crl.current().getRevokedCertificate(certificate.getSerialNumber())).isNotNull();
    crl.clock.advance(Duration.ofDays(3));
    publish();
    assertThat(crl.current().getRevokedCertificate(certificate.getSerialNumber())).isNotNull();
    crl.clock.advance(Duration.ofSeconds(1));
    publish();
    assertThat(crl.current().getRevokedCertificate(certificate.getSerialNumber())).isNull();
  }

  @Test
  @DisplayName(
      "RFC 5280 3.3: a list from the future takes no unexpired certificate off the next one")
  void clockPutBack() throws Exception {
    X509CertificateHolder certificate = crl.issued(Duration.ofDays(10));
    crl.revoke(certificate, RevocationReason.KEY_COMPROMISE);
    publish();
    crl.clock.advance(MONTH);
    publish();
    publish();
    assertThat(crl.current().getRevokedCertificate(certificate.getSerialNumber())).isNull();

    crl.clock.advance(MONTH.negated());
    publish();
    assertThat(crl.current().getRevokedCertificate(certificate.getSerialNumber())).isNotNull();
    publish();
    assertThat(crl.current().getRevokedCertificate(certificate.getSerialNumber())).isNotNull();
  }

  @Test
  @DisplayName(
      "PostgreSQL that is lost in a build leaves the last CRL, and the next one is made after")
  void databaseLost() throws Exception {
    assumeThat(kind).isEqualTo(DatabaseKind.POSTGRESQL);
    X509CertificateHolder certificate = crl.issued(MONTH);
    crl.revoke(certificate, RevocationReason.SUPERSEDED);
    BigInteger before = publish();
    AtomicInteger builds = new AtomicInteger();
    RevocationLedger losing =
        (RevocationLedger)
            Proxy.newProxyInstance(
                RevocationLedger.class.getClassLoader(),
                new Class<?>[] {RevocationLedger.class},
                (proxy, method, arguments) -> {
                  if (method.getName().equals("forEachRevoked") && builds.incrementAndGet() == 1) {
                    crl.revocations.forEachRevoked(
                        CrlFixture.SCOPE, Instant.EPOCH, entry -> loseConnections());
                  }
                  try {
                    return method.invoke(crl.revocations, arguments);
                  } catch (InvocationTargetException e) {
                    throw e.getCause();
                  }
                });
    try (CrlPublisher unlucky = crl.publisher(shelf, losing)) {
      assertThatThrownBy(() -> unlucky.publish(CrlFixture.SCOPE))
          .isInstanceOf(RuntimeException.class);
      assertThat(crl.crls.currentNumber(CrlFixture.NAME)).contains(before);
      assertThat(crl.current().getRevokedCertificate(certificate.getSerialNumber())).isNotNull();
      BigInteger lost = crl.crls.numbers().getLast();
      assertThat(unlucky.publish(CrlFixture.SCOPE)).isGreaterThan(lost);
    }
    assertThat(crl.current().getRevokedCertificate(certificate.getSerialNumber())).isNotNull();
  }

  private void loseConnections() {
    crl.database
        .sql()
        .fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity"
                + " where datname = current_database() and pid <> pg_backend_pid()");
  }

  @Test
  @DisplayName("Lists of an issuer whose token is slow keep those of another waiting for none")
  void slowIssuer(@TempDir Path elsewhere) throws Exception {
    try (CrlFixture second = new CrlFixture(DatabaseKind.H2, elsewhere)) {
      IssuerId other = new IssuerId("other");
      new IssuerRegistry(crl.database).register(other, second.issuer.key().publicKey());
      for (int shard = 1; shard <= 5; shard++) {
        crl.crls.addLocation(
            new CrlScope(CrlFixture.ISSUER, shard),
            URI.create("http://pki.example/crl/issuing/" + shard + ".crl"));
      }
      List<CrlName> made = new CopyOnWriteArrayList<>();
      crl.token.setSlow(Duration.ofSeconds(2));
      try (CrlPublisher both =
          new CrlPublisher(
              List.of(
                  crl.issuer,
                  new CrlIssuer(
                      other,
                      second.issuer.certificate(),
                      second.issuer.key(),
                      CrlFixture.SETTINGS)),
              crl.crls,
              crl.revocations,
              crl.shelf(),
              crl.clock,
              made::add)) {
        both.requestPublish(CrlFixture.ISSUER);
        Thread.sleep(200);
        both.requestPublish(other);
        CrlName fast = CrlName.complete(CrlScope.unsharded(other));
        for (int i = 0; i < 1000 && !made.contains(fast); i++) {
          Thread.sleep(20);
        }
        assertThat(made).contains(fast);
        assertThat(made.indexOf(fast)).isLessThanOrEqualTo(2);
        crl.token.setSlow(Duration.ZERO);
      }
    }
  }

  private static Instant expiry(X509CertificateHolder certificate) {
    return certificate.getNotAfter().toInstant();
  }

  @Test
  @DisplayName("RFC 5280 5.2.3: numbers rise over restarts and nodes")
  void numbersRise() throws Exception {
    publish();
    try (CrlPublisher restarted = crl.publisher(crl.shelf())) {
      assertThat(restarted.publish(CrlFixture.SCOPE)).isEqualTo(numbered(2));
    }
    assertThat(publish()).isEqualTo(numbered(3));
    assertThat(number(crl.current())).isEqualTo(numbered(3));
  }

  @Test
  @DisplayName("RFC 5280 5.2.3: 8 publishers at once; numbers differ and no shelf ever goes back")
  void racing() throws Exception {
    X509CertificateHolder certificate = crl.issued(MONTH);
    crl.revoke(certificate, RevocationReason.SUPERSEDED);
    AtomicBoolean over = new AtomicBoolean();
    try (ExecutorService threads = Executors.newCachedThreadPool()) {
      List<Future<List<BigInteger>>> seen = new ArrayList<>();
      for (int reader = 0; reader < 2; reader++) {
        seen.add(threads.submit(() -> numbersOnTheShelf(over)));
      }
      List<Callable<BigInteger>> nodes = new ArrayList<>();
      for (int node = 0; node < 8; node++) {
        CrlPublisher own = crl.publisher(node % 2 == 0 ? shelf : crl.shelf());
        nodes.add(() -> {
          BigInteger last = BigInteger.ZERO;
          for (int i = 0; i < 10; i++) {
            last = own.publish(CrlFixture.SCOPE);
          }
          return last;
        });
      }
      try {
        for (Future<BigInteger> node : threads.invokeAll(nodes)) {
          node.get();
        }
      } finally {
        over.set(true);
      }
      for (Future<List<BigInteger>> reader : seen) {
        assertThat(reader.get()).isNotEmpty().isSorted();
      }
    }
    assertThat(new HashSet<>(crl.crls.numbers())).hasSize(80);
    assertThat(number(crl.current()))
        .isEqualTo(crl.crls.numbers().stream().max(BigInteger::compareTo).orElseThrow());
    assertThat(crl.current().getRevokedCertificate(certificate.getSerialNumber())).isNotNull();
  }

  private List<BigInteger> numbersOnTheShelf(AtomicBoolean over) {
    List<BigInteger> numbers = new ArrayList<>();
    while (!over.get()) {
      shelf.refresh(CrlFixture.NAME).ifPresent(copy -> numbers.add(copy.number()));
    }
    return numbers;
  }

  @ParameterizedTest
  @EnumSource(
      value = FaultyCrlLedger.Fault.class,
      names = {"NUMBER", "NUMBER_TAKEN", "RECORD", "RECORDED", "PUBLISH"})
  @DisplayName(
      "RFC 5280 5.2.3: a failed publication leaves the last CRL; its number is not used again")
  void failed(FaultyCrlLedger.Fault fault) throws Exception {
    publish();
    byte[] before = CrlFixture.octets(shelf.current(CrlFixture.NAME).orElseThrow());
    crl.crls.set(fault);
    assertThatThrownBy(this::publish).isInstanceOf(IllegalStateException.class);
    crl.crls.set(FaultyCrlLedger.Fault.NONE);
    crl.clock.advance(Duration.ofSeconds(5));
    assertThat(CrlFixture.octets(shelf.current(CrlFixture.NAME).orElseThrow())).isEqualTo(before);

    publish();
    assertThat(crl.crls.numbers()).doesNotHaveDuplicates().isSorted();
    assertThat(number(crl.current())).isEqualTo(crl.crls.numbers().getLast());
  }

  @Test
  @DisplayName("A CRL whose publication was committed but not confirmed is served")
  void failedAfterPublication() throws Exception {
    publish();
    crl.crls.set(FaultyCrlLedger.Fault.PUBLISHED);
    assertThatThrownBy(this::publish).isInstanceOf(IllegalStateException.class);
    crl.clock.advance(Duration.ofSeconds(5));
    assertThat(shelf.current(CrlFixture.NAME).orElseThrow().number()).isEqualTo(numbered(2));
  }

  @Test
  @DisplayName(
      "While the token is away the last CRL is served; a request is honoured when it is back")
  void tokenAway() throws Exception {
    publish();
    X509CertificateHolder certificate = crl.issued(MONTH);
    crl.revoke(certificate, RevocationReason.SUPERSEDED);
    crl.token.setAway(true);
    assertThatThrownBy(this::publish).isInstanceOf(TokenAway.class);
    publisher.requestPublish(CrlFixture.SCOPE);
    await(() -> crl.token.refused() > 4);
    assertThat(number(crl.current())).isEqualTo(numbered(1));

    crl.token.setAway(false);
    await(() -> crl.current().getRevokedCertificate(certificate.getSerialNumber()) != null);
  }

  @Test
  @DisplayName("An outage of the token costs one recorded CRL, however often it is tried")
  void tokenAwayForLong() throws Exception {
    publish();
    crl.token.setAway(true);
    publisher.requestPublish(CrlFixture.SCOPE);
    await(() -> crl.token.refused() > 6);
    assertThat(crl.crls.numbers()).hasSize(2);

    crl.token.setAway(false);
    await(() -> number(crl.current()).equals(numbered(3)));

    // The next outage is noticed anew.
    crl.token.setAway(true);
    assertThatThrownBy(this::publish).isInstanceOf(TokenAway.class);
    assertThatThrownBy(this::publish).isInstanceOf(TokenAway.class);
    assertThat(crl.crls.numbers()).hasSize(4);
  }

  @Test
  @DisplayName("A revocation that commits while a CRL is built leads to another; requests coalesce")
  void revokedWhileBuilding() throws Exception {
    CountDownLatch building = new CountDownLatch(1);
    CountDownLatch revoked = new CountDownLatch(1);
    AtomicInteger builds = new AtomicInteger();
    RevocationLedger slow =
        new Paused(
            crl.revocations,
            () -> {
              builds.incrementAndGet();
              building.countDown();
              assertThat(revoked.await(30, TimeUnit.SECONDS)).isTrue();
            });
    try (CrlPublisher own = crl.publisher(shelf, slow)) {
      own.requestPublish(CrlFixture.SCOPE);
      assertThat(building.await(30, TimeUnit.SECONDS)).isTrue();
      X509CertificateHolder certificate = crl.issued(MONTH);
      crl.revoke(certificate, RevocationReason.SUPERSEDED);
      for (int i = 0; i < 100; i++) {
        own.requestPublish(CrlFixture.SCOPE);
      }
      revoked.countDown();
      await(() ->
          crl.crls.current(CrlFixture.NAME).isPresent()
              && crl.current().getRevokedCertificate(certificate.getSerialNumber()) != null);
      Thread.sleep(200);
      assertThat(builds).hasValue(2);
    }
  }

  @Test
  @DisplayName("Who finds a CRL due while that CRL is being made does not have another made")
  void dueTwice() throws Exception {
    CountDownLatch building = new CountDownLatch(1);
    CountDownLatch asked = new CountDownLatch(1);
    try (CrlPublisher own =
        crl.publisher(
            shelf,
            new Paused(
                crl.revocations,
                () -> {
                  building.countDown();
                  assertThat(asked.await(30, TimeUnit.SECONDS)).isTrue();
                }))) {
      own.refreshDue();
      assertThat(building.await(30, TimeUnit.SECONDS)).isTrue();
      own.refreshDue();
      asked.countDown();
      await(() -> crl.crls.current(CrlFixture.NAME).isPresent());
      Thread.sleep(200);
      assertThat(crl.crls.numbers()).hasSize(1);
    }
  }

  @Test
  @DisplayName(
      "Closing waits for the CRL that is being made, so that it never meets what is closed")
  void closeWaits() throws Exception {
    CountDownLatch building = new CountDownLatch(1);
    CrlPublisher own =
        crl.publisher(
            shelf,
            new Paused(
                crl.revocations,
                () -> {
                  building.countDown();
                  Thread.sleep(500);
                }));
    own.requestPublish(CrlFixture.SCOPE);
    assertThat(building.await(30, TimeUnit.SECONDS)).isTrue();

    own.close();

    assertThat(number(crl.current())).isEqualTo(numbered(1));
    own.requestPublish(CrlFixture.SCOPE);
    Thread.sleep(100);
    assertThat(crl.crls.numbers()).hasSize(1);
  }

  @Test
  @DisplayName("Who waits for the first CRL goes on when there is one, and not for ever without")
  void awaitFirst() throws Exception {
    crl.token.setAway(true);
    publisher.refreshDue();
    assertThat(publisher.awaitCurrent(Duration.ofMillis(100))).isFalse();

    crl.token.setAway(false);
    assertThat(publisher.awaitCurrent(Duration.ofSeconds(30))).isTrue();
    assertThat(number(crl.current())).isPositive();

    crl.clock.advance(CrlFixture.SETTINGS.validity());
    assertThat(publisher.awaitCurrent(Duration.ZERO)).isFalse();
    crl.crls.set(FaultyCrlLedger.Fault.EVERYTHING);
    assertThat(publisher.awaitCurrent(Duration.ZERO)).isFalse();
  }

  @Test
  @DisplayName("Closing does not wait out the pause before the next try")
  void closeDuringPause() throws Exception {
    CoalescedTask.Pause minute =
        new CoalescedTask.Pause(Duration.ofMinutes(1), Duration.ofMinutes(1));
    CrlPublisher own = crl.publisher(shelf, crl.revocations, CrlFixture.SETTINGS, minute);
    crl.token.setAway(true);
    own.requestPublish(CrlFixture.SCOPE);
    await(() -> crl.token.refused() > 0);
    Thread.sleep(100);

    Instant begin = Instant.now();
    own.close();
    assertThat(Instant.now()).isBefore(begin.plusSeconds(4));
  }

  @Test
  @DisplayName("A CRL is replaced in good time before its nextUpdate, once for all nodes")
  void refresh() throws Exception {
    publisher.refreshDue();
    await(() -> crl.crls.current(CrlFixture.NAME).isPresent());
    CrlShelf otherShelf = crl.shelf();
    try (CrlPublisher other = crl.publisher(otherShelf)) {
      other.refreshDue();
      crl.clock.advance(Duration.ofDays(1).minusSeconds(1));
      publisher.refreshDue();
      other.refreshDue();
      Thread.sleep(200);
      assertThat(crl.crls.numbers()).hasSize(1);

      crl.clock.advance(Duration.ofSeconds(1));
      publisher.refreshDue();
      await(() -> number(crl.current()).equals(numbered(2)));
      other.refreshDue();
      Thread.sleep(200);
      assertThat(crl.crls.numbers()).hasSize(2);
      assertThat(otherShelf.current(CrlFixture.NAME).orElseThrow().number()).isEqualTo(numbered(2));
    }
  }

  @Test
  @DisplayName("A revocation whose node died before it asked for a CRL reaches one by any node")
  void revocationWithoutARequestIsFound() throws Exception {
    X509CertificateHolder certificate = crl.issued(MONTH);
    publish();
    crl.clock.advance(Duration.ofSeconds(2));
    crl.revoke(certificate, RevocationReason.KEY_COMPROMISE);

    try (CrlPublisher other = crl.publisher(crl.shelf())) {
      other.refreshDue();
      await(() -> number(crl.current()).equals(numbered(2)));
    }

    assertThat(crl.current().getRevokedCertificate(certificate.getSerialNumber())).isNotNull();
  }

  @Test
  @DisplayName("A revocation that a CRL may just have missed gets one more, and then no more")
  void revocationsOfTheLastMinuteAreCheckedOnce() throws Exception {
    X509CertificateHolder missed = crl.issued(MONTH);
    publish();
    // Recorded by a clock that is behind, or committed after the look.
    crl.clock.advance(Duration.ofSeconds(-20));
    crl.revoke(missed, RevocationReason.KEY_COMPROMISE);
    crl.clock.advance(Duration.ofSeconds(20));

    publisher.refreshDue();
    Thread.sleep(200);
    assertThat(crl.crls.numbers()).hasSize(1);

    crl.clock.advance(Duration.ofSeconds(45));
    publisher.refreshDue();
    await(() -> number(crl.current()).equals(numbered(2)));
    assertThat(crl.current().getRevokedCertificate(missed.getSerialNumber())).isNotNull();

    for (int minute = 0; minute < 5; minute++) {
      publisher.refreshDue();
      Thread.sleep(50);
      crl.clock.advance(Duration.ofSeconds(30));
    }
    assertThat(crl.crls.numbers()).hasSize(2);
  }

  @Test
  @DisplayName("A revocation whose CRL was published costs one CRL more at most")
  void publishedRevocationIsNotPublishedForEver() throws Exception {
    crl.revoke(crl.issued(MONTH), RevocationReason.SUPERSEDED);
    publish();

    for (int i = 0; i < 30; i++) {
      publisher.refreshDue();
      Thread.sleep(50);
      crl.clock.advance(Duration.ofSeconds(10));
    }

    assertThat(crl.crls.numbers()).hasSize(2);
  }

  private interface Condition {
    boolean holds() throws Exception;
  }

  private static void await(Condition condition) throws Exception {
    Instant end = Instant.now().plusSeconds(30);
    while (!condition.holds()) {
      assertThat(Instant.now()).isBefore(end);
      Thread.sleep(10);
    }
  }

  private interface Pause {
    void take() throws InterruptedException;
  }

  /** What a publisher uses of a ledger, with a pause after each look at the revocations. */
  private static final class Paused implements RevocationLedger {
    private final RevocationLedger real;
    private final Pause pause;

    Paused(RevocationLedger real, Pause pause) {
      this.real = real;
      this.pause = pause;
    }

    @Override
    public boolean anyRecorded(CrlScope scope, Instant after, Instant until) {
      return real.anyRecorded(scope, after, until);
    }

    @Override
    public List<SerialNumber> released(CrlScope scope, Optional<SerialNumber> after, int most) {
      return real.released(scope, after, most);
    }

    @Override
    public void forgetReleases(CrlScope scope, Instant before) {
      real.forgetReleases(scope, before);
    }

    @Override
    public void forEachRevoked(CrlScope scope, Instant after, Consumer<Entry> consumer) {
      real.forEachRevoked(scope, after, consumer);
      try {
        pause.take();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public Outcome revoke(Revocation revocation) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Released release(IssuerId issuer, SerialNumber serial, String by) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Abandoned abandon(Revocation revocation) {
      throw new UnsupportedOperationException();
    }

    @Override
    public CertificateStatus status(IssuerId issuer, SerialNumber serial) {
      throw new UnsupportedOperationException();
    }
  }
}
