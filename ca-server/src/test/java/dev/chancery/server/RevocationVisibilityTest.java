package dev.chancery.server;

import static dev.chancery.store.schema.Tables.AUDIT_EVENTS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.AccountId;
import dev.chancery.core.Approval;
import dev.chancery.core.BouncyCastle;
import dev.chancery.core.Der;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.PreparedCertificate;
import dev.chancery.core.ProfileId;
import dev.chancery.core.RequestId;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.ToBeSigned;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.MemoryToken;
import dev.chancery.ocsp.ForeignSigner;
import dev.chancery.ocsp.OcspResponder;
import dev.chancery.ocsp.OcspSettings;
import dev.chancery.ocsp.ServedIssuer;
import dev.chancery.ocsp.StatusSource;
import dev.chancery.ocsp.StatusView;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.JooqIssuanceLedger;
import dev.chancery.store.JooqRevocationLedger;
import dev.chancery.store.JooqStatusJournal;
import dev.chancery.store.TokenAudit;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import io.micrometer.core.instrument.search.MeterNotFoundException;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.math.BigInteger;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.awaitility.Awaitility;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.CertificateID;
import org.bouncycastle.cert.ocsp.OCSPReqBuilder;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.operator.DigestCalculatorProvider;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Two responders that share nothing but a database, as on two nodes. */
@ParameterizedClass
@EnumSource(DatabaseKind.class)
@DisplayName("A revocation by one node, seen by another")
final class RevocationVisibilityTest {
  private static final IssuerId ISSUER = new IssuerId("issuing");
  private static final Duration BOUND = Duration.ofSeconds(2);

  @Parameter DatabaseKind kind;
  @TempDir Path folder;

  private final Clock clock = Clock.systemUTC();
  private final SecureRandom random = new SecureRandom();
  private Database database;
  private JooqRevocationLedger ledger;
  private X509CertificateHolder certificate;
  private SerialNumber serial;
  private Node here;
  private Node there;

  /** What one process has. */
  private record Node(StatusView view, OcspResponder responder, SimpleMeterRegistry metrics) {}

  @BeforeEach
  void start() throws Exception {
    TestDatabase where = kind.create(folder);
    database = Database.open(DatabaseSettings.of(where.url(), where.user(), where::password));
    ledger = new JooqRevocationLedger(database, clock);
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", BouncyCastle.PROVIDER);
    generator.initialize(256);
    KeyPair keys = generator.generateKeyPair();
    Instant now = clock.instant();
    certificate =
        new X509v3CertificateBuilder(
                new X500Name("CN=Issuing"),
                BigInteger.ONE,
                Date.from(now.minusSeconds(60)),
                Date.from(now.plusSeconds(9999)),
                new X500Name("CN=Issuing"),
                SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()))
            .build(
                new JcaContentSignerBuilder("SHA256withECDSA")
                    .setProvider(BouncyCastle.PROVIDER)
                    .build(keys.getPrivate()));
    SubjectPublicKey key = SubjectPublicKey.of(keys.getPublic());
    new IssuerRegistry(database).register(ISSUER, key);
    serial = issued(key);
    here = node(Duration.ofSeconds(30));
    there = node(Duration.ofNanos(1));
  }

  @AfterEach
  void stop() {
    here.view().close();
    there.view().close();
    database.close();
  }

  private SerialNumber issued(SubjectPublicKey key) throws Exception {
    JooqIssuanceLedger issuance = new JooqIssuanceLedger(database, clock);
    Instant now = clock.instant();
    IssuanceLedger.Recorded recorded =
        issuance.record(
            new PreparedCertificate(
                ISSUER,
                SerialNumber.next(now, random),
                new ProfileId("tls-server"),
                now,
                now.plusSeconds(9999),
                key,
                new Approval.ValidatedOrder(
                    new AccountId(UUID.randomUUID()), new RequestId(UUID.randomUUID())),
                new ToBeSigned(
                    Der.of(new DERSequence().getEncoded()), SigningScheme.ECDSA_SHA256)));
    assertThat(issuance.complete(recorded, SignatureValue.of(new byte[70]))).isPresent();
    return recorded.prepared().serial();
  }

  private Node node(Duration alert) throws Exception {
    MemoryToken token = new MemoryToken(random);
    KeyId id = new KeyId("0a");
    SubjectPublicKey key = token.generate(id, KeyAlgorithm.EC_P256);
    StatusView view = new StatusView(new JooqStatusJournal(database), BOUND, System::nanoTime);
    OcspResponder responder =
        new OcspResponder(
            List.of(
                new ServedIssuer(
                    ISSUER,
                    certificate,
                    // Whose certificate goes with the answers is of no matter here.
                    new ForeignSigner(
                        token.ocspKey(id, key, SigningScheme.ECDSA_SHA256), certificate, clock),
                    StatusSource.ledger(ledger, ISSUER))),
            view,
            clock,
            new OcspSettings(Duration.ofHours(1), Duration.ofMinutes(30), 100_000, true, 4));
    SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    new RevocationVisibility(
            metrics,
            new TokenAudit(database, clock),
            Map.of(RevocationVisibility.Place.OCSP, alert),
            clock)
        .watch(view, responder);
    return new Node(view, responder, metrics);
  }

  private boolean saysGood(Node node) throws Exception {
    DigestCalculatorProvider digests = new JcaDigestCalculatorProviderBuilder().build();
    byte[] request =
        new OCSPReqBuilder()
            .addRequest(
                new CertificateID(
                    digests.get(CertificateID.HASH_SHA1), certificate, serial.value()))
            .build()
            .getEncoded();
    OCSPResp response = new OCSPResp(node.responder().answer(request).encoded().bytes());
    BasicOCSPResp answer = (BasicOCSPResp) response.getResponseObject();
    return answer.getResponses()[0].getCertStatus() == null;
  }

  private static double seen(Node node) {
    return node.metrics().get("chancery.revocation.visible").tag("place", "ocsp").timer().count();
  }

  @Test
  @DisplayName("at once here, within the bound there, measured on both; too late is an event")
  void bothNodes() throws Exception {
    assertThat(saysGood(here)).isTrue();
    assertThat(saysGood(there)).isTrue();

    ledger.revoke(
        new Revocation(
            ISSUER,
            serial,
            RevocationReason.SUPERSEDED,
            clock.instant().truncatedTo(ChronoUnit.SECONDS),
            Optional.empty(),
            "admin alice"));
    here.view().look();

    assertThat(saysGood(here)).isFalse();
    Awaitility.await().atMost(BOUND.plusSeconds(1)).until(() -> !saysGood(there));
    // A meter is there from the first time that it is told something.
    Awaitility.await()
        .ignoreException(MeterNotFoundException.class)
        .untilAsserted(() -> {
          assertThat(seen(here)).isEqualTo(1);
          assertThat(seen(there)).isEqualTo(1);
          // Only the node that wants it within a nanosecond complains.
          assertThat(
                  there
                      .metrics()
                      .get("chancery.revocation.late")
                      .tag("place", "ocsp")
                      .counter()
                      .count())
              .isEqualTo(1);
          assertThat(
                  database
                      .sql()
                      .fetchCount(
                          AUDIT_EVENTS,
                          AUDIT_EVENTS
                              .ACTION
                              .eq("revocation-late")
                              .and(AUDIT_EVENTS.DETAIL.contains(serial.toString()))))
              .isEqualTo(1);
        });
    assertThat(here.metrics().find("chancery.revocation.late").counter()).isNull();
    assertThat(here.metrics().get("chancery.ocsp.status.age").gauge().value()).isBetween(0.0, 60.0);
  }

  @Test
  @DisplayName("Without the database kept answers end with the bound, and nothing is good after")
  void withoutDatabase() throws Exception {
    assertThat(saysGood(here)).isTrue();
    database.close();
    here.view().look();
    // What alerts look at grows, and does not vanish.
    double age = here.metrics().get("chancery.ocsp.status.age").gauge().value();
    assertThat(age).isBetween(0.0, 60.0);
    Thread.sleep(20);
    here.view().look();
    assertThat(here.metrics().get("chancery.ocsp.status.age").gauge().value())
        .isGreaterThanOrEqualTo(age + 0.02);
    OCSPReqBuilder request = new OCSPReqBuilder();
    request.addRequest(
        new CertificateID(
            new JcaDigestCalculatorProviderBuilder().build().get(CertificateID.HASH_SHA1),
            certificate,
            serial.value()));
    byte[] answer = here.responder().answer(request.build().getEncoded()).encoded().bytes();
    assertThat(new OCSPResp(answer).getStatus()).isEqualTo(OCSPResp.TRY_LATER);
  }
}
