package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.CertificateRecord;
import dev.chancery.testing.DatabaseKind;
import java.net.URI;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.shredzone.acme4j.Account;
import org.shredzone.acme4j.AccountBuilder;
import org.shredzone.acme4j.Authorization;
import org.shredzone.acme4j.Certificate;
import org.shredzone.acme4j.Order;
import org.shredzone.acme4j.RenewalInfo;
import org.shredzone.acme4j.RevocationReason;
import org.shredzone.acme4j.Session;
import org.shredzone.acme4j.Status;
import org.shredzone.acme4j.challenge.Http01Challenge;
import org.shredzone.acme4j.exception.AcmeServerException;
import org.shredzone.acme4j.exception.AcmeUserActionRequiredException;

/** A client that others wrote, from the directory to the revoked certificate. */
final class Acme4jTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource
  @DisplayName("RFC 8555 7.3 to 7.6: account, order, http-01, finalize, certificate, revocation")
  void obtainsAndRevokes(DatabaseKind kind) throws Exception {
    try (AcmeFixture acme = new AcmeFixture(kind, folder)) {
      Session session = new Session(acme.url.resolve("/acme/directory"));
      KeyPair accountKeys = TestAuthority.generate();
      Account account =
          new AccountBuilder()
              .addContact("mailto:admin@example.com")
              .agreeToTermsOfService()
              .useKeyPair(accountKeys)
              .create(session);
      Order order = account.newOrder().domains("localhost").create();
      for (Authorization authorization : order.getAuthorizations()) {
        Http01Challenge challenge =
            authorization.findChallenge(Http01Challenge.class).orElseThrow();
        acme.web.answer(challenge.getToken(), challenge.getAuthorization() + "\n");
        challenge.trigger();
        assertThat(authorization.waitForCompletion(PATIENCE)).isEqualTo(Status.VALID);
      }
      order.waitUntilReady(PATIENCE);
      KeyPair certificateKeys = TestAuthority.generate();
      order.execute(certificateKeys);
      assertThat(order.waitForCompletion(PATIENCE)).isEqualTo(Status.VALID);

      Certificate certificate = order.getCertificate();
      assertThat(certificate.getCertificateChain()).hasSize(2);
      X509Certificate leaf = certificate.getCertificate();
      assertThat(leaf.getPublicKey().getEncoded())
          .isEqualTo(certificateKeys.getPublic().getEncoded());
      assertThat(leaf.getSubjectAlternativeNames())
          .singleElement()
          .satisfies(name -> assertThat(name.get(1)).isEqualTo("localhost"));
      leaf.verify(certificate.getCertificateChain().get(1).getPublicKey());
      assertThat(certificate.getAlternates()).hasSize(1);
      // Section 7.4.2: clients choose a chain by the name of the root that it leads to.
      assertThat(certificate.isIssuedBy("Root 1")).isTrue();
      assertThat(certificate.isIssuedBy("Root 2")).isFalse();
      Certificate other = certificate.findCertificate("Root 2").orElseThrow();
      assertThat(other.getCertificate()).isEqualTo(leaf);
      assertThat(other.isIssuedBy("Root 2")).isTrue();
      assertThat(certificate.findCertificate("Root 3")).isEmpty();

      // Sections 7.4.1 and 7.5.2.
      assertThat(account.newOrder().domains("localhost").create().getStatus())
          .isEqualTo(Status.READY);
      Authorization known = account.preAuthorizeDomain("localhost");
      assertThat(known.getStatus()).isEqualTo(Status.VALID);
      known.deactivate();
      assertThat(known.getStatus()).isEqualTo(Status.DEACTIVATED);
      assertThat(account.preAuthorizeDomain("localhost").getStatus()).isEqualTo(Status.PENDING);
      assertThat(account.newOrder().domains("localhost").create().getStatus())
          .isEqualTo(Status.PENDING);
      assertThat(account.getOrders()).toIterable().hasSize(2);

      certificate.revoke(RevocationReason.KEY_COMPROMISE);
      assertThat(acme.authority.inState(CertificateRecord.State.REVOKED)).hasSize(1);

      KeyPair newKeys = TestAuthority.generate();
      account.changeKey(newKeys);
      assertThat(account.getContacts()).hasSize(1);
      account.deactivate();
      assertThat(account.getStatus()).isEqualTo(Status.DEACTIVATED);
    }
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("RFC 9773 and draft-ietf-acme-profiles: profile, renewal information, replacement")
  void renews(DatabaseKind kind) throws Exception {
    try (AcmeFixture acme = new AcmeFixture(kind, folder)) {
      Session session = new Session(acme.url.resolve("/acme/directory"));
      assertThat(session.getMetadata().getProfiles()).contains("tls-server", "short-lived");
      assertThat(session.getMetadata().isProfileAllowed("short-lived")).isTrue();
      assertThat(session.getMetadata().getProfileDescription("short-lived"))
          .contains("for six days");
      Account account =
          new AccountBuilder()
              .agreeToTermsOfService()
              .useKeyPair(TestAuthority.generate())
              .create(session);

      Order first =
          completed(acme, account.newOrder().domains("localhost").profile("short-lived").create());
      assertThat(first.getProfile()).isEqualTo("short-lived");
      Certificate certificate = first.getCertificate();
      assertThat(certificate.hasRenewalInfo()).isTrue();
      RenewalInfo info = certificate.getRenewalInfo();
      X509Certificate leaf = certificate.getCertificate();
      assertThat(info.getSuggestedWindowStart()).isAfter(leaf.getNotBefore().toInstant());
      assertThat(info.getSuggestedWindowEnd()).isBefore(leaf.getNotAfter().toInstant());
      assertThat(info.getExplanation()).isEmpty();
      assertThat(info.renewalIsNotRequired(leaf.getNotBefore().toInstant())).isTrue();

      Order second =
          completed(acme, account.newOrder().domains("localhost").replaces(certificate).create());
      assertThat(second.getStatus()).isEqualTo(Status.VALID);
      assertThatThrownBy(
              () -> account.newOrder().domains("localhost").replaces(certificate).create())
          .isInstanceOfSatisfying(
              AcmeServerException.class,
              e -> assertThat(e.getType().toString()).endsWith(":alreadyReplaced"));

      certificate.revoke(RevocationReason.SUPERSEDED);
      info.fetch();
      assertThat(info.renewalIsOverdue(Instant.now())).isTrue();
    }
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("RFC 8555 7.3, 7.4, 7.6: terms, contacts, validity, revocation by the key")
  void agreesAndRevokesByKey(DatabaseKind kind) throws Exception {
    URI terms = URI.create("https://ca.example/terms");
    try (AcmeFixture acme = new AcmeFixture(kind, folder, Clock.systemUTC(), Optional.of(terms))) {
      Session session = new Session(acme.url.resolve("/acme/directory"));
      assertThat(session.getMetadata().getTermsOfService()).contains(terms);
      KeyPair accountKeys = TestAuthority.generate();
      assertThatThrownBy(() -> new AccountBuilder().useKeyPair(accountKeys).create(session))
          .isInstanceOf(AcmeUserActionRequiredException.class);
      Account account =
          new AccountBuilder().agreeToTermsOfService().useKeyPair(accountKeys).create(session);
      account.modify().addContact("mailto:admin@example.com").commit();
      assertThat(account.getContacts()).containsExactly(URI.create("mailto:admin@example.com"));
      assertThat(
              new AccountBuilder()
                  .onlyExisting()
                  .useKeyPair(accountKeys)
                  .create(session)
                  .getLocation())
          .isEqualTo(account.getLocation());

      Instant end = Instant.now().plus(Duration.ofDays(3)).truncatedTo(ChronoUnit.SECONDS);
      Order order = account.newOrder().domains("localhost").notAfter(end).create();
      assertThat(order.getNotAfter()).contains(end);
      for (Authorization authorization : order.getAuthorizations()) {
        prove(acme, authorization);
      }
      order.waitUntilReady(PATIENCE);
      KeyPair certificateKeys = TestAuthority.generate();
      order.execute(certificateKeys);
      assertThat(order.waitForCompletion(PATIENCE)).isEqualTo(Status.VALID);
      X509Certificate leaf = order.getCertificate().getCertificate();
      assertThat(leaf.getNotAfter().toInstant()).isEqualTo(end);

      Certificate.revoke(session, certificateKeys, leaf, RevocationReason.KEY_COMPROMISE);
      assertThat(acme.authority.inState(CertificateRecord.State.REVOKED)).hasSize(1);
      assertThatThrownBy(() ->
              Certificate.revoke(session, certificateKeys, leaf, RevocationReason.KEY_COMPROMISE))
          .isInstanceOfSatisfying(
              AcmeServerException.class,
              e -> assertThat(e.getType().toString()).endsWith(":alreadyRevoked"));
    }
  }

  private static void prove(AcmeFixture acme, Authorization authorization) throws Exception {
    Http01Challenge challenge = authorization.findChallenge(Http01Challenge.class).orElseThrow();
    acme.web.answer(challenge.getToken(), challenge.getAuthorization());
    challenge.trigger();
    assertThat(authorization.waitForCompletion(PATIENCE)).isEqualTo(Status.VALID);
  }

  private static Order completed(AcmeFixture acme, Order order) throws Exception {
    for (Authorization authorization : order.getAuthorizations()) {
      prove(acme, authorization);
    }
    order.waitUntilReady(PATIENCE);
    order.execute(TestAuthority.generate());
    assertThat(order.waitForCompletion(PATIENCE)).isEqualTo(Status.VALID);
    return order;
  }
}
