package dev.chancery.e2e;

import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Date;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
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
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** Another root, and what it says of an issuing CA that has a root already. */
public final class CrossCertificate {
  public static final String ROOT = "Another Root";

  private CrossCertificate() {}

  /** Writes both in PEM, where a server that was set up for them finds them. */
  public static void write(Path issuing, Path cross, Path root) throws Exception {
    KeyPair keys = AcmeKey.pairOfKeys();
    ContentSigner signer = new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate());
    JcaX509ExtensionUtils identifiers = new JcaX509ExtensionUtils();
    Instant now = Instant.now();
    X500Name name = new X500Name("CN=" + ROOT);
    X509v3CertificateBuilder self =
        new X509v3CertificateBuilder(
            name,
            BigInteger.TWO,
            Date.from(now.minus(1, ChronoUnit.HOURS)),
            Date.from(now.plus(3000, ChronoUnit.DAYS)),
            name,
            SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()));
    self.addExtension(Extension.basicConstraints, true, new BasicConstraints(true));
    self.addExtension(
        Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign));
    self.addExtension(
        Extension.subjectKeyIdentifier,
        false,
        identifiers.createSubjectKeyIdentifier(keys.getPublic()));
    X509CertificateHolder above = self.build(signer);

    X509CertificateHolder known = read(issuing);
    X509v3CertificateBuilder other =
        new X509v3CertificateBuilder(
            name,
            BigInteger.valueOf(3),
            known.getNotBefore(),
            known.getNotAfter(),
            known.getSubject(),
            known.getSubjectPublicKeyInfo());
    for (Object oid : known.getExtensionOIDs()) {
      Extension extension = known.getExtension((ASN1ObjectIdentifier) oid);
      if (!extension.getExtnId().equals(Extension.authorityKeyIdentifier)) {
        other.addExtension(extension);
      }
    }
    other.addExtension(
        Extension.authorityKeyIdentifier, false, identifiers.createAuthorityKeyIdentifier(above));
    write(root, above);
    write(cross, other.build(signer));
  }

  private static X509CertificateHolder read(Path file) throws Exception {
    try (PEMParser parser = new PEMParser(Files.newBufferedReader(file))) {
      return (X509CertificateHolder) parser.readObject();
    }
  }

  private static void write(Path file, X509CertificateHolder certificate) throws Exception {
    try (JcaPEMWriter writer = new JcaPEMWriter(Files.newBufferedWriter(file))) {
      writer.writeObject(certificate);
    }
  }
}
