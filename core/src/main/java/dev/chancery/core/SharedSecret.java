package dev.chancery.core;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import javax.crypto.KDF;
import javax.crypto.spec.HKDFParameterSpec;

/** Random octets that all nodes of a CA share and that its database does not have. */
public final class SharedSecret {
  /** How many octets there are. */
  public static final int OCTETS = 32;

  private final byte[] octets;

  /**
   * @throws IllegalArgumentException when there are more or fewer
   */
  public SharedSecret(byte[] octets) {
    if (octets.length != OCTETS) {
      throw new IllegalArgumentException("the secret has " + OCTETS + " octets");
    }
    this.octets = octets.clone();
  }

  /**
   * Octets for one purpose, which say nothing of those for another (HKDF-SHA256, RFC 5869).
   *
   * @param purpose the same text gives the same octets; ASCII
   */
  public byte[] derived(String purpose, int count) {
    try {
      return KDF.getInstance("HKDF-SHA256")
          .deriveData(
              HKDFParameterSpec.ofExtract()
                  .addIKM(octets)
                  .thenExpand(("chancery " + purpose).getBytes(StandardCharsets.US_ASCII), count));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has HKDF", e);
    }
  }
}
