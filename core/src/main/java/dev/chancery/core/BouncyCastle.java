package dev.chancery.core;

import java.io.IOException;
import java.security.Provider;
import java.security.PublicKey;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.jspecify.annotations.Nullable;

/**
 * The one Bouncy Castle provider object of the process. It is named wherever it is wanted and never
 * registered, so that nothing depends on the order of the JVM's providers.
 */
public final class BouncyCastle {
  public static final Provider PROVIDER = new BouncyCastleProvider();

  private BouncyCastle() {}

  /**
   * The key that a SubjectPublicKeyInfo describes; null when its algorithm is unknown. Bouncy
   * Castle's own static method knows no algorithm at all before {@link #PROVIDER} was made, which
   * loading this class does.
   */
  static @Nullable PublicKey publicKey(SubjectPublicKeyInfo info) throws IOException {
    return BouncyCastleProvider.getPublicKey(info);
  }
}
