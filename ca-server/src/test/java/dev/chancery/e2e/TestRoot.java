package dev.chancery.e2e;

import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.Random;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;

/** A root with its key at hand, for what a ceremony would make. */
public final class TestRoot {
  private static final Duration LONG = Duration.ofDays(3000);

  private final KeyPair keys = AcmeKey.pairOfKeys();
  private final Random serials = new Random();
  private final X509CertificateHolder certificate;

  public TestRoot(String name) throws Exception {
    certificate =
        certify(
            new X500Name(name),
            new X500Name(name),
            SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()),
            LONG);
  }

  public X509CertificateHolder certificate() {
    return certificate;
  }

  /** Another root's name and key, certified by this one. */
  public X509CertificateHolder certify(TestRoot other) throws Exception {
    return certify(other, LONG);
  }

  /** As the other, for a time of its own. */
  public X509CertificateHolder certify(TestRoot other, Duration validity) throws Exception {
    return certify(
        certificate.getSubject(),
        other.certificate.getSubject(),
        other.certificate.getSubjectPublicKeyInfo(),
        validity);
  }

  /** What a request in PEM asks for. */
  public X509CertificateHolder certify(Path request) throws Exception {
    try (PEMParser parser = new PEMParser(Files.newBufferedReader(request))) {
      PKCS10CertificationRequest asked = (PKCS10CertificationRequest) parser.readObject();
      return certify(
          certificate.getSubject(), asked.getSubject(), asked.getSubjectPublicKeyInfo(), LONG);
    }
  }

  private X509CertificateHolder certify(
      X500Name issuer, X500Name subject, SubjectPublicKeyInfo key, Duration validity)
      throws Exception {
    JcaX509ExtensionUtils identifiers = new JcaX509ExtensionUtils();
    Instant now = Instant.now();
    X509v3CertificateBuilder builder =
        new X509v3CertificateBuilder(
            issuer,
            new BigInteger(64, serials).add(BigInteger.ONE),
            Date.from(now.minus(Duration.ofHours(1))),
            Date.from(now.plus(validity)),
            subject,
            key);
    builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(true));
    builder.addExtension(
        Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign));
    builder.addExtension(
        Extension.subjectKeyIdentifier, false, identifiers.createSubjectKeyIdentifier(key));
    builder.addExtension(
        Extension.authorityKeyIdentifier,
        false,
        identifiers.createAuthorityKeyIdentifier(
            SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded())));
    return builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate()));
  }

  public static Path write(Path file, X509CertificateHolder... certificates) throws Exception {
    try (JcaPEMWriter writer = new JcaPEMWriter(Files.newBufferedWriter(file))) {
      for (X509CertificateHolder one : certificates) {
        writer.writeObject(one);
      }
    }
    return file;
  }
}
