package dev.chancery.crl;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.RevocationReason;
import dev.chancery.testing.DatabaseKind;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** CRLs as NSS and GnuTLS see them; OpenSSL and Java's PKIX are where shards and deltas are. */
@DisplayName("RFC 5280 6.3: a good certificate is accepted and a revoked one refused")
final class CrlRelyingPartiesTest {
  private static final Duration MONTH = Duration.ofDays(30);

  @TempDir Path folder;

  private CrlFixture crl;

  @BeforeEach
  void publish() throws Exception {
    crl = new CrlFixture(DatabaseKind.H2, folder);
    X509CertificateHolder good = crl.issued(MONTH);
    X509CertificateHolder bad = crl.issued(MONTH);
    crl.revoke(bad, RevocationReason.KEY_COMPROMISE);
    try (CrlPublisher publisher = crl.publisher(crl.shelf())) {
      publisher.publish(CrlFixture.SCOPE);
    }
    write("issuer", "CERTIFICATE", crl.issuer.certificate().getEncoded());
    write("good", "CERTIFICATE", good.getEncoded());
    write("bad", "CERTIFICATE", bad.getEncoded());
    write("list", "X509 CRL", crl.current().getEncoded());
  }

  @AfterEach
  void close() {
    crl.close();
  }

  /** In DER, and in PEM. */
  private void write(String name, String type, byte[] encoded) throws Exception {
    Files.write(folder.resolve(name + ".der"), encoded);
    Files.writeString(
        folder.resolve(name + ".pem"),
        "-----BEGIN "
            + type
            + "-----\n"
            + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(encoded)
            + "\n-----END "
            + type
            + "-----\n");
  }

  private record Ran(int exitCode, String output) {}

  private Ran run(String... command) throws Exception {
    Process process =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return new Ran(process.exitValue(), output);
  }

  private void done(String... command) throws Exception {
    Ran ran = run(command);
    assertThat(ran.exitCode()).as(ran.output()).isZero();
  }

  @Test
  @DisplayName("by NSS, with the CRL in its database")
  void nss() throws Exception {
    Files.createDirectory(folder.resolve("nss"));
    done("certutil", "-N", "-d", "sql:nss", "--empty-password");
    done("certutil", "-A", "-d", "sql:nss", "-n", "ca", "-t", "CT,C,C", "-i", "issuer.der");
    String[] bad = {"vfychain", "-d", "sql:nss", "-u", "1", "bad.der"};
    assertThat(run(bad).output()).contains("Chain is good!");

    done("crlutil", "-I", "-d", "sql:nss", "-t", "1", "-i", "list.der");
    assertThat(run(bad).output()).contains("Chain is bad!").contains("has been revoked");
    String[] good = bad.clone();
    good[good.length - 1] = "good.der";
    assertThat(run(good).output()).contains("Chain is good!");
    for (String usage : new String[] {"bad.der", "good.der"}) {
      Ran ran =
          run(
              "vfychain",
              "-d",
              "sql:nss",
              "-pp",
              "-u",
              "1",
              "-g",
              "leaf",
              "-m",
              "crl",
              "-s",
              "failIfNoInfo",
              usage);
      assertThat(ran.output())
          .contains(usage.equals("good.der") ? "Chain is good!" : "Chain is bad!");
    }
  }

  @Test
  @DisplayName("by GnuTLS")
  void gnutls() throws Exception {
    for (String name : new String[] {"good", "bad"}) {
      Ran ran =
          run(
              "certtool",
              "--verify",
              "--load-ca-certificate",
              "issuer.pem",
              "--load-crl",
              "list.pem",
              "--infile",
              name + ".pem");
      boolean good = name.equals("good");
      assertThat(ran.exitCode()).as(ran.output()).isEqualTo(good ? 0 : 1);
      assertThat(ran.output())
          .contains("Checked against CRL[")
          .contains(
              good ? "Chain verification output: Verified." : "The certificate chain is revoked");
    }
  }
}
