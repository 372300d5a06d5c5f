package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.IssuerId;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.testing.DatabaseKind;
import java.net.URI;
import java.nio.file.Path;
import java.security.KeyPair;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** RFC 8555 section 7.6: who may revoke, and what is refused. */
final class RevocationTest {
  private static AcmeFixture acme;

  private AcmeClient owner;
  private KeyPair keys;
  private byte[] certificate;

  @BeforeAll
  static void start(@TempDir Path folder) {
    acme = new AcmeFixture(DatabaseKind.H2, folder);
  }

  @AfterAll
  static void stop() {
    acme.close();
  }

  @BeforeEach
  void issue() {
    owner = new AcmeClient(acme.url).register();
    keys = TestAuthority.generate();
    certificate =
        AcmeClient.firstCertificate(owner.certificate(acme.web, keys, "localhost", "127.0.0.1"));
  }

  private AcmeClient.Answer revoke(AcmeClient client, byte[] der) {
    return client.post(
        client.url("revoke-cert"), AcmeClient.object().put("certificate", AcmeClient.base64(der)));
  }

  private AcmeClient.Answer revoke(int reason) {
    ObjectNode payload = AcmeClient.object().put("certificate", AcmeClient.base64(certificate));
    return owner.post(owner.url("revoke-cert"), payload.put("reason", reason));
  }

  private CertificateRecord record() {
    return acme.authority.records().getLast();
  }

  @Test
  @DisplayName("RFC 8555 7.6: by the account that ordered it; a second time is alreadyRevoked")
  void byOwner() {
    assertThat(revoke(owner, certificate).expect(200).body()).isEmpty();
    assertThat(record().state()).isEqualTo(CertificateRecord.State.REVOKED);
    assertThat(record().revocation().orElseThrow().reason())
        .isEqualTo(RevocationReason.UNSPECIFIED);
    revoke(owner, certificate).expectError(400, "alreadyRevoked");
  }

  @Test
  @DisplayName("RFC 8555 7.6: by an account that holds authorizations for all names, not for some")
  void byNames() {
    AcmeClient other = new AcmeClient(acme.url).register();
    revoke(other, certificate).expectError(403, "unauthorized");
    other.readyOrder(acme.web, "localhost");
    revoke(other, certificate).expectError(403, "unauthorized");
    assertThat(record().state()).isEqualTo(CertificateRecord.State.ISSUED);
    other.readyOrder(acme.web, "127.0.0.1");
    revoke(other, certificate).expect(200);
    assertThat(record().state()).isEqualTo(CertificateRecord.State.REVOKED);
  }

  @Test
  @DisplayName("RFC 8555 7.6: by the certificate's key, and by no other key")
  void byKey() {
    AcmeClient stranger = new AcmeClient(acme.url);
    revoke(stranger, certificate).expectError(403, "unauthorized");
    AcmeClient holder = new AcmeClient(acme.url, AcmeEndpoint.DEFAULT, keys, "ES256");
    revoke(holder, certificate).expect(200);
    assertThat(record().state()).isEqualTo(CertificateRecord.State.REVOKED);
  }

  @Test
  @DisplayName("RFC 8555 7.6: the certificate's key says that it is compromised; then all is said")
  void compromisedKey() {
    AcmeClient holder = new AcmeClient(acme.url, AcmeEndpoint.DEFAULT, keys, "ES256");
    ObjectNode payload = AcmeClient.object().put("certificate", AcmeClient.base64(certificate));
    holder
        .post(holder.url("revoke-cert"), payload.deepCopy().put("reason", 6))
        .expectError(400, "badRevocationReason");
    holder.post(holder.url("revoke-cert"), payload.put("reason", 1)).expect(200);
    assertThat(record().revocation().orElseThrow().reason())
        .isEqualTo(RevocationReason.KEY_COMPROMISE);
    // Whoever has the authority hears the same, and the reason stands.
    AcmeClient other = new AcmeClient(acme.url).register();
    other.readyOrder(acme.web, "localhost", "127.0.0.1");
    for (AcmeClient client : List.of(holder, owner, other)) {
      revoke(client, certificate).expectError(400, "alreadyRevoked");
    }
    assertThat(record().revocation().orElseThrow().reason())
        .isEqualTo(RevocationReason.KEY_COMPROMISE);
  }

  @Test
  @DisplayName("RFC 8555 7.6: who has only proven the names cannot have the owner's key blocked")
  void compromiseByOther() {
    AcmeClient other = new AcmeClient(acme.url).register();
    other.readyOrder(acme.web, "localhost", "127.0.0.1");
    ObjectNode payload = AcmeClient.object().put("certificate", AcmeClient.base64(certificate));
    other
        .post(other.url("revoke-cert"), payload.deepCopy().put("reason", 1))
        .expectError(400, "badRevocationReason");
    assertThat(record().state()).isEqualTo(CertificateRecord.State.ISSUED);
    other.post(other.url("revoke-cert"), payload.put("reason", 4)).expect(200);
    assertThat(record().revocation().orElseThrow().reason()).isEqualTo(RevocationReason.SUPERSEDED);
  }

  @Test
  @DisplayName("RFC 8555 7.6: proven names revoke nothing that no account ordered; its key does")
  void withoutAccount() {
    AcmeClient other = new AcmeClient(acme.url).register();
    other.readyOrder(acme.web, "localhost", "127.0.0.1");
    acme.authority.disown(record().serial());
    revoke(other, certificate).expectError(403, "unauthorized");
    assertThat(record().state()).isEqualTo(CertificateRecord.State.ISSUED);
    revoke(new AcmeClient(acme.url, AcmeEndpoint.DEFAULT, keys, "ES256"), certificate).expect(200);
  }

  @Test
  @DisplayName(
      "RFC 8555 7.6: after a change of issuer the owner, the key and who proves the names revoke")
  void formerIssuer() throws Exception {
    IssuerId former = new IssuerId("former");
    new IssuerRegistry(acme.database)
        .register(former, SubjectPublicKey.of(TestAuthority.generate().getPublic()));
    URI before =
        acme.serve(
            acme.newServer(
                acme.settings(
                    List.of(
                        new EndpointBuilder(AcmeEndpoint.DEFAULT, acme.url)
                            .issuer(former)
                            .build()))));
    AcmeClient old = new AcmeClient(acme.url).through(before);
    old.register();
    KeyPair oldKeys = TestAuthority.generate();
    byte[] first = AcmeClient.firstCertificate(old.certificate(acme.web, oldKeys, "localhost"));
    byte[] second = AcmeClient.firstCertificate(old.certificate(acme.web, oldKeys, "localhost"));
    byte[] third = AcmeClient.firstCertificate(old.certificate(acme.web, oldKeys, "localhost"));
    assertThat(record().issuer()).isEqualTo(former);
    URI now = acme.secondNode();
    AcmeClient client =
        new AcmeClient(acme.url, AcmeEndpoint.DEFAULT, old.keys, "ES256")
            .as(old.account())
            .through(now);
    AcmeClient other = new AcmeClient(acme.url).through(now).register();
    revoke(other, third).expectError(403, "unauthorized");
    other.readyOrder(acme.web, "localhost");
    revoke(other, third).expect(200);
    revoke(client, first).expect(200);
    AcmeClient holder =
        new AcmeClient(acme.url, AcmeEndpoint.DEFAULT, oldKeys, "ES256").through(now);
    revoke(holder, second).expect(200);
  }

  @Test
  @DisplayName(
      "RFC 8555 7.6: names that were proven at another endpoint of the issuer do not count")
  void otherEndpoint() {
    AcmeClient other =
        new AcmeClient(acme.url, "other", TestAuthority.generate(), "ES256").register();
    other.readyOrder(acme.web, "localhost", "127.0.0.1");
    revoke(other, certificate).expectError(403, "unauthorized");
    assertThat(record().state()).isEqualTo(CertificateRecord.State.ISSUED);
    owner.post(owner.account(), "{\"status\":\"deactivated\"}").expect(200);
    AcmeClient same = new AcmeClient(acme.url).register();
    same.readyOrder(acme.web, "localhost", "127.0.0.1");
    revoke(same, certificate).expect(200);
  }

  @Test
  @DisplayName("RFC 8555 7.6: an authorization that was deactivated gives no authority")
  void byDeactivated() {
    AcmeClient other = new AcmeClient(acme.url).register();
    AcmeClient.Answer order = other.readyOrder(acme.web, "localhost", "127.0.0.1");
    String one = order.json().get("authorizations").get(1).asText();
    other.post(one, "{\"status\":\"deactivated\"}").expect(200);
    revoke(other, certificate).expectError(403, "unauthorized");
    assertThat(record().state()).isEqualTo(CertificateRecord.State.ISSUED);
  }

  @Test
  @DisplayName("RFC 8555 7.6: of the same revocation 8 times at once, one is done")
  void race() {
    List<AcmeClient.Answer> answers =
        IntStream.range(0, 8).parallel().mapToObj(i -> revoke(owner, certificate)).toList();
    assertThat(answers.stream().filter(answer -> answer.status() == 200)).hasSize(1);
    answers.stream()
        .filter(answer -> answer.status() != 200)
        .forEach(answer -> answer.expectError(400, "alreadyRevoked"));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3, 4, 5, 9})
  @DisplayName("RFC 8555 7.6: the reasons that a subscriber can give")
  void reasons(int reason) {
    revoke(reason).expect(200);
    assertThat(record().revocation().orElseThrow().reason().code()).isEqualTo(reason);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 6, 7, 8, 10, 11, -1})
  @DisplayName("RFC 8555 7.6: other reasons are badRevocationReason")
  void badReasons(int reason) {
    revoke(reason).expectError(400, "badRevocationReason");
    assertThat(record().state()).isEqualTo(CertificateRecord.State.ISSUED);
  }

  @Test
  @DisplayName("RFC 8555 7.6: only a certificate of ours, byte for byte")
  void notOurs() {
    byte[] forged = certificate.clone();
    forged[forged.length - 1] ^= 1;
    revoke(owner, forged).expectError(404, "malformed");
    for (byte[] garbage :
        List.of(
            new byte[0],
            new byte[] {0x28, 2, 0x42, 0},
            Arrays.copyOf(certificate, certificate.length - 1),
            Arrays.copyOf(certificate, certificate.length + 1))) {
      revoke(owner, garbage).expectError(400, "malformed");
    }
    owner.post(owner.url("revoke-cert"), "{}").expectError(400, "malformed");
    owner
        .post(owner.url("revoke-cert"), "{\"certificate\":\"AA==\"}")
        .expectError(400, "malformed");
    assertThat(record().state()).isEqualTo(CertificateRecord.State.ISSUED);
  }
}
