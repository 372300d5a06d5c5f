package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.bouncycastle.cert.X509CRLHolder;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The ceremonies of a root after its first one: with its token, and no key is made. */
@DisplayName("A later ceremony of a root")
class EarlierRootTest {
  @TempDir Path folder;
  private CeremonyScene first;
  private CeremonyScene second;
  private Path firstOut;
  private TranscriptState made;

  @BeforeEach
  void holdTheFirst() throws Exception {
    first = new CeremonyScene(folder.resolve("first"));
    first.rehearse();
    first.prepare();
    firstOut = folder.resolve("first-out");
    first
        .ceremony(firstOut, "token", true, first.typing(CeremonyScene.ITEMS), Folder::append)
        .run();
    made = TranscriptState.of(Files.readAllBytes(firstOut.resolve(Transcript.FILE)));
    second = new CeremonyScene(folder.resolve("second"));
    second.write("root.pem", Files.readString(firstOut.resolve("root.pem")));
  }

  @AfterEach
  void restore() throws Exception {
    second.restore();
  }

  private void plan(String serial) throws Exception {
    second.plan(
        """
        name: second
        from: 2026-01-01T00:00:00Z
        until: 2027-01-01T00:00:00Z
        offline: false
        witnesses:
          threshold: 2
          allowedSigners: |
        %%s
        token: {label: test-root, serial: "%s", initialize: false}
        root: {keyId: "726f6f74", certificate: root.pem, sha256: "@root.pem@"}
        intermediates:
          - name: second-web
            csr: web.csr
            sha256: "@web.csr@"
            subject: {organization: Tests, commonName: Web CA}
            key: ec-p256
            notAfter: 2032-01-01T00:00:00Z
            pathLength: 0
        crl: {number: 8, validity: 365d, revoked: [{serial: %s, at: 2026-05-01T00:00:00Z, reason: cACompromise}]}
        """
            .formatted(serial, made.signing("web").orElseThrow().number()));
    Manifest.write(new Folder(second.in()));
    second
        .ceremony(
            second.rehearsal(),
            "rehearsal-token",
            false,
            second.typing(List.of("root", "second-web", "crl")),
            Folder::append)
        .run();
    second.prepare();
  }

  private Ceremony ceremony(Path out) throws Exception {
    return second.ceremony(
        out, "../first/token", true, second.typing(List.of("second-web", "crl")), Folder::append);
  }

  @Test
  @DisplayName("certifies and revokes with the root's key, and is verified with its certificate")
  void certifies() throws Exception {
    plan(made.tokenSerial().orElseThrow());
    Path out = folder.resolve("second-out");
    ceremony(out).run();
    second.close(out);

    Verification.Verified verified = Verification.verify(new Folder(out), true);

    X509CertificateHolder root = Results.certificate(made, "root");
    assertThat(verified.root()).isEqualTo(root);
    assertThat(verified.state().made()).containsExactly("second-web", "crl");
    assertThat(verified.state().generated()).isEmpty();
    assertThat(
            verified
                .certificate("second-web")
                .isSignatureValid(new JcaContentVerifierProviderBuilder().build(root)))
        .isTrue();
    X509CRLHolder crl = new X509CRLHolder(Files.readAllBytes(out.resolve("root.crl")));
    assertThat(crl.getRevokedCertificate(Results.certificate(made, "web").getSerialNumber()))
        .isNotNull();
  }

  @Test
  @DisplayName("is refused with a token of another serial number")
  void otherToken() throws Exception {
    plan("0000000000000000");
    Path out = folder.resolve("second-out");
    Ceremony ceremony = ceremony(out);

    assertThatThrownBy(ceremony::run).hasMessageContaining("0000000000000000");
    assertThat(TranscriptState.of(Files.readAllBytes(out.resolve(Transcript.FILE))).items())
        .isEmpty();
  }

  @Test
  @DisplayName("is refused with another root's certificate")
  void otherRoot() throws Exception {
    second.write("root.pem", Files.readString(second.in().resolve("old.pem")));
    plan(made.tokenSerial().orElseThrow());
    Path out = folder.resolve("second-out");
    Ceremony ceremony = ceremony(out);

    assertThatThrownBy(ceremony::run).hasMessageContaining("726f6f74");
    assertThat(TranscriptState.of(Files.readAllBytes(out.resolve(Transcript.FILE))).items())
        .isEmpty();
  }
}
