package dev.chancery.hsm;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SubjectPublicKey;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.sec.SECObjectIdentifiers;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.bouncycastle.cert.X509CertificateHolder;

/**
 * Makes key pairs inside a token. Not through SunPKCS11: that would tie CKA_ID to a text, and
 * destroys whatever key has the same alias.
 */
final class Pkcs11KeyPairs {
  private static final long CKC_X_509 = 0;
  private static final byte[] EXPONENT_65537 = {1, 0, 1};

  private final String description;
  private final CryptokiSession session;
  private final Pkcs11Objects objects;

  Pkcs11KeyPairs(String description, CryptokiSession session) {
    this.description = description;
    this.session = session;
    this.objects = new Pkcs11Objects(description, session);
  }

  SubjectPublicKey generate(KeyId id, KeyAlgorithm algorithm) throws TokenUnusable, CryptokiError {
    return generate(id, algorithm, true);
  }

  /**
   * Makes a key pair.
   *
   * @param destroyable whether the private key may ever be destroyed other than with the whole
   *     token (CKA_DESTROYABLE)
   */
  SubjectPublicKey generate(KeyId id, KeyAlgorithm algorithm, boolean destroyable)
      throws TokenUnusable, CryptokiError {
    if (objects.taken(id)) {
      throw new TokenUnusable(description + " already has an object with the id " + id);
    }
    CryptokiSession.KeyPair pair = pair(id, algorithm, destroyable);
    try {
      // Another process may have made a key with this id in the meantime.
      objects.privateKey(id);
      SubjectPublicKey publicKey = objects.publicKey(id, pair.publicKey());
      session.create(certificate(id, publicKey));
      return publicKey;
    } catch (TokenUnusable | CryptokiError | RuntimeException e) {
      withdraw(pair, e);
      throw e;
    }
  }

  private CryptokiSession.KeyPair pair(KeyId id, KeyAlgorithm algorithm, boolean destroyable)
      throws TokenUnusable, CryptokiError {
    CryptokiTemplate publicTemplate = publicTemplate(id);
    long mechanism =
        switch (algorithm) {
          case EC_P256 -> ec(publicTemplate, X9ObjectIdentifiers.prime256v1);
          case EC_P384 -> ec(publicTemplate, SECObjectIdentifiers.secp384r1);
          case RSA_2048 -> rsa(publicTemplate, 2048);
          case RSA_3072 -> rsa(publicTemplate, 3072);
          case RSA_4096 -> rsa(publicTemplate, 4096);
          case EC_P521, ED25519 ->
              throw new TokenUnusable(algorithm + " keys cannot be CA keys here");
        };
    CryptokiTemplate privateTemplate = privateTemplate(id);
    if (!destroyable) {
      privateTemplate.with(CryptokiAttribute.CKA_DESTROYABLE, false);
    }
    try {
      return session.generate(
          mechanism, verifyingOnly(publicTemplate.copy()), signingOnly(privateTemplate.copy()));
    } catch (CryptokiError e) {
      // tpm2-pkcs11 takes a public half that verifies for a private one that decrypts, and this is
      // how it says that both cannot be. What a public key may do protects nothing.
      if (e.is(ReturnValue.CKR_GENERAL_ERROR)) {
        return session.generate(mechanism, publicTemplate, signingOnly(privateTemplate.copy()));
      }
      // A module may know no key that recovers or derives, and refuse to be told that this is none.
      if (!e.is(ReturnValue.CKR_ATTRIBUTE_TYPE_INVALID)
          && !e.is(ReturnValue.CKR_ATTRIBUTE_VALUE_INVALID)
          && !e.is(ReturnValue.CKR_TEMPLATE_INCONSISTENT)) {
        throw e;
      }
      return session.generate(mechanism, verifyingOnly(publicTemplate.copy()), privateTemplate);
    }
  }

  private static long ec(CryptokiTemplate publicTemplate, ASN1ObjectIdentifier curve) {
    publicTemplate.with(CryptokiAttribute.CKA_EC_PARAMS, encoded(curve));
    return CryptokiMechanism.CKM_EC_KEY_PAIR_GEN.code();
  }

  private static long rsa(CryptokiTemplate publicTemplate, long bits) {
    publicTemplate
        .with(CryptokiAttribute.CKA_MODULUS_BITS, bits)
        .with(CryptokiAttribute.CKA_PUBLIC_EXPONENT, EXPONENT_65537);
    return CryptokiMechanism.CKM_RSA_PKCS_KEY_PAIR_GEN.code();
  }

  private static CryptokiTemplate publicTemplate(KeyId id) {
    return new CryptokiTemplate()
        .with(CryptokiAttribute.CKA_TOKEN, true)
        .with(CryptokiAttribute.CKA_PRIVATE, false)
        .with(CryptokiAttribute.CKA_ID, id.octets())
        .with(CryptokiAttribute.CKA_LABEL, label(id));
  }

  private static CryptokiTemplate verifyingOnly(CryptokiTemplate publicTemplate) {
    return publicTemplate
        .with(CryptokiAttribute.CKA_VERIFY, true)
        .with(CryptokiAttribute.CKA_ENCRYPT, false)
        .with(CryptokiAttribute.CKA_WRAP, false);
  }

  private static CryptokiTemplate privateTemplate(KeyId id) {
    return new CryptokiTemplate()
        .with(CryptokiAttribute.CKA_TOKEN, true)
        .with(CryptokiAttribute.CKA_PRIVATE, true)
        .with(CryptokiAttribute.CKA_ID, id.octets())
        .with(CryptokiAttribute.CKA_LABEL, label(id))
        .with(CryptokiAttribute.CKA_SENSITIVE, true)
        .with(CryptokiAttribute.CKA_EXTRACTABLE, false)
        .with(CryptokiAttribute.CKA_SIGN, true)
        .with(CryptokiAttribute.CKA_DECRYPT, false)
        .with(CryptokiAttribute.CKA_UNWRAP, false);
  }

  // Left out, these two are the module's to choose, and some choose yes.
  private static CryptokiTemplate signingOnly(CryptokiTemplate privateTemplate) {
    return privateTemplate
        .with(CryptokiAttribute.CKA_SIGN_RECOVER, false)
        .with(CryptokiAttribute.CKA_DERIVE, false);
  }

  static CryptokiTemplate certificate(KeyId id, SubjectPublicKey publicKey) {
    X509CertificateHolder certificate = UnsignedCertificate.of(id, publicKey);
    return new CryptokiTemplate()
        .with(CryptokiAttribute.CKA_CLASS, Pkcs11Objects.CKO_CERTIFICATE)
        .with(CryptokiAttribute.CKA_CERTIFICATE_TYPE, CKC_X_509)
        .with(CryptokiAttribute.CKA_TOKEN, true)
        .with(CryptokiAttribute.CKA_PRIVATE, false)
        .with(CryptokiAttribute.CKA_ID, id.octets())
        .with(CryptokiAttribute.CKA_LABEL, label(id))
        .with(CryptokiAttribute.CKA_SUBJECT, encoded(certificate.getSubject()))
        .with(CryptokiAttribute.CKA_ISSUER, encoded(certificate.getIssuer()))
        .with(
            CryptokiAttribute.CKA_SERIAL_NUMBER,
            encoded(certificate.toASN1Structure().getSerialNumber()))
        .with(CryptokiAttribute.CKA_VALUE, encoded(certificate.toASN1Structure()));
  }

  // Only handles that this very call has made: nothing that was there before can be destroyed.
  private void withdraw(CryptokiSession.KeyPair pair, Exception cause) {
    for (CryptokiObject object : List.of(pair.privateKey(), pair.publicKey())) {
      try {
        session.destroy(object);
      } catch (CryptokiError e) {
        cause.addSuppressed(e);
      }
    }
  }

  private static byte[] label(KeyId id) {
    return id.hex().getBytes(StandardCharsets.US_ASCII);
  }

  private static byte[] encoded(ASN1Encodable value) {
    try {
      return value.toASN1Primitive().getEncoded(ASN1Encoding.DER);
    } catch (IOException e) {
      throw new IllegalStateException("a value that was just built has no encoding", e);
    }
  }
}
