package dev.chancery.core;

import java.util.Arrays;

/** The signature over recorded bytes, verified with the public key by the key that made it. */
public final class SignatureValue {
  private final byte[] octets;

  private SignatureValue(byte[] octets) {
    this.octets = octets;
  }

  public static SignatureValue of(byte[] octets) {
    return new SignatureValue(octets.clone());
  }

  public byte[] octets() {
    return octets.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SignatureValue value && Arrays.equals(octets, value.octets);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(octets);
  }
}
