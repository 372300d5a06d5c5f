package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.CERTIFICATES;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.IssuerId;
import dev.chancery.core.ProfileId;
import dev.chancery.core.RenewalMark;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.RenewalMarks;
import dev.chancery.testing.DatabaseKind;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** RFC 9773 section 4: what clients are told of when to renew. */
final class RenewalInfoTest {
  @TempDir Path folder;

  private static AcmeClient.Answer info(AcmeClient client, String identifier) {
    String base = client.get(client.url("directory")).text("renewalInfo");
    assertThat(base).isEqualTo(client.url("renewal-info"));
    return client.get(base + "/" + identifier);
  }

  private static Instant start(AcmeClient.Answer info) {
    return Instant.parse(info.json().at("/suggestedWindow/start").asText());
  }

  private static Instant end(AcmeClient.Answer info) {
    return Instant.parse(info.json().at("/suggestedWindow/end").asText());
  }

  private static CertificateRecord only(AcmeFixture acme) {
    return acme.authority.records().getLast();
  }

  @Test
  @DisplayName("section 4: by a plain GET, a window inside the certificate's life, Retry-After")
  void window() {
    try (AcmeFixture acme = new AcmeFixture(DatabaseKind.H2, folder)) {
      AcmeClient client = new AcmeClient(acme.url).register();
      String identifier = ReplacementsTest.issue(acme, client);
      CertificateRecord issued = only(acme);

      AcmeClient.Answer info = info(client, identifier).expect(200);

      assertThat(info.header("Content-Type")).isEqualTo("application/json");
      assertThat(info.json().properties()).hasSize(1);
      assertThat(start(info)).isAfter(issued.notBefore()).isBefore(end(info));
      assertThat(end(info)).isBefore(issued.notAfter());
      assertThat(Duration.between(start(info), issued.notAfter())).hasDays(30);
      assertThat(info.header("Retry-After")).isEqualTo("21600");
      assertThat(info.headers().allValues("Cache-Control")).containsExactly("public, max-age=300");
      assertThat(info.header("Link")).contains("rel=\"index\"");
      assertThat(info.headers().firstValue("Replay-Nonce")).isEmpty();
      assertThat(client.method("HEAD", client.url("renewal-info/" + identifier)).status())
          .isEqualTo(200);
      assertThat(client.method("PUT", client.url("renewal-info/" + identifier)).status())
          .isEqualTo(405);
    }
  }

  @Test
  @DisplayName("RFC 9110 13.1.2: 304 while it says the same, with the same headers")
  void conditional() {
    try (AcmeFixture acme = new AcmeFixture(DatabaseKind.H2, folder)) {
      AcmeClient client = new AcmeClient(acme.url).register();
      String url = client.url("renewal-info/" + ReplacementsTest.issue(acme, client));
      String tag = client.get(url).expect(200).header("ETag");

      for (String tags : new String[] {tag, "W/" + tag, "\"x\", " + tag, "*"}) {
        AcmeClient.Answer same =
            client.send(
                HttpRequest.newBuilder(URI.create(url)).header("If-None-Match", tags).GET());
        assertThat(same.status()).as(tags).isEqualTo(304);
        assertThat(same.body()).isEmpty();
        assertThat(same.header("ETag")).isEqualTo(tag);
        assertThat(same.header("Retry-After")).isEqualTo("21600");
      }
      client
          .send(HttpRequest.newBuilder(URI.create(url)).header("If-None-Match", "\"x\"").GET())
          .expect(200);
    }
  }

  @Test
  @DisplayName("section 4.2: the window of a revoked certificate is over")
  void revoked() throws Exception {
    try (AcmeFixture acme = new AcmeFixture(DatabaseKind.H2, folder)) {
      AcmeClient client = new AcmeClient(acme.url).register();
      String identifier = ReplacementsTest.issue(acme, client);
      CertificateRecord issued = only(acme);
      acme.authority.revoke(
          new Revocation(
              issued.issuer(),
              issued.serial(),
              RevocationReason.SUPERSEDED,
              Instant.now(),
              Optional.empty(),
              "test"));

      AcmeClient.Answer info = info(client, identifier).expect(200);

      assertThat(end(info)).isBeforeOrEqualTo(Instant.now());
      assertThat(start(info)).isBefore(end(info));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"x", "AAAA", "AAAA.", "AAAA.AQ=", "AAAA.gA", "AAAA.AQ.AQ", "%41%41%41A.AQ%3D"})
  @DisplayName("section 4.1: what is no identifier is malformed")
  void malformed(String identifier) {
    try (AcmeFixture acme = new AcmeFixture(DatabaseKind.H2, folder)) {
      AcmeClient client = new AcmeClient(acme.url);
      client.get(client.url("renewal-info/" + identifier)).expectError(400, "malformed");
    }
  }

  @Test
  @DisplayName("an unknown certificate, or a known serial under another key, is 404")
  void unknown() {
    try (AcmeFixture acme = new AcmeFixture(DatabaseKind.H2, folder)) {
      AcmeClient client = new AcmeClient(acme.url).register();
      String identifier = ReplacementsTest.issue(acme, client);
      info(client, "AAAA.AQ").expectError(404, "malformed");
      info(client, "AAAA" + identifier.substring(identifier.indexOf('.')))
          .expectError(404, "malformed");
      client.get(client.url("renewal-info")).expectError(404, "malformed");
      client.get(client.url("renewal-info/")).expectError(404, "malformed");
      client.get(client.url("renewal-info/" + "A".repeat(5000))).expectError(400, "malformed");
    }
  }

  /** The mark counts what stands in the database, and the test's authority keeps its own ledger. */
  private static void record(AcmeFixture acme, CertificateRecord certificate, Instant recordedAt) {
    acme.database
        .sql()
        .insertInto(CERTIFICATES)
        .set(CERTIFICATES.ISSUER, certificate.issuer().value())
        .set(CERTIFICATES.SERIAL, certificate.serial().octets())
        .set(CERTIFICATES.STATE, "issued")
        .set(CERTIFICATES.PROFILE, certificate.profile().value())
        .set(CERTIFICATES.REQUEST_ID, certificate.request().value())
        .set(CERTIFICATES.ACCOUNT_ID, certificate.account().orElseThrow().value())
        .set(CERTIFICATES.PUBLIC_KEY_SHA256, new byte[32])
        .set(CERTIFICATES.NOT_BEFORE, Times.stored(certificate.notBefore()))
        .set(CERTIFICATES.NOT_AFTER, Times.stored(certificate.notAfter()))
        .set(CERTIFICATES.RECORDED_AT, Times.stored(recordedAt))
        .set(CERTIFICATES.TBS, new byte[1])
        .set(CERTIFICATES.SIGNATURE_SCHEME, "ECDSA_SHA256")
        .set(CERTIFICATES.SIGNATURE, new byte[1])
        .execute();
  }

  private static RenewalMarks.Request request(
      Optional<IssuerId> issuer, Optional<ProfileId> profile) {
    return new RenewalMarks.Request(
        new RenewalMark.Scope(issuer, profile, Optional.empty(), Optional.empty()),
        Optional.empty(),
        100,
        "the test wants it",
        Optional.of(URI.create("https://pki.example/why")),
        "tester");
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName(
      "a mark moves the windows of exactly its certificates, and clearing it puts them back")
  void marked(DatabaseKind kind) throws Exception {
    // The test's authority has the real clock, in whole seconds.
    Clock clock = Clock.systemUTC();
    try (AcmeFixture acme = new AcmeFixture(kind, folder)) {
      new IssuerRegistry(acme.database)
          .register(
              TestAuthority.ISSUER, SubjectPublicKey.of(TestAuthority.generate().getPublic()));
      AcmeClient client = new AcmeClient(acme.url).register();
      String identifier = ReplacementsTest.issue(acme, client);
      record(acme, only(acme), only(acme).recordedAt());
      JsonNode regular = info(client, identifier).expect(200).json();
      RenewalMarks marks = new RenewalMarks(acme.database, clock);

      RenewalMark others =
          marks.plan(
              UUID.randomUUID(), request(Optional.empty(), Optional.of(new ProfileId("other"))));
      assertThat(others.certificates()).isZero();
      assertThat(marks.make(others.id(), request(Optional.of(new IssuerId("x")), Optional.empty())))
          .isEmpty();
      assertThat(info(client, identifier).json()).isEqualTo(regular);

      RenewalMark mark =
          marks
              .make(UUID.randomUUID(), request(Optional.of(TestAuthority.ISSUER), Optional.empty()))
              .orElseThrow();
      assertThat(mark.certificates()).isEqualTo(1);
      AcmeClient.Answer moved = info(client, identifier).expect(200);
      assertThat(start(moved)).isBetween(mark.startsAt().minusSeconds(1), mark.endsAt());
      assertThat(end(moved)).isEqualTo(start(moved).plus(Duration.ofHours(1)));
      assertThat(moved.text("explanationURL")).isEqualTo("https://pki.example/why");
      // The same on another node.
      assertThat(new RenewalMarks(acme.database, clock).all()).containsExactly(mark);

      // What replaces it is not meant.
      Thread.sleep(1100);
      String successor = ReplacementsTest.issue(acme, client);
      assertThat(info(client, successor).json().has("explanationURL")).isFalse();

      assertThat(marks.clear(mark.id(), "tester")).isTrue();
      assertThat(info(client, identifier).json()).isEqualTo(regular);
      assertThat(marks.clear(mark.id(), "tester")).isFalse();
    }
  }
}
