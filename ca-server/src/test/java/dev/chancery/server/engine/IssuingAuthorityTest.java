package dev.chancery.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.chancery.core.Approval;
import dev.chancery.core.CertificateRecord.State;
import dev.chancery.core.CertificateStatus;
import dev.chancery.core.CrlScope;
import dev.chancery.core.DnsName;
import dev.chancery.core.EmailName;
import dev.chancery.core.IpName;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Name;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.hsm.SoftwareKey;
import dev.chancery.server.profiles.BuiltInProfiles;
import dev.chancery.store.CompromisedKeys;
import dev.chancery.testing.DatabaseKind;
import java.math.BigInteger;
import java.net.URI;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.CRLDistPoint;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(DatabaseKind.class)
class IssuingAuthorityTest {
  private static final DnsName NAME = new DnsName("www.example.com");

  @Parameter DatabaseKind kind;
  @TempDir Path folder;
  private Engine engine;

  @BeforeEach
  void open() throws Exception {
    engine = Engine.on(kind, folder);
  }

  @AfterEach
  void close() {
    engine.close();
  }

  @Test
  @DisplayName("the ledger knows what was issued, and under which request")
  void issues() throws Exception {
    IssuanceRequest request = Engine.request(NAME);

    IssuedCertificate issued = engine.authority.issue(request);

    assertThat(engine.authority.find(Engine.ISSUING, issued.serial()))
        .hasValueSatisfying(known -> {
          assertThat(known.state()).isEqualTo(State.ISSUED);
          assertThat(known.certificate()).contains(issued.encoded());
          assertThat(known.request()).isEqualTo(request.approval().request());
          assertThat(known.profile()).isEqualTo(Engine.TLS_SERVER);
          assertThat(known.notAfter()).isEqualTo(issued.notAfter());
        });
    assertThat(engine.authority.settle(request.approval().request())).contains(issued);
    assertThat(engine.revocations.status(Engine.ISSUING, issued.serial()))
        .isEqualTo(new CertificateStatus.Good());
  }

  @Test
  @DisplayName("settle: the newest issued certificate that is not revoked wins")
  void settlesNewest() throws Exception {
    IssuanceRequest request = Engine.request(NAME);
    IssuedCertificate first = engine.authority.issue(request);
    engine.clock.advance(Duration.ofSeconds(1));
    IssuedCertificate second = engine.authority.issue(request);
    assertThat(engine.authority.settle(request.approval().request())).contains(second);

    engine.authority.revoke(revocation(second.serial(), RevocationReason.SUPERSEDED));

    assertThat(engine.authority.settle(request.approval().request())).contains(first);
    assertThat(engine.authority.settle(Engine.requestId())).isEmpty();
  }

  @Test
  @DisplayName("a revocation is committed, announced and told")
  void revokes() throws Exception {
    IssuedCertificate issued = engine.authority.issue(Engine.request(NAME));

    engine.authority.revoke(revocation(issued.serial(), RevocationReason.KEY_COMPROMISE));

    assertThat(engine.announced).containsExactly(CrlScope.unsharded(Engine.ISSUING));
    assertThat(engine.revocations.status(Engine.ISSUING, issued.serial()))
        .isInstanceOfSatisfying(
            CertificateStatus.Revoked.class,
            status -> assertThat(status.reason()).isEqualTo(RevocationReason.KEY_COMPROMISE));
    refused(
        Reason.ALREADY_REVOKED,
        "revoked before",
        () -> engine.authority.revoke(revocation(issued.serial(), RevocationReason.SUPERSEDED)));
    assertThat(engine.announced).hasSize(1);
  }

  @Test
  @DisplayName(
      "RFC 5280 4.2.1.13: a certificate names the CRL of its shard, which the ledger keeps")
  void shards() throws Exception {
    List<URI> crls =
        IntStream.rangeClosed(1, 4)
            .mapToObj(shard -> URI.create("http://pki.example/crl/issuing/" + shard + ".crl"))
            .toList();
    Issuer sharded =
        Issuer.of(
            Engine.ISSUING,
            engine.issuing.certificate().orElseThrow(),
            List.of(),
            engine.issuing.key(),
            new Issuer.Urls(Engine.URLS.crl(), crls, Engine.URLS.ocsp(), Engine.URLS.caIssuers()));
    IssuingAuthority authority =
        new IssuingAuthority(
            new Catalogue(List.of(sharded), engine.profiles.values()),
            engine.issuance,
            engine.revocations,
            engine.clock,
            engine.random,
            engine.announced::add);
    Set<Integer> shards = new HashSet<>();
    for (int i = 0; i < 40; i++) {
      IssuedCertificate issued = authority.issue(Engine.request(NAME));
      CrlScope scope =
          engine.issuance.find(Engine.ISSUING, issued.serial()).orElseThrow().crlScope();
      shards.add(scope.shard());
      assertThat(
              CRLDistPoint.fromExtensions(
                      new X509CertificateHolder(issued.encoded().bytes()).getExtensions())
                  .toString())
          .contains(crls.get(scope.shard() - 1).toString());
      if (i == 0) {
        authority.revoke(revocation(issued.serial(), RevocationReason.SUPERSEDED));
        assertThat(engine.announced).containsExactly(scope);
      }
    }
    assertThat(shards).containsExactlyInAnyOrder(1, 2, 3, 4);
  }

  @Test
  @DisplayName("revocations that are refused change nothing")
  void refusesRevocations() throws Exception {
    IssuedCertificate issued = engine.authority.issue(Engine.request(NAME));
    refused(
        Reason.NOT_FOUND,
        "no such certificate",
        () ->
            engine.authority.revoke(
                revocation(SerialNumber.of(BigInteger.TEN), RevocationReason.UNSPECIFIED)));
    refused(
        Reason.BAD_REVOCATION_REASON,
        "certificateHold",
        () ->
            engine.authority.revoke(
                revocation(issued.serial(), RevocationReason.CERTIFICATE_HOLD)));
    engine.clock.advance(Duration.ofDays(91));
    refused(
        Reason.NOT_PERMITTED,
        "expired at " + issued.notAfter(),
        () -> engine.authority.revoke(revocation(issued.serial(), RevocationReason.UNSPECIFIED)));

    assertThat(engine.announced).isEmpty();
    assertThat(engine.revocations.status(Engine.ISSUING, issued.serial()))
        .isEqualTo(new CertificateStatus.Good());
  }

  @Test
  @DisplayName("a listener that fails does not undo a revocation")
  void listenerFails() throws Exception {
    IssuingAuthority authority =
        new IssuingAuthority(
            new Catalogue(List.of(engine.issuing), engine.profiles.values()),
            engine.issuance,
            engine.revocations,
            engine.clock,
            engine.random,
            issuer -> {
              throw new IllegalStateException("no CRL today");
            });
    IssuedCertificate issued = authority.issue(Engine.request(NAME));

    authority.revoke(revocation(issued.serial(), RevocationReason.UNSPECIFIED));

    assertThat(engine.revocations.status(Engine.ISSUING, issued.serial()))
        .isInstanceOf(CertificateStatus.Revoked.class);
  }

  @Test
  @DisplayName("requests that are refused record nothing")
  void refusesRequests() throws Exception {
    var key = SoftwareKey.generate(KeyAlgorithm.EC_P256).publicKey();
    var unusual = SoftwareKey.generate(KeyAlgorithm.EC_P521).publicKey();
    int signatures = engine.issuingKey.signatures();

    refusedIssue(
        Reason.NOT_FOUND,
        "no profile nothing",
        Engine.request(new ProfileId("nothing"), key, NAME));
    refusedIssue(
        Reason.NOT_FOUND,
        "no issuer nobody",
        Engine.internal(new IssuerId("nobody"), Engine.TLS_SERVER, key, "CN=a", Set.of(NAME)));
    refusedIssue(Reason.BAD_CSR, "at least one name", Engine.request());
    refusedIssue(
        Reason.BAD_PUBLIC_KEY, "ec-p521", Engine.request(Engine.TLS_SERVER, unusual, NAME));
    refusedIssue(
        Reason.NOT_OF_PROFILE, "email names", Engine.request(EmailName.parse("a@example.com")));
    refusedIssue(
        Reason.BAD_PUBLIC_KEY,
        "its own key",
        Engine.request(Engine.TLS_SERVER, engine.issuingKey.publicKey(), NAME));
    Name[] many = new Name[101];
    for (int i = 0; i < many.length; i++) {
      many[i] = new DnsName("h" + i + ".example.com");
    }
    refusedIssue(Reason.NOT_OF_PROFILE, "at most 100 names, not 101", Engine.request(many));
    refusedIssue(
        Reason.NOT_PERMITTED,
        "not for requesters",
        Engine.request(new ProfileId("intermediate-ca"), key));
    for (ProfileId builtIn : BuiltInProfiles.ALL.keySet()) {
      refusedIssue(Reason.NOT_PERMITTED, "", Engine.request(builtIn, key, NAME));
    }
    refusedIssue(
        Reason.NOT_PERMITTED,
        "path length",
        Engine.internal(Engine.ISSUING, new ProfileId("intermediate-ca"), key, "CN=Sub", Set.of()));
    refusedIssue(
        Reason.NOT_PERMITTED,
        "a root",
        Engine.internal(Engine.ISSUING, BuiltInProfiles.ROOT_CA, key, "CN=Root 2", Set.of()));
    refusedIssue(
        Reason.BAD_CSR,
        "control characters",
        Engine.internal(
            Engine.ISSUING, BuiltInProfiles.ADMIN_CLIENT, key, "CN=admin\\00evil", Set.of()));

    assertThat(engine.issuingKey.signatures()).isEqualTo(signatures);
  }

  @Test
  @DisplayName("an issuer whose key is offline issues nothing")
  void offline() {
    Issuer offline =
        Issuer.of(
            Engine.ISSUING,
            engine.issuing.certificate().orElseThrow(),
            List.of(),
            Optional.empty(),
            Engine.URLS);
    IssuingAuthority authority =
        new IssuingAuthority(
            new Catalogue(List.of(offline), engine.profiles.values()),
            engine.issuance,
            engine.revocations,
            engine.clock,
            engine.random,
            engine.announced::add);
    IssuanceRequest request = Engine.request(NAME);

    refused(Reason.NOT_PERMITTED, "offline", () -> authority.issue(request));

    assertThat(engine.issuance.find(request.approval().request())).isEmpty();
  }

  @Test
  @DisplayName("a key that was revoked for keyCompromise is certified by no issuer again")
  void compromisedKey() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("Ed25519");
    SubjectPublicKey key = SubjectPublicKey.of(generator.generateKeyPair().getPublic());
    SubjectPublicKey blocked = SubjectPublicKey.of(generator.generateKeyPair().getPublic());
    IssuingAuthority authority =
        new IssuingAuthority(
            new Catalogue(
                List.of(engine.issuing),
                engine.profiles.values(),
                listed -> Optional.of("blocked").filter(_ -> listed.equals(blocked)),
                new CompromisedKeys(engine.database)),
            engine.issuance,
            engine.revocations,
            engine.clock,
            engine.random,
            engine.announced::add);
    IssuedCertificate issued = authority.issue(Engine.request(Engine.TLS_SERVER, key, NAME));
    authority.requireUsable(key);
    authority.requireNotBlocked(key);
    refused(Reason.BAD_PUBLIC_KEY, "blocked", () -> authority.requireUsable(blocked));
    refused(Reason.BAD_PUBLIC_KEY, "blocked", () -> authority.requireNotBlocked(blocked));
    authority.revoke(
        new Revocation(
            issued.issuer(),
            issued.serial(),
            RevocationReason.KEY_COMPROMISE,
            engine.clock.instant(),
            Optional.empty(),
            "test"));
    IssuanceRequest again = Engine.request(Engine.TLS_SERVER, key, NAME);

    refused(Reason.BAD_PUBLIC_KEY, "compromised", () -> authority.requireUsable(key));
    refused(Reason.BAD_PUBLIC_KEY, "compromised", () -> authority.issue(again));
    // What the ledger says is not asked here: whoever calls this does so in a statement of its own.
    authority.requireNotBlocked(key);

    assertThat(engine.issuance.find(again.approval().request())).isEmpty();
  }

  @Test
  @DisplayName("says before issuing which names could be certified")
  void requirePermitted() throws Exception {
    Optional<Instant> standard = Optional.empty();
    engine.authority.requirePermitted(
        Engine.ISSUING,
        Engine.TLS_SERVER,
        Set.of(NAME, new DnsName("localhost"), new DnsName("*.a.test"), IpName.parse("::1")),
        standard,
        standard);
    refused(
        Reason.REJECTED_NAME,
        "wildcard",
        () ->
            engine.authority.requirePermitted(
                Engine.ISSUING,
                new ProfileId("tls-client"),
                Set.of(new DnsName("*.a.test")),
                standard,
                standard));
  }

  @Test
  @DisplayName("says before issuing which times could be granted, as issuing would")
  void requirePermittedTimes() throws Exception {
    permitted(Optional.of(Engine.NOW), Optional.of(Engine.NOW.plus(Duration.ofDays(10))));
    notPermitted("notAfter", Optional.empty(), Optional.of(Engine.NOW.plus(Duration.ofDays(399))));
    notPermitted("notAfter", Optional.empty(), Optional.of(Engine.NOW.minusSeconds(1)));
    notPermitted("notBefore", Optional.of(Engine.NOW.minusSeconds(3600)), Optional.empty());
    notPermitted(
        "notAfter",
        Optional.of(Engine.NOW.plus(Duration.ofDays(2))),
        Optional.of(Engine.NOW.plus(Duration.ofDays(1))));
    Instant end = engine.issuing.certificate().orElseThrow().getNotAfter().toInstant();
    engine.clock.advance(Duration.between(Engine.NOW, end).minus(Duration.ofDays(30)));
    permitted(Optional.empty(), Optional.of(end));
    notPermitted("notAfter", Optional.empty(), Optional.of(end.plusSeconds(1)));
    engine.clock.advance(Duration.ofDays(31));
    notPermitted("own certificate", Optional.empty(), Optional.empty());
  }

  private void permitted(Optional<Instant> notBefore, Optional<Instant> notAfter) throws Exception {
    engine.authority.requirePermitted(
        Engine.ISSUING, Engine.TLS_SERVER, Set.of(NAME), notBefore, notAfter);
  }

  private void notPermitted(
      String message, Optional<Instant> notBefore, Optional<Instant> notAfter) {
    refused(Reason.BAD_VALIDITY, message, () -> permitted(notBefore, notAfter));
  }

  @Test
  @DisplayName("RFC 8555 section 7.4.2: the chain is without the root")
  void chains() throws Exception {
    assertThat(engine.authority.chains(Engine.ISSUING)).isEqualTo(engine.issuing.chains());
    refused(
        Reason.NOT_FOUND, "no issuer other", () -> engine.authority.chains(new IssuerId("other")));
  }

  @Test
  @DisplayName("a subject is not what an ACME order proves")
  void orderProvesNoSubject() throws Exception {
    IssuanceRequest asked = Engine.request(NAME);
    IssuanceRequest withSubject =
        new IssuanceRequest(
            asked.issuer(),
            asked.profile(),
            asked.publicKey(),
            new X500Name("CN=other.example,O=Bank"),
            asked.names(),
            asked.notBefore(),
            asked.notAfter(),
            asked.approval());

    IssuedCertificate issued = engine.authority.issue(withSubject);

    assertThat(Engine.parsed(issued).getSubject()).hasToString("CN=www.example.com");
    assertThat(withSubject.approval()).isInstanceOf(Approval.ValidatedOrder.class);
  }

  private void refusedIssue(Reason reason, String message, IssuanceRequest request) {
    refused(reason, message, () -> engine.authority.issue(request));
    assertThat(engine.issuance.find(request.approval().request())).isEmpty();
  }

  private static void refused(Reason reason, String message, ThrowingCallable call) {
    assertThatExceptionOfType(Refused.class)
        .isThrownBy(call)
        .withMessageContaining(message)
        .satisfies(refusal -> assertThat(refusal.reason()).isEqualTo(reason));
  }

  private Revocation revocation(SerialNumber serial, RevocationReason reason) {
    return new Revocation(
        Engine.ISSUING,
        serial,
        reason,
        engine.clock.instant().truncatedTo(java.time.temporal.ChronoUnit.SECONDS),
        Optional.empty(),
        "admin alice");
  }
}
