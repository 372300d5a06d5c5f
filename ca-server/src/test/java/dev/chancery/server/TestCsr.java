package dev.chancery.server;

import java.io.IOException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.util.Base64;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.ExtensionsGenerator;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/** A CSR in the making, with a key of its own. */
final class TestCsr {
  private final KeyPair keys;
  private final X500Name subject;
  private final ExtensionsGenerator extensions = new ExtensionsGenerator();

  private TestCsr(KeyPair keys, X500Name subject) {
    this.keys = keys;
    this.subject = subject;
  }

  static TestCsr of(X500Name subject, GeneralName... names) throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(256);
    TestCsr csr = new TestCsr(generator.generateKeyPair(), subject);
    return names.length == 0
        ? csr
        : csr.with(Extension.subjectAlternativeName, new GeneralNames(names));
  }

  static TestCsr forName(String name) throws Exception {
    return of(new X500Name("CN=" + name), new GeneralName(GeneralName.dNSName, name));
  }

  TestCsr with(ASN1ObjectIdentifier type, ASN1Encodable value) throws IOException {
    extensions.addExtension(type, true, value);
    return this;
  }

  KeyPair keys() {
    return keys;
  }

  byte[] der() throws Exception {
    JcaPKCS10CertificationRequestBuilder builder =
        new JcaPKCS10CertificationRequestBuilder(subject, keys.getPublic());
    if (!extensions.isEmpty()) {
      builder.addAttribute(PKCSObjectIdentifiers.pkcs_9_at_extensionRequest, extensions.generate());
    }
    return builder
        .build(new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate()))
        .getEncoded();
  }

  String pem() throws Exception {
    return "-----BEGIN CERTIFICATE REQUEST-----\n"
        + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der())
        + "\n-----END CERTIFICATE REQUEST-----\n";
  }
}
