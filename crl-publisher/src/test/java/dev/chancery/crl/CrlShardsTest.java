package dev.chancery.crl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.testing.DatabaseKind;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertPathValidatorException.BasicReason;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.x509.CRLDistPoint;
import org.bouncycastle.asn1.x509.CRLReason;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.IssuingDistributionPoint;
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
import org.junit.jupiter.params.provider.EnumSource;

/** CRLs in shards, and delta CRLs, on both databases and as OpenSSL reads them. */
@ParameterizedClass
@EnumSource(DatabaseKind.class)
@Timeout(120)
final class CrlShardsTest {
  private static final Duration MONTH = Duration.ofDays(30);
  private static final CrlScope FIRST = new CrlScope(CrlFixture.ISSUER, 1);
  private static final CrlScope SECOND = new CrlScope(CrlFixture.ISSUER, 2);
  private static final CrlSettings DELTAS =
      new CrlSettings(
          Duration.ofDays(7),
          Duration.ofDays(1),
          Optional.of(new CrlSettings.Delta(Duration.ofDays(1), Duration.ofDays(3))));

  @Parameter DatabaseKind kind;
  @TempDir Path folder;

  private CrlFixture crl;
  private CrlShelf shelf;
  private CrlPublisher publisher;

  @BeforeEach
  void open() throws Exception {
    crl = new CrlFixture(kind, folder);
    shelf = crl.shelf();
    publisher = crl.publisher(shelf, crl.revocations, DELTAS, CrlFixture.PAUSE);
  }

  @AfterEach
  void close() {
    publisher.close();
    crl.close();
  }

  private static URI location(CrlScope scope) {
    return URI.create("http://pki.example/crl/" + CrlName.complete(scope).path());
  }

  private void locate(CrlScope... scopes) {
    for (CrlScope scope : scopes) {
      crl.crls.addLocation(scope, location(scope));
    }
  }

  private static BigInteger integer(Extension extension) {
    return ASN1Integer.getInstance(extension.getParsedValue()).getValue();
  }

  private static BigInteger number(X509CRLHolder list) {
    return integer(list.getExtension(Extension.cRLNumber));
  }

  @Test
  @DisplayName("RFC 5280 5.2.5: a critical IDP whose URL is the certificates' CDP, byte for byte")
  void distributionPoint() throws Exception {
    locate(CrlFixture.SCOPE, FIRST, SECOND);
    X509CertificateHolder old = crl.issued(MONTH, 0, Optional.of(location(CrlFixture.SCOPE)));
    X509CertificateHolder one = crl.issued(MONTH, 1, Optional.of(location(FIRST)));
    X509CertificateHolder two = crl.issued(MONTH, 2, Optional.of(location(SECOND)));
    for (X509CertificateHolder certificate : List.of(old, one, two)) {
      crl.revoke(certificate, RevocationReason.SUPERSEDED);
    }
    List<X509CertificateHolder> certificates = List.of(old, one, two);
    List<CrlScope> scopes = List.of(CrlFixture.SCOPE, FIRST, SECOND);
    for (int i = 0; i < 3; i++) {
      publisher.publish(scopes.get(i));
      X509CRLHolder list = crl.current(CrlName.complete(scopes.get(i)));
      assertThat(list.getRevokedCertificates().size()).isEqualTo(1);
      assertThat(list.getRevokedCertificate(certificates.get(i).getSerialNumber())).isNotNull();
      Extension idp = list.getExtension(Extension.issuingDistributionPoint);
      assertThat(idp.isCritical()).isTrue();
      Extension cdp = certificates.get(i).getExtension(Extension.cRLDistributionPoints);
      assertThat(IssuingDistributionPoint.getInstance(idp.getParsedValue()).getDistributionPoint())
          .isEqualTo(
              CRLDistPoint.getInstance(cdp.getParsedValue())
                  .getDistributionPoints()[0]
                  .getDistributionPoint());
    }
  }

  @Test
  @DisplayName("RFC 5280 5.2.5: when the public URL changes, both are named: old certificates stay")
  void twoLocations() throws Exception {
    locate(CrlFixture.SCOPE, FIRST);
    crl.clock.advance(Duration.ofSeconds(1));
    URI elsewhere = URI.create("http://new.example/crl/issuing/1.crl");
    crl.crls.addLocation(FIRST, elsewhere);
    publisher.publish(FIRST);
    try (InputStream in = shelf.refresh(CrlName.complete(FIRST)).orElseThrow().open()) {
      SeenCrl seen = SeenCrl.read(in, crl.issuer, Long.MAX_VALUE, Set.of());
      assertThat(seen.verified()).isTrue();
      assertThat(seen.entries()).isZero();
      assertThat(seen.distributionPoint())
          .containsExactly(location(FIRST).toString(), elsewhere.toString());
      assertThat(seen.freshest()).contains("http://new.example/crl/issuing/1-delta.crl");
    }
  }

  @Test
  @DisplayName(
      "RFC 5280 5.2.5: a new URL, or the first shard, has the lists that lack it made anew")
  void locationsAreDue() throws Exception {
    locate(CrlFixture.SCOPE);
    publisher.publish(CrlFixture.SCOPE);
    assertThat(crl.current().getExtension(Extension.issuingDistributionPoint)).isNull();

    locate(FIRST);
    assertThat(publisher.awaitCurrent(Duration.ZERO)).isFalse();
    publisher.refreshDue();
    assertThat(publisher.awaitCurrent(Duration.ofSeconds(60))).isTrue();
    assertThat(crl.current().getExtension(Extension.issuingDistributionPoint)).isNotNull();
    BigInteger unsharded = number(crl.current());

    String elsewhere = "http://new.example/crl/issuing/1.crl";
    crl.crls.addLocation(FIRST, URI.create(elsewhere));
    assertThat(publisher.awaitCurrent(Duration.ZERO)).isFalse();
    publisher.refreshDue();
    assertThat(publisher.awaitCurrent(Duration.ofSeconds(60))).isTrue();
    Extension idp =
        crl.current(CrlName.complete(FIRST)).getExtension(Extension.issuingDistributionPoint);
    assertThat(IssuingDistributionPoint.getInstance(idp.getParsedValue()).toString())
        .contains(location(FIRST).toString(), elsewhere);

    int made = crl.crls.numbers().size();
    publisher.refreshDue();
    publisher.close();
    assertThat(crl.crls.numbers()).hasSize(made);
    assertThat(number(crl.current())).isEqualTo(unsharded);
  }

  @Test
  @DisplayName("After a revocation its shard alone is made anew")
  void onlyTheDirtyShard() throws Exception {
    locate(CrlFixture.SCOPE, FIRST, SECOND);
    X509CertificateHolder two = crl.issued(MONTH, 2, Optional.of(location(SECOND)));
    publisher.refreshDue();
    assertThat(publisher.awaitCurrent(Duration.ofSeconds(60))).isTrue();
    BigInteger first = number(crl.current(CrlName.complete(FIRST)));
    crl.clock.advance(Duration.ofMinutes(10));
    crl.revoke(two, RevocationReason.SUPERSEDED);
    int before = crl.crls.numbers().size();
    publisher.refreshDue();
    for (int i = 0; i < 500 && crl.crls.numbers().size() == before; i++) {
      Thread.sleep(20);
    }
    publisher.close();
    assertThat(crl.crls.numbers()).hasSize(before + 1);
    assertThat(number(crl.current(CrlName.complete(FIRST)))).isEqualTo(first);
    assertThat(crl.current(CrlName.complete(SECOND)).getRevokedCertificate(two.getSerialNumber()))
        .isNotNull();
  }

  @Test
  @DisplayName(
      "RFC 5280 5.2.4 and 5.2.6: a delta has its base, the complete one's number and scope")
  void delta() throws Exception {
    locate(CrlFixture.SCOPE, FIRST);
    X509CertificateHolder before = crl.issued(MONTH, 1, Optional.of(location(FIRST)));
    X509CertificateHolder leaving =
        crl.issued(Duration.ofHours(1), 1, Optional.of(location(FIRST)));
    X509CertificateHolder after = crl.issued(MONTH, 1, Optional.of(location(FIRST)));
    crl.revoke(before, RevocationReason.SUPERSEDED);
    crl.revoke(leaving, RevocationReason.SUPERSEDED);
    publisher.publish(FIRST);
    BigInteger base = number(crl.current(CrlName.complete(FIRST)));
    crl.clock.advance(Duration.ofHours(2));
    publisher.publish(FIRST);
    crl.clock.advance(Duration.ofHours(2));
    crl.revoke(after, RevocationReason.KEY_COMPROMISE);
    publisher.publish(FIRST);

    X509CRLHolder complete = crl.current(CrlName.complete(FIRST));
    X509CRLHolder delta = crl.current(CrlName.delta(FIRST));
    assertThat(number(delta)).isEqualTo(number(complete));
    Extension indicator = delta.getExtension(Extension.deltaCRLIndicator);
    assertThat(indicator.isCritical()).isTrue();
    assertThat(integer(indicator)).isEqualTo(base);
    assertThat(delta.getExtension(Extension.issuingDistributionPoint))
        .isEqualTo(complete.getExtension(Extension.issuingDistributionPoint));
    assertThat(delta.getExtension(Extension.freshestCRL)).isNull();
    assertThat(complete.getExtension(Extension.freshestCRL).isCritical()).isFalse();
    // What the base has too is not repeated; what left it since is said to have.
    assertThat(delta.getRevokedCertificate(before.getSerialNumber())).isNull();
    assertThat(delta.getRevokedCertificate(after.getSerialNumber())).isNotNull();
    Extension gone =
        delta.getRevokedCertificate(leaving.getSerialNumber()).getExtension(Extension.reasonCode);
    assertThat(CRLReason.getInstance(gone.getParsedValue()).getValue().intValue()).isEqualTo(8);
    assertThat(complete.getRevokedCertificate(leaving.getSerialNumber())).isNull();

    crl.clock.advance(Duration.ofDays(3));
    publisher.publish(FIRST);
    publisher.publish(FIRST);
    X509CRLHolder later = crl.current(CrlName.delta(FIRST));
    assertThat(integer(later.getExtension(Extension.deltaCRLIndicator))).isGreaterThan(base);
  }

  private static int reasonOf(X509CRLHolder list, X509CertificateHolder certificate) {
    Extension reason =
        list.getRevokedCertificate(certificate.getSerialNumber())
            .getExtension(Extension.reasonCode);
    return CRLReason.getInstance(reason.getParsedValue()).getValue().intValue();
  }

  private void release(X509CertificateHolder certificate) {
    assertThat(
            crl.revocations.release(
                CrlFixture.ISSUER, SerialNumber.of(certificate.getSerialNumber()), "admin alice"))
        .isEqualTo(RevocationLedger.Released.RELEASED);
  }

  @Test
  @DisplayName("RFC 5280 5.2.4: a released hold is removeFromCRL, also one that the base never had")
  void released() throws Exception {
    locate(CrlFixture.SCOPE, FIRST);
    X509CertificateHolder inBase = crl.issued(MONTH, 1, Optional.of(location(FIRST)));
    X509CertificateHolder between = crl.issued(MONTH, 1, Optional.of(location(FIRST)));
    X509CertificateHolder again = crl.issued(MONTH, 1, Optional.of(location(FIRST)));
    crl.revoke(inBase, RevocationReason.CERTIFICATE_HOLD);
    crl.revoke(again, RevocationReason.CERTIFICATE_HOLD);
    publisher.publish(FIRST);
    BigInteger base = number(crl.current(CrlName.complete(FIRST)));
    crl.revoke(between, RevocationReason.CERTIFICATE_HOLD);
    publisher.publish(FIRST);
    pem("issuer.pem", "CERTIFICATE", crl.issuer.certificate().getEncoded());
    pem("between.pem", "CERTIFICATE", between.getEncoded());
    pem("middle.pem", "X509 CRL", crl.current(CrlName.complete(FIRST)).getEncoded());
    assertThat(verify("between.pem", "middle.pem")).contains("certificate revoked");

    for (X509CertificateHolder each : List.of(inBase, between, again)) {
      release(each);
    }
    // With the same entry that the base has, in the same second.
    crl.revoke(again, RevocationReason.CERTIFICATE_HOLD);
    publisher.publish(FIRST);

    X509CRLHolder delta = crl.current(CrlName.delta(FIRST));
    assertThat(integer(delta.getExtension(Extension.deltaCRLIndicator))).isEqualTo(base);
    assertThat(reasonOf(delta, inBase)).isEqualTo(CRLReason.removeFromCRL);
    assertThat(reasonOf(delta, between)).isEqualTo(CRLReason.removeFromCRL);
    assertThat(reasonOf(delta, again)).isEqualTo(CRLReason.certificateHold);
    X509CRLHolder complete = crl.current(CrlName.complete(FIRST));
    assertThat(complete.getRevokedCertificates().size()).isEqualTo(1);
    // Whoever has the complete CRL of the time of the hold is told by the delta alone.
    pem("delta.pem", "X509 CRL", delta.getEncoded());
    Files.writeString(
        folder.resolve("both.pem"),
        Files.readString(folder.resolve("middle.pem"))
            + Files.readString(folder.resolve("delta.pem")));
    assertThat(verify("between.pem", "both.pem")).contains("between.pem: OK");

    // When a newer base has come, it is forgotten.
    crl.clock.advance(Duration.ofDays(3).plusMinutes(2));
    publisher.publish(FIRST);
    publisher.publish(FIRST);
    assertThat(crl.current(CrlName.delta(FIRST)).getRevokedCertificates().isEmpty()).isTrue();
    assertThat(crl.revocations.released(FIRST, Optional.empty(), 10)).isEmpty();
  }

  @Test
  @DisplayName("A release whose node died before it asked for a CRL gets one from the schedule")
  void releasedByTheDead() throws Exception {
    locate(CrlFixture.SCOPE);
    X509CertificateHolder certificate = crl.issued(MONTH);
    crl.revoke(certificate, RevocationReason.CERTIFICATE_HOLD);
    publisher.publish(CrlFixture.SCOPE);
    crl.clock.advance(Duration.ofMinutes(10));
    publisher.publish(CrlFixture.SCOPE);
    release(certificate);
    crl.clock.advance(Duration.ofMinutes(2));
    int before = crl.crls.numbers().size();
    publisher.refreshDue();
    for (int i = 0; i < 500 && crl.crls.numbers().size() == before; i++) {
      Thread.sleep(20);
    }
    publisher.close();
    assertThat(crl.current().getRevokedCertificates().isEmpty()).isTrue();
  }

  @Test
  @DisplayName("RFC 5280 6.3: openssl with the CRL of a shard, with a delta and without")
  void openssl() throws Exception {
    locate(CrlFixture.SCOPE, FIRST, SECOND);
    X509CertificateHolder good = crl.issued(MONTH, 1, Optional.of(location(FIRST)));
    X509CertificateHolder bad = crl.issued(MONTH, 1, Optional.of(location(FIRST)));
    pem("issuer.pem", "CERTIFICATE", crl.issuer.certificate().getEncoded());
    pem("good.pem", "CERTIFICATE", good.getEncoded());
    pem("bad.pem", "CERTIFICATE", bad.getEncoded());
    publisher.publish(FIRST);
    publisher.publish(SECOND);
    pem("base.pem", "X509 CRL", crl.current(CrlName.complete(FIRST)).getEncoded());
    pem("other.pem", "X509 CRL", crl.current(CrlName.complete(SECOND)).getEncoded());
    assertThat(verify("good.pem", "base.pem")).contains("good.pem: OK");
    // The CRL of another shard is not one for this certificate.
    assertThat(verify("good.pem", "other.pem")).doesNotContain("good.pem: OK");

    crl.revoke(bad, RevocationReason.KEY_COMPROMISE);
    publisher.publish(FIRST);
    pem("complete.pem", "X509 CRL", crl.current(CrlName.complete(FIRST)).getEncoded());
    pem("delta.pem", "X509 CRL", crl.current(CrlName.delta(FIRST)).getEncoded());
    assertThat(verify("bad.pem", "complete.pem")).contains("certificate revoked");
    assertThat(verify("bad.pem", "base.pem")).contains("bad.pem: OK");
    Files.writeString(
        folder.resolve("both.pem"),
        Files.readString(folder.resolve("base.pem"))
            + Files.readString(folder.resolve("delta.pem")));
    assertThat(verify("bad.pem", "both.pem")).contains("certificate revoked");
    assertThat(verify("good.pem", "both.pem")).contains("good.pem: OK");
  }

  @Test
  @DisplayName("RFC 5280 6.3: Java's PKIX takes the CRL of the certificate's shard and no other")
  void pkix() throws Exception {
    locate(CrlFixture.SCOPE, FIRST, SECOND);
    X509CertificateHolder certificate = crl.issued(MONTH, 1, Optional.of(location(FIRST)));
    publisher.publish(FIRST);
    publisher.publish(SECOND);
    crl.validate(certificate, crl.current(CrlName.complete(FIRST)).getEncoded());
    byte[] other = crl.current(CrlName.complete(SECOND)).getEncoded();
    assertThat(reason(certificate, other)).isEqualTo(BasicReason.UNDETERMINED_REVOCATION_STATUS);

    crl.revoke(certificate, RevocationReason.SUPERSEDED);
    publisher.publish(FIRST);
    byte[] own = crl.current(CrlName.complete(FIRST)).getEncoded();
    assertThat(reason(certificate, own)).isEqualTo(BasicReason.REVOKED);
  }

  private CertPathValidatorException.Reason reason(X509CertificateHolder certificate, byte[] list) {
    return catchThrowableOfType(
            CertPathValidatorException.class, () -> crl.validate(certificate, list))
        .getReason();
  }

  @Test
  @DisplayName("RFC 5280 5: GnuTLS verifies the CRL of a shard, and its delta")
  void gnutls() throws Exception {
    locate(CrlFixture.SCOPE, FIRST);
    crl.revoke(crl.issued(MONTH, 1, Optional.of(location(FIRST))), RevocationReason.KEY_COMPROMISE);
    publisher.publish(FIRST);
    pem("issuer.pem", "CERTIFICATE", crl.issuer.certificate().getEncoded());
    for (CrlName name : List.of(CrlName.complete(FIRST), CrlName.delta(FIRST))) {
      pem("crl.pem", "X509 CRL", crl.current(name).getEncoded());
      assertThat(
              run(
                  List.of(
                      "certtool",
                      "--verify-crl",
                      "--load-ca-certificate",
                      "issuer.pem",
                      "--infile",
                      "crl.pem")))
          .contains("Verification output: Verified.");
    }
  }

  private String verify(String certificate, String crls) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of("openssl", "verify", "-x509_strict", "-crl_check", "-extended_crl"));
    command.addAll(List.of("-use_deltas", "-CAfile", "issuer.pem", "-CRLfile", crls, certificate));
    return run(command);
  }

  private String run(List<String> command) throws Exception {
    Process process =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return output;
  }

  private void pem(String name, String type, byte[] encoded) throws Exception {
    String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(encoded);
    Files.writeString(
        folder.resolve(name),
        "-----BEGIN " + type + "-----\n" + body + "\n-----END " + type + "-----\n");
  }

  @Test
  @DisplayName("The number of a CRL is read past its entries, and of nothing else")
  void numberOfAFile() throws Exception {
    crl.revoke(crl.issued(MONTH), RevocationReason.SUPERSEDED);
    publisher.publish(CrlFixture.SCOPE);
    byte[] encoded = crl.current().getEncoded();
    assertThat(CrlNumber.read(new ByteArrayInputStream(encoded))).isEqualTo(number(crl.current()));
    for (int length = 0; length < encoded.length - 100; length++) {
      byte[] cut = Arrays.copyOf(encoded, length);
      assertThat(catchThrowable(() -> CrlNumber.read(new ByteArrayInputStream(cut))))
          .isInstanceOf(IOException.class);
    }
  }

  @Test
  @DisplayName("A directory has whole CRLs only, and never an older one after a newer")
  void directory() throws Exception {
    Path place = Files.createDirectory(folder.resolve("www"));
    locate(CrlFixture.SCOPE, FIRST);
    DirectoryTarget target = new DirectoryTarget(place);
    publisher.publish(FIRST);
    Path kept = Files.createTempFile(folder, "old", ".crl");
    CrlShelf.Copy current = shelf.refresh(CrlName.complete(FIRST)).orElseThrow();
    Files.write(kept, CrlFixture.octets(current));
    CrlShelf.Copy old =
        new CrlShelf.Copy(
            current.name(),
            current.number(),
            current.base(),
            current.thisUpdate(),
            current.nextUpdate(),
            kept,
            current.length(),
            current.sha256());
    publisher.publish(FIRST);
    CrlShelf.Copy young = shelf.refresh(CrlName.complete(FIRST)).orElseThrow();

    target.put(young);
    target.put(old);

    Path file = place.resolve("issuing/1.crl");
    assertThat(Files.readAllBytes(file)).isEqualTo(CrlFixture.octets(young));
    try (var files = Files.list(place.resolve("issuing"))) {
      assertThat(files).containsExactly(file);
    }
  }
}
