package dev.chancery.ocsp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.RevocationReason;
import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The responder as other people's clients see it: OpenSSL and Java's PKIX. */
final class RelyingPartiesTest {
  private static final BigInteger SERIAL = new BigInteger("7a0000000000000000000001", 16);

  @TempDir Path folder;

  private OcspFixture ocsp;
  private X509CertificateHolder certificate;

  @BeforeEach
  void start() throws Exception {
    ocsp = new OcspFixture();
    certificate = ocsp.authority.endEntity(SERIAL);
    ocsp.statuses.set(SERIAL, new CertificateStatus.Good());
    pem("issuer.pem", ocsp.authority.certificate());
    pem("server.pem", certificate);
  }

  @AfterEach
  void stop() {
    ocsp.close();
  }

  private void pem(String name, X509CertificateHolder holder) throws Exception {
    Files.writeString(
        folder.resolve(name),
        "-----BEGIN CERTIFICATE-----\n"
            + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(holder.getEncoded())
            + "\n-----END CERTIFICATE-----\n");
  }

  private void revoke() {
    ocsp.statuses.set(
        SERIAL,
        new CertificateStatus.Revoked(
            ocsp.clock.instant(), RevocationReason.KEY_COMPROMISE, Optional.empty()));
  }

  private String openssl(String hash, String nonce) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of("openssl", "ocsp", "-" + hash, "-issuer", "issuer.pem", "-cert", "server.pem"));
    command.addAll(List.of("-CAfile", "issuer.pem", "-url", ocsp.url(), nonce));
    Process process =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(output).isZero();
    return output;
  }

  @ParameterizedTest
  @CsvSource({"sha1,-nonce", "sha1,-no_nonce", "sha256,-nonce", "sha256,-no_nonce"})
  @DisplayName(
      "RFC 6960: openssl ocsp verifies good, then revoked, by both hashes, with a nonce or not")
  void opensslVerifies(String hash, String nonce) throws Exception {
    assertThat(openssl(hash, nonce))
        .contains("Response verify OK")
        .contains("server.pem: good")
        .doesNotContain("WARNING");
    revoke();
    assertThat(openssl(hash, nonce))
        .contains("Response verify OK")
        .contains("server.pem: revoked")
        .contains("Reason: keyCompromise");
  }

  @Test
  @DisplayName("RFC 6960: Java's PKIX accepts the path while good and refuses it once revoked")
  void pkix() throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    X509Certificate anchor = certificate(factory, ocsp.authority.certificate());
    X509Certificate server = certificate(factory, certificate);
    CertPathValidator validator = CertPathValidator.getInstance("PKIX");
    PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
    checker.setOcspResponder(URI.create(ocsp.url()));
    checker.setOptions(EnumSet.of(PKIXRevocationChecker.Option.NO_FALLBACK));
    PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(anchor, null)));
    parameters.addCertPathChecker(checker);

    assertThatCode(() -> validator.validate(factory.generateCertPath(List.of(server)), parameters))
        .doesNotThrowAnyException();
    revoke();
    assertThatThrownBy(
            () -> validator.validate(factory.generateCertPath(List.of(server)), parameters))
        .isInstanceOfSatisfying(
            CertPathValidatorException.class,
            e ->
                assertThat(e.getReason())
                    .isEqualTo(CertPathValidatorException.BasicReason.REVOKED));
  }

  private static X509Certificate certificate(
      CertificateFactory factory, X509CertificateHolder holder) throws Exception {
    return (X509Certificate)
        factory.generateCertificate(new ByteArrayInputStream(holder.getEncoded()));
  }
}
