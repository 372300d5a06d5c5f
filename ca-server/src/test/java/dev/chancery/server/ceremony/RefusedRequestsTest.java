package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1Boolean;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a request asks for and the plan does not give is refused, by the rehearsal already. */
@DisplayName("A ceremony refuses a request for")
class RefusedRequestsTest {
  @TempDir Path folder;

  interface Change {
    void in(CeremonyScene scene) throws Exception;
  }

  record Case(String name, Change change, String reason) {
    @Override
    public String toString() {
      return name;
    }
  }

  /** Each changes a request, which the rehearsal refuses as well. */
  static Stream<Case> requests() {
    return Stream.of(
        request(
            "a longer path",
            Extension.basicConstraints,
            new BasicConstraints(1),
            "asks for path length 1, and the plan gives 0"),
        request(
            "a path whose length is 0 in its last 32 bits",
            Extension.basicConstraints,
            new DERSequence(
                new ASN1Encodable[] {
                  ASN1Boolean.TRUE, new ASN1Integer(BigInteger.ONE.shiftLeft(32))
                }),
            "asks for path length 4294967296, and the plan gives 0"),
        request(
            "a path without bound",
            Extension.basicConstraints,
            new BasicConstraints(true),
            "asks for path length without bound, and the plan gives 0"),
        request(
            "another key usage",
            Extension.keyUsage,
            new KeyUsage(KeyUsage.digitalSignature),
            "asks for a key usage that the plan does not give"),
        request(
            "names",
            Extension.subjectAlternativeName,
            new GeneralNames(new GeneralName(GeneralName.dNSName, "www.example.internal")),
            "asks for extension 2.5.29.17, and the plan does not give it"),
        new Case(
            "another subject",
            scene -> scene.write("web.csr", CeremonyScene.request("CN=Other CA", null)),
            "is for CN=Other CA, the plan says O=Tests,CN=Web CA"),
        new Case(
            "another kind of key",
            scene ->
                scene.plan(
                    CeremonyScene.PLAN.replaceFirst(
                        "(CN|commonName): Web CA}\n    key: ec-p256",
                        "commonName: Web CA}\n    key: ec-p384")),
            "has an ec-p256 key, the plan says ec-p384"),
        new Case(
            "no request at all",
            scene -> scene.write("web.csr", "-----BEGIN NOTHING-----\n-----END NOTHING-----\n"),
            "web.csr: "),
        new Case(
            "a certificate in place of a request",
            scene ->
                Files.copy(
                    scene.in().resolve("old.pem"),
                    scene.in().resolve("web.csr"),
                    StandardCopyOption.REPLACE_EXISTING),
            "web.csr: not one certification request"),
        new Case(
            "a cross-certificate for a CA that is no root",
            scene -> scene.write("old.pem", CeremonyScene.request("CN=Other CA", null)),
            "old.pem: not one certificate"));
  }

  private static Case request(
      String name,
      org.bouncycastle.asn1.ASN1ObjectIdentifier extension,
      org.bouncycastle.asn1.ASN1Object value,
      String reason) {
    return new Case(
        name,
        scene ->
            scene.write(
                "web.csr",
                CeremonyScene.request(
                    "O=Tests,CN=Web CA", new Extension(extension, false, value.getEncoded("DER")))),
        reason);
  }

  @ParameterizedTest
  @MethodSource("requests")
  void request(Case each) throws Exception {
    CeremonyScene scene = new CeremonyScene(folder);
    each.change().in(scene);
    scene.planAnew();

    assertThatThrownBy(scene::rehearse).hasMessageContaining(each.reason());
    CeremonyRefusalsTest.requireNothingSigned(scene.rehearsal(), each.reason());
  }
}
