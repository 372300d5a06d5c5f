package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.CertificateRecord;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** RFC 8555 section 7.4 from a ready order on, with every way in which issuing can break. */
@ParameterizedClass
@EnumSource
final class FinalizeTest {
  @TempDir static Path folder;
  private static final Duration STUCK = Duration.ofMinutes(1);
  private static AdjustableClock clock;
  private static AcmeFixture acme;

  @Parameter DatabaseKind kind;
  private AcmeClient client;
  private KeyPair keys;

  @BeforeParameterizedClassInvocation
  static void start(DatabaseKind kind) {
    clock = new AdjustableClock(Instant.now());
    acme = new AcmeFixture(kind, folder, clock, Optional.empty());
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    acme.close();
  }

  @BeforeEach
  void register() {
    client = new AcmeClient(acme.url).register();
    keys = TestAuthority.generate();
  }

  private AcmeClient.Answer ready() {
    return client.readyOrder(acme.web, "localhost");
  }

  private List<CertificateRecord> made(CertificateRecord.State state) {
    return acme.authority.records().stream()
        .filter(record -> record.state() == state)
        .filter(record ->
            client.account().endsWith(Base64Url.encode(record.account().orElseThrow().value())))
        .toList();
  }

  @Test
  @DisplayName("RFC 8555 7.4: finalize before ready is 403 orderNotReady")
  void notReady() {
    AcmeClient.Answer order = client.newOrder("localhost").expect(201);
    assertThat(
            client
                .finalizeOrder(order, keys, "localhost")
                .expectError(403, "orderNotReady")
                .text("detail"))
        .contains("not all of its authorizations are valid");
    assertThat(client.read(order.location()).text("status")).isEqualTo("pending");
  }

  @Test
  @DisplayName("RFC 8555 7.4: the answer has Location; repeated, it says the same")
  void repeated() {
    AcmeClient.Answer order = ready();
    byte[] csr = AcmeClient.csr(keys, "localhost", "localhost");
    AcmeClient.Answer first = client.finalizeOrder(order, csr).expect(200);
    AcmeClient.Answer second = client.finalizeOrder(order, csr).expect(200);
    assertThat(first.text("status")).isEqualTo("valid");
    assertThat(first.location()).isEqualTo(order.location());
    assertThat(second.json()).isEqualTo(first.json());
    assertThat(second.location()).isEqualTo(order.location());
    assertThat(made(CertificateRecord.State.ISSUED)).hasSize(1);
    assertThat(
            client
                .finalizeOrder(order, TestAuthority.generate(), "localhost")
                .expectError(403, "orderNotReady")
                .text("detail"))
        .contains("has a certificate, made for another CSR");
    assertThat(client.read(order.location()).json()).isEqualTo(first.json());
  }

  @Test
  @DisplayName("RFC 8555 7.1.6: the same finalize 16 times at once makes one certificate")
  void race() {
    AcmeClient.Answer order = ready();
    byte[] csr = AcmeClient.csr(keys, "", "localhost");
    List<AcmeClient.Answer> answers =
        IntStream.range(0, 16).parallel().mapToObj(i -> client.finalizeOrder(order, csr)).toList();
    assertThat(answers).allSatisfy(answer -> answer.expect(200));
    assertThat(answers.stream().map(answer -> answer.text("status")))
        .isSubsetOf("processing", "valid");
    assertThat(made(CertificateRecord.State.ISSUED)).hasSize(1);
    assertThat(client.read(order.location()).text("status")).isEqualTo("valid");
  }

  @Test
  @DisplayName("RFC 8555 7.4: different CSRs at once, one of them is certified")
  void raceOfDifferent() {
    AcmeClient.Answer order = ready();
    List<byte[]> csrs =
        IntStream.range(0, 8)
            .mapToObj(i -> AcmeClient.csr(TestAuthority.generate(), "", "localhost"))
            .toList();
    List<AcmeClient.Answer> answers =
        csrs.parallelStream().map(csr -> client.finalizeOrder(order, csr)).toList();
    assertThat(answers.stream().filter(answer -> answer.status() == 200)).hasSize(1);
    answers.stream()
        .filter(answer -> answer.status() != 200)
        .forEach(answer -> answer.expectError(403, "orderNotReady"));
    assertThat(made(CertificateRecord.State.ISSUED)).hasSize(1);
  }

  @Test
  @DisplayName("RFC 8555 7.4: a CSR that does not fit is badCSR, and the order stays ready")
  void badCsr() {
    AcmeClient.Answer order = ready();
    byte[] right = AcmeClient.csr(keys, "", "localhost");
    byte[] forged = right.clone();
    forged[forged.length - 1] ^= 1;
    for (byte[] csr :
        List.of(
            new byte[0],
            new byte[] {0x28, 2, 0x42, 0},
            forged,
            Arrays.copyOf(right, right.length + 1),
            AcmeClient.csr(keys, ""),
            AcmeClient.csr(keys, "", "localhost", "more.example"),
            AcmeClient.csr(keys, "more.example", "localhost"),
            AcmeClient.csr(keys, "", "other.example"),
            AcmeClient.csr(keys, "", "127.0.0.1"),
            AcmeClient.csr(client.keys, "", "localhost"))) {
      client.finalizeOrder(order, csr).expectError(400, "badCSR");
    }
    assertThat(client.read(order.location()).text("status")).isEqualTo("ready");
    assertThat(made(CertificateRecord.State.ISSUED)).isEmpty();
    // Section 7.4: a common name alone names a dns identifier too.
    client.finalizeOrder(order, AcmeClient.csr(keys, "LOCALHOST")).expect(200);
  }

  @Test
  @DisplayName("invariant 5: without the token the answer is 503 with Retry-After, then it works")
  void tokenAway() {
    AcmeClient.Answer order = ready();
    acme.authority.failNext(TestAuthority.Fault.TOKEN_AWAY);
    AcmeClient.Answer away =
        client.finalizeOrder(order, keys, "localhost").expectError(503, "serverInternal");
    assertThat(away.header("Retry-After")).isNotEmpty();
    assertThat(away.header("Replay-Nonce")).isNotEmpty();
    assertThat(client.read(order.location()).text("status")).isEqualTo("ready");
    assertThat(client.finalizeOrder(order, keys, "localhost").text("status")).isEqualTo("valid");
  }

  @Test
  @DisplayName("RFC 8555 7.1.6: what the profile refuses makes the order invalid, with the reason")
  void refused() {
    AcmeClient.Answer order = ready();
    acme.authority.failNext(TestAuthority.Fault.REFUSED);
    byte[] csr = AcmeClient.csr(keys, "", "localhost");
    AcmeClient.Answer refused = client.finalizeOrder(order, csr).expectError(400, "badCSR");
    // The answer may have been lost: the same request has the same answer.
    assertThat(client.finalizeOrder(order, csr).expectError(400, "badCSR").json())
        .isEqualTo(refused.json());
    assertThat(
            client
                .finalizeOrder(order, TestAuthority.generate(), "localhost")
                .expectError(403, "orderNotReady")
                .text("detail"))
        .contains("it is invalid");
    AcmeClient.Answer invalid = client.read(order.location());
    assertThat(invalid.text("status")).isEqualTo("invalid");
    assertThat(invalid.json().at("/error/type").asText()).endsWith(":badCSR");
  }

  @Test
  @DisplayName("recovery: broken before the record, issued by the next pass")
  void brokenBefore() {
    recovers(TestAuthority.Fault.BROKEN_BEFORE, 0);
  }

  @Test
  @DisplayName("recovery: broken after the record, that serial is revoked and another issued")
  void brokenAfterRecord() {
    recovers(TestAuthority.Fault.BROKEN_AFTER_RECORD, 1);
  }

  @Test
  @DisplayName("recovery: broken after the issue, that certificate is handed out")
  void brokenAfterIssue() {
    recovers(TestAuthority.Fault.BROKEN_AFTER_ISSUE, 0);
  }

  private void recovers(TestAuthority.Fault fault, int revoked) {
    AcmeClient.Answer order = ready();
    byte[] csr = AcmeClient.csr(keys, "", "localhost");
    acme.authority.failNext(fault);
    AcmeClient.Answer unknown = client.finalizeOrder(order, csr).expect(200);
    assertThat(unknown.text("status")).isEqualTo("processing");
    assertThat(unknown.header("Retry-After")).isNotEmpty();
    AcmeClient.Answer repeated = client.finalizeOrder(order, csr).expect(200);
    assertThat(repeated.text("status")).isEqualTo("processing");
    assertThat(repeated.header("Retry-After")).isNotEmpty();
    assertThat(repeated.location()).isEqualTo(order.location());
    assertThat(client.read(order.location()).header("Retry-After")).isNotEmpty();
    assertThat(
            client
                .finalizeOrder(order, TestAuthority.generate(), "localhost")
                .expectError(403, "orderNotReady")
                .text("detail"))
        .contains("is made for another CSR");

    acme.server.recover(Duration.ofHours(1));
    assertThat(client.read(order.location()).text("status")).isEqualTo("processing");

    // Two nodes at once, and then again: one certificate.
    AcmeServer second = acme.newServer();
    clock.advance(STUCK.multipliedBy(2));
    List.of(acme.server, second).parallelStream().forEach(one -> one.recover(STUCK));
    second.recover(STUCK);
    AcmeClient.Answer valid = client.read(order.location());
    assertThat(valid.text("status")).isEqualTo("valid");
    assertThat(made(CertificateRecord.State.ISSUED)).hasSize(1);
    assertThat(made(CertificateRecord.State.REVOKED)).hasSize(revoked);
    assertThat(AcmeClient.firstCertificate(client.read(valid.text("certificate"))))
        .isEqualTo(
            made(CertificateRecord.State.ISSUED).getFirst().certificate().orElseThrow().bytes());
  }

  /** Takes what is processing now for stuck, and for no longer than that one pass. */
  private static void recover() {
    clock.advance(STUCK.multipliedBy(2));
    acme.server.recover(STUCK);
  }

  @Test
  @DisplayName("recovery: while the token is away the order stays processing")
  void recoveryWithoutToken() {
    AcmeClient.Answer order = ready();
    acme.authority.failNext(TestAuthority.Fault.BROKEN_BEFORE);
    client.finalizeOrder(order, keys, "localhost").expect(200);
    acme.authority.failNext(TestAuthority.Fault.TOKEN_AWAY);
    recover();
    assertThat(client.read(order.location()).text("status")).isEqualTo("processing");
    recover();
    assertThat(client.read(order.location()).text("status")).isEqualTo("valid");
  }

  @Test
  @DisplayName("a slow node whose order was taken over and settled gives its certificate up")
  void overtaken() {
    AcmeClient.Answer order = ready();
    acme.authority.beforeIssue(() -> {
      acme.authority.beforeIssue(() -> {});
      acme.server.recover(Duration.ofMillis(-1));
    });
    AcmeClient.Answer answer = client.finalizeOrder(order, keys, "localhost").expect(200);
    assertThat(answer.text("status")).isEqualTo("valid");
    assertThat(made(CertificateRecord.State.ISSUED)).hasSize(1);
    assertThat(made(CertificateRecord.State.REVOKED)).hasSize(1);
    assertThat(AcmeClient.firstCertificate(client.read(answer.text("certificate"))))
        .isEqualTo(
            made(CertificateRecord.State.ISSUED).getFirst().certificate().orElseThrow().bytes());
  }

  @Test
  @DisplayName("recovery on several nodes that overtake each other: one certificate, not revoked")
  void recoveryRace() {
    for (int round = 0; round < 10; round++) {
      AcmeClient.Answer order = ready();
      acme.authority.failNext(TestAuthority.Fault.BROKEN_BEFORE);
      client.finalizeOrder(order, keys, "localhost").expect(200);
      IntStream.range(0, 8).parallel().forEach(i -> acme.server.recover(Duration.ofMillis(-1)));
      AcmeClient.Answer valid = client.read(order.location());
      assertThat(valid.text("status")).isEqualTo("valid");
      assertThat(made(CertificateRecord.State.ISSUED)).hasSize(round + 1);
      byte[] handedOut = AcmeClient.firstCertificate(client.read(valid.text("certificate")));
      assertThat(made(CertificateRecord.State.ISSUED))
          .anySatisfy(record ->
              assertThat(record.certificate().orElseThrow().bytes()).isEqualTo(handedOut));
    }
  }

  @Test
  @DisplayName("RFC 8555 7.4.2: PEM chain, leaf first, no root, alternates by Link")
  void certificate() {
    AcmeClient.Answer chain = client.certificate(acme.web, keys, "localhost");
    assertThat(chain.header("Content-Type")).isEqualTo("application/pem-certificate-chain");
    assertThat(chain.body().split("-----BEGIN CERTIFICATE-----")).hasSize(3);
    assertThat(chain.body()).endsWith("-----END CERTIFICATE-----\n");
    List<String> alternates =
        chain.headers().allValues("Link").stream()
            .filter(link -> link.endsWith(">;rel=\"alternate\""))
            .toList();
    assertThat(alternates).hasSize(1);
    String other = alternates.getFirst().substring(1, alternates.getFirst().indexOf('>'));
    AcmeClient.Answer alternate = client.read(other).expect(200);
    assertThat(AcmeClient.firstCertificate(alternate))
        .isEqualTo(AcmeClient.firstCertificate(chain));
    assertThat(alternate.body()).isNotEqualTo(chain.body());
    client.read(other.replaceAll("/1$", "/2")).expectError(404, "malformed");
  }

  @Test
  @DisplayName("only the owner reads an order, its authorizations, challenges and certificate")
  void ownership() {
    AcmeClient.Answer order = ready();
    AcmeClient.Answer valid = client.finalizeOrder(order, keys, "localhost").expect(200);
    AcmeClient stranger = new AcmeClient(acme.url).register();
    for (String url :
        List.of(
            order.location(),
            valid.text("certificate"),
            order.json().get("authorizations").get(0).asText(),
            client.challenges(order).getFirst().get("url").asText())) {
      stranger.read(url).expectError(404, "malformed");
    }
    stranger.finalizeOrder(order, keys, "localhost").expectError(404, "malformed");
    stranger.read(client.account()).expectError(403, "unauthorized");
    stranger.read(client.account() + "/orders").expectError(403, "unauthorized");
  }

  @Test
  @DisplayName("RFC 8738: IP identifiers by http-01; several names become ready together")
  void severalNames() {
    AcmeClient.Answer order = client.readyOrder(acme.web, "127.0.0.1", "localhost");
    assertThat(order.json().get("identifiers").toString())
        .isEqualTo(
            "[{\"type\":\"ip\",\"value\":\"127.0.0.1\"},"
                + "{\"type\":\"dns\",\"value\":\"localhost\"}]");
    client.finalizeOrder(order, keys, "localhost", "127.0.0.1").expect(200);
    assertThat(made(CertificateRecord.State.ISSUED)).hasSize(1);
  }

  @Test
  @DisplayName("RFC 8555 7.4: a CSR for a hundred names of full length is not too long")
  void longestCsr() {
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    String label = "a".repeat(63) + ".";
    String[] names =
        IntStream.range(0, 100)
            .mapToObj(i -> label.repeat(3) + "b".repeat(57) + String.format("%04d", i))
            .toArray(String[]::new);
    byte[] csr = AcmeClient.csr(TestAuthority.generate(), "", names);
    assertThat(csr.length).isGreaterThan(100 * 253);
    assertThat(client.finalizeOrder(order, csr).expectError(400, "badCSR").text("detail"))
        .doesNotContain("octets");
  }

  @Test
  @DisplayName("a CSR is limited, kept until its order is settled, and known again by its digest")
  void csrIsNotKept() {
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    client.finalizeOrder(order, new byte[64 * 1024 + 1]).expectError(400, "badCSR");
    byte[] csr = AcmeClient.csr(TestAuthority.generate(), "", "localhost");
    client.finalizeOrder(order, csr).expect(200);
    assertThat(
            acme.database
                .sql()
                .select(ACME_ORDERS.CSR)
                .from(ACME_ORDERS)
                .orderBy(ACME_ORDERS.ID.desc())
                .limit(1)
                .fetchSingle()
                .value1())
        .isNull();
    assertThat(client.finalizeOrder(order, csr).expect(200).text("status")).isEqualTo("valid");
    client
        .finalizeOrder(order, TestAuthority.generate(), "localhost")
        .expectError(403, "orderNotReady");
  }
}
