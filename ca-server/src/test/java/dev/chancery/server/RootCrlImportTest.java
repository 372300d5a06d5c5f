package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.CrlLedger;
import dev.chancery.core.CrlScope;
import dev.chancery.core.Octets;
import dev.chancery.core.PreparedCrl;
import dev.chancery.core.PublishedCrl;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.store.JooqCrlLedger;
import dev.chancery.store.JooqIssuanceLedger;
import dev.chancery.store.JooqRevocationLedger;
import dev.chancery.testing.AdjustableClock;
import java.math.BigInteger;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import org.bouncycastle.asn1.ASN1Enumerated;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.CRLNumber;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.cert.X509CRLHolder;
import org.bouncycastle.cert.X509v2CRLBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("The import of a root's CRL")
class RootCrlImportTest {
  private static final BigInteger STRANGER = BigInteger.valueOf(0x0a0b);

  @TempDir Path folder;
  private final AdjustableClock clock =
      new AdjustableClock(Instant.now().truncatedTo(ChronoUnit.SECONDS));
  private OpenedHome opened;
  private RootCrlImport.Ledgers ledgers;
  private RootCrlImport lists;
  private BigInteger issuing;

  @BeforeEach
  void open() throws Exception {
    Path home = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", home.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    opened = OpenedHome.open(home, clock);
    ledgers =
        new RootCrlImport.Ledgers(
            new JooqIssuanceLedger(opened.database(), clock),
            new JooqRevocationLedger(opened.database(), clock),
            new JooqCrlLedger(opened.database(), clock));
    lists = new RootCrlImport(ledgers, Initialization.ROOT, clock);
    issuing = PemFile.certificates(home.resolve("ca/issuing.pem")).getFirst().getSerialNumber();
    clock.advance(Duration.ofHours(1));
  }

  @AfterEach
  void close() {
    opened.close();
  }

  private BigInteger published() {
    return RootCrl.current(ledgers.crls(), Initialization.ROOT).orElseThrow().number();
  }

  private final Instant began = Instant.now().truncatedTo(ChronoUnit.SECONDS);

  private X509CRLHolder list(BigInteger... revoked) throws Exception {
    return list(began, RevocationReason.SUPERSEDED, revoked);
  }

  private X509CRLHolder list(Instant at, RevocationReason reason, BigInteger... revoked)
      throws Exception {
    return list(at, BigInteger.valueOf(reason.code()), revoked);
  }

  private X509CRLHolder list(Instant at, BigInteger reason, BigInteger... revoked)
      throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(256);
    X509v2CRLBuilder builder =
        new X509v2CRLBuilder(new X500Name("CN=Root"), Date.from(clock.instant()));
    builder.setNextUpdate(Date.from(clock.instant().plus(Duration.ofDays(365))));
    builder.addExtension(Extension.cRLNumber, false, new CRLNumber(BigInteger.ONE));
    for (BigInteger serial : revoked) {
      builder.addCRLEntry(
          serial,
          Date.from(at),
          new Extensions(
              new Extension(
                  Extension.reasonCode, false, new ASN1Enumerated(reason).getEncoded("DER"))));
    }
    return builder.build(
        new JcaContentSignerBuilder("SHA256withECDSA")
            .build(generator.generateKeyPair().getPrivate()));
  }

  @Test
  @DisplayName("refuses a list that says something else than the published one, or does not revoke")
  void saysOtherwise() throws Exception {
    Instant at = clock.instant();
    publish(list(at, RevocationReason.KEY_COMPROMISE, STRANGER));
    clock.advance(Duration.ofDays(1));
    X509CRLHolder later = list(at.plusSeconds(60), RevocationReason.KEY_COMPROMISE, STRANGER);
    X509CRLHolder milder = list(at, RevocationReason.SUPERSEDED, STRANGER);
    for (X509CRLHolder other : List.of(later, milder)) {
      assertThatThrownBy(() -> lists.requireWhole(other))
          .isInstanceOf(CommandFailed.class)
          .hasMessageContaining("the root's CRL revokes " + SerialNumber.of(STRANGER))
          .hasMessageContaining("and the published one at " + at + ", keyCompromise");
    }
    for (RevocationReason reason :
        List.of(RevocationReason.REMOVE_FROM_CRL, RevocationReason.CERTIFICATE_HOLD)) {
      X509CRLHolder soft = list(at, reason, STRANGER);
      assertThatThrownBy(() -> lists.requireWhole(soft))
          .hasMessageContaining("the root's CRL has " + reason)
          .hasMessageContaining("which does not revoke for good");
    }
    X509CRLHolder twice = list(at, RevocationReason.KEY_COMPROMISE, STRANGER, STRANGER);
    assertThatThrownBy(() -> lists.requireWhole(twice))
        .hasMessageContaining("has two entries for " + SerialNumber.of(STRANGER));
    lists.requireWhole(list(at, RevocationReason.KEY_COMPROMISE, STRANGER));

    // What was on hold is revoked for good.
    publish(list(at, RevocationReason.CERTIFICATE_HOLD, STRANGER));
    lists.requireWhole(list(at, RevocationReason.KEY_COMPROMISE, STRANGER));
  }

  @Test
  @DisplayName("refuses a list with a reason that is none, and says the same of a published one")
  void noReasons() throws Exception {
    Instant at = clock.instant();
    for (BigInteger none : List.of(BigInteger.valueOf(7), BigInteger.ONE.shiftLeft(40))) {
      X509CRLHolder odd = list(at, none, STRANGER);
      assertThatThrownBy(() -> lists.requireWhole(odd))
          .isInstanceOf(CommandFailed.class)
          .hasMessage(
              "a CRL of the root has for %s not a reason of RFC 5280: %s"
                  .formatted(SerialNumber.of(STRANGER), none));
    }
    publish(list(at, BigInteger.ONE.shiftLeft(40), STRANGER));
    X509CRLHolder next = list(at, RevocationReason.KEY_COMPROMISE, STRANGER);
    assertThatThrownBy(() -> lists.requireWhole(next))
        .isInstanceOf(CommandFailed.class)
        .hasMessageContaining("a CRL of the root has for");
  }

  private void publish(X509CRLHolder list) throws Exception {
    PreparedCrl prepared =
        new PreparedCrl(
            CrlScope.unsharded(Initialization.ROOT),
            published().add(BigInteger.ONE),
            Optional.empty(),
            list.getThisUpdate().toInstant(),
            list.getNextUpdate().toInstant(),
            SigningScheme.ECDSA_SHA256,
            Octets.of(list.toASN1Structure().getTBSCertList().getEncoded("DER")));
    CrlLedger.Recorded recorded = ledgers.crls().record(prepared).orElseThrow();
    SignatureValue signature = SignatureValue.of(list.toASN1Structure().getSignature().getOctets());
    assertThat(
            ledgers
                .crls()
                .publish(
                    new CrlLedger.Signed(recorded, signature), Optional.empty(), Optional.empty()))
        .isTrue();
  }

  @Test
  @DisplayName("tells a number that is not higher than the published one, or one that is used")
  void numbers() throws Exception {
    X509CRLHolder list = list();
    assertThat(lists.tooLow(list, BigInteger.ONE)).contains(published() + " is published");
    assertThat(lists.tooLow(list, published())).contains(published() + " is published");
    assertThat(lists.tooLow(list, higher(1))).isEmpty();
    assertThat(lists.next()).isEqualTo(higher(1));

    lists.giveUp(higher(5));
    lists.giveUp(higher(3));
    assertThat(lists.next()).isEqualTo(higher(6));
    assertThat(lists.tooLow(list, higher(5)))
        .contains(
            "a list with a number up to %d was given up, or refused: the next one's is %d or higher"
                .formatted(higher(5), higher(6)));
    assertThat(lists.tooLow(list, higher(1))).isPresent();
    assertThat(lists.tooLow(list, higher(6))).isEmpty();

    // One that is refused is signed all the same.
    X509CRLHolder two = list(STRANGER, STRANGER);
    assertThatThrownBy(() -> lists.tooLow(two, higher(7)))
        .isInstanceOf(CommandFailed.class)
        .hasMessageContaining("has two entries for ")
        .hasMessageEndingWith("; the number of the next list is " + higher(8) + " or higher");
    assertThat(lists.tooLow(list, higher(7))).isPresent();
    assertThat(lists.tooLow(list, higher(8))).isEmpty();
  }

  private BigInteger higher(int by) {
    return published().add(BigInteger.valueOf(by));
  }

  @Test
  @DisplayName("refuses a list that says something else than the ledger, though none was published")
  void saysOtherwiseThanTheLedger() throws Exception {
    Instant at = clock.instant();
    revoke(RevocationReason.CERTIFICATE_HOLD, at);
    X509CRLHolder right = list(at, RevocationReason.CA_COMPROMISE, issuing);
    lists.requireWhole(right);

    revoke(RevocationReason.CA_COMPROMISE, at);
    lists.requireWhole(right);
    X509CRLHolder later = list(at.plusSeconds(60), RevocationReason.CA_COMPROMISE, issuing);
    X509CRLHolder milder = list(at, RevocationReason.SUPERSEDED, issuing);
    for (X509CRLHolder other : List.of(later, milder)) {
      assertThatThrownBy(() -> lists.requireWhole(other))
          .isInstanceOf(CommandFailed.class)
          .hasMessageContaining("the root's CRL revokes " + SerialNumber.of(issuing))
          .hasMessageContaining("and the database at " + at + ", cACompromise");
    }
  }

  @Test
  @DisplayName("takes what was on hold as revoked from when the hold began, and the next list too")
  void heldBefore() throws Exception {
    Instant held = clock.instant();
    revoke(RevocationReason.CERTIFICATE_HOLD, held);
    clock.advance(Duration.ofDays(2));
    X509CRLHolder ofTheDay = list(clock.instant(), RevocationReason.CA_COMPROMISE, issuing);
    assertThatThrownBy(() -> lists.requireWhole(ofTheDay))
        .isInstanceOf(CommandFailed.class)
        .hasMessage(
            "the root's CRL revokes %s at %s, cACompromise, and the database at %s, certificateHold:"
                    .formatted(SerialNumber.of(issuing), clock.instant(), held)
                + " it counts from when the hold began");

    X509CRLHolder right = list(held, RevocationReason.CA_COMPROMISE, issuing);
    lists.requireWhole(right);
    lists.revoke(right, higher(1), "ceremony test");
    // An import that ended here is done again.
    lists.requireWhole(right);
    publish(right);
    clock.advance(Duration.ofDays(1));
    lists.requireWhole(list(held, RevocationReason.CA_COMPROMISE, issuing));
  }

  @Test
  @DisplayName(
      "goes by the published list where that and the ledger differ, so that one can follow")
  void publishedCounts() throws Exception {
    Instant published = clock.instant();
    publish(list(published, RevocationReason.CA_COMPROMISE, issuing));
    revoke(RevocationReason.SUPERSEDED, published.minusSeconds(60));
    clock.advance(Duration.ofDays(1));

    lists.requireWhole(list(published, RevocationReason.CA_COMPROMISE, issuing));
    X509CRLHolder asTheLedger =
        list(published.minusSeconds(60), RevocationReason.SUPERSEDED, issuing);
    assertThatThrownBy(() -> lists.requireWhole(asTheLedger))
        .hasMessageContaining("and the published one at " + published + ", cACompromise");
  }

  @Test
  @DisplayName("publishes no list when someone has revoked or held one of it meanwhile")
  void revokedMeanwhile() throws Exception {
    Instant at = clock.instant();
    X509CRLHolder list = list(at, RevocationReason.CA_COMPROMISE, issuing);
    lists.requireWhole(list);
    revoke(RevocationReason.CERTIFICATE_HOLD, at.minusSeconds(60));
    BigInteger number = higher(1);
    assertThatThrownBy(() -> lists.revoke(list, number, "ceremony test"))
        .isInstanceOf(CommandFailed.class)
        .hasMessageContaining("and the database at " + at.minusSeconds(60) + ", cACompromise")
        .hasMessageEndingWith("; the number of the next list is " + higher(2) + " or higher");
    assertThat(lists.next()).isEqualTo(higher(2));
    lists.requireWhole(list(at.minusSeconds(60), RevocationReason.CA_COMPROMISE, issuing));
  }

  @Test
  @DisplayName("has the ledger know what the published list revokes, but not what that held")
  void publishedBefore() throws Exception {
    Instant at = clock.instant();
    lists.revokePublished();
    publish(list(at, RevocationReason.CERTIFICATE_HOLD, issuing));
    lists.revokePublished();
    assertThat(ledgers.revocations().status(Initialization.ROOT, SerialNumber.of(issuing)))
        .isInstanceOf(CertificateStatus.Good.class);

    publish(list(at, RevocationReason.CA_COMPROMISE, issuing, STRANGER));
    lists.revokePublished();
    assertThat(ledgers.revocations().status(Initialization.ROOT, SerialNumber.of(issuing)))
        .isInstanceOfSatisfying(
            CertificateStatus.Revoked.class, revoked -> assertThat(revoked.at()).isEqualTo(at));
    assertThat(lists.unknown(List.of(SerialNumber.of(issuing), SerialNumber.of(STRANGER))))
        .containsExactly(SerialNumber.of(STRANGER));
  }

  private void revoke(RevocationReason reason, Instant at) {
    RevocationLedger.Outcome _ =
        ledgers
            .revocations()
            .revoke(
                new Revocation(
                    Initialization.ROOT,
                    SerialNumber.of(issuing),
                    reason,
                    at,
                    Optional.empty(),
                    "admin alice"));
  }

  @Test
  @DisplayName("refuses a list that forgets what the ledger has revoked")
  void forgetsTheLedger() throws Exception {
    lists.requireWhole(list());
    revoke(RevocationReason.CA_COMPROMISE, clock.instant());

    assertThatThrownBy(() -> lists.requireWhole(list(STRANGER)))
        .isInstanceOf(CommandFailed.class)
        .hasMessageContaining("lacks 1 certificates that are revoked: ")
        .hasMessageContaining(SerialNumber.of(issuing).toString());
    lists.requireWhole(list(clock.instant(), RevocationReason.CA_COMPROMISE, issuing));
  }

  @Test
  @DisplayName("refuses a list that forgets what the published one has, known to the ledger or not")
  void forgetsTheList() throws Exception {
    X509CRLHolder before = list(STRANGER, issuing);
    publish(before);
    assertThat(lists.isPublished(before)).isTrue();
    clock.advance(Duration.ofDays(1));

    assertThatThrownBy(() -> lists.requireWhole(list(issuing)))
        .hasMessageContaining(SerialNumber.of(STRANGER).toString());
    assertThatThrownBy(() -> lists.requireWhole(list(STRANGER)))
        .hasMessageContaining(SerialNumber.of(issuing).toString());
    X509CRLHolder whole = list(STRANGER, issuing);
    lists.requireWhole(whole);
    assertThat(lists.isPublished(whole)).isFalse();

    // What has ended may go, when the ledger knows that it has.
    clock.advance(Duration.ofDays(40 * 366));
    lists.requireWhole(list(STRANGER));
  }

  @Test
  @DisplayName("has the ledger know what is revoked, and the list is not due for that")
  void rows() throws Exception {
    X509CRLHolder list = list(STRANGER, issuing);
    publish(list);
    clock.advance(Duration.ofMinutes(1));
    lists.revoke(list, published(), "ceremony test");
    lists.revoke(list, published(), "ceremony test");

    assertThat(ledgers.revocations().status(Initialization.ROOT, SerialNumber.of(issuing)))
        .isInstanceOf(CertificateStatus.Revoked.class);
    RootCrl root = new RootCrl(Initialization.ROOT, ledgers.crls(), ledgers.revocations(), clock);
    assertThat(root.due()).isEmpty();
    publish(list());
    PublishedCrl now = RootCrl.current(ledgers.crls(), Initialization.ROOT).orElseThrow();
    assertThat(RootCrl.decoded(now).getRevokedCertificates().size()).isZero();
    assertThat(root.lacking(RootCrl.decoded(now), clock.instant()))
        .containsExactly(SerialNumber.of(issuing));
  }
}
