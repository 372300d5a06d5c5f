package dev.chancery.hsm;

import dev.chancery.testing.SoftHsmToken;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.Security;
import java.security.Signature;

/** The JDK's provider on a token, without what the product builds upon it. */
record BareSunPkcs11(Provider provider) {
  private static final byte[] MESSAGE = "to be signed".getBytes(StandardCharsets.UTF_8);

  static BareSunPkcs11 open(Path library, CryptokiToken token) throws Exception {
    Provider provider =
        Security.getProvider("SunPKCS11")
            .configure("--name = bare\nlibrary = %s\nslot = %d\n".formatted(library, token.slot()));
    KeyStore.getInstance("PKCS11", provider).load(null, SoftHsmToken.PIN.toCharArray());
    return new BareSunPkcs11(provider);
  }

  /** A key that is gone with its session. */
  KeyPair generate(String algorithm, int size) throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm, provider);
    generator.initialize(size);
    return generator.generateKeyPair();
  }

  byte[] sign(PrivateKey key) throws GeneralSecurityException {
    Signature signature = Signature.getInstance(algorithm(key.getAlgorithm()), provider);
    signature.initSign(key);
    signature.update(MESSAGE);
    return signature.sign();
  }

  static boolean verifies(PublicKey key, byte[] signed) throws GeneralSecurityException {
    Signature signature = Signature.getInstance(algorithm(key.getAlgorithm()));
    signature.initVerify(key);
    signature.update(MESSAGE);
    return signature.verify(signed);
  }

  private static String algorithm(String key) {
    return key.equals("EC") ? "SHA256withECDSA" : "SHA256withRSA";
  }
}
