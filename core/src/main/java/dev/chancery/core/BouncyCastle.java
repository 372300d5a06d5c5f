package dev.chancery.core;

import java.security.Provider;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/**
 * The one Bouncy Castle provider object of the process. It is named wherever it is wanted and never
 * registered, so that nothing depends on the order of the JVM's providers.
 */
public final class BouncyCastle {
  public static final Provider PROVIDER = new BouncyCastleProvider();

  private BouncyCastle() {}
}
