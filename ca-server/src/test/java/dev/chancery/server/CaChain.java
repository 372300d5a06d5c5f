package dev.chancery.server;

import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralSubtree;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.NameConstraints;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * CA certificates that another CA could have made: a root, CAs below it, and at the end one whose
 * names are constrained. Every one but a root can be certified as expired.
 */
final class CaChain {
  private static final Duration LIFE = Duration.ofDays(30);

  private final List<X509CertificateHolder> fromRoot = new ArrayList<>();
  private PrivateKey key;

  CaChain root(String name) throws Exception {
    return root(name, Instant.now().plus(LIFE));
  }

  CaChain root(String name, Instant notAfter) throws Exception {
    KeyPair pair = pair();
    key = pair.getPrivate();
    return add(new X500Name(name), new X500Name(name), publicKey(pair), notAfter, false, pair);
  }

  CaChain below(String name) throws Exception {
    return below(name, Instant.now().plus(LIFE));
  }

  CaChain below(String name, Instant notAfter) throws Exception {
    KeyPair pair = pair();
    return add(
        fromRoot.getLast().getSubject(),
        new X500Name(name),
        publicKey(pair),
        notAfter,
        false,
        pair);
  }

  /** The last one, with a key that is not here. */
  CaChain certify(X500Name name, SubjectPublicKeyInfo publicKey) throws Exception {
    Instant notAfter = Instant.now().plus(LIFE);
    return add(fromRoot.getLast().getSubject(), name, publicKey, notAfter, true, pair());
  }

  /** The last one, for a CA that has a certificate: the same name, key and key identifier. */
  CaChain crossCertify(X509CertificateHolder certified) throws Exception {
    return add(
        fromRoot.getLast().getSubject(),
        certified.getSubject(),
        certified.getSubjectPublicKeyInfo(),
        SubjectKeyIdentifier.fromExtensions(certified.getExtensions()),
        Instant.now().plus(LIFE),
        false,
        pair());
  }

  private CaChain add(
      X500Name issuer,
      X500Name name,
      SubjectPublicKeyInfo publicKey,
      Instant notAfter,
      boolean constrained,
      KeyPair next)
      throws Exception {
    return add(
        issuer,
        name,
        publicKey,
        new JcaX509ExtensionUtils().createSubjectKeyIdentifier(publicKey),
        notAfter,
        constrained,
        next);
  }

  private CaChain add(
      X500Name issuer,
      X500Name name,
      SubjectPublicKeyInfo publicKey,
      SubjectKeyIdentifier keyIdentifier,
      Instant notAfter,
      boolean constrained,
      KeyPair next)
      throws Exception {
    X509v3CertificateBuilder builder =
        new X509v3CertificateBuilder(
            issuer,
            BigInteger.valueOf(fromRoot.size() + 1L),
            Date.from(notAfter.minus(LIFE.multipliedBy(2))),
            Date.from(notAfter),
            name,
            publicKey);
    builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(true));
    builder.addExtension(
        Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign));
    builder.addExtension(Extension.subjectKeyIdentifier, false, keyIdentifier);
    if (constrained) {
      GeneralSubtree[] permitted = {
        new GeneralSubtree(new GeneralName(GeneralName.dNSName, "localhost"))
      };
      builder.addExtension(Extension.nameConstraints, true, new NameConstraints(permitted, null));
    }
    fromRoot.add(builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(key)));
    key = next.getPrivate();
    return this;
  }

  /** Writes all of them, the last first. */
  void write(Path file) throws IOException {
    Files.writeString(file, pem(fromRoot.reversed()));
  }

  void writeWithoutRoot(Path file) throws IOException {
    Files.writeString(file, pem(fromRoot.subList(1, fromRoot.size()).reversed()));
  }

  /** Writes the last one with another signature than it should have. */
  void writeFalsified(Path file) throws IOException {
    byte[] encoded = fromRoot.getLast().getEncoded();
    encoded[encoded.length - 1] = (byte) (encoded[encoded.length - 1] ^ 1);
    Files.writeString(file, pem(List.of(new X509CertificateHolder(encoded))));
  }

  private static String pem(List<X509CertificateHolder> certificates) throws IOException {
    StringWriter text = new StringWriter();
    try (JcaPEMWriter writer = new JcaPEMWriter(text)) {
      for (X509CertificateHolder certificate : certificates) {
        writer.writeObject(certificate);
      }
    }
    return text.toString();
  }

  private static KeyPair pair() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(256);
    return generator.generateKeyPair();
  }

  private static SubjectPublicKeyInfo publicKey(KeyPair pair) {
    return SubjectPublicKeyInfo.getInstance(pair.getPublic().getEncoded());
  }
}
