package dev.chancery.acme;

import dev.chancery.acme.JwsTest.Signing;
import dev.chancery.core.BouncyCastle;
import dev.chancery.core.Csr;
import dev.chancery.core.Der;
import dev.chancery.core.Name;
import dev.chancery.core.Refused;
import dev.chancery.testing.DerMutation;
import dev.chancery.testing.Mutation;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.Signature;
import java.util.List;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.DERBitString;
import org.bouncycastle.asn1.edec.EdECObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/**
 * Certification requests (RFC 2986). Half of those that are changed inside are signed again, since
 * names are read behind the signature only.
 */
final class RequestedCertificate implements FuzzTarget {
  private static final int RSA_RARELY = 50;

  /** A right request, what is signed of it, and how to sign that. */
  private record Seed(Der request, Der info, KeyPair keys) {}

  private final Seed ed25519 = seed(Signing.EdDSA, "Ed25519");
  private final Seed rsa = seed(Signing.RS256, "SHA256withRSA");
  private final List<Seed> seeds =
      List.of(
          ed25519, seed(Signing.ES256, "SHA256withECDSA"), seed(Signing.ES384, "SHA384withECDSA"));

  private static Seed seed(Signing kind, String algorithm) {
    KeyPair keys = kind.generate();
    try {
      byte[] request =
          new JcaPKCS10CertificationRequestBuilder(
                  new X500Name("CN=a.example,O=Example,2.5.4.3=b.example"), keys.getPublic())
              .addAttribute(
                  PKCSObjectIdentifiers.pkcs_9_at_extensionRequest,
                  new Extensions(
                      new Extension[] {
                        Extension.create(
                            Extension.subjectAlternativeName,
                            false,
                            new GeneralNames(
                                new GeneralName[] {
                                  new GeneralName(GeneralName.dNSName, "a.example"),
                                  new GeneralName(GeneralName.dNSName, "*.b.example"),
                                  new GeneralName(GeneralName.iPAddress, "192.0.2.7"),
                                  new GeneralName(GeneralName.iPAddress, "2001:db8::1"),
                                  new GeneralName(GeneralName.rfc822Name, "a@a.example"),
                                  new GeneralName(
                                      GeneralName.uniformResourceIdentifier, "spiffe://a/b")
                                }))
                      }))
              .build(
                  new JcaContentSignerBuilder(algorithm)
                      .setProvider(BouncyCastle.PROVIDER)
                      .build(keys.getPrivate()))
              .getEncoded();
      byte[] info = ASN1Sequence.getInstance(request).getObjectAt(0).toASN1Primitive().getEncoded();
      return new Seed(Der.of(request), Der.of(info), keys);
    } catch (IOException | OperatorCreationException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public byte[] mutant(Mutation mutation) {
    Seed seed = mutation.oneIn(RSA_RARELY) ? rsa : mutation.one(seeds);
    DerMutation der = new DerMutation(mutation);
    return switch (mutation.one(List.of(0, 1, 2, 2))) {
      case 0 -> mutation.octets(seed.request().bytes());
      case 1 -> der.of(seed.request().bytes());
      default -> signed(der.of(ed25519.info().bytes()));
    };
  }

  /** With a right signature, whatever it is that is signed. */
  private byte[] signed(byte[] info) {
    try {
      Signature signature = Signature.getInstance("Ed25519", BouncyCastle.PROVIDER);
      signature.initSign(ed25519.keys().getPrivate());
      signature.update(info);
      return DerMutation.sequence(
          info,
          new AlgorithmIdentifier(EdECObjectIdentifiers.id_Ed25519).getEncoded(),
          new DERBitString(signature.sign()).getEncoded());
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void read(byte[] mutant) throws Refused {
    Csr csr = Csr.parse(mutant);
    require(csr.encoded().equals(Der.of(mutant)), "is kept as something else");
    for (Name name : csr.names()) {
      require(Name.of(name.toGeneralName()).equals(name), "has a name that cannot be certified");
    }
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError("the CSR that was taken " + what);
    }
  }
}
