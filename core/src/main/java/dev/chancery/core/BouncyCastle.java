package dev.chancery.core;

import java.io.IOException;
import java.security.Provider;
import java.security.PublicKey;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.jspecify.annotations.Nullable;

/**
 * The one Bouncy Castle provider object of the process. It is named wherever it is wanted, so that
 * nothing depends on the order of the JVM's providers. A module whose library finds providers by
 * name alone registers this object, last in the list.
 */
public final class BouncyCastle {
  public static final Provider PROVIDER = new BouncyCastleProvider();

  private BouncyCastle() {}

  /**
   * Decodes a public key; null when no algorithm of the provider knows its kind. Asked here and not
   * of Bouncy Castle itself, which knows no algorithms before a provider object was made.
   */
  static @Nullable PublicKey publicKey(SubjectPublicKeyInfo info) throws IOException {
    return BouncyCastleProvider.getPublicKey(info);
  }
}
