package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.CertificateRecord;
import dev.chancery.testing.DatabaseKind;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
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

  private static Order completed(AcmeFixture acme, Order order) throws Exception {
    for (Authorization authorization : order.getAuthorizations()) {
      Http01Challenge challenge = authorization.findChallenge(Http01Challenge.class).orElseThrow();
      acme.web.answer(challenge.getToken(), challenge.getAuthorization());
      challenge.trigger();
      assertThat(authorization.waitForCompletion(PATIENCE)).isEqualTo(Status.VALID);
    }
    order.waitUntilReady(PATIENCE);
    order.execute(TestAuthority.generate());
    assertThat(order.waitForCompletion(PATIENCE)).isEqualTo(Status.VALID);
    return order;
  }
}
