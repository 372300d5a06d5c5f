package dev.chancery.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.Der;
import dev.chancery.core.DnsName;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.ToBeSigned;
import dev.chancery.hsm.SoftwareKey;
import dev.chancery.testing.DatabaseKind;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1EncodableVector;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.ASN1TaggedObject;
import org.bouncycastle.asn1.DERBitString;
import org.bouncycastle.asn1.DERGeneralizedTime;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.DERTaggedObject;
import org.bouncycastle.asn1.DERUTCTime;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A good to-be-signed certificate is broken in one place, and the lint names that place. */
class LintTest {
  /** How the elements of the TBSCertificate are changed, and what the lint must say. */
  record Broken(String finding, UnaryOperator<List<ASN1Encodable>> change) {
    @Override
    public String toString() {
      return finding;
    }
  }

  private static final int SERIAL = 1;
  private static final int ALGORITHM = 2;
  private static final int ISSUER = 3;
  private static final int VALIDITY = 4;
  private static final int SUBJECT = 5;
  private static final int KEY = 6;
  private static final int EXTENSIONS = 7;
  private static final IssuanceRequest REQUEST = Engine.request(new DnsName("www.example.com"));

  @TempDir static Path folder;
  private static Engine engine;
  private static ToBeSigned good;

  @BeforeAll
  static void build() throws Exception {
    engine = Engine.on(DatabaseKind.H2, folder);
    Catalogue catalogue = new Catalogue(List.of(engine.issuing), engine.profiles.values());
    good =
        TbsCertificateWriter.write(
            new Decision(catalogue, engine.clock, engine.random).on(REQUEST),
            SigningScheme.ECDSA_SHA256);
  }

  @AfterAll
  static void close() {
    engine.close();
  }

  @Test
  @DisplayName("the good one has no findings")
  void good() {
    assertThat(findings(good)).isEmpty();
  }

  @Test
  @DisplayName("bytes that are no TBSCertificate")
  void garbage() {
    for (byte[] bytes : List.of(new byte[0], new byte[] {0x30, 0}, new byte[] {5, 0})) {
      assertThat(findings(new ToBeSigned(Der.of(bytes), SigningScheme.ECDSA_SHA256)))
          .containsExactly("the bytes are not a TBSCertificate in DER");
    }
  }

  static Stream<Broken> broken() {
    ASN1Encodable otherKey =
        SubjectPublicKeyInfo.getInstance(
            SoftwareKey.generate(KeyAlgorithm.EC_P256).publicKey().encoded().bytes());
    return Stream.of(
        new Broken("the version is not 3", without(0)),
        new Broken("serial number is not positive", with(SERIAL, new ASN1Integer(0))),
        new Broken("serial number is not positive", with(SERIAL, new ASN1Integer(-5))),
        new Broken(
            "more than 20 octets", with(SERIAL, new ASN1Integer(BigInteger.ONE.shiftLeft(159)))),
        new Broken("signature algorithm", with(ALGORITHM, SigningScheme.ECDSA_SHA384.identifier())),
        new Broken("the issuer is not", with(ISSUER, new X500Name("CN=Someone else"))),
        new Broken("ends before it begins", validity("261122100000Z", "261122095959Z")),
        new Broken("inside the issuer's own", validity("250101000000Z", "250301000000Z")),
        new Broken(
            "a time is not UTCTime",
            with(
                VALIDITY,
                new DERSequence(
                    new ASN1Encodable[] {
                      new DERGeneralizedTime("20261122100000Z"),
                      new DERGeneralizedTime("20270122100000Z")
                    }))),
        new Broken("a time is not UTCTime", validity("2611221000Z", "270122100000Z")),
        new Broken("lifetime is outside", validity("261122100000Z", "280122100000Z")),
        new Broken("lifetime is outside", validity("261122100000Z", "261122101000Z")),
        new Broken("subject is not what the profile", with(SUBJECT, new X500Name("CN=other.test"))),
        new Broken("subject is not what the profile", with(SUBJECT, new X500Name("O=Bank"))),
        new Broken("critical if and only if", with(SUBJECT, new X500Name(""))),
        new Broken("public key is not the one", with(KEY, otherKey)),
        new Broken(
            "unique identifiers",
            elements -> {
              elements.add(EXTENSIONS, new DERTaggedObject(false, 1, new DERBitString(7)));
              return elements;
            }),
        new Broken("stands there twice", twice(Extension.keyUsage)),
        new Broken(
            "is unknown", extension(new ASN1ObjectIdentifier("1.2.3.4"), true, DERNull.INSTANCE)),
        new Broken("authority key identifier", drop(Extension.authorityKeyIdentifier)),
        new Broken("subject key identifier", drop(Extension.subjectKeyIdentifier)),
        new Broken("key usage is not the profile's", drop(Extension.keyUsage)),
        new Broken(
            "wrong criticality",
            extension(Extension.keyUsage, false, new KeyUsage(KeyUsage.digitalSignature))),
        new Broken(
            "do not go together",
            extension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign))),
        new Broken(
            "not one that the key has",
            extension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyEncipherment))),
        new Broken(
            "do not go together",
            extension(Extension.basicConstraints, true, new BasicConstraints(true))),
        new Broken(
            "path length is not below",
            extension(Extension.basicConstraints, true, new BasicConstraints(0))),
        new Broken("basic constraint is not", drop(Extension.basicConstraints)),
        new Broken("extended key usage is not", drop(Extension.extendedKeyUsage)),
        new Broken("names are not those", drop(Extension.subjectAlternativeName)),
        new Broken("names are not those", names("www.example.com", "bank.test")),
        new Broken("a name stands there twice", names("www.example.com", "www.example.com")),
        new Broken("malformed", names("a.*.example.com")),
        new Broken("malformed", names("www.example.com\0.evil.test")),
        new Broken("CRL distribution point is not", drop(Extension.cRLDistributionPoints)),
        new Broken("OCSP URL is not", drop(Extension.authorityInfoAccess)),
        new Broken(
            "noRevAvail is missing or not wanted",
            extension(TbsCertificateWriter.NO_REV_AVAIL, false, DERNull.INSTANCE)));
  }

  @ParameterizedTest(name = "{index}: {0}")
  @MethodSource("broken")
  @DisplayName("RFC 5280 section 4: each rule, broken")
  void findsEach(Broken broken) throws Exception {
    assertThat(findings(changed(broken.change())))
        .anySatisfy(finding -> assertThat(finding).contains(broken.finding()));
  }

  @Test
  @DisplayName("a subject made to be read in another way")
  void hostileSubjects() {
    for (String subject : List.of("CN=a\\00b", "C=de", "CN=a\\0Ab", "O=\\20\\20")) {
      assertThat(SubjectLint.findings(new X500Name(subject))).as(subject).isNotEmpty();
    }
    assertThat(SubjectLint.findings(new X500Name("C=DE,O=Käse GmbH,CN=alice"))).isEmpty();
  }

  private static List<String> findings(ToBeSigned toBeSigned) {
    return Lint.findings(
        toBeSigned, engine.issuing, engine.profiles.get(Engine.TLS_SERVER), REQUEST);
  }

  private static ToBeSigned changed(UnaryOperator<List<ASN1Encodable>> change) throws Exception {
    ASN1Sequence tbs = ASN1Sequence.getInstance(good.bytes().bytes());
    List<ASN1Encodable> elements = new ArrayList<>(List.of(tbs.toArray()));
    byte[] bytes = sequence(change.apply(elements)).getEncoded("DER");
    return new ToBeSigned(Der.of(bytes), good.scheme());
  }

  private static DERSequence sequence(List<? extends ASN1Encodable> elements) {
    ASN1EncodableVector vector = new ASN1EncodableVector();
    elements.forEach(vector::add);
    return new DERSequence(vector);
  }

  private static UnaryOperator<List<ASN1Encodable>> with(int index, ASN1Encodable element) {
    return elements -> {
      elements.set(index, element);
      return elements;
    };
  }

  private static UnaryOperator<List<ASN1Encodable>> without(int index) {
    return elements -> {
      elements.remove(index);
      return elements;
    };
  }

  private static UnaryOperator<List<ASN1Encodable>> validity(String from, String to) {
    return with(
        VALIDITY, new DERSequence(new ASN1Encodable[] {new DERUTCTime(from), new DERUTCTime(to)}));
  }

  private static UnaryOperator<List<ASN1Encodable>> onExtensions(
      UnaryOperator<List<Extension>> change) {
    return elements -> {
      List<Extension> extensions = new ArrayList<>();
      for (ASN1Encodable extension :
          ASN1Sequence.getInstance((ASN1TaggedObject) elements.get(EXTENSIONS), true)) {
        extensions.add(Extension.getInstance(extension));
      }
      elements.set(EXTENSIONS, new DERTaggedObject(true, 3, sequence(change.apply(extensions))));
      return elements;
    };
  }

  private static UnaryOperator<List<ASN1Encodable>> drop(ASN1ObjectIdentifier id) {
    return onExtensions(extensions -> {
      extensions.removeIf(extension -> extension.getExtnId().equals(id));
      return extensions;
    });
  }

  private static UnaryOperator<List<ASN1Encodable>> twice(ASN1ObjectIdentifier id) {
    return onExtensions(extensions -> {
      extensions.addAll(extensions.stream().filter(found -> found.getExtnId().equals(id)).toList());
      return extensions;
    });
  }

  private static UnaryOperator<List<ASN1Encodable>> extension(
      ASN1ObjectIdentifier id, boolean critical, ASN1Encodable value) {
    return onExtensions(extensions -> {
      extensions.removeIf(extension -> extension.getExtnId().equals(id));
      try {
        extensions.add(new Extension(id, critical, value.toASN1Primitive().getEncoded("DER")));
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
      return extensions;
    });
  }

  private static UnaryOperator<List<ASN1Encodable>> names(String... names) {
    GeneralName[] entries =
        Stream.of(names)
            .map(name -> new GeneralName(GeneralName.dNSName, name))
            .toArray(GeneralName[]::new);
    return extension(Extension.subjectAlternativeName, false, new GeneralNames(entries));
  }
}
