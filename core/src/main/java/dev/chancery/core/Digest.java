package dev.chancery.core;

import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;

/** The digest of a message, by the hash of a signing scheme. */
public final class Digest {
  private static final int BUFFER = 64 * 1024;

  private final byte[] value;

  private Digest(byte[] value) {
    this.value = value;
  }

  public static Digest of(byte[] value) {
    return new Digest(value.clone());
  }

  /** Reads the octets once, a little at a time. */
  public static Digest of(SigningScheme scheme, Octets octets) throws IOException {
    MessageDigest hash = hash(scheme);
    byte[] buffer = new byte[BUFFER];
    try (InputStream in = octets.open()) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        hash.update(buffer, 0, read);
      }
    }
    return new Digest(hash.digest());
  }

  /** The hash of a signing scheme, for whoever reads the octets anyway. */
  public static MessageDigest hash(SigningScheme scheme) {
    try {
      return MessageDigest.getInstance(scheme.hashName());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has " + scheme.hashName(), e);
    }
  }

  public byte[] value() {
    return value.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Digest digest && Arrays.equals(value, digest.value);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(value);
  }
}
